//! One look at the cluster, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use group::Failure;
use tokio::time::{Duration, Instant};

use super::Means;
use super::chores::{Chore, Chores, Kind};
use super::records::{state, words};
use crate::contract::{Command, Measured};
use crate::hands::{Observed, SeenReplica};
use crate::plan;
use crate::records::{Duty, GroupRecord, NodeProfile, NodeRecord, Phase, State};

/// What was refused is not asked for again for so long.
const REFUSED_FOR: Duration = Duration::from_secs(30);

/// From the moment that this node leads the directory until it does not.
pub(super) struct Reign {
    means: Means,
    began: Instant,
    chores: Chores,
    /// Group, node and id of replicas that their nodes do not show, and since when.
    missing: BTreeMap<(String, String, u64), Instant>,
    /// Nodes that know of so many denied certificates.
    told: BTreeMap<String, usize>,
    /// What was refused, and when: not to be asked for again at once.
    refused: BTreeMap<String, Instant>,
    reported: Option<Instant>,
    measured: Option<Instant>,
}

impl Reign {
    pub fn new(means: Means) -> Self {
        Self {
            means,
            began: Instant::now(),
            chores: Chores::default(),
            missing: BTreeMap::new(),
            told: BTreeMap::new(),
            refused: BTreeMap::new(),
            reported: None,
            measured: None,
        }
    }

    /// Returns when something that was begun is over.
    pub async fn job_done(&mut self) {
        let over = self.chores.done(&self.means).await;
        self.note(over);
    }

    fn note(&mut self, (chore, well): (Chore, bool)) {
        if let (Chore::Deny(node, all), true) = (chore, well) {
            self.told.insert(node, all.len());
        }
    }

    /// Looks, and acts on what it sees.
    pub async fn look(&mut self) -> Result<(), String> {
        for over in self.chores.reap(&self.means) {
            self.note(over);
        }
        // In this order: see the module.
        let observed = self.means.hands.observed();
        let Some(mut records) = state(&*self.means.records).await? else { return Ok(()) };
        let mut changed = self.record_nodes(&observed, &records).await?;
        changed |= self.record_missing(&observed, &records).await?;
        changed |= self.measure(&observed, &records).await?;
        if changed {
            let Some(newer) = state(&*self.means.records).await? else { return Ok(()) };
            records = newer;
        }
        if !plan::tend(&records).is_empty() {
            self.send(Command::Tend).await?;
            let Some(newer) = state(&*self.means.records).await? else { return Ok(()) };
            records = newer;
        }
        self.found(&observed, &records);
        self.perform(&records);
        self.drop_stale(&observed, &records);
        let leading = self.hand_over(&observed, &records);
        self.record_emptied(&records, &leading).await?;
        self.deny(&observed, &records);
        self.report(&records).await
    }

    /// Sends a command. A refusal is no reason not to go on; the same is sent again only after a while, for each attempt is
    /// an entry in the log.
    async fn send(&mut self, command: Command) -> Result<bool, String> {
        self.refused.retain(|_, at| at.elapsed() < REFUSED_FOR);
        let name = format!("{command:?}");
        if self.refused.contains_key(&name) {
            return Ok(false);
        }
        match self.means.records.command(command).await {
            Ok(_) => Ok(true),
            Err(Failure::Refused(why)) => {
                tracing::warn!(%why, "the directory refuses what the steward saw");
                self.refused.insert(name, Instant::now());
                Ok(false)
            }
            Err(failure) => Err(words(failure)),
        }
    }

    /// Who is there, and who is not any more.
    async fn record_nodes(&mut self, observed: &Observed, records: &State) -> Result<bool, String> {
        let mut changed = false;
        for (name, seen) in &observed.nodes {
            let known = records.nodes.get(name);
            let news = known.is_none_or(|known| !known.up || !same(&known.profile, &seen.profile));
            let banned = known.is_some_and(|known| {
                known.duty == Duty::Gone && known.profile.node_id == seen.profile.node_id
            });
            if seen.live && news && !banned {
                changed |= self.send(Command::NodeSeen(Box::new(seen.profile.clone()))).await?;
            } else if !seen.live && known.is_some_and(|known| known.up) {
                changed |= self.send(Command::NodeLost { node: name.clone() }).await?;
            }
        }
        // Just begun, it may not have met everybody yet.
        if self.began.elapsed() >= self.means.pace.settle {
            for name in records.nodes.values().filter(|node| node.up).map(NodeRecord::name) {
                if !observed.nodes.contains_key(name) {
                    changed |= self.send(Command::NodeLost { node: name.to_owned() }).await?;
                }
            }
        }
        self.told.retain(|node, _| observed.is_live(node));
        Ok(changed)
    }

    /// Replicas that their nodes should have and do not show; and those that were believed gone and are there.
    async fn record_missing(&mut self, observed: &Observed, records: &State) -> Result<bool, String> {
        let mut missing = BTreeMap::new();
        let mut commands = Vec::new();
        for group in records.groups.values() {
            for replica in group.voters().filter(|replica| observed.is_live(&replica.home.node)) {
                let home = &replica.home;
                let key = (group.group.clone(), home.node.clone(), home.replica);
                let (group, node, replica_id) = key.clone();
                let there = observed.on(&home.node, &group).any(|seen| seen.replica == home.replica);
                match (there, replica.gone_since.is_some()) {
                    (true, false) | (false, true) => {}
                    (true, true) => {
                        commands.push(Command::ReplicaBack { group, node, replica: replica_id });
                    }
                    (false, false) => {
                        let since = self.missing.get(&key).copied().unwrap_or_else(Instant::now);
                        missing.insert(key, since);
                        if since.elapsed() >= self.means.pace.gone_after {
                            commands.push(Command::ReplicaGone { group, node, replica: replica_id });
                        }
                    }
                }
            }
        }
        self.missing = missing;
        let mut changed = false;
        for command in commands {
            changed |= self.send(command).await?;
        }
        Ok(changed)
    }

    /// Who leads, and what is how large: written down when it has changed by much.
    async fn measure(&mut self, observed: &Observed, records: &State) -> Result<bool, String> {
        if self.measured.is_some_and(|at| at.elapsed() < self.means.pace.report_every) {
            return Ok(false);
        }
        let mut measured = Measured::default();
        for (name, seen) in observed.nodes.iter().filter(|(_, seen)| seen.live) {
            let free = seen.profile.disk_free_bytes;
            if records.nodes.get(name).is_some_and(|known| differs(known.profile.disk_free_bytes, free)) {
                measured.disk_free_bytes.push((name.clone(), free));
            }
        }
        for group in records.groups.values() {
            // A moment without a leader is no news.
            let Some((node, leader)) = leader_of(observed, group) else { continue };
            if group.leader.as_deref() != Some(node) || differs(group.bytes, leader.bytes) {
                measured.groups.push((group.group.clone(), Some(node.to_owned()), leader.bytes));
            }
        }
        if measured == Measured::default() {
            return Ok(false);
        }
        self.measured = Some(Instant::now());
        self.send(Command::Measured(measured)).await
    }

    fn found(&mut self, observed: &Observed, records: &State) {
        for group in records.groups.values().filter(|group| group.replicas.is_empty()) {
            let Some(founder) = group.founder.as_ref().filter(|node| observed.is_live(node)) else {
                continue;
            };
            if self.chores.count(Kind::Found) < self.means.pace.founding_max {
                self.chores.begin(&self.means, Chore::Found(group.group.clone(), founder.clone()));
            }
        }
    }

    /// Moves are performed in the order in which they began, some at a time; those of leadership wait for no others.
    fn perform(&mut self, records: &State) {
        for record in &records.moves {
            let pace = &self.means.pace;
            let small = record.progress.bytes_total <= pace.small_bytes_max;
            let most = if small { pace.small_moves_max } else { pace.moves_max };
            let room = self.chores.count(Kind::Move) < most;
            if room || record.leader_only || record.ending.is_some() {
                self.chores.begin(&self.means, Chore::Move(record.id));
            }
        }
    }

    /// Replicas that no record knows and no leader counts in.
    fn drop_stale(&mut self, observed: &Observed, records: &State) {
        for (node, seen) in observed.nodes.iter().filter(|(_, seen)| seen.live) {
            for replica in &seen.replicas {
                let Some(group) = records.groups.get(&replica.group) else { continue };
                if group.has(replica.replica) || group.replicas.is_empty() {
                    continue;
                }
                // About to be recorded.
                let expected = records.moves.iter().any(|record| {
                    record.group == group.group
                        && record.phase == Phase::Adding
                        && record.add.iter().any(|joining| joining.node == *node)
                });
                let Some((_, leader)) = leader_of(observed, group) else { continue };
                let counted =
                    leader.voters.contains(&replica.replica) || leader.learners.contains(&replica.replica);
                if !expected && !counted {
                    let chore = Chore::Drop(node.clone(), replica.group.clone(), replica.replica);
                    self.chores.begin(&self.means, chore);
                }
            }
        }
    }

    /// Leaders leave nodes that are being emptied, and even out when all is calm. Returns the nodes that still have leaders
    /// that could lead elsewhere.
    fn hand_over(&mut self, observed: &Observed, records: &State) -> BTreeSet<String> {
        let mut seen = records.clone();
        for group in seen.groups.values_mut() {
            group.leader = leader_of(observed, group).map(|(node, _)| node.to_owned());
        }
        let patience_secs = i64::try_from(self.means.pace.balance_after.as_secs()).unwrap_or(i64::MAX);
        let calm = self.began.elapsed() >= self.means.pace.balance_after
            && records.moves.is_empty()
            && records
                .nodes
                .values()
                .filter(|node| node.up)
                .all(|node| node.since.max(node.duty_since).plus_secs(patience_secs) <= records.now);
        let mut leading = BTreeSet::new();
        for handover in plan::leaders(&seen) {
            let must = records.nodes.get(&handover.from).is_some_and(|node| node.duty != Duty::Serving);
            if must {
                leading.insert(handover.from.clone());
            }
            let room = calm && self.chores.count(Kind::Lead) < self.means.pace.handovers_max;
            let heir = records.groups[&handover.group].voters().find(|voter| voter.home.node == handover.to);
            if let Some(heir) = heir.filter(|_| must || room) {
                self.chores.begin(&self.means, Chore::Lead(handover.group, heir.home.replica));
            }
        }
        leading
    }

    /// Nodes from which nothing more can be taken.
    async fn record_emptied(&mut self, records: &State, leading: &BTreeSet<String>) -> Result<(), String> {
        for node in records.nodes.values() {
            let name = node.name();
            let emptying = match node.duty {
                Duty::Draining | Duty::Leaving => true,
                Duty::Serving | Duty::Drained | Duty::Gone => false,
            };
            let holds = node.duty == Duty::Leaving
                && records
                    .groups
                    .values()
                    .any(|group| group.is_on(name) || group.founder.as_deref() == Some(name));
            if emptying && !leading.contains(name) && !holds && !plan::is_to_lose(records, name) {
                self.send(Command::Emptied { node: name.to_owned() }).await?;
            }
        }
        Ok(())
    }

    /// Every node learns which certificates are denied, also one that was away when that was decided.
    fn deny(&mut self, observed: &Observed, records: &State) {
        let denied: Vec<String> =
            records.cluster.denied.iter().map(|(fingerprint, _)| fingerprint.clone()).collect();
        if denied.is_empty() {
            return;
        }
        for node in records.nodes.values().filter(|node| node.duty != Duty::Gone) {
            let name = node.name();
            if observed.is_live(name) && self.told.get(name) != Some(&denied.len()) {
                self.chores.begin(&self.means, Chore::Deny(name.to_owned(), denied.clone()));
            }
        }
    }

    async fn report(&mut self, records: &State) -> Result<(), String> {
        if self.reported.is_some_and(|at| at.elapsed() < self.means.pace.report_every) {
            return Ok(());
        }
        let tracks = self.means.tracks.all();
        let news = records.moves.iter().filter_map(|record| {
            let progress = tracks.get(&record.id)?;
            (record.progress != *progress).then_some((record.id, *progress))
        });
        let news: Vec<_> = news.collect();
        if !news.is_empty() {
            self.reported = Some(Instant::now());
            self.send(Command::Report(news)).await?;
        }
        Ok(())
    }
}

/// A leader that is in the records: not one of a group that was recovered meanwhile, or of what it was recovered from.
fn leader_of<'a>(observed: &'a Observed, group: &GroupRecord) -> Option<(&'a str, &'a SeenReplica)> {
    let live = observed.nodes.iter().filter(|(_, seen)| seen.live);
    live.flat_map(|(node, seen)| seen.replicas.iter().map(move |replica| (node.as_str(), replica)))
        .filter(|(_, replica)| replica.leader && replica.group == group.group && group.has(replica.replica))
        .max_by_key(|(_, replica)| replica.term)
}

/// Whether a profile says the same, but for what is measured.
fn same(known: &NodeProfile, seen: &NodeProfile) -> bool {
    NodeProfile { disk_free_bytes: seen.disk_free_bytes, ..known.clone() } == *seen
}

/// Whether a measure differs by more than a twentieth, and by a mebibyte.
fn differs(known: u64, seen: u64) -> bool {
    known.abs_diff(seen) > (known / 20).max(1 << 20)
}
