//! The sandbox bank: a small HTTP server that speaks Stripe's PaymentIntents API on loopback, so that everything works
//! without a bank, and fails as a bank fails.
//!
//! PaymentIntents (create, confirm, retrieve, cancel), Refunds (create, retrieve, list), Charges (retrieve, list),
//! PaymentMethods (create, retrieve), idempotency keys, signed webhooks that are repeated until somebody takes them, a
//! page for 3-D Secure, and the documented test cards and `pm_card_…` tokens
//! (<https://docs.stripe.com/testing>).
//!
//! Invariants:
//! - what was answered is on disk: a restart forgets no intent, refund, key or event;
//! - an intent is charged at most once;
//! - card numbers are looked at and dropped: only brand, last four digits and behaviour are kept.
//!
//! Deliberately absent: real money, customers, captures by hand, disputes, TLS (it listens on loopback only).

mod answer;
mod books;
mod cards;
mod charges;
mod control;
mod faults;
mod form;
mod hooks;
mod intents;
mod keys;
mod methods;
mod page;
mod refunds;
mod server;
mod start;

pub use faults::{Fault, Faults, Operation};
pub use start::{Options, Running, Sandbox, StartError};
