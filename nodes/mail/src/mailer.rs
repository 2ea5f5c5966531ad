//! Sending.

use std::path::PathBuf;
use std::sync::Arc;

use crate::directory;
use crate::error::{SendError, SettingsError};
use crate::message::Message;
use crate::settings::Settings;
use crate::smtp;

/// Takes mail where the settings say. Cheap to clone; keeps a pool of connections.
#[derive(Clone)]
pub struct Mailer {
    via: Arc<Via>,
}

enum Via {
    Smtp(smtp::Transport),
    Directory(PathBuf),
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match *self.via {
            Via::Smtp(_) => "Mailer(smtp)",
            Via::Directory(_) => "Mailer(directory)",
        })
    }
}

impl Mailer {
    /// Sets a mailer up. A server is not called before the first mail. Call it inside a Tokio runtime.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let via = match settings {
            Settings::Smtp(settings) => Via::Smtp(smtp::transport(settings)?),
            Settings::Directory { path } => {
                directory::make(path).map_err(|error| SettingsError::Directory(error.to_string()))?;
                Via::Directory(path.clone())
            }
        };
        Ok(Self { via: Arc::new(via) })
    }

    /// Sends one mail. Safe to repeat: the Message-ID stays, and a file is overwritten.
    ///
    /// # Errors
    /// [`SendError::Permanent`] only where another try is pointless.
    pub async fn send(&self, message: &Message) -> Result<(), SendError> {
        let built = message.build()?;
        match &*self.via {
            Via::Smtp(transport) => smtp::send(transport, built).await?,
            Via::Directory(path) => {
                let (path, id) = (path.clone(), message.message_id.clone());
                let written = move || directory::write(&path, &id, &built.formatted());
                let written = tokio::task::spawn_blocking(written).await;
                let failed =
                    |error: &dyn std::fmt::Display| SendError::Transient(format!("the file: {error}"));
                written.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
            }
        }
        tracing::debug!(message_id = %message.message_id, "mail sent");
        Ok(())
    }
}
