//! A network within one process, for tests and simulation: replicas can be cut off from each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;

use crate::{Network, NetworkError, RaftNode, Replica};

/// The switchboard. Each replica gets its own [`InMemoryNetwork::endpoint`].
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
    /// Nobody yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The network as replica `id` sees it.
    pub fn endpoint(&self, id: u64) -> Arc<dyn Network> {
        Arc::new(Endpoint { mesh: self.clone(), id })
    }

    /// Makes a replica reachable; a later one of the same id takes its place.
    pub fn join(&self, group: &str, id: u64, replica: Replica) {
        self.lock().replicas.insert((group.to_owned(), id), replica);
    }

    /// Makes a replica unreachable for good.
    pub fn leave(&self, group: &str, id: u64) {
        self.lock().replicas.remove(&(group.to_owned(), id));
    }

    /// Cuts a replica off, or reconnects it.
    pub fn isolate(&self, id: u64, isolated: bool) {
        let mut state = self.lock();
        if isolated {
            state.isolated.insert(id);
        } else {
            state.isolated.remove(&id);
        }
    }

    /// How many messages were sent.
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
    mesh: InMemoryNetwork,
    id: u64,
}

impl Network for Endpoint {
    fn call<'a>(
        &'a self,
        target: u64,
        _member: &'a RaftNode,
        group: &'a str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, NetworkError>> {
        Box::pin(async move {
            let nobody = || NetworkError::Unreachable(format!("replica {target}"));
            let replica = self.mesh.find(self.id, group, target).ok_or_else(nobody)?;
            let answer = tokio::time::timeout(timeout, replica.handle(bytes)).await;
            let answer = answer.map_err(|_| NetworkError::Timeout)?;
            // The way back can be cut as well.
            self.mesh.find(target, group, self.id).map(|_| answer).ok_or_else(nobody)
        })
    }
}
