//! The only home of the mail library: takes a rendered [`Message`] to an SMTP server, or to a directory of files.
//!
//! Invariants:
//! - nothing that a user typed can add a header, a recipient or a line to one: addresses are checked, names and
//!   subjects are one line, the Message-ID is of a fixed alphabet;
//! - a repeat of a message bears the same Message-ID, and overwrites its file instead of doubling it;
//! - a failure is permanent only where the server clearly refused this message: all else is worth another try;
//! - reasons and logs name no address, no name and no subject.
//!
//! Deliberately absent: templates (see `render`), queues and retries (the outbox has them), and any word of hotels.

mod address;
mod directory;
mod error;
mod id;
mod mailer;
mod message;
mod settings;
mod smtp;

pub use address::{Address, AddressError};
pub use error::{SendError, SettingsError};
pub use id::message_id;
pub use mailer::Mailer;
pub use message::{Attachment, Message};
pub use settings::{Encryption, Settings, Smtp};
