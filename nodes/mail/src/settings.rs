//! Where mail goes.

use std::path::PathBuf;

use serde::Deserialize;

/// Where mail goes: to a server, or into a directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "via", rename_all = "lowercase", deny_unknown_fields)]
pub enum Settings {
    /// To an SMTP server.
    Smtp(Smtp),
    /// One `.eml` file a mail: for trying things out, and for tests.
    Directory {
        /// Made (0700) if it is not there.
        path: PathBuf,
    },
}

/// How to reach an SMTP server.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// Its name, as in its certificate.
    pub host: String,
    /// By default the encryption's usual port: 465 for `tls`, 587 for `starttls`, 25 for `none`.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub encryption: Encryption,
    /// With `password`: how to sign in.
    #[serde(default)]
    pub user: Option<String>,
    /// Of `user`.
    #[serde(default)]
    pub password: Option<String>,
    /// PEM certificates to trust beside the system's.
    #[serde(default)]
    pub root_ca: Option<String>,
    /// For connecting, and for each answer.
    #[serde(default = "default_timeout_secs")]
    pub timeout_secs: u64,
    /// Connections at most.
    #[serde(default = "default_connections")]
    pub connections_max: u32,
    /// What we call ourselves; the machine's name by default.
    #[serde(default)]
    pub hello_name: Option<String>,
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// Not at all: for a relay on this machine.
    None,
    /// By STARTTLS, which is then required.
    #[default]
    Starttls,
    /// From the first byte.
    Tls,
}

impl Smtp {
    /// A server at `host`, with the defaults of all else.
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

/// The password is not printed.
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
