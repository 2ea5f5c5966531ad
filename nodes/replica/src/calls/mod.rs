//! How a replica takes calls, of this node and of others.

pub(crate) mod core;
pub(crate) mod front;
pub(crate) mod port;
pub(crate) mod serve;
