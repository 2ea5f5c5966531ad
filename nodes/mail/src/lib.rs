//! Delivers rendered [`Message`]s to an SMTP server, or to a directory of files. The only crate that uses the mail
//! library.
//!
//! Invariants:
//! - user input cannot add a header, a recipient or a line: addresses are validated, names and subjects are one line,
//!   the Message-ID has a fixed alphabet;
//! - sending a message again uses the same Message-ID, and overwrites its file;
//! - a failure is permanent only if the server clearly refused the message; all others may be retried;
//! - errors and logs contain no address, name or subject.
//!
//! Deliberately absent: templates (see `render`), queues and retries (the outbox provides them), and any knowledge of
//! hotels.

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
