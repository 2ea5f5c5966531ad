//! What should be done, as functions of the records alone: no I/O, no clock, no chance. The command that does a thing
//! and the query that only shows it call the same function.
//!
//! - [`founders`]: where each group of a new cluster begins;
//! - [`relocate`]: what an operator's move means, or why it may not be;
//! - [`tend`]: what the state of the cluster asks for by itself: repair, removal, drains, growth;
//! - [`drain`], [`decommission`]: emptying a node, and what stays on it;
//! - [`rebalance`], [`leaders`]: evening out;
//! - [`astray`]: what is where changed rules do not let it be;
//! - [`without`], [`standing`]: how groups stand, now and without a node.
//!
//! A plan never has a group twice, and no move of a plan takes its group's quorum away.

mod draft;
mod empty;
mod even;
mod founders;
mod leaders;
mod relocate;
mod standing;
mod tend;

pub use draft::Draft;
pub use empty::{decommission, drain};
pub use even::{astray, rebalance};
pub use founders::founders;
pub use leaders::{Handover, leaders};
pub use relocate::relocate;
pub use standing::{Standing, is_lost, majority, standing, without};
pub use tend::{is_to_lose, tend};
