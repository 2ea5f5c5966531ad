//! Keeps one replica running, and gives the node a handle to it that does not depend on its service.

pub(crate) mod clock;
mod handle;
mod pinned_state;
pub(crate) mod supervisor;

pub(crate) use handle::ReplicaHandle;
pub(crate) use pinned_state::PinnedState;
