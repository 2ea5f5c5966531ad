//! Calls to a replica: authentication, queries, and the proposal of commands.

pub(crate) mod core;
pub(crate) mod endpoint;
mod key_counts;
pub(crate) mod proposer;
mod query;
pub(crate) mod serve;
