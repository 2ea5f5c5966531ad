//! OAuth scopes of the cluster itself. Services declare theirs with their contracts.

/// Reading the cluster's state.
pub const CLUSTER_READ: &str = "cluster:read";
/// Changing the cluster: moving, draining, rebalancing.
pub const CLUSTER_MANAGE: &str = "cluster:manage";
