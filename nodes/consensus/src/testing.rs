//! A network within one process, for tests and simulation. Replicas can be isolated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;

use crate::{Network, NetworkError, RaftNode, Replica};

/// Network between replicas of one process. Each replica has its own [`InMemoryNetwork::endpoint`].
#[derive(Clone, Default)]
pub struct InMemoryNetwork {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    replicas: BTreeMap<(String, u64), Replica>,
    isolated: BTreeSet<u64>,
    calls: u64,
}

impl std::fmt::Debug for InMemoryNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InMemoryNetwork")
    }
}

impl InMemoryNetwork {
    /// Creates a network without replicas.
    pub fn new() -> Self {
        Self::default()
    }

    /// The network as seen by replica `id`.
    pub fn endpoint(&self, id: u64) -> Arc<dyn Network> {
        Arc::new(Endpoint { network: self.clone(), id })
    }

    /// Makes a replica reachable. Replaces a previous one with the same id.
    pub fn join(&self, group: &str, id: u64, replica: Replica) {
        self.lock().replicas.insert((group.to_owned(), id), replica);
    }

    /// Removes a replica.
    pub fn leave(&self, group: &str, id: u64) {
        self.lock().replicas.remove(&(group.to_owned(), id));
    }

    /// Isolates a replica, or reconnects it.
    pub fn isolate(&self, id: u64, isolated: bool) {
        let mut state = self.lock();
        if isolated {
            state.isolated.insert(id);
        } else {
            state.isolated.remove(&id);
        }
    }

    /// Number of messages sent.
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, from: u64, group: &str, to: u64) -> Option<Replica> {
        let mut state = self.lock();
        state.calls += 1;
        if state.isolated.contains(&from) || state.isolated.contains(&to) {
            return None;
        }
        state.replicas.get(&(group.to_owned(), to)).cloned()
    }
}

struct Endpoint {
    network: InMemoryNetwork,
    id: u64,
}

impl Network for Endpoint {
    fn call<'a>(
        &'a self,
        target: u64,
        _node: &'a RaftNode,
        group: &'a str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, NetworkError>> {
        Box::pin(async move {
            let unreachable = || NetworkError::Unreachable(format!("replica {target}"));
            let replica = self.network.find(self.id, group, target).ok_or_else(unreachable)?;
            let response = tokio::time::timeout(timeout, replica.handle(bytes)).await;
            let response = response.map_err(|_| NetworkError::Timeout)?;
            // The response can be lost as well.
            self.network.find(target, group, self.id).map(|_| response).ok_or_else(unreachable)
        })
    }
}
