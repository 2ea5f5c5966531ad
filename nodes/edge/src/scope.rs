//! OAuth scopes as operations name them in their documents.

use poem_openapi::OAuthScopes;
use poem_openapi::registry::MetaOAuthScope;

/// The scope that an operation requires, by name: `#[oai(scope = "edge::scope::CLUSTER_READ")] caller: edge::SignedIn`.
///
/// It only documents the operation. The group that receives the call checks the caller's scopes, by its contract. What
/// each scope allows is given to [`crate::OpenApiDocuments::new`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope(pub &'static str);

/// Reading the cluster's state.
pub const CLUSTER_READ: Scope = Scope(protocol::scope::CLUSTER_READ);
/// Changing the cluster.
pub const CLUSTER_MANAGE: Scope = Scope(protocol::scope::CLUSTER_MANAGE);

impl OAuthScopes for Scope {
    fn meta() -> Vec<MetaOAuthScope> {
        Vec::new()
    }

    fn name(&self) -> &'static str {
        self.0
    }
}
