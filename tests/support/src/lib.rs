//! A running Auberge for tests: the real binary on a directory and a port of its own ([`TestServer`]), or as several nodes
//! ([`Cluster`], on hosts of their own where [`Network`] can make some), somebody to talk to it ([`Caller`]), and a reader of
//! the mail that it writes ([`Mail`]).
//!
//! Invariants: a server leaves neither process nor directory behind, also when a test panics; nothing waits for a time,
//! only for a fact, with a limit so generous that a slow machine meets it; nothing but loopback is spoken to.
//!
//! Deliberately absent: expectations. They are the tests' own.

mod booking;
mod caller;
mod cluster;
mod cluster_status;
mod disk;
mod hotels;
mod mail;
mod network;
mod process;
mod response;
mod running;
mod tools;

pub use booking::{Stay, day};
pub use caller::{Caller, RequestBuilder};
pub use cluster::{Cluster, NodePlan, TestClusterPlan};
pub use disk::SmallDisk;
pub use hotels::{hotel, two_hotels};
pub use mail::{Attachment, Mail, read as read_mails};
pub use network::Network;
pub use process::{BackgroundProcess, Ran, free_port};
pub use response::Answer;
pub use running::{Plan, TestServer};
pub use tools::{pdf_text, tool, workspace};

use std::time::Duration;

/// How long a fact may take to come true, whatever the machine: a test that meets it has found a hang.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Asks again until there is an answer.
///
/// # Panics
/// When there is none for [`PATIENCE`]; `what` says what was waited for.
#[track_caller]
pub fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> impl Future<Output = T> {
    let (what, at) = (what.to_owned(), std::panic::Location::caller());
    async move {
        let begun = std::time::Instant::now();
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "{at}: waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
