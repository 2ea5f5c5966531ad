//! A call: who makes it, until when, and what makes repeats of it one and the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use protocol::{Timestamp, codec};
use tokio::time::Instant;

/// Who calls, until when, and under which idempotency key.
#[derive(Debug, Clone)]
pub struct Call {
    /// The caller's access token; none for nobody. Verified by the group that receives the call.
    pub token: Option<Arc<str>>,
    /// After this nobody waits for the answer any more.
    pub deadline: Instant,
    /// The client's idempotency key, already hashed with its scope; without one each call is a new command.
    pub key: Option<u128>,
    /// For logs.
    pub request_id: Arc<str>,
}

impl Call {
    /// A call by nobody.
    pub fn anonymous(timeout: Duration) -> Self {
        Self { token: None, deadline: Instant::now() + timeout, key: None, request_id: "-".into() }
    }

    /// A call with an access token.
    pub fn bearer(token: impl Into<Arc<str>>, timeout: Duration) -> Self {
        Self { token: Some(token.into()), ..Self::anonymous(timeout) }
    }

    /// The same call under a client's `Idempotency-Key`. The kernel adds the caller to the scope: the same key of
    /// another caller is another key.
    #[must_use]
    pub fn with_key(&self, operation: &str, owner: &str, key: &str) -> Self {
        let key = codec::hash128(&[operation.as_bytes(), owner.as_bytes(), key.as_bytes()]);
        Self { key: Some(key), ..self.clone() }
    }
}

/// One of perhaps several attempts at having one command applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Attempt {
    /// Drawn once for the command: it makes its attempts one where the call has no key of its own.
    pub id: u128,
    /// It was attempted before, perhaps elsewhere.
    pub repeat: bool,
}

/// Counts what this process has drawn.
static DRAWN: AtomicU64 = AtomicU64::new(0);

impl Attempt {
    /// The first attempt at a new command. Its id begins with the time, so that neighbours in time are neighbours in the
    /// store; the rest is random.
    pub fn first() -> Self {
        let millis = Timestamp::wall_clock().millis() as u128;
        let drawn = DRAWN.fetch_add(1, Ordering::Relaxed);
        let id = (millis & 0xffff_ffff_ffff) << 80
            | u128::from(drawn & 0xffff) << 64
            | u128::from(rand::random::<u64>());
        Self { id, repeat: false }
    }

    /// The id within its caller's own: whoever learns another's id gets nothing by repeating it. The time stays in front.
    pub fn scoped_id(self, actor: &str) -> u128 {
        const SECRET: u128 = (1 << 80) - 1;
        let hash = codec::hash128(&[b"drawn", actor.as_bytes(), &self.id.to_be_bytes()]);
        self.id & !SECRET | hash & SECRET
    }
}
