//! The one client of the bank: Stripe's PaymentIntents API over HTTP, as far as it is needed.
//!
//! Sources: <https://docs.stripe.com/api/payment_intents>, `/api/refunds`, `/api/errors`, `/webhooks/signature`.

mod client;
mod minor;
mod objects;
mod webhook;

pub(crate) use client::BankError;
pub use client::{Bank, BankSettings};
pub(crate) use objects::Intent;
pub(crate) use webhook::Event;
pub use webhook::{Signature, WebhookSecret};
