//! What the operations read from and act on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cluster_model::ClusterResponse;
use directory::{Contract as Directory, GetState, State};
use edge::{ApiError, Cursors, SignedIn};
use group::{Call, Client};
use protocol::{Access, Principal, Timestamp, Variant};
use replica::Node;
use token::{Rejected, Verifier};
use tokio::time::Instant;

use crate::local_view::LocalView;
use crate::view::{self, ClusterIdentity};
use crate::{Dependencies, Guard, LocalNode, problems};

/// Timeout for reading the directory's state.
const STATE_MAX: Duration = Duration::from_secs(2);

/// Shared by all operations. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// This node's groups, and the status of other nodes.
    pub node: Arc<Node>,
    /// Verifies tokens.
    pub verifier: Arc<Verifier>,
    /// The process that serves the API.
    pub local: Arc<dyn LocalNode>,
    /// Encodes and decodes the cursors of lists.
    pub cursors: Cursors,
    client: Client,
    http_address: String,
    data_dir: PathBuf,
}

impl Context {
    pub fn new(dependencies: Dependencies) -> Self {
        let Dependencies { node, client, verifier, cursors, http_address, data_dir, local } = dependencies;
        Self { node, verifier, local, cursors, client, http_address, data_dir }
    }

    /// Whether this is a single node, without a directory and without moves.
    pub fn is_single_node(&self) -> bool {
        self.client.shards_of(directory::SERVICE).is_none()
    }

    /// The cluster as this node sees it.
    pub fn local_view(&self) -> LocalView {
        LocalView::of(&self.node, &self.local.name(), &self.http_address, &self.data_dir)
    }

    /// The state of the cluster. Without an answer of the directory, as this node sees it.
    pub async fn cluster(&self, call: &Call) -> ClusterResponse {
        let records = match self.is_single_node() {
            true => None,
            false => self.state(call).await.ok(),
        };
        view::cluster(&self.identity(), records.as_ref(), &self.local_view())
    }

    /// The directory's state. With a short timeout: without it, the response still shows what this node sees.
    ///
    /// # Errors
    /// When the directory does not answer.
    pub async fn state(&self, call: &Call) -> Result<State, ApiError> {
        let call = Call { deadline: call.deadline.min(Instant::now() + STATE_MAX), ..call.clone() };
        self.call(&call, GetState).await.map(|state| *state)
    }

    /// Sends a request to the directory.
    ///
    /// # Errors
    /// The directory's refusal; [`problems::ONE_NODE`] on a single node.
    pub async fn call<M: Variant<Contract = Directory>>(
        &self,
        call: &Call,
        request: M,
    ) -> Result<M::Reply, ApiError> {
        if self.is_single_node() {
            return Err(problems::single_node());
        }
        self.client.call(call, request).await.map_err(problems::failed)
    }

    fn identity(&self) -> ClusterIdentity {
        let name = self.local.cluster_name().unwrap_or_else(|| "auberge".to_owned());
        ClusterIdentity { name, epoch: self.local.epoch(), single_node: self.is_single_node() }
    }
}

impl Guard {
    /// The context, if the caller's token allows `access`.
    pub fn authorize(
        &self,
        caller: &SignedIn,
        access: Access,
    ) -> Result<(&Context, Arc<Principal>), ApiError> {
        let context = self.context.as_ref().ok_or_else(|| ApiError::unavailable(10))?;
        allows(&context.verifier, caller.token(), access).map(|caller| (context, caller))
    }
}

/// Verifies a token, and returns its principal if the token allows `access`.
///
/// # Errors
/// 401 or 403.
pub fn allows(
    verifier: &Verifier,
    token: Option<&Arc<str>>,
    access: Access,
) -> Result<Arc<Principal>, ApiError> {
    let token = token.ok_or_else(ApiError::unauthenticated)?;
    let caller = verifier.verify(token, Timestamp::wall_clock()).map_err(|rejected| {
        // Shortly after the start, this node may not have any keys yet.
        if rejected == Rejected::NoKeys { ApiError::unavailable(1) } else { ApiError::unauthenticated() }
    })?;
    if access.allows(&caller) {
        Ok(caller)
    } else {
        Err(ApiError::forbidden(format!("One of the scopes {} is needed.", access.scopes.join(", "))))
    }
}
