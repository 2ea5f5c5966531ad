//! State machines without a cluster: [`Bench`] for tables at the command boundary, [`TestServices`] for several services that
//! talk. Both run the kernel's real engine over a state in memory, in one thread. And [`Adder`], the smallest service that
//! tells whether a command was applied, and how often.
//!
//! Deliberately absent: raft, actors, real tokens (a services's token is the principal itself, spelt out).

mod adder;
mod bench;
mod services;

pub use adder::{Adder, AdderQuery, Sum, Zero};
pub use bench::Bench;
pub use services::TestServices;
