//! The sandbox bank: a small HTTP server with Stripe's PaymentIntents API on loopback, so that everything works
//! without a bank, with the faults of a real one.
//!
//! PaymentIntents (create, confirm, retrieve, cancel), Refunds (create, retrieve, list), Charges (retrieve, list),
//! PaymentMethods (create, retrieve), idempotency keys, signed webhooks that are retried until they are accepted, a
//! page for 3-D Secure, and the documented test cards and `pm_card_…` tokens
//! (<https://docs.stripe.com/testing>).
//!
//! Invariants:
//! - responses are sent after the change is on disk: a restart loses no intent, refund, key or event;
//! - an intent is charged at most once;
//! - card numbers are never stored: only brand, last four digits and behaviour are.
//!
//! Deliberately absent: real money, customers, manual capture, disputes, TLS (it listens on loopback only).

mod cards;
mod charges;
mod control;
mod currencies;
mod database;
mod faults;
mod form;
mod idempotency;
mod intents;
mod methods;
mod page;
mod refunds;
mod response;
mod server;
mod start;
mod webhooks;

pub use faults::{Fault, Faults, Operation};
pub use start::{Options, Running, Sandbox, StartError};
