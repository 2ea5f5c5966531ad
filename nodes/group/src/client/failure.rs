//! Why a call brings no answer.

use protocol::{Access, Principal};

/// Why a call brought no answer of the domain's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum Failure<R> {
    /// The domain's "no".
    #[error("refused")]
    Refused(R),
    /// No token, or none that is valid now.
    #[error("not authenticated: {0}")]
    Unauthenticated(String),
    /// A valid token that does not allow this.
    #[error("the token lacks one of the scopes {0:?}")]
    Forbidden(Vec<String>),
    /// The same idempotency key came with another body before.
    #[error("this idempotency key was used with another request")]
    KeyReused,
    /// Not now, and retryable.
    #[error(transparent)]
    Unavailable(Unavailable),
}

/// The kernel's "not now".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error("unavailable: {why}")]
pub struct Unavailable {
    /// What is missing.
    pub why: Why,
    /// When to try again.
    pub retry_after_secs: u32,
}

/// What makes a service unavailable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum Why {
    /// More calls than the mailbox takes.
    #[error("overloaded")]
    Overloaded,
    /// Nobody leads the group now.
    #[error("no leader")]
    NoLeader,
    /// The answer did not come in time. The command may still be applied: repeat it under the same key.
    #[error("no answer in time")]
    Deadline,
    /// The group was stopped because applying a command failed on every attempt.
    #[error("quarantined")]
    Quarantined,
    /// The disk is full or refuses writes.
    #[error("the store takes no writes: {0}")]
    Store(String),
    /// No such service in this cluster.
    #[error("no service `{0}` here")]
    NoService(String),
    /// This caller has too many idempotency keys alive.
    #[error("too many requests remembered for this caller")]
    TooManyKeys,
    /// Within the kernel, which then asks there: another node is thought to lead the group.
    #[error("{0} is thought to lead")]
    Elsewhere(String),
    /// Within the kernel, which then repeats the call under the same id: it may have been done, or may still be.
    #[error("lost on the way")]
    Unknown,
    /// Within the kernel, which then waits a little: the way to another node is full.
    #[error("too many calls are under way")]
    Busy,
}

impl Unavailable {
    /// With the usual pause before another attempt: one second.
    pub fn new(why: Why) -> Self {
        Self { why, retry_after_secs: 1 }
    }
}

impl<R> From<Unavailable> for Failure<R> {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}

/// Whether `principal` may, by the contract's rule: nobody is told to sign in, somebody what is missing.
/// # Errors
/// See [`Failure`].
pub fn check_access<R>(principal: &Principal, access: Access) -> Result<(), Failure<R>> {
    if access.allows(principal) {
        Ok(())
    } else if principal.is_anonymous() {
        Err(Failure::Unauthenticated("a bearer token is needed".to_owned()))
    } else {
        Err(Failure::Forbidden(access.scopes.iter().map(|scope| (*scope).to_owned()).collect()))
    }
}
