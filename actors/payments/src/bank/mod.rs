//! The client of the bank: the parts of Stripe's PaymentIntents API that payments need.
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
