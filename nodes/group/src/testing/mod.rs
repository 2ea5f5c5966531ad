//! Running services without a cluster: [`Bench`] tests one service at the command boundary, [`TestServices`] runs several
//! that call each other. Both use the kernel's engine over a state in memory, in one thread. [`Adder`] is a minimal service
//! that shows whether and how often a command was applied.
//!
//! Deliberately absent: Raft, actors, real tokens (a test token is an encoded principal).

mod adder;
mod bench;
mod services;

pub use adder::{Adder, AdderQuery, Sum, Zero};
pub use bench::Bench;
pub use services::TestServices;
