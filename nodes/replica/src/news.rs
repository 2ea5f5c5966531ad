//! "Something has changed": told often, heard when convenient. Who listens looks for itself what it is.

use tokio::sync::watch;

/// See the module.
#[derive(Debug)]
pub(crate) struct News(watch::Sender<u64>);

impl Default for News {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl News {
    /// Something has changed.
    pub fn tell(&self) {
        self.0.send_modify(|told| *told = told.wrapping_add(1));
    }

    /// Hears of what changes from now on.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}
