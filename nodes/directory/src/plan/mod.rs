//! Plans, as pure functions of the records: no I/O, clock or randomness. A command and its dry run call the same
//! function.
//!
//! - [`bootstrap_nodes`]: where each group of a new cluster starts;
//! - [`relocate`]: an operator's move;
//! - [`repair`]: what the state of the cluster calls for: replacement, draining, growth, shrinking;
//! - [`drain`], [`decommission`]: emptying a node, and what remains on it;
//! - [`rebalance`], [`leaders`]: balancing groups and leaders;
//! - [`placement_violations`]: replicas that violate a placement rule;
//! - [`without`], [`quorum_status`]: the quorums of groups, now and without a node.
//!
//! A plan contains a group at most once, and none of its moves takes a group's quorum away.

mod bootstrap;
mod drain;
mod leaders;
mod projection;
mod quorum;
mod rebalance;
mod relocate;
mod repair;

pub use bootstrap::bootstrap_nodes;
pub use drain::{decommission, drain};
pub use leaders::{Handover, leaders};
pub use projection::Projection;
pub use quorum::{QuorumStatus, is_lost, majority, quorum_status, without};
pub use rebalance::{placement_violations, rebalance};
pub use relocate::relocate;
pub use repair::{has_pending_removals, repair};
