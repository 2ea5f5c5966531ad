//! Why a call fails.

use protocol::{Access, Principal};

/// Why a call has no reply or answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum Failure<R> {
    /// The service refused, by the rules of its domain.
    #[error("refused")]
    Refused(R),
    /// The call has no token, or one that is not valid now.
    #[error("not authenticated: {0}")]
    Unauthenticated(String),
    /// The token is valid and does not allow this.
    #[error("the token lacks one of the scopes {0:?}")]
    Forbidden(Vec<String>),
    /// The idempotency key was used with another body before.
    #[error("this idempotency key was used with another request")]
    KeyReused,
    /// The call can be repeated later.
    #[error(transparent)]
    Unavailable(Unavailable),
}

/// The service cannot answer now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error("unavailable: {why}")]
pub struct Unavailable {
    /// The reason.
    pub why: Why,
    /// When to try again.
    pub retry_after_secs: u32,
}

/// Why a service is unavailable. Sent: variants are only appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum Why {
    /// The queue of the group is full.
    #[error("overloaded")]
    Overloaded,
    /// The group has no leader now.
    #[error("no leader")]
    NoLeader,
    /// No answer arrived in time. The command may still be applied: repeat it under the same key.
    #[error("no answer in time")]
    Deadline,
    /// The replica was stopped because applying a command failed on every attempt.
    #[error("quarantined")]
    Quarantined,
    /// The disk is full or refuses writes.
    #[error("the store takes no writes: {0}")]
    Store(String),
    /// The cluster has no such service.
    #[error("no service `{0}` here")]
    NoService(String),
    /// The caller has used too many idempotency keys in this hour.
    #[error("too many requests remembered for this caller")]
    TooManyKeys,
    /// Within the kernel, which then calls that node: another node is believed to lead the group.
    #[error("{0} is believed to lead")]
    Elsewhere(String),
    /// Within the kernel, which then repeats the call under the same id: it may have been applied, or may still be.
    #[error("it is unknown whether the command was applied")]
    Unknown,
    /// Within the kernel, which then waits: too many calls to another node are in progress.
    #[error("too many calls in progress")]
    Busy,
}

impl Unavailable {
    /// With the usual delay before another attempt: one second.
    pub fn new(why: Why) -> Self {
        Self { why, retry_after_secs: 1 }
    }
}

impl<R> From<Unavailable> for Failure<R> {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}

/// Checks the contract's access rule for `principal`.
///
/// # Errors
/// [`Failure::Unauthenticated`] for an anonymous caller, [`Failure::Forbidden`] for any other.
pub fn check_access<R>(principal: &Principal, access: Access) -> Result<(), Failure<R>> {
    if access.allows(principal) {
        Ok(())
    } else if principal.is_anonymous() {
        Err(Failure::Unauthenticated("a bearer token is needed".to_owned()))
    } else {
        Err(Failure::Forbidden(access.scopes.iter().map(|scope| (*scope).to_owned()).collect()))
    }
}
