//! Sends mails.

use std::path::PathBuf;
use std::sync::Arc;

use crate::directory;
use crate::error::{SendError, SettingsError};
use crate::message::Message;
use crate::settings::Settings;
use crate::smtp;

/// Delivers mails as configured. Cheap to clone. Keeps a pool of connections.
#[derive(Clone)]
pub struct Mailer {
    backend: Arc<Backend>,
}

enum Backend {
    Smtp(smtp::Transport),
    Directory(PathBuf),
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match *self.backend {
            Backend::Smtp(_) => "Mailer(smtp)",
            Backend::Directory(_) => "Mailer(directory)",
        })
    }
}

impl Mailer {
    /// Creates a mailer. The server is not contacted before the first mail. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// If the settings are invalid.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let backend = match settings {
            Settings::Smtp(settings) => Backend::Smtp(smtp::transport(settings)?),
            Settings::Directory { path } => {
                directory::create(path).map_err(|error| SettingsError::Directory(error.to_string()))?;
                Backend::Directory(path.clone())
            }
        };
        Ok(Self { backend: Arc::new(backend) })
    }

    /// Sends one mail. Safe to retry: the Message-ID stays the same, and a file is overwritten.
    ///
    /// # Errors
    /// [`SendError::Permanent`] if a retry cannot succeed, otherwise [`SendError::Transient`].
    pub async fn send(&self, message: &Message) -> Result<(), SendError> {
        let built = message.build()?;
        match &*self.backend {
            Backend::Smtp(transport) => smtp::send(transport, built).await?,
            Backend::Directory(path) => {
                let (path, id) = (path.clone(), message.message_id.clone());
                let written = move || directory::write(&path, &id, &built.formatted());
                let written = tokio::task::spawn_blocking(written).await;
                let failed = |error: &dyn std::fmt::Display| {
                    SendError::Transient(format!("cannot write the file: {error}"))
                };
                written.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
            }
        }
        tracing::debug!(message_id = %message.message_id, "mail sent");
        Ok(())
    }
}
