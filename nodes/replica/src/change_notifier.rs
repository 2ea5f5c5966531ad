//! Wakes tasks that wait for a change. The notification carries no data: each subscriber reads the new state itself.

use tokio::sync::watch;

#[derive(Debug)]
pub(crate) struct ChangeNotifier(watch::Sender<u64>);

impl Default for ChangeNotifier {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl ChangeNotifier {
    pub fn notify(&self) {
        self.0.send_modify(|version| *version = version.wrapping_add(1));
    }

    /// Receives the changes from now on. Changes in quick succession may be received as one.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}
