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
//! - only the leader's outbox and clock do anything;
//! - a replica's raft id is drawn when it is made and never used again: a message for it reaches no other, and a disk that
//!   lost its state is not taken for it;
//! - a replica whose group was founded anew without it stops when its node hears of that, and opens no more.
//!
//! On a machine that is alone, [`Node::host`] opens all groups. In a cluster, a node is [connected](Node::connect) with
//! the others over a link, told what it [can host](Node::register), opens [what it had](Node::reopen_all), and does what
//! the directory says ([`Task`]). Nodes tell each other what they have ([`Board`]): calls find leaders by that, and the
//! directory plans by it. When the session with a node is lost, the groups that were led there elect others at once; a
//! node that stops hands over first.
//!
//! Deliberately absent: any word of hotels; who should live where.

// What tests share is written as seen from outside.
#[cfg(test)]
extern crate self as replica;

mod board;
mod clock;
mod cluster;
mod core;
mod front;
mod hosting;
mod hush;
mod kept;
#[cfg(test)]
#[path = "../tests/support/keys.rs"]
mod keys;
mod moment;
mod network;
mod news;
mod node;
mod ops;
mod outbox;
mod places;
mod port;
mod reception;
mod settings;
mod status;
mod succession;
mod supervisor;
mod task;
mod tasks;
mod void;
mod wire;

pub use board::{Announcement, Board, Places, Profile, Seen};
pub use kept::Start;
pub use moment::{Moment, MomentError};
pub use node::{HostError, Node, NodeOptions};
pub use settings::Limits;
pub use status::{GroupStatus, ReplicaRole};
pub use task::{Task, TaskDone, TaskError};
