//! Settings of mail delivery.

use std::path::PathBuf;

use serde::Deserialize;

/// Destination of mails: a server or a directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "via", rename_all = "lowercase", deny_unknown_fields)]
pub enum Settings {
    /// An SMTP server.
    Smtp(Smtp),
    /// A directory, with one `.eml` file per mail: for development and tests.
    Directory {
        /// Path of the directory. Created with mode 0700 if missing.
        path: PathBuf,
    },
}

/// Connection settings of an SMTP server.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// Host name, as in the server's certificate.
    pub host: String,
    /// Port. Defaults to that of the encryption: 465 for `tls`, 587 for `starttls`, 25 for `none`.
    #[serde(default)]
    pub port: Option<u16>,
    /// Encryption of the connection.
    #[serde(default)]
    pub encryption: Encryption,
    /// User name. Requires `password`.
    #[serde(default)]
    pub user: Option<String>,
    /// Password of `user`.
    #[serde(default)]
    pub password: Option<String>,
    /// PEM certificates that are trusted in addition to the system's.
    #[serde(default)]
    pub root_ca: Option<String>,
    /// Timeout for connecting and for each response, in seconds.
    #[serde(default = "default_timeout_secs")]
    pub timeout_secs: u64,
    /// Maximum number of connections.
    #[serde(default = "default_connections")]
    pub connections_max: u32,
    /// Host name sent in EHLO. Defaults to the machine's name.
    #[serde(default)]
    pub hello_name: Option<String>,
}

/// Encryption of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// None. Only for a relay on this machine.
    None,
    /// STARTTLS, required.
    #[default]
    Starttls,
    /// Implicit TLS.
    Tls,
}

impl Smtp {
    /// Settings for a server at `host`, with defaults for everything else.
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: None,
            encryption: Encryption::default(),
            user: None,
            password: None,
            root_ca: None,
            timeout_secs: default_timeout_secs(),
            connections_max: default_connections(),
            hello_name: None,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.unwrap_or(match self.encryption {
            Encryption::None => 25,
            Encryption::Starttls => 587,
            Encryption::Tls => 465,
        })
    }
}

fn default_timeout_secs() -> u64 {
    20
}

fn default_connections() -> u32 {
    4
}

/// Does not print the password.
impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp")
            .field("host", &self.host)
            .field("port", &self.port())
            .field("encryption", &self.encryption)
            .field("user", &self.user.is_some())
            .finish_non_exhaustive()
    }
}
