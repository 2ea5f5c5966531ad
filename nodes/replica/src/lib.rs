//! The runtime of the kernel: makes a supervised actor group of a service and keeps it alive.
//!
//! A [`Node`] hosts replicas. Each replica is a ractor supervisor over three actors: the front (calls), the outbox
//! (events and effects) and the clock (timers, and forgetting old idempotency keys), around one consensus replica and
//! one state. An actor that fails is started again; a replica whose log cannot be applied is opened again, and after
//! some attempts quarantined while the node's other groups go on.
//!
//! Invariants:
//! - a call is verified by the group that receives it, before anything is proposed;
//! - queues are bounded: a call that finds no room is told so at once;
//! - only the leader's outbox and clock do anything.
//!
//! Deliberately absent: any word of hotels; where other nodes are.

mod clock;
mod core;
mod front;
mod node;
mod outbox;
mod port;
mod settings;
mod supervisor;

pub use node::{Frozen, GroupStatus, HostError, Node, NodeOptions};
pub use settings::Limits;
