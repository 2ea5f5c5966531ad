//! One attempt at a moment: the leaders found, all nodes paused, the groups pinned and confirmed, and everything let go of
//! again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;

use super::asking::{ALONE, Asking};
use super::steps::{Fixed, Over, Said, Step, Trouble};
use super::{Moment, MomentError, Pinned};
use crate::node::Node;

/// How long a group may be without a leader before it is named as the reason.
const LEADER_MAX: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a step may take: deliveries have a timeout of their own, and are waited for.
const STEP_MAX: Duration = Duration::from_secs(20);
/// How long a node may take to pause, with others paused already.
const PAUSED_MAX: Duration = Duration::from_secs(5);
/// How long others are waited for to go on. Those that take longer are told all the same.
const ENDED_MAX: Duration = Duration::from_secs(2);

/// Who leads which groups.
type Leaders = BTreeMap<String, Vec<String>>;

/// Why an attempt has failed.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// It was waited for long enough.
    Lasting(MomentError),
    /// Others come first.
    Turn(MomentError),
    /// Another attempt may well do.
    Passing(MomentError),
}

impl Obstacle {
    fn at(node: &str, trouble: Trouble) -> Self {
        match trouble {
            Trouble::Another => Self::Turn(MomentError::Another),
            Trouble::Full => Self::Turn(MomentError::Full),
            Trouble::NotLed(group) => Self::Passing(MomentError::NoLeader(group)),
            Trouble::Failed(why) if node == ALONE => Self::Passing(MomentError::Failed(why)),
            Trouble::Failed(why) => Self::Passing(MomentError::Failed(format!("{node}: {why}"))),
        }
    }
}

impl Node {
    pub(super) async fn attempt(self: &Arc<Self>, groups: &[String]) -> Result<Moment, Obstacle> {
        let leaders = self.leaders(groups).await.map_err(Obstacle::Lasting)?;
        let asking = Asking::new(self);
        asking.at_leaders(&leaders, |groups| Step::Lead { groups }).await?;
        // Also those that lead nothing now: they may in a moment.
        let mut nodes = self.nodes_there();
        nodes.extend(leaders.keys().cloned());
        let fixed = asking.fix(&leaders, &nodes).await;
        let over = if fixed.is_ok() { Over::Resumed } else { Over::Released };
        let ending = join_all(asking.end(&nodes, over));
        let _ = tokio::time::timeout(ENDED_MAX, ending).await;
        Ok(Moment::new(asking, fixed?))
    }

    /// Who leads which of these groups, as far as is known.
    pub(super) async fn leaders(&self, groups: &[String]) -> Result<Leaders, MomentError> {
        let begun = Instant::now();
        let mut leaders = Leaders::new();
        for group in groups {
            let leader = loop {
                match self.known_leader(group) {
                    Some(leader) => break leader,
                    None if begun.elapsed() > LEADER_MAX => return Err(MomentError::NoLeader(group.clone())),
                    None => tokio::time::sleep(LOOK_EVERY).await,
                }
            };
            leaders.entry(leader).or_default().push(group.clone());
        }
        Ok(leaders)
    }

    fn known_leader(&self, group: &str) -> Option<String> {
        let Some(cluster) = self.cluster.get() else {
            return self.with(group, |hosted| hosted.ops.leads())?.then(|| ALONE.to_owned());
        };
        let leader = self.leader_of(group)?;
        // Who has lost its majority does not know it: this node at least can see it.
        let own = (leader == cluster.name).then(|| self.one(group)).flatten();
        let alone = own.is_some_and(|hosted| self.lacks(&hosted.ops.status()).is_some());
        (!alone).then(|| leader.to_string())
    }

    fn nodes_there(&self) -> BTreeSet<String> {
        let Some(cluster) = self.cluster.get() else { return BTreeSet::from([ALONE.to_owned()]) };
        let board = cluster.board();
        let live = board.nodes.iter().filter(|(_, seen)| seen.live).map(|(name, _)| name.clone());
        live.chain([cluster.name.to_string()]).collect()
    }
}

impl Asking {
    async fn fix(
        &self,
        leaders: &Leaders,
        nodes: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Pinned>, Obstacle> {
        // In one order, one by one: two that did this in any order would each pause a part and refuse each other the rest.
        for node in nodes {
            let paused = self.step(node, Step::Pause, PAUSED_MAX).await;
            paused.map_err(|trouble| Obstacle::at(node, trouble))?;
        }
        self.all(nodes.iter().map(|node| (node, Step::Quiet))).await?;
        let mut pinned = BTreeMap::new();
        for (node, said) in self.at_leaders(leaders, |groups| Step::Fix { groups }).await? {
            let Said::Fixed(groups) = said else {
                return Err(Obstacle::at(node, "an answer to another question".into()));
            };
            let all = groups
                .into_iter()
                .map(|Fixed { group, log_index }| (group, Pinned { node: node.clone(), log_index }));
            pinned.extend(all);
        }
        self.at_leaders(leaders, |_| Step::Confirm).await?;
        Ok(pinned)
    }

    async fn at_leaders<'a>(
        &self,
        leaders: &'a Leaders,
        step: impl Fn(Vec<String>) -> Step,
    ) -> Result<Vec<(&'a String, Said)>, Obstacle> {
        self.all(leaders.iter().map(|(node, groups)| (node, step(groups.clone())))).await
    }

    /// Steps at several nodes at the same time. Of several reasons why not, a group without a leader is the one that is
    /// told: others may come of it.
    async fn all<'a>(
        &self,
        steps: impl Iterator<Item = (&'a String, Step)>,
    ) -> Result<Vec<(&'a String, Said)>, Obstacle> {
        let taking = steps.map(|(node, step)| async move { (node, self.step(node, step, STEP_MAX).await) });
        let (mut done, mut obstacle) = (Vec::new(), None);
        for (node, said) in join_all(taking).await {
            match said {
                Ok(said) => done.push((node, said)),
                Err(trouble) if obstacle.is_none() || matches!(trouble, Trouble::NotLed(_)) => {
                    obstacle = Some(Obstacle::at(node, trouble));
                }
                Err(_) => {}
            }
        }
        obstacle.map_or(Ok(done), Err)
    }
}
