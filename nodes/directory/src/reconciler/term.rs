//! One pass of the reconciler, and the state that it keeps while this node leads the directory.

use std::collections::{BTreeMap, BTreeSet};

use group::{Failure, ReplicaStatus};
use tokio::time::{Duration, Instant};

use super::Context;
use super::jobs::{Job, Jobs, Kind};
use super::records::{message, state};
use crate::contract::{
    Command, RecordMeasurements, RecordNodeDown, RecordNodeDrained, RecordNodeUp, RecordProgress,
    RecordReplicaLost, RecordReplicaReturned, Repair,
};
use crate::node_client::Observed;
use crate::plan;
use crate::records::{GroupRecord, Lifecycle, MovePhase, NodeProfile, NodeRecord, State};

/// A command that was refused is not sent again for this long.
const REFUSAL_BACKOFF: Duration = Duration::from_secs(30);

/// The state of the reconciler for as long as this node leads the directory.
pub(super) struct Term {
    context: Context,
    started_at: Instant,
    jobs: Jobs,
    /// Replicas (group, node, id) that their nodes do not report, and since when.
    missing: BTreeMap<(String, String, u64), Instant>,
    /// How many denied fingerprints each node has received.
    denied_sent: BTreeMap<String, usize>,
    /// Commands that were refused, and when.
    refused: BTreeMap<String, Instant>,
    reported: Option<Instant>,
    measured: Option<Instant>,
}

impl Term {
    pub fn new(context: Context) -> Self {
        Self {
            context,
            started_at: Instant::now(),
            jobs: Jobs::default(),
            missing: BTreeMap::new(),
            denied_sent: BTreeMap::new(),
            refused: BTreeMap::new(),
            reported: None,
            measured: None,
        }
    }

    /// Returns when a job has ended.
    pub async fn job_finished(&mut self) {
        let finished = self.jobs.next_finished(&self.context).await;
        self.record_result(finished);
    }

    fn record_result(&mut self, (job, succeeded): (Job, bool)) {
        if let (Job::Deny(node, all), true) = (job, succeeded) {
            self.denied_sent.insert(node, all.len());
        }
    }

    /// Observes the nodes, records what changed, and starts the jobs that the records call for.
    pub async fn reconcile(&mut self) -> Result<(), String> {
        for finished in self.jobs.collect_finished(&self.context) {
            self.record_result(finished);
        }
        // Observed before the records are read: see the module.
        let observed = self.context.nodes.observed();
        let Some(mut records) = state(&*self.context.records).await? else { return Ok(()) };
        let mut changed = self.record_nodes(&observed, &records).await?;
        changed |= self.record_missing(&observed, &records).await?;
        changed |= self.measure(&observed, &records).await?;
        if changed {
            let Some(newer) = state(&*self.context.records).await? else { return Ok(()) };
            records = newer;
        }
        if !plan::repair(&records).is_empty() {
            self.send(Repair).await?;
            let Some(newer) = state(&*self.context.records).await? else { return Ok(()) };
            records = newer;
        }
        self.bootstrap_groups(&observed, &records);
        self.execute_moves(&records);
        self.drop_stale(&observed, &records);
        let leading = self.hand_over(&observed, &records);
        self.record_drained(&records, &leading).await?;
        self.deny(&observed, &records);
        self.report(&records).await
    }

    /// Sends a command. Returns false when it is refused: the pass continues. Each attempt is an entry in the log, so a
    /// refused command is sent again only after a backoff.
    async fn send(&mut self, command: impl Into<Command>) -> Result<bool, String> {
        self.refused.retain(|_, at| at.elapsed() < REFUSAL_BACKOFF);
        let command = command.into();
        let name = format!("{command:?}");
        if self.refused.contains_key(&name) {
            return Ok(false);
        }
        match self.context.records.command(command).await {
            Ok(_) => Ok(true),
            Err(Failure::Refused(why)) => {
                tracing::warn!(%why, "command of the reconciler refused");
                self.refused.insert(name, Instant::now());
                Ok(false)
            }
            Err(failure) => Err(message(failure)),
        }
    }

    /// Records nodes that came up, changed, or went down.
    async fn record_nodes(&mut self, observed: &Observed, records: &State) -> Result<bool, String> {
        let mut changed = false;
        for (name, seen) in &observed.nodes {
            let known = records.nodes.get(name);
            let changed_profile = known.is_none_or(|known| !known.up || !same(&known.profile, &seen.profile));
            let banned = known.is_some_and(|known| {
                known.lifecycle == Lifecycle::Decommissioned && known.profile.node_id == seen.profile.node_id
            });
            if seen.live && changed_profile && !banned {
                changed |= self.send(RecordNodeUp { profile: Box::new(seen.profile.clone()) }).await?;
            } else if !seen.live && known.is_some_and(|known| known.up) {
                changed |= self.send(RecordNodeDown { node: name.clone() }).await?;
            }
        }
        // Shortly after the start, not every node may have been observed yet.
        if self.started_at.elapsed() >= self.context.options.settle_after {
            for name in records.nodes.values().filter(|node| node.up).map(NodeRecord::name) {
                if !observed.nodes.contains_key(name) {
                    changed |= self.send(RecordNodeDown { node: name.to_owned() }).await?;
                }
            }
        }
        self.denied_sent.retain(|node, _| observed.is_live(node));
        Ok(changed)
    }

    /// Records replicas that their nodes should have and do not report, and lost replicas that are reported again.
    async fn record_missing(&mut self, observed: &Observed, records: &State) -> Result<bool, String> {
        let mut missing = BTreeMap::new();
        let mut commands = Vec::new();
        for group in records.groups.values() {
            for replica in group.voters().filter(|replica| observed.is_live(&replica.location.node)) {
                let location = &replica.location;
                let key = (group.group.clone(), location.node.clone(), location.replica);
                let (group, node, replica_id) = key.clone();
                let there = observed.on(&location.node, &group).any(|seen| seen.id == location.replica);
                match (there, replica.lost_since.is_some()) {
                    (true, false) | (false, true) => {}
                    (true, true) => {
                        commands.push(Command::from(RecordReplicaReturned {
                            group,
                            node,
                            replica: replica_id,
                        }));
                    }
                    (false, false) => {
                        let since = self.missing.get(&key).copied().unwrap_or_else(Instant::now);
                        missing.insert(key, since);
                        if since.elapsed() >= self.context.options.lost_after {
                            commands.push(RecordReplicaLost { group, node, replica: replica_id }.into());
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

    /// Records leaders, sizes and free disk space that changed considerably.
    async fn measure(&mut self, observed: &Observed, records: &State) -> Result<bool, String> {
        if self.measured.is_some_and(|at| at.elapsed() < self.context.options.report_every) {
            return Ok(false);
        }
        let mut measured = RecordMeasurements::default();
        for (name, seen) in observed.nodes.iter().filter(|(_, seen)| seen.live) {
            let free = seen.profile.disk_free_bytes;
            if records.nodes.get(name).is_some_and(|known| differs(known.profile.disk_free_bytes, free)) {
                measured.disk_free_bytes.push((name.clone(), free));
            }
        }
        for group in records.groups.values() {
            // Being without a leader for a moment is not recorded.
            let Some((node, leader)) = leader_of(observed, group) else { continue };
            if group.leader.as_deref() != Some(node) || differs(group.bytes, leader.bytes) {
                measured.groups.push((group.group.clone(), Some(node.to_owned()), leader.bytes));
            }
        }
        if measured == RecordMeasurements::default() {
            return Ok(false);
        }
        self.measured = Some(Instant::now());
        self.send(measured).await
    }

    fn bootstrap_groups(&mut self, observed: &Observed, records: &State) {
        for group in records.groups.values().filter(|group| group.replicas.is_empty()) {
            let Some(bootstrap_node) = group.bootstrap_node.as_ref().filter(|node| observed.is_live(node))
            else {
                continue;
            };
            if self.jobs.count(Kind::Bootstrap) < self.context.options.bootstraps_max {
                self.jobs.start(&self.context, Job::Bootstrap(group.group.clone(), bootstrap_node.clone()));
            }
        }
    }

    /// Starts moves in the order in which they were created, up to a limit. Moves of leadership and moves that end early
    /// ignore the limit.
    fn execute_moves(&mut self, records: &State) {
        for record in &records.moves {
            let options = &self.context.options;
            let small = record.progress.bytes_total <= options.small_bytes_max;
            let most = if small { options.small_moves_max } else { options.moves_max };
            let free = self.jobs.count(Kind::Move) < most;
            if free || record.leader_only || record.abort.is_some() {
                self.jobs.start(&self.context, Job::Move(record.id));
            }
        }
    }

    /// Deletes replicas that are in no record and that their group's leader does not have as a member.
    fn drop_stale(&mut self, observed: &Observed, records: &State) {
        for (node, seen) in observed.nodes.iter().filter(|(_, seen)| seen.live) {
            for replica in &seen.replicas {
                let Some(group) = records.groups.get(&replica.group) else { continue };
                if group.has(replica.id) || group.replicas.is_empty() {
                    continue;
                }
                // A replica of a move in this phase is about to be recorded.
                let expected = records.moves.iter().any(|record| {
                    record.group == group.group
                        && record.phase == MovePhase::Adding
                        && record.add.iter().any(|target| target.node == *node)
                });
                let Some((_, leader)) = leader_of(observed, group) else { continue };
                let member =
                    leader.voters.contains_key(&replica.id) || leader.learners.contains_key(&replica.id);
                if !expected && !member {
                    let job = Job::Drop(node.clone(), replica.group.clone(), replica.id);
                    self.jobs.start(&self.context, job);
                }
            }
        }
    }

    /// Transfers leadership away from draining nodes, and balances leaders when the cluster is stable. Returns the draining
    /// nodes whose leadership can still be transferred.
    fn hand_over(&mut self, observed: &Observed, records: &State) -> BTreeSet<String> {
        let mut seen = records.clone();
        for group in seen.groups.values_mut() {
            group.leader = leader_of(observed, group).map(|(node, _)| node.to_owned());
        }
        let stable_secs = i64::try_from(self.context.options.rebalance_after.as_secs()).unwrap_or(i64::MAX);
        let stable = self.started_at.elapsed() >= self.context.options.rebalance_after
            && records.moves.is_empty()
            && records
                .nodes
                .values()
                .filter(|node| node.up)
                .all(|node| node.since.max(node.lifecycle_since).plus_secs(stable_secs) <= records.now);
        let mut leading = BTreeSet::new();
        for handover in plan::leaders(&seen) {
            let must =
                records.nodes.get(&handover.from).is_some_and(|node| node.lifecycle != Lifecycle::Active);
            if must {
                leading.insert(handover.from.clone());
            }
            let free = stable && self.jobs.count(Kind::Lead) < self.context.options.handovers_max;
            let new_leader =
                records.groups[&handover.group].voters().find(|voter| voter.location.node == handover.to);
            if let Some(new_leader) = new_leader.filter(|_| must || free) {
                self.jobs.start(&self.context, Job::Lead(handover.group, new_leader.location.replica));
            }
        }
        leading
    }

    /// Records draining nodes from which nothing more can be moved.
    async fn record_drained(&mut self, records: &State, leading: &BTreeSet<String>) -> Result<(), String> {
        for node in records.nodes.values() {
            let name = node.name();
            let draining = match node.lifecycle {
                Lifecycle::Draining | Lifecycle::Decommissioning => true,
                Lifecycle::Active | Lifecycle::Drained | Lifecycle::Decommissioned => false,
            };
            let holds = node.lifecycle == Lifecycle::Decommissioning
                && records
                    .groups
                    .values()
                    .any(|group| group.is_on(name) || group.bootstrap_node.as_deref() == Some(name));
            if draining && !leading.contains(name) && !holds && !plan::has_pending_removals(records, name) {
                self.send(RecordNodeDrained { node: name.to_owned() }).await?;
            }
        }
        Ok(())
    }

    /// Sends denied certificates to every node that does not have them, also to nodes that were down before.
    fn deny(&mut self, observed: &Observed, records: &State) {
        let denied: Vec<String> =
            records.cluster.denied.iter().map(|(fingerprint, _)| fingerprint.clone()).collect();
        if denied.is_empty() {
            return;
        }
        for node in records.nodes.values().filter(|node| node.lifecycle != Lifecycle::Decommissioned) {
            let name = node.name();
            if observed.is_live(name) && self.denied_sent.get(name) != Some(&denied.len()) {
                self.jobs.start(&self.context, Job::Deny(name.to_owned(), denied.clone()));
            }
        }
    }

    async fn report(&mut self, records: &State) -> Result<(), String> {
        if self.reported.is_some_and(|at| at.elapsed() < self.context.options.report_every) {
            return Ok(());
        }
        let tracked = self.context.progress.all();
        let changed = records.moves.iter().filter_map(|record| {
            let progress = tracked.get(&record.id)?;
            (record.progress != *progress).then_some((record.id, *progress))
        });
        let changed: Vec<_> = changed.collect();
        if !changed.is_empty() {
            self.reported = Some(Instant::now());
            self.send(RecordProgress { moves: changed }).await?;
        }
        Ok(())
    }
}

/// The leader among the recorded replicas: excludes replicas from before a recovery of the group.
fn leader_of<'a>(observed: &'a Observed, group: &GroupRecord) -> Option<(&'a str, &'a ReplicaStatus)> {
    let live = observed.nodes.iter().filter(|(_, seen)| seen.live);
    live.flat_map(|(node, seen)| seen.replicas.iter().map(move |replica| (node.as_str(), replica)))
        .filter(|(_, replica)| replica.leader && replica.group == group.group && group.has(replica.id))
        .max_by_key(|(_, replica)| replica.term)
}

/// Whether two profiles are equal except for measured values.
fn same(known: &NodeProfile, seen: &NodeProfile) -> bool {
    NodeProfile { disk_free_bytes: seen.disk_free_bytes, ..known.clone() } == *seen
}

/// Whether a value differs by more than 5 % and more than 1 MiB.
fn differs(known: u64, seen: u64) -> bool {
    known.abs_diff(seen) > (known / 20).max(1 << 20)
}
