//! One moment of all groups, wherever they are led, to be read while the cluster goes on: what a backup is made of.
//!
//! 1. Every node that can be reached pauses: no outbox begins a delivery or an effect, and deliveries under way end.
//! 2. The nodes that lead groups take nothing into them any more, wait for what was proposed, hear from a majority that
//!    they still lead, and pin the states as of the last entry.
//! 3. Each of them confirms that all this still holds. Since the last pin was taken before the first confirmation, there
//!    was a moment at which every pinned state was its group's present one: that is the moment.
//! 4. Everything goes on, and the pins are read.
//!
//! Pauses, closed groups and pins have leases: when whoever asked for them is gone, all goes on by itself. A leader that is
//! lost or changes before the confirmation makes the attempt fail; one that is lost afterwards takes its pins with it,
//! and reading ends with an error.

mod hold;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::codec;
use futures::future::join_all;
use link::Lane;
use tokio::task::JoinHandle;

use crate::network::MOMENT;
use crate::node::Node;
pub(crate) use hold::Holds;
use steps::{Fixed, Order, Said, Step};

/// The service whose word counts.
pub(super) const DIRECTORY: &str = "directory";
/// How long a group may be without a leader before it is named as the reason.
const LEADER_MAX: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a step may take: deliveries have a timeout of their own, and are waited for.
const STEP_MAX: Duration = Duration::from_secs(20);
/// How long a part may take to be read and sent.
const PART_MAX: Duration = Duration::from_secs(30);
/// Leaders change now and then: so often it is tried.
const ATTEMPTS: u32 = 3;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);
const KEEP_EVERY: Duration = Duration::from_secs(10);
/// The node's own name where it is alone.
const ALONE: &str = "";

/// Why there is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// A group cannot be asked what its state is.
    #[error("{0} has no leader that can be reached")]
    NoLeader(String),
    /// Something is in the way.
    #[error("{0}")]
    Failed(String),
}

/// See the module. Let go of when it is dropped.
pub struct Moment {
    node: Arc<Node>,
    backup: u128,
    groups: BTreeMap<String, Pinned>,
    keeping: JoinHandle<()>,
    runtime: tokio::runtime::Handle,
}

/// Where a group's state is held.
struct Pinned {
    node: String,
    log_index: u64,
}

impl std::fmt::Debug for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Moment of {} groups", self.groups.len())
    }
}

impl Moment {
    /// Each group, and the number of the last log entry that is in its state.
    pub fn groups(&self) -> BTreeMap<String, u64> {
        self.groups.iter().map(|(group, pinned)| (group.clone(), pinned.log_index)).collect()
    }

    /// The next bytes of a group's state, as [`store::Rows`] reads them: those from `at` on, where the last ones ended.
    /// Empty at the end. Each group is read once, from its beginning to its end.
    ///
    /// # Errors
    /// When the node that holds it is lost, or has let go of it.
    pub async fn read(&self, group: &str, at: u64) -> Result<Vec<u8>, MomentError> {
        let failed = |why: String| MomentError::Failed(format!("{group}: {why}"));
        let pinned = self.groups.get(group).ok_or_else(|| failed("no such group".to_owned()))?;
        let step = Step::Read { group: group.to_owned(), at };
        match self.node.step_at(&pinned.node, self.backup, step, PART_MAX).await {
            Ok(Said::Part(bytes)) => Ok(bytes),
            Ok(Said::Done | Said::Fixed(_)) => Err(failed("an answer to another question".to_owned())),
            Err(why) => Err(failed(why)),
        }
    }

    fn holders(&self) -> BTreeSet<String> {
        self.groups.values().map(|pinned| pinned.node.clone()).collect()
    }
}

impl Drop for Moment {
    fn drop(&mut self) {
        self.keeping.abort();
        let (node, backup, holders) = (Arc::clone(&self.node), self.backup, self.holders());
        self.runtime.spawn(async move { node.everywhere(&holders, backup, Step::Release).await });
    }
}

impl Node {
    /// Fixes one moment of these groups. To its end, also when nobody waits for it any more.
    ///
    /// # Errors
    /// When a group has no leader, deliveries do not end, or leaders change again and again.
    pub async fn fix_moment(self: &Arc<Self>, groups: Vec<String>) -> Result<Moment, MomentError> {
        let node = Arc::clone(self);
        let fixing = tokio::spawn(async move {
            let mut attempt = 1;
            loop {
                match node.attempt(&groups).await {
                    Err(MomentError::Failed(why)) if attempt < ATTEMPTS => {
                        tracing::info!(attempt, why, "no moment of all groups yet");
                        attempt += 1;
                        tokio::time::sleep(BETWEEN_ATTEMPTS).await;
                    }
                    tried => return tried,
                }
            }
        });
        fixing.await.unwrap_or_else(|_| Err(MomentError::Failed("it failed".to_owned())))
    }

    async fn attempt(self: &Arc<Self>, groups: &[String]) -> Result<Moment, MomentError> {
        let leaders = self.leaders(groups).await?;
        let backup: u128 = rand::random();
        // Also those that lead nothing now: they may in a moment.
        let nodes = self.nodes_there();
        let fixed = self.fix_at(&leaders, &nodes, backup).await;
        let over = if fixed.is_ok() { Step::Resume } else { Step::Release };
        self.everywhere(&nodes, backup, over).await;
        let groups = fixed?;
        let holders: BTreeSet<String> = groups.values().map(|pinned| pinned.node.clone()).collect();
        let node = Arc::clone(self);
        let keeping = tokio::spawn(async move {
            loop {
                tokio::time::sleep(KEEP_EVERY).await;
                node.everywhere(&holders, backup, Step::Keep).await;
            }
        });
        let runtime = tokio::runtime::Handle::current();
        Ok(Moment { node: Arc::clone(self), backup, groups, keeping, runtime })
    }

    async fn fix_at(
        self: &Arc<Self>,
        leaders: &BTreeMap<String, Vec<String>>,
        nodes: &BTreeSet<String>,
        backup: u128,
    ) -> Result<BTreeMap<String, Pinned>, MomentError> {
        let pausing = nodes.iter().map(|node| self.step_on(node, backup, Step::Pause));
        join_all(pausing).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        let fixing = leaders.iter().map(|(node, groups)| {
            let step = Step::Fix { groups: groups.clone() };
            async move { Ok::<_, MomentError>((node, self.step_on(node, backup, step).await?)) }
        });
        let mut pinned = BTreeMap::new();
        for said in join_all(fixing).await {
            let (node, Said::Fixed(groups)) = said? else {
                return Err(MomentError::Failed("an answer to another question".to_owned()));
            };
            let all = groups
                .into_iter()
                .map(|Fixed { group, log_index }| (group, Pinned { node: node.clone(), log_index }));
            pinned.extend(all);
        }
        let confirming = leaders.keys().map(|node| self.step_on(node, backup, Step::Confirm));
        join_all(confirming).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(pinned)
    }

    /// Who leads which of these groups.
    async fn leaders(&self, groups: &[String]) -> Result<BTreeMap<String, Vec<String>>, MomentError> {
        let begun = Instant::now();
        let mut leaders: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for group in groups {
            let leader = loop {
                let found = match self.cluster.get() {
                    Some(_) => self.leader_of(group).map(|node| node.to_string()),
                    None => self
                        .with(group, |hosted| hosted.ops.leads())
                        .filter(|leads| *leads)
                        .map(|_| ALONE.to_owned()),
                };
                match found {
                    Some(leader) => break leader,
                    None if begun.elapsed() > LEADER_MAX => return Err(MomentError::NoLeader(group.clone())),
                    None => tokio::time::sleep(LOOK_EVERY).await,
                }
            };
            leaders.entry(leader).or_default().push(group.clone());
        }
        Ok(leaders)
    }

    fn nodes_there(&self) -> BTreeSet<String> {
        let Some(cluster) = self.cluster.get() else { return BTreeSet::from([ALONE.to_owned()]) };
        let board = cluster.board();
        let live = board.nodes.iter().filter(|(_, seen)| seen.live).map(|(name, _)| name.clone());
        live.chain([cluster.name.to_string()]).collect()
    }

    /// As far as they can be reached: where not, leases run out.
    async fn everywhere(self: &Arc<Self>, nodes: &BTreeSet<String>, backup: u128, step: Step) {
        let all = nodes.iter().map(|node| self.step_at(node, backup, step.clone(), STEP_MAX));
        for (node, said) in nodes.iter().zip(join_all(all).await) {
            if let Err(why) = said {
                tracing::warn!(node, why, "a backup's lease there has to run out by itself");
            }
        }
    }

    async fn step_on(self: &Arc<Self>, node: &str, backup: u128, step: Step) -> Result<Said, MomentError> {
        let said = self.step_at(node, backup, step, STEP_MAX).await;
        said.map_err(|why| MomentError::Failed(if node == ALONE { why } else { format!("{node}: {why}") }))
    }

    /// Has a node take a step: this one at once, another over the link.
    async fn step_at(
        self: &Arc<Self>,
        node: &str,
        backup: u128,
        step: Step,
        at_most: Duration,
    ) -> Result<Said, String> {
        let late = || "no answer in time".to_owned();
        let away = match self.cluster.get() {
            Some(cluster) if node != &*cluster.name => cluster,
            Some(_) | None => {
                let taking = tokio::spawn(Arc::clone(self).take_step(backup, step));
                let taken = tokio::time::timeout(at_most, taking).await.map_err(|_| late())?;
                return taken.unwrap_or_else(|_| Err("it failed".to_owned()));
            }
        };
        let deadline = Instant::now() + at_most;
        let lane = if matches!(step, Step::Read { .. }) { Lane::Bulk } else { Lane::Small };
        let credentials = self.credentials().ok_or("no credentials")?;
        let token = tokio::time::timeout(at_most, credentials.service_token(DIRECTORY, None)).await;
        let token = token.map_err(|_| late())?.map_err(|why| why.to_string())?.to_string();
        let bytes = codec::encode(&Order { token, backup, step });
        let left = deadline.saturating_duration_since(Instant::now());
        let bytes =
            away.link.call(node, lane, MOMENT, bytes, left).await.map_err(|error| error.to_string())?;
        codec::decode::<Result<Said, String>>(&bytes).map_err(|unreadable| unreadable.to_string())?
    }
}
