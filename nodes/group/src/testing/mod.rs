//! State machines without a cluster: [`Bench`] for tables at the command boundary, [`House`] for several services that
//! talk. Both run the kernel's real engine over a state in memory, in one thread.
//!
//! Deliberately absent: raft, actors, real tokens (a house's token is the principal itself, spelt out).

mod bench;
mod house;

pub use bench::Bench;
pub use house::House;
