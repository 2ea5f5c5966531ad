//! Payments, refunds and receipts: what guests owe, what the bank says, and what goes back.
//!
//! A payment asks reservations what is owed, has the bank make an intent, records the intent's id, and only then has it
//! confirmed: so a crash at any point resumes without charging twice. What the bank says comes back as a command; a
//! webhook is only a hint to go and ask.
//!
//! Invariants (see [`Payments`]'s `violations`):
//! - at most one payment of a reservation is open or has succeeded;
//! - refunds never exceed what was captured;
//! - the receipt numbers of a hotel have no gap: each is taken in the turn in which the money came;
//! - whatever succeeded has an intent and a receipt;
//! - a store stays with the bank that it began with.
//!
//! Deliberately absent: card numbers (the bank gives out `pm_…` names for them); a bank simulated in here (the sandbox
//! is a server of its own that speaks the same API); disputes, and refunds made by hand at the bank, which the bank's
//! own pages show.

mod apply;
mod bank;
mod effects;
pub mod flow;
mod invariants;
mod mails;
mod query;
mod receipt;
pub mod rest;
mod service;
mod state;

pub use bank::{Bank, BankSettings, Signature, WebhookSecret};
pub use effects::PaymentEffects;
pub use mails::{BookingUrl, Mails};
pub use service::{Effect, Payments, Timer};
pub use state::limits;
