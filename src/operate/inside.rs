//! What the API looks at and acts through.

use std::sync::Arc;
use std::time::Duration;

use directory::{Answer, Command, Contract as Directory, Query, Reply, State};
use edge::{ApiError, Cursors, SignedIn};
use group::{Call, Client};
use protocol::{Access, Principal, Timestamp};
use replica::Node;
use token::{ClusterKey, Rejected, Verifier};
use tokio::time::Instant;

use super::live::Live;
use super::shown::ClusterResponse;
use super::view::{self, Named};
use super::{Api, problems};
use crate::server::Server;
use crate::server::data_dir::DataDir;
use crate::services;

/// How long the directory may take to tell its records.
const STATE_MAX: Duration = Duration::from_secs(2);

/// A machine as its operators' API sees it.
#[derive(Clone)]
pub struct Inside {
    /// Its groups, and what is known of others'.
    pub node: Arc<Node>,
    /// Checks tokens.
    pub verifier: Arc<Verifier>,
    /// What archives are encrypted with.
    pub key: ClusterKey,
    /// Cursors of lists.
    pub cursors: Cursors,
    /// Its directory on disk.
    pub data: Arc<DataDir>,
    client: Client,
    address: String,
}

impl Inside {
    /// Of a running machine.
    pub fn of(machine: &Server) -> Self {
        Self {
            node: Arc::clone(&machine.node),
            verifier: Arc::clone(&machine.verifier),
            key: machine.data.key.clone(),
            cursors: services::cursors(&machine.data.key),
            data: Arc::clone(&machine.data),
            client: machine.client.clone(),
            address: machine.settings.http.address.to_string(),
        }
    }

    /// Whether this machine is alone: there is no directory then, and nowhere to move anything.
    pub fn is_alone(&self) -> bool {
        self.client.shards_of(directory::SERVICE).is_none()
    }

    /// What is seen from here.
    pub fn live(&self) -> Live {
        Live::seen_by(&self.node, &self.data.node_name(), &self.address, &self.data.path)
    }

    /// Everything, as it is now. Without an answer of the directory, what is seen from here.
    pub async fn cluster(&self, call: &Call) -> ClusterResponse {
        let records = match self.is_alone() {
            true => None,
            false => self.state(call).await.ok(),
        };
        view::cluster(&self.named(), records.as_ref(), &self.live())
    }

    /// The directory's records, or soon that it does not answer: whoever looks wants to see what there is.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn state(&self, call: &Call) -> Result<State, ApiError> {
        let call = Call { deadline: call.deadline.min(Instant::now() + STATE_MAX), ..call.clone() };
        match self.ask(&call, Query::State).await? {
            Answer::State(state) => Ok(*state),
            _ => Err(ApiError::unavailable(1)),
        }
    }

    /// Asks the directory.
    ///
    /// # Errors
    /// What it refuses, and that a machine that is alone has none.
    pub async fn ask(&self, call: &Call, query: Query) -> Result<Answer, ApiError> {
        if self.is_alone() {
            return Err(problems::alone());
        }
        self.client.query::<Directory>(call, query).await.map_err(problems::failed)
    }

    /// Tells the directory.
    ///
    /// # Errors
    /// What it refuses, and that a machine that is alone has none.
    pub async fn tell(&self, call: &Call, command: Command) -> Result<Reply, ApiError> {
        if self.is_alone() {
            return Err(problems::alone());
        }
        self.client.command::<Directory>(call, command).await.map_err(problems::failed)
    }

    fn named(&self) -> Named {
        let fixed = self.data.metadata();
        let name = fixed.node.as_ref().map_or_else(|| "auberge".to_owned(), |node| node.cluster.clone());
        Named { name, epoch: fixed.epoch, alone: self.is_alone() }
    }
}

impl Api {
    /// What it looks at, for a caller who may.
    pub fn open(&self, caller: &SignedIn, access: Access) -> Result<(&Inside, Arc<Principal>), ApiError> {
        let inside = self.inside.as_ref().ok_or_else(|| ApiError::unavailable(10))?;
        allows(&inside.verifier, caller.token(), access).map(|caller| (inside, caller))
    }
}

/// Whose token this is, if it allows this.
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
        // Who has just started, and has heard of no key yet, cannot tell whether the token is good.
        if rejected == Rejected::NoKeys { ApiError::unavailable(1) } else { ApiError::unauthenticated() }
    })?;
    if access.allows(&caller) {
        Ok(caller)
    } else {
        Err(ApiError::forbidden(format!("One of the scopes {} is needed.", access.scopes.join(", "))))
    }
}
