//! What can go wrong, and whether another try may help.

/// A mail that was not sent. Reasons name no person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// This message will never go: it cannot be built, or the server refused it for good.
    #[error("refused for good: {0}")]
    Permanent(String),
    /// Not now.
    #[error("not sent: {0}")]
    Transient(String),
}

/// Settings that no mailer can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The extra root certificate.
    #[error("mail: root_ca cannot be read as PEM certificates: {0}")]
    RootCa(String),
    /// TLS cannot be set up.
    #[error("mail: TLS cannot be set up: {0}")]
    Tls(String),
    /// One of the two was given.
    #[error("mail: user and password go together")]
    HalfCredentials,
    /// A password would travel in the clear.
    #[error("mail: a password needs encryption = \"starttls\" or \"tls\", unless the host is this machine")]
    PasswordInTheClear,
    /// The directory of files.
    #[error("mail: the directory cannot be made: {0}")]
    Directory(String),
}
