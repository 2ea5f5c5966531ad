//! What runs on one node: its groups, and the way to each.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use contract::{Contract, Timestamp};
use futures::future::BoxFuture;
use group::engine::Entry;
use group::{Client, Credentials, Effects, Inlet, Placement, Port, Service, Unavailable, Why};
use ractor::{Actor, ActorRef};
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::port::Door;
use crate::settings::Limits;
use crate::supervisor::{Plan, Supervisor, SupervisorMessage};

/// How long a group may take from its first opening to being initialised or given up.
const START_MAX: Duration = Duration::from_secs(60);

/// What a node needs to host groups.
pub struct NodeOptions {
    /// `DATA`: groups live in `DATA/groups/`.
    pub data: PathBuf,
    /// The log that all groups of the node share.
    pub log: Arc<store::NodeLog>,
    /// Checks callers' tokens.
    pub verifier: Arc<token::Verifier>,
    /// The way to other nodes.
    pub network: Arc<dyn consensus::Network>,
    /// Limits of each group.
    pub limits: Limits,
    /// The cluster's epoch: 1, and one more after each restore.
    pub epoch: u64,
    /// sled's cache for each group, in bytes.
    pub cache_bytes: u64,
    /// Hold writes back until they are synced, so that a killed process loses what a power cut would. For crash tests.
    pub drop_unsynced: bool,
}

/// A node's groups. Also the [`Placement`] by which clients on it find them.
pub struct Node {
    options: NodeOptions,
    heavy: Arc<Semaphore>,
    groups: RwLock<BTreeMap<String, Hosted>>,
    shards: Mutex<BTreeMap<String, u16>>,
    credentials: OnceLock<Arc<dyn Credentials>>,
}

#[derive(Clone)]
struct Hosted {
    port: Arc<dyn Any + Send + Sync>,
    inlet: Arc<dyn Inlet>,
    supervisor: ActorRef<SupervisorMessage>,
    ops: Arc<dyn Operate>,
}

/// Why a group cannot be hosted.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Its store cannot be opened.
    #[error("the store of {group}: {fault}")]
    Store {
        /// Which group.
        group: String,
        /// What is wrong.
        fault: store::Fault,
    },
    /// It could not be started.
    #[error("{group} cannot be started: {why}")]
    Start {
        /// Which group.
        group: String,
        /// Why.
        why: String,
    },
}

/// How a group is, for operators.
#[derive(Debug, Clone, Serialize)]
pub struct GroupStatus {
    /// `reservations/0`.
    pub group: String,
    /// Whether this replica leads.
    pub leader: bool,
    /// The current term.
    pub term: u64,
    /// The last log entry that was applied here.
    pub applied: u64,
    /// Bytes of state on disk.
    pub bytes: u64,
    /// Calls being answered.
    pub busy: usize,
    /// Outbox rows that wait.
    pub outbox: usize,
    /// Outbox rows that an operator has to look at: number and reason.
    pub parked: Vec<(u64, String)>,
    /// Why the group was given up, if it was.
    pub quarantined: Option<String>,
}

/// What operators do to a group, whatever its service.
trait Operate: Send + Sync {
    fn status(&self) -> GroupStatus;
    fn breaches(&self) -> Result<Vec<String>, String>;
    fn release(&self, row: u64, again: bool) -> BoxFuture<'_, Result<(), Unavailable>>;
    /// Runs `then` while nothing lands in this group.
    fn still(&self, then: &mut dyn FnMut()) -> Result<(), String>;
    fn freeze(&self) -> Result<Frozen, String>;
}

impl Node {
    /// A node without groups.
    pub fn new(options: NodeOptions) -> Arc<Self> {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Arc::new(Self {
            options,
            heavy: Arc::new(Semaphore::new(cores)),
            groups: RwLock::default(),
            shards: Mutex::default(),
            credentials: OnceLock::new(),
        })
    }

    /// A client for all groups.
    pub fn client(self: &Arc<Self>) -> Client {
        Client::new(Arc::<Self>::clone(self))
    }

    /// Where this node's services get their tokens. Once, before the first group is hosted.
    pub fn set_credentials(&self, credentials: Arc<dyn Credentials>) {
        let _ = self.credentials.set(credentials);
    }

    /// Opens this node's replica of a group, as its only voter when the group is new.
    ///
    /// # Errors
    /// When its store cannot be opened or its state not be read.
    ///
    /// # Panics
    /// When the node has no credentials yet.
    pub async fn host<S: Service, E: Effects<S>>(
        self: &Arc<Self>,
        shard: u16,
        shards: u16,
        make: impl Fn() -> S + Send + Sync + 'static,
        effects: E,
    ) -> Result<(), HostError> {
        let service = <S::Contract as Contract>::SERVICE;
        let group = format!("{service}/{shard}");
        let state = self.open_state(&group)?;
        let door = Arc::new(Door::new(Arc::clone(&self.options.verifier), self.options.limits.clone()));
        let credentials = self.credentials.get().expect("credentials come before groups");
        let plan = Plan {
            name: group.as_str().into(),
            make: Box::new(make),
            effects: Arc::new(effects),
            options: lonely(&group),
            log: Arc::clone(&self.options.log),
            state,
            network: Arc::clone(&self.options.network),
            client: self.client(),
            credentials: Arc::clone(credentials),
            heavy: Arc::clone(&self.heavy),
            door: Arc::clone(&door),
            epoch: self.options.epoch,
        };
        let failed = |why: String| HostError::Start { group: group.clone(), why };
        let supervisor = Actor::spawn(None, Supervisor::<S, E>::default(), plan).await;
        let (supervisor, _) = supervisor.map_err(|error| failed(error.to_string()))?;
        start(&door).await.map_err(failed)?;
        let port: Arc<dyn Port<S::Contract>> = Arc::<Door<S>>::clone(&door);
        let hosted = Hosted {
            port: Arc::new(port),
            inlet: Arc::<Door<S>>::clone(&door),
            supervisor,
            ops: Arc::new(Ops { group: group.clone(), door }),
        };
        self.shards.lock().unwrap_or_else(PoisonError::into_inner).insert(service.to_owned(), shards);
        self.groups.write().unwrap_or_else(PoisonError::into_inner).insert(group, hosted);
        Ok(())
    }

    /// Whether each group has a leader that can be reached.
    pub fn ready(&self) -> bool {
        self.status().iter().all(|group| group.leader && group.quarantined.is_none())
    }

    /// How each group is.
    pub fn status(&self) -> Vec<GroupStatus> {
        self.hosted().values().map(|hosted| hosted.ops.status()).collect()
    }

    /// Runs each service's invariants: `group: what is broken`.
    pub fn breaches(&self) -> Vec<String> {
        let check = |(group, hosted): (&String, &Hosted)| match hosted.ops.breaches() {
            Ok(breaches) => {
                breaches.into_iter().map(|breach| format!("{group}: {breach}")).collect::<Vec<_>>()
            }
            Err(halt) => vec![format!("{group}: {halt}")],
        };
        self.hosted().iter().flat_map(check).collect()
    }

    /// All groups at one and the same moment: what one has sent and another has received agree. The groups stand still
    /// for that moment only, and go on while the frozen states are read.
    ///
    /// # Errors
    /// When a group is not open, or a store cannot be read.
    pub fn freeze(&self) -> Result<Vec<Frozen>, String> {
        fn within(rest: &[Arc<dyn Operate>], all: &[Arc<dyn Operate>]) -> Result<Vec<Frozen>, String> {
            let Some((first, rest)) = rest.split_first() else {
                return all.iter().map(|ops| ops.freeze()).collect();
            };
            let mut frozen = Err(String::new());
            first.still(&mut || frozen = within(rest, all))?;
            frozen
        }
        let all: Vec<_> = self.hosted().into_values().map(|hosted| hosted.ops).collect();
        within(&all, &all)
    }

    /// Has a parked outbox row tried again, or dropped.
    ///
    /// # Errors
    /// When the group is not here, or not available.
    pub async fn release(&self, group: &str, row: u64, again: bool) -> Result<(), Unavailable> {
        let hosted = self.hosted().remove(group);
        let hosted = hosted.ok_or_else(|| Unavailable::new(Why::NoService(group.to_owned())))?;
        hosted.ops.release(row, again).await?;
        let _ = hosted.supervisor.cast(SupervisorMessage::Released);
        Ok(())
    }

    /// Closes all groups, their states flushed.
    pub async fn shutdown(&self) {
        let groups = std::mem::take(&mut *self.groups.write().unwrap_or_else(PoisonError::into_inner));
        let closing = groups
            .values()
            .map(|hosted| hosted.supervisor.call(SupervisorMessage::Close, Some(Duration::from_secs(10))));
        futures::future::join_all(closing).await;
    }

    fn open_state(&self, group: &str) -> Result<Arc<dyn store::State>, HostError> {
        let path = self.options.data.join("groups").join(group.replace('/', "-"));
        let disk = store::Disk::open(&path, self.options.cache_bytes);
        let disk = disk.map_err(|fault| HostError::Store { group: group.to_owned(), fault })?;
        Ok(if self.options.drop_unsynced {
            Arc::new(store::Unsynced::new(Arc::new(disk)))
        } else {
            Arc::new(disk)
        })
    }

    fn hosted(&self) -> BTreeMap<String, Hosted> {
        self.groups.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn find<T>(&self, service: &str, shard: u16, of: impl FnOnce(&Hosted) -> T) -> Result<T, Unavailable> {
        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        let hosted = groups.get(&format!("{service}/{shard}"));
        hosted.map(of).ok_or_else(|| Unavailable::new(Why::NoService(service.to_owned())))
    }
}

impl Placement for Node {
    fn shards(&self, service: &str) -> Option<u16> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner).get(service).copied()
    }

    fn local(&self, service: &str, shard: u16) -> Result<Arc<dyn Any + Send + Sync>, Unavailable> {
        self.find(service, shard, |hosted| Arc::clone(&hosted.port))
    }

    fn inlet(&self, service: &str, shard: u16) -> Result<Arc<dyn Inlet>, Unavailable> {
        self.find(service, shard, |hosted| Arc::clone(&hosted.inlet))
    }
}

/// Waits until a group is open and initialised, or given up: the node's other groups go on without it then.
async fn start<S: Service>(door: &Door<S>) -> Result<(), String> {
    let begun = tokio::time::Instant::now();
    loop {
        let why = match door.live() {
            Ok(live) => {
                let only = [(1, consensus::Member::default())].into();
                match live.core.consensus.initialize(only).await {
                    Ok(()) => return Ok(()),
                    Err(error) => error.to_string(),
                }
            }
            Err(_) if door.quarantined().is_some() => return Ok(()),
            Err(why) => why.to_string(),
        };
        if begun.elapsed() > START_MAX {
            return Err(why);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

struct Ops<S: Service> {
    group: String,
    door: Arc<Door<S>>,
}

impl<S: Service> Operate for Ops<S> {
    fn status(&self) -> GroupStatus {
        let quarantined = self.door.quarantined();
        let busy = self.door.busy();
        let group = self.group.clone();
        let Ok(live) = self.door.live() else {
            return GroupStatus {
                group,
                leader: false,
                term: 0,
                applied: 0,
                bytes: 0,
                busy,
                outbox: 0,
                parked: Vec::new(),
                quarantined,
            };
        };
        let engine = &live.core.engine;
        let parked = engine.parked().unwrap_or_default();
        let status = live.core.consensus.status();
        GroupStatus {
            group,
            leader: live.core.consensus.role().borrow().leader,
            term: status.term,
            applied: status.applied.unwrap_or_default(),
            bytes: engine.state().size(),
            busy,
            outbox: engine.outbox().map_or(0, |rows| rows.len()),
            parked: parked.into_iter().map(|(row, parked)| (row, parked.why)).collect(),
            quarantined,
        }
    }

    fn breaches(&self) -> Result<Vec<String>, String> {
        let live = self.door.live().map_err(|why| why.to_string())?;
        live.core.engine.breaches().map_err(|halt| halt.to_string())
    }

    fn release(&self, row: u64, again: bool) -> BoxFuture<'_, Result<(), Unavailable>> {
        Box::pin(async move {
            self.door.live()?.core.propose(&Entry::Release { row, again }).await?;
            Ok(())
        })
    }

    fn still(&self, then: &mut dyn FnMut()) -> Result<(), String> {
        let live = self.door.live().map_err(|why| format!("{}: {why}", self.group))?;
        live.core
            .engine
            .read(Timestamp::default(), |_| then())
            .map_err(|halt| format!("{}: {halt}", self.group))
    }

    fn freeze(&self) -> Result<Frozen, String> {
        let live = self.door.live().map_err(|why| format!("{}: {why}", self.group))?;
        let state = Arc::clone(live.core.engine.state());
        let pin = state
            .pin(std::ops::Bound::Included(KERNEL_ROWS))
            .ok_or("this store cannot be read while it is written")?;
        Ok(Frozen { group: self.group.clone(), state, pin })
    }
}

/// The options of a group's only voter. It has nobody to send heartbeats to, and elects itself without waiting: a slower
/// clock costs nothing, and an idle machine stays idle.
fn lonely(group: &str) -> consensus::Options {
    let mut options = consensus::Options::new(group, 1);
    options.settings.heartbeat_ms = 2000;
    options
}

/// Keys below are consensus's own bookkeeping, which belongs to this cluster and no other.
const KERNEL_ROWS: &[u8] = &[1];

/// A group's state at one moment.
pub struct Frozen {
    /// `reservations/0`.
    pub group: String,
    state: Arc<dyn store::State>,
    pin: store::Pin,
}

impl Frozen {
    /// Writes it to `to`; returns the number of rows. The stream is what [`store::Rows`] reads.
    ///
    /// # Errors
    /// When the store or the writer fails.
    pub fn export(&self, to: &mut dyn std::io::Write) -> Result<u64, store::Fault> {
        store::export_pinned(&*self.state, &self.pin, to)
    }
}
