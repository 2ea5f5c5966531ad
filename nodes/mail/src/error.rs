//! Errors of sending and of settings.

/// Why a mail was not sent. The reason contains no personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Permanent failure: the message cannot be built, or the server refused it.
    #[error("permanent failure: {0}")]
    Permanent(String),
    /// Temporary failure. A retry may succeed.
    #[error("temporary failure: {0}")]
    Transient(String),
}

/// Why a mailer cannot be created.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The additional root certificate is invalid.
    #[error("mail: root_ca does not contain valid PEM certificates: {0}")]
    RootCa(String),
    /// TLS cannot be set up.
    #[error("mail: TLS cannot be set up: {0}")]
    Tls(String),
    /// Only one of user and password is set.
    #[error("mail: user and password must be set together")]
    HalfCredentials,
    /// The password would be sent unencrypted.
    #[error("mail: a password requires encryption = \"starttls\" or \"tls\", unless the host is local")]
    PasswordInTheClear,
    /// The directory cannot be created.
    #[error("mail: the directory cannot be created: {0}")]
    Directory(String),
}
