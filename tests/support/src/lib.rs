//! Support for tests that run the real binary: a server with its own directory and port ([`TestServer`]), a cluster of several
//! nodes ([`Cluster`], optionally each node on its own host of a [`Network`]), an HTTP client ([`Caller`]), and a parser of the
//! mails that the server writes ([`Mail`]).
//!
//! Invariants:
//! - Processes and directories are removed when a test ends, also when it panics.
//! - Functions wait for a condition, never for a fixed time. The limit, [`PATIENCE`], is long enough for a slow machine.
//! - All connections stay on this machine: loopback, or the network namespaces of a [`Network`].
//!
//! Deliberately absent: expected results. They belong to the tests.

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
mod stripe_server;
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
pub use stripe_server::StripeServer;
pub use tools::{pdf_text, tool, workspace};

use std::time::Duration;

/// How long functions wait for a condition. It is so long that a timeout means a hang, also on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Calls `ask` repeatedly until it returns a value.
///
/// # Panics
/// When it returns none within [`PATIENCE`]. `what` names the condition in the message.
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
            assert!(begun.elapsed() < PATIENCE, "{at}: timeout while waiting for {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
