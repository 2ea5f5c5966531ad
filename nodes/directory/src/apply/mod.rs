//! One transition a file.

pub(crate) mod advance;
pub(crate) mod begin;
pub(crate) mod cancel_move;
pub(crate) mod configure;
pub(crate) mod decommission;
pub(crate) mod drain;
pub(crate) mod emptied;
pub(crate) mod found;
pub(crate) mod measured;
pub(crate) mod node_lost;
pub(crate) mod node_seen;
pub(crate) mod placed;
pub(crate) mod rebalance;
pub(crate) mod recovered;
pub(crate) mod relocate;
pub(crate) mod replica_back;
pub(crate) mod replica_gone;
pub(crate) mod report;
pub(crate) mod tend;
pub(crate) mod uncordon;
