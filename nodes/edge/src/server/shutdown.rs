//! Notification of streaming responses about a shutdown.

use tokio::sync::watch;

/// Resolves when the server shuts down. In each request's data.
#[derive(Debug, Clone)]
pub struct ShutdownSignal(watch::Receiver<bool>);

impl ShutdownSignal {
    /// A sender and its signal.
    pub(super) fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Resolves when the server accepts no more requests and waits for those in progress. Streams must end then, or they
    /// delay the shutdown.
    pub async fn wait(mut self) {
        if self.0.wait_for(|shutdown| *shutdown).await.is_err() {
            // The server was dropped without being run: there is no shutdown.
            std::future::pending::<()>().await;
        }
    }
}
