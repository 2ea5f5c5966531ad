//! The context of a call: its caller, its deadline, and the ids that make repeated attempts one command.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use protocol::{Timestamp, codec};
use tokio::time::Instant;

/// The caller, the deadline and the idempotency key of a call.
#[derive(Debug, Clone)]
pub struct Call {
    /// The caller's access token; `None` for an anonymous call. The receiving group verifies it.
    pub token: Option<Arc<str>>,
    /// The caller waits until then.
    pub deadline: Instant,
    /// The client's idempotency key, hashed together with its scope; without a key each call is a new command.
    pub key: Option<u128>,
    /// For logs.
    pub request_id: Arc<str>,
}

impl Call {
    /// An anonymous call.
    pub fn anonymous(timeout: Duration) -> Self {
        Self { token: None, deadline: Instant::now() + timeout, key: None, request_id: "-".into() }
    }

    /// A call with an access token.
    pub fn bearer(token: impl Into<Arc<str>>, timeout: Duration) -> Self {
        Self { token: Some(token.into()), ..Self::anonymous(timeout) }
    }

    /// The same call under a client's `Idempotency-Key`. The kernel adds the caller to the scope: the same key of another
    /// caller is another key.
    #[must_use]
    pub fn with_key(&self, operation: &str, owner: &str, key: &str) -> Self {
        let key = codec::hash128(&[operation.as_bytes(), owner.as_bytes(), key.as_bytes()]);
        Self { key: Some(key), ..self.clone() }
    }
}

/// One of several attempts to have a command applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Attempt {
    /// Generated once for the command. It is the idempotency key of a call that has none.
    pub id: u128,
    /// The command was attempted before, perhaps at another replica.
    pub repeat: bool,
}

/// The number of ids that this process has generated.
static GENERATED: AtomicU64 = AtomicU64::new(0);

impl Attempt {
    /// The first attempt at a new command. Its id begins with the time, so that ids of about the same time are stored close
    /// together; the rest is random.
    pub fn first() -> Self {
        let millis = Timestamp::wall_clock().millis() as u128;
        let generated = GENERATED.fetch_add(1, Ordering::Relaxed);
        let id = (millis & 0xffff_ffff_ffff) << 80
            | u128::from(generated & 0xffff) << 64
            | u128::from(rand::random::<u64>());
        Self { id, repeat: false }
    }

    /// The id in the scope of its caller: another caller gets nothing by repeating it. The time stays at its beginning.
    pub fn scoped_id(self, actor: &str) -> u128 {
        const SECRET: u128 = (1 << 80) - 1;
        // Part of stored ids: the label never changes.
        let hash = codec::hash128(&[b"drawn", actor.as_bytes(), &self.id.to_be_bytes()]);
        self.id & !SECRET | hash & SECRET
    }
}
