//! The error type of the store.

/// A failure of the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fault {
    /// An I/O error.
    #[error("I/O error: {0}")]
    Io(String),
    /// The stored data is corrupt.
    #[error("corrupt: {0}")]
    Corrupt(String),
}
