//! How answers without an end of their own hear that the server stops.

use tokio::sync::watch;

/// In each request's data: whether the server still takes requests.
#[derive(Debug, Clone)]
pub struct Closing(watch::Receiver<bool>);

impl Closing {
    /// A server's own, and what tells it.
    pub(super) fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Resolves when the server takes no more requests and waits for those that it has: streams end then, which would
    /// hold the stop up otherwise.
    pub async fn wait(mut self) {
        if self.0.wait_for(|closing| *closing).await.is_err() {
            // A server that is not run is not stopped either.
            std::future::pending::<()>().await;
        }
    }
}
