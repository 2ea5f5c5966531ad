//! Making, opening, and deleting replicas.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use group::{Effects, Port, Service};
use protocol::Contract;
use ractor::Actor;
use store::{Fault, Record, State};
use tokio::sync::oneshot;

use crate::kept::{Kept, Life, Start};
use crate::node::{CLOSE_MAX, HostError, Hosted, Node};
use crate::ops::Ops;
use crate::port::Door;
use crate::supervisor::{Plan, Supervisor, SupervisorMessage};
use crate::void;

/// How long a group may take from its first opening to being initialised or given up.
const START_MAX: Duration = Duration::from_secs(60);
/// How long those who still read a closed state may take.
const RELEASE_MAX: Duration = Duration::from_secs(10);
/// Why a replica is not opened whose state somebody took away.
const GONE: &str = "its state is gone, and what was promised in its name with it: have it dropped";
/// Ids are drawn below this, so that whatever reads them as a number of JSON reads them right.
const ID_LIMIT: u64 = 1 << 53;

/// How a replica of a service is made.
pub(crate) type Launch =
    dyn Fn(Arc<Node>, u16, Incarnation) -> BoxFuture<'static, Result<(), HostError>> + Send + Sync;

/// Which replica is to be opened.
pub(crate) struct Incarnation {
    pub options: consensus::Options,
    pub state: Arc<dyn State>,
    pub network: Arc<dyn consensus::Network>,
    /// The voters of the new group that it makes, if it does; harmless when it did before.
    pub founds: Option<BTreeMap<u64, consensus::RaftNode>>,
}

impl Incarnation {
    /// The only replica of a group on a machine that is alone. It has nobody to send heartbeats to, and elects itself
    /// without waiting: a slower clock costs nothing, and an idle machine stays idle.
    pub async fn alone(node: &Node, group: &str) -> Result<Self, HostError> {
        let mut options = consensus::Options::new(group, 1);
        options.settings.heartbeat_ms = 2000;
        let founds = Some([(1, consensus::RaftNode::default())].into());
        let state = node.open_state(group).await?;
        Ok(Self { options, state, network: Arc::clone(&node.options.network), founds })
    }
}

/// Remembers how replicas of a service are made.
pub(crate) fn launcher<S: Service, E: Effects<S>>(
    make: impl Fn() -> S + Send + Sync + 'static,
    effects: impl Fn(u16) -> E + Send + Sync + 'static,
) -> Arc<Launch> {
    let make: Arc<dyn Fn() -> S + Send + Sync> = Arc::new(make);
    Arc::new(move |node, shard, incarnation| {
        Box::pin(launch(node, Arc::clone(&make), Arc::new(effects(shard)), incarnation))
    })
}

/// Opens a replica and puts it on the node.
pub(crate) async fn launch<S: Service, E: Effects<S>>(
    node: Arc<Node>,
    make: Arc<dyn Fn() -> S + Send + Sync>,
    effects: Arc<E>,
    incarnation: Incarnation,
) -> Result<(), HostError> {
    let Incarnation { options, state, network, founds } = incarnation;
    let (group, id) = (options.group.to_string(), options.id);
    let failed = |why: String| HostError::Start { group: group.clone(), why };
    let limits = node.options.limits.clone();
    let door = Arc::new(Door::new(Arc::clone(&node.options.verifier), limits, Arc::clone(&node.news)));
    let held = Arc::downgrade(&state);
    let plan = Plan {
        name: Arc::clone(&options.group),
        make: Box::new(move || make()),
        effects,
        options,
        log: Arc::clone(&node.options.log),
        state,
        network,
        client: node.client(),
        credentials: Arc::clone(node.credentials().expect("credentials come before groups")),
        heavy: Arc::clone(&node.heavy),
        door: Arc::clone(&door),
        hush: Arc::clone(&node.hush),
        epoch: node.epoch(),
    };
    let supervisor = Actor::spawn(None, Supervisor::<S, E>::default(), plan).await;
    let (supervisor, _) = supervisor.map_err(|error| failed(error.to_string()))?;
    if let Err(why) = start(&door, founds).await {
        let _ = supervisor.call(SupervisorMessage::Close, Some(CLOSE_MAX)).await;
        return Err(failed(why));
    }
    let port: Arc<dyn Port<S::Contract>> = Arc::<Door<S>>::clone(&door);
    let hosted = Hosted {
        id,
        port: Arc::new(port),
        inlet: Arc::<Door<S>>::clone(&door),
        serve: Arc::<Door<S>>::clone(&door),
        supervisor,
        ops: Arc::new(Ops::new(group.clone(), id, door)),
        state: held,
    };
    tracing::debug!(group, id, service = S::Contract::SERVICE, "a replica is open");
    node.insert(&group, hosted);
    Ok(())
}

/// Waits until a replica is open (and its group made), or given up: the node's other groups go on without it then.
async fn start<S: Service>(
    door: &Door<S>,
    founds: Option<BTreeMap<u64, consensus::RaftNode>>,
) -> Result<(), String> {
    let begun = tokio::time::Instant::now();
    loop {
        let why = match door.live() {
            Ok(live) => {
                let Some(founds) = &founds else { return Ok(()) };
                match live.core.consensus.initialize(founds.clone()).await {
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

impl Node {
    /// Opens a replica of a group, which is this node's from then on, and brings its raft id: a fresh one, unless the
    /// node has one already. The service must be [registered](Node::register), and the node [connected](Node::connect).
    ///
    /// # Errors
    /// When it cannot be made, or there is something in its place that nobody told of.
    pub async fn open(self: &Arc<Self>, group: &str, start: Start) -> Result<u64, HostError> {
        self.to_the_end(group, move |node, group| async move { node.open_in_turn(&group, start).await }).await
    }

    /// Opens all replicas that are this node's. Names those that could not be opened: they are announced as given up.
    ///
    /// # Errors
    /// When it cannot be read which they are.
    pub async fn reopen_all(self: &Arc<Self>) -> Result<Vec<HostError>, HostError> {
        let all = self.replicas.all().map_err(|error| HostError::kept("replicas.json", &error))?;
        let opening = all.iter().map(|(group, kept)| {
            let kept = *kept;
            self.to_the_end(group, move |node, group| async move { node.reopen(&group, kept).await })
        });
        let opened = futures::future::join_all(opening).await;
        Ok(opened.into_iter().filter_map(Result::err).collect())
    }

    /// Closes this node's replica of that id, and deletes all that it has. Done when it is gone already, or another one
    /// of the group has come in its place.
    ///
    /// # Errors
    /// When files cannot be deleted.
    pub async fn drop_replica(self: &Arc<Self>, group: &str, id: u64) -> Result<(), HostError> {
        self.to_the_end(group, move |node, group| async move { node.drop_in_turn(&group, id).await }).await
    }

    /// Makes this node's replica the only voter of its group, under a fresh raft id, which it brings: for when a
    /// majority is lost for good. See [`consensus::recover_as_sole_voter`] for what that means.
    ///
    /// # Errors
    /// When there is no replica here, or it cannot be opened.
    pub async fn refound(self: &Arc<Self>, group: &str) -> Result<u64, HostError> {
        self.to_the_end(group, |node, group| async move { node.refound_in_turn(&group).await }).await
    }

    /// Changes what this node has of a group: one change after the other, and each to its end even when nobody waits for
    /// it any more. Half a change would leave a store open that nobody knows of.
    pub(crate) async fn to_the_end<T: Send + 'static, F: Future<Output = Result<T, HostError>> + Send>(
        self: &Arc<Self>,
        group: &str,
        change: impl FnOnce(Arc<Self>, String) -> F + Send + 'static,
    ) -> Result<T, HostError> {
        let (node, group) = (Arc::clone(self), group.to_owned());
        let name = group.clone();
        let changing = tokio::spawn(async move {
            let turn = node.turn(&group);
            let _turn = turn.lock().await;
            change(node, group).await
        });
        let failed = |error: tokio::task::JoinError| HostError::Start { group: name, why: error.to_string() };
        changing.await.map_err(failed)?
    }

    async fn open_in_turn(self: &Arc<Self>, group: &str, start: Start) -> Result<u64, HostError> {
        if let Some(id) = self.with(group, |hosted| hosted.id) {
            return Ok(id);
        }
        match self.kept(group)? {
            Some(Kept { life: Life::Dropping, .. }) => self.delete(group).await?,
            Some(kept) => return self.revive(group, kept).await,
            None => {}
        }
        let life = match (self.strange(group).await?, start) {
            (Strange::Nothing, _) => Life::Making,
            // What a restore has laid there: the new group begins with it.
            (Strange::Rows, Start::Found) => Life::Refounding(draw()),
            (Strange::Rows, Start::Join) | (Strange::Replica, _) => {
                let why = "there is a store in its place that this node does not know".to_owned();
                return Err(HostError::Start { group: group.to_owned(), why });
            }
        };
        let kept = Kept { id: draw(), start, life };
        self.keep(group, Some(kept)).await?;
        self.revive(group, kept).await
    }

    async fn reopen(self: &Arc<Self>, group: &str, kept: Kept) -> Result<(), HostError> {
        if self.with(group, |_| ()).is_some() {
            return Ok(());
        }
        match kept.life {
            Life::Dropping => self.delete(group).await,
            Life::Making | Life::Kept | Life::Refounding(_) => self.revive(group, kept).await.map(drop),
        }
    }

    async fn drop_in_turn(self: &Arc<Self>, group: &str, id: u64) -> Result<(), HostError> {
        let Some(kept) = self.kept(group)?.filter(|kept| kept.id == id) else { return Ok(()) };
        self.keep(group, Some(Kept { life: Life::Dropping, ..kept })).await?;
        self.close_whole(group).await;
        self.delete(group).await?;
        tracing::info!(group, id, "a replica was deleted");
        Ok(())
    }

    async fn refound_in_turn(self: &Arc<Self>, group: &str) -> Result<u64, HostError> {
        let missing = || HostError::Start { group: group.to_owned(), why: "no replica here".to_owned() };
        let kept = self.kept(group)?.ok_or_else(missing)?;
        if kept.life == Life::Dropping {
            return Err(missing());
        }
        tracing::warn!(group, id = kept.id, "this replica becomes the only one of its group");
        let seen = self.seen_of(group, kept.id);
        let kept = Kept { life: Life::Refounding(draw()), ..kept };
        self.keep(group, Some(kept)).await?;
        // Whoever else was seen of the group, or known to its members, is no part of it from here on.
        self.void(group, seen).await?;
        self.close_whole(group).await;
        self.revive(group, kept).await
    }

    /// Opens a replica that is kept; notes it where that fails.
    async fn revive(self: &Arc<Self>, group: &str, mut kept: Kept) -> Result<u64, HostError> {
        let revived = self.revive_kept(group, &mut kept).await;
        match &revived {
            Ok(()) => {
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).remove(group);
                self.news.tell();
            }
            Err(error) => self.note_failed(group, kept.id, error.to_string()),
        }
        revived.map(|()| kept.id)
    }

    async fn revive_kept(self: &Arc<Self>, group: &str, kept: &mut Kept) -> Result<(), HostError> {
        let failed = |why: &str| HostError::Start { group: group.to_owned(), why: why.to_owned() };
        let cluster = self.cluster.get().ok_or_else(|| failed("the node is not connected"))?;
        let launch = self.launch_of(group).ok_or_else(|| failed("no such service here"))?;
        let shard = group.rsplit('/').next().and_then(|shard| shard.parse().ok());
        let shard = shard.ok_or_else(|| failed("no name of a group"))?;
        let own = consensus::RaftNode { node: cluster.name.to_string() };
        match kept.life {
            Life::Making | Life::Kept if self.is_void(group, kept.id)? => return Err(failed(void::WHY)),
            Life::Making | Life::Kept | Life::Dropping | Life::Refounding(_) => {}
        }
        if kept.life == Life::Kept && !self.path_of(group).exists() {
            return Err(failed(GONE));
        }
        let state = self.open_state(group).await?;
        match kept.life {
            Life::Making | Life::Dropping => {}
            // A fresh disk must not be taken for the old voter, which has promised things.
            Life::Kept if self.identity(group, &state).await?.is_none() => return Err(failed(GONE)),
            Life::Kept => {}
            Life::Refounding(id) => {
                let refounded = consensus::recover_as_sole_voter(
                    &group.into(),
                    id,
                    own.clone(),
                    &self.options.log,
                    &state,
                )
                .await;
                let before = refounded.map_err(|error| failed(&error.to_string()))?;
                // Before it leads: whoever hears of it hears of these.
                self.void(group, before).await?;
                *kept = Kept { id, start: Start::Join, life: Life::Kept };
                self.keep(group, Some(*kept)).await?;
            }
        }
        let mut options = consensus::Options::new(group, kept.id);
        options.settings = cluster.settings(&self.options.limits);
        let founds = match kept.start {
            Start::Found => Some([(kept.id, own)].into()),
            Start::Join => None,
        };
        let network: Arc<dyn consensus::Network> = Arc::<crate::network::Ways>::clone(&cluster.ways);
        launch(Arc::clone(self), shard, Incarnation { options, state, network, founds }).await?;
        let consensus = self.with(group, |hosted| hosted.ops.consensus()).flatten();
        let Some(status) = consensus.map(|consensus| consensus.status()) else { return Ok(()) };
        let made = kept.start == Start::Join || !status.voters.is_empty();
        if kept.life == Life::Making && made {
            // Founded once is founded for good.
            *kept = Kept { start: Start::Join, life: Life::Kept, ..*kept };
            self.keep(group, Some(*kept)).await?;
        }
        Ok(())
    }

    async fn strange(&self, group: &str) -> Result<Strange, HostError> {
        if self.options.log.contains_group(group) {
            return Ok(Strange::Replica);
        }
        if !self.path_of(group).exists() {
            return Ok(Strange::Nothing);
        }
        let state = self.open_state(group).await?;
        Ok(match self.identity(group, &state).await? {
            Some(_) => Strange::Replica,
            None => Strange::Rows,
        })
    }

    /// Whose state this is.
    async fn identity(&self, group: &str, state: &Arc<dyn State>) -> Result<Option<u64>, HostError> {
        let state = Arc::clone(state);
        let looked = tokio::task::spawn_blocking(move || consensus::replica_id(&*state));
        looked.await.unwrap_or_else(|_| Err(panicked())).map_err(|fault| self.store_error(group, fault))
    }

    pub(crate) async fn close_whole(&self, group: &str) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).remove(group);
        let Some(hosted) = self.close(group).await else { return };
        let held = hosted.state.clone();
        drop(hosted);
        // Whoever still reads holds the store open: it must not write into what comes after it.
        let begun = tokio::time::Instant::now();
        while held.strong_count() > 0 && begun.elapsed() < RELEASE_MAX {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Deletes what a closed replica has, and forgets it.
    async fn delete(&self, group: &str) -> Result<(), HostError> {
        let (path, gone) = (self.path_of(group), self.groups_dir().join(format!(".gone-{:016x}", draw())));
        let deleted = tokio::task::spawn_blocking(move || match std::fs::rename(&path, &gone) {
            Ok(()) => std::fs::remove_dir_all(&gone),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        });
        let deleted = deleted.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        deleted.map_err(|error| HostError::kept(group, &error))?;
        let (sender, receiver) = oneshot::channel();
        let done = Box::new(move |result| {
            let _ = sender.send(result);
        });
        self.options.log.submit(&group.into(), Record::Drop, Some(done));
        let dropped = receiver.await.unwrap_or_else(|_| Err(Fault::Io("the log was closed".to_owned())));
        dropped.map_err(|fault| self.store_error(group, fault))?;
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).remove(group);
        self.keep(group, None).await?;
        self.news.tell();
        Ok(())
    }

    pub(crate) async fn open_state(&self, group: &str) -> Result<Arc<dyn State>, HostError> {
        let (path, cache_bytes) = (self.path_of(group), self.options.cache_bytes);
        let opened = tokio::task::spawn_blocking(move || store::Disk::open(&path, cache_bytes)).await;
        let disk =
            opened.unwrap_or_else(|_| Err(panicked())).map_err(|fault| self.store_error(group, fault))?;
        Ok(Arc::new(disk))
    }

    fn store_error(&self, group: &str, fault: Fault) -> HostError {
        HostError::Store { group: group.to_owned(), fault }
    }

    fn groups_dir(&self) -> PathBuf {
        self.options.data.join("groups")
    }

    fn path_of(&self, group: &str) -> PathBuf {
        self.groups_dir().join(group.replace('/', "-"))
    }

    fn turn(&self, group: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(group.to_owned()).or_default())
    }

    fn kept(&self, group: &str) -> Result<Option<Kept>, HostError> {
        self.replicas.get(group).map_err(|error| HostError::kept(group, &error))
    }

    async fn keep(&self, group: &str, kept: Option<Kept>) -> Result<(), HostError> {
        let (replicas, name) = (Arc::clone(&self.replicas), group.to_owned());
        let kept = tokio::task::spawn_blocking(move || replicas.set(&name, kept)).await;
        let kept = kept.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        kept.map_err(|error| HostError::kept(group, &error))
    }
}

/// What lies where a replica is to be made.
enum Strange {
    Nothing,
    /// A state without a replica's identity.
    Rows,
    /// Somebody's replica.
    Replica,
}

fn draw() -> u64 {
    // 1 is the only replica's on a machine that is alone.
    rand::random_range(2..ID_LIMIT)
}

impl HostError {
    /// What this node has could not be read, or not be written down.
    pub(crate) fn kept(group: &str, error: &std::io::Error) -> Self {
        Self::Store { group: group.to_owned(), fault: Fault::Io(error.to_string()) }
    }
}

fn panicked() -> Fault {
    Fault::Io("opening a store panicked".to_owned())
}
