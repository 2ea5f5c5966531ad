//! The kernel: turns a pure state machine into a supervised, replicated actor group.
//!
//! A service implements [`Service`]; whoever calls it has a [`Client`] and its contract. Everything between is here.
//!
//! Invariants:
//! - a turn lands whole or not at all, together with the reply kept under its idempotency key;
//! - only the leader works outboxes, timers and effects off;
//! - being inside is no credential: the receiving group verifies each caller's token itself.
//!
//! Deliberately absent: any word of hotels; sockets; HTTP.

mod client;
pub mod engine;
mod service;
pub mod testing;
mod tree;
mod turn;
mod view;

pub use client::{
    Attempt, Call, Client, Credentials, Delivery, EffectContext, Failure, Inlet, Placement, Port,
    Unavailable, Way, Why, Wire, WireError, check_access, wire,
};
pub use service::{Answer, Command, Cost, Effects, NoEffects, Outcome, Query, Refusal, Reply, Service};
pub use tree::{FIRST_PREFIX, Key, Tree, Value};
pub use turn::{Outgoing, Turn};
pub use view::View;
