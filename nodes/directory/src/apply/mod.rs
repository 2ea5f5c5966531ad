//! One transition per file.

pub(crate) mod advance;
pub(crate) mod begin;
pub(crate) mod cancel_move;
pub(crate) mod configure;
pub(crate) mod decommission;
pub(crate) mod drain;
pub(crate) mod group_bootstrapped;
pub(crate) mod init;
pub(crate) mod measured;
pub(crate) mod node_down;
pub(crate) mod node_drained;
pub(crate) mod node_up;
pub(crate) mod rebalance;
pub(crate) mod recovered;
pub(crate) mod relocate;
pub(crate) mod repair;
pub(crate) mod replica_lost;
pub(crate) mod replica_returned;
pub(crate) mod report;
pub(crate) mod uncordon;
