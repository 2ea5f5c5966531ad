//! In-memory nodes and Raft groups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use directory::{NodeClient, NodeError, NodeProfile, Observed, ObservedNode, State};
use futures::future::BoxFuture;
use group::{ReplicaStatus, StartMode};

/// Log entries that a learner gets between two polls.
const CATCHES_UP: u64 = 400;

#[derive(Default)]
struct Inner {
    nodes: BTreeMap<String, Node>,
    rafts: BTreeMap<String, Raft>,
    /// Every replica id that was opened.
    ids: u64,
    stuck: BTreeSet<u64>,
}

struct Node {
    profile: NodeProfile,
    live: bool,
    /// Group and id of the replicas on its disk.
    replicas: BTreeSet<(String, u64)>,
    denied: BTreeSet<String>,
}

#[derive(Default)]
struct Raft {
    voters: BTreeSet<u64>,
    learners: BTreeSet<u64>,
    leader: Option<u64>,
    term: u64,
    log: u64,
    matched: BTreeMap<u64, u64>,
}

/// The simulated nodes.
#[derive(Default)]
pub struct World {
    inner: Mutex<Inner>,
}

/// A profile of a node in its own zone, with a label and a fingerprint.
pub fn profile(name: &str) -> NodeProfile {
    NodeProfile {
        name: name.to_owned(),
        node_id: name.bytes().map(u64::from).sum(),
        address: format!("{name}.example:7000"),
        http_address: Some(format!("{name}.example:8080")),
        zone: format!("zone-{name}"),
        labels: vec![format!("label-{name}")],
        version: "0.1.0".to_owned(),
        fingerprint: format!("FP:{name}"),
        disk_free_bytes: 1 << 40,
    }
}

impl Inner {
    fn location(&self, group: &str, id: u64) -> Option<&str> {
        let has = |node: &Node| node.replicas.contains(&(group.to_owned(), id));
        self.nodes.iter().find(|(_, node)| has(node)).map(|(name, _)| name.as_str())
    }

    fn is_up(&self, group: &str, id: u64) -> bool {
        self.location(group, id).is_some_and(|node| self.nodes[node].live)
    }

    fn holds(&self, group: &str, voters: &BTreeSet<u64>) -> bool {
        voters.iter().filter(|id| self.is_up(group, **id)).count() > voters.len() / 2
    }

    /// Elects a leader in groups that have none, if a majority is up.
    fn elect(&mut self) {
        let groups: Vec<String> = self.rafts.keys().cloned().collect();
        for group in groups {
            let raft = &self.rafts[&group];
            let led = raft.leader.is_some_and(|id| raft.voters.contains(&id) && self.is_up(&group, id));
            let heir = raft.voters.iter().copied().find(|id| self.is_up(&group, *id));
            let heir = heir.filter(|_| self.holds(&group, &raft.voters));
            if !led {
                let raft = self.rafts.get_mut(&group).unwrap();
                raft.leader = heir;
                raft.term += 1;
            }
        }
    }

    /// Reachable replicas receive some of the entries that they lack.
    fn replicate(&mut self) {
        let groups: Vec<String> = self.rafts.keys().cloned().collect();
        for group in groups {
            let raft = &self.rafts[&group];
            if raft.leader.is_none() {
                continue;
            }
            let log = raft.log;
            let members: Vec<u64> = raft.voters.union(&raft.learners).copied().collect();
            for id in members {
                if self.is_up(&group, id) && !self.stuck.contains(&id) {
                    let matched = self.rafts.get_mut(&group).unwrap().matched.entry(id).or_default();
                    *matched = (*matched + CATCHES_UP).min(log);
                }
            }
        }
    }

    fn led(&self, group: &str) -> Result<u64, NodeError> {
        let raft = self.rafts.get(group);
        let leader = raft.and_then(|raft| raft.leader).filter(|id| self.is_up(group, *id));
        let leader = leader.filter(|_| self.holds(group, &raft.unwrap().voters));
        leader.ok_or_else(|| NodeError::NoLeader(group.to_owned()))
    }

    fn live(&mut self, node: &str) -> Result<&mut Node, NodeError> {
        let found = self.nodes.get_mut(node).filter(|node| node.live);
        found.ok_or_else(|| NodeError::Unreachable(node.to_owned()))
    }
}

impl World {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub fn add_node(&self, name: &str) {
        self.add(profile(name));
    }

    pub fn add(&self, profile: NodeProfile) {
        let (name, replicas, denied) = (profile.name.clone(), BTreeSet::new(), BTreeSet::new());
        self.inner().nodes.insert(name, Node { profile, live: true, replicas, denied });
    }

    pub fn stop(&self, node: &str) {
        self.inner().nodes.get_mut(node).unwrap().live = false;
    }

    pub fn start(&self, node: &str) {
        self.inner().nodes.get_mut(node).unwrap().live = true;
    }

    /// The node's disk is new.
    pub fn wipe(&self, node: &str) {
        self.inner().nodes.get_mut(node).unwrap().replicas.clear();
    }

    /// New replicas receive no entries.
    pub fn stick_next(&self, stuck: bool) {
        let mut inner = self.inner();
        let next = inner.ids + 1;
        if stuck {
            inner.stuck.insert(next);
        } else {
            inner.stuck.clear();
        }
    }

    pub fn set_log(&self, group: &str, log: u64) {
        self.inner().rafts.get_mut(group).unwrap().log = log;
    }

    pub fn lead(&self, group: &str, node: &str) {
        let mut inner = self.inner();
        let voters = inner.rafts[group].voters.clone();
        let id = voters.into_iter().find(|id| inner.location(group, *id) == Some(node)).unwrap();
        let raft = inner.rafts.get_mut(group).unwrap();
        raft.leader = Some(id);
        raft.term += 1;
    }

    /// A recovery: one replica becomes the only voter, under a new id.
    pub fn recover(&self, group: &str, node: &str) -> u64 {
        let mut inner = self.inner();
        inner.ids += 1;
        let id = inner.ids;
        let term = inner.rafts[group].term + 1;
        let node = inner.nodes.get_mut(node).unwrap();
        node.replicas.retain(|(other, _)| other != group);
        node.replicas.insert((group.to_owned(), id));
        let raft = Raft {
            voters: [id].into(),
            leader: Some(id),
            term,
            log: 1000,
            matched: [(id, 1000)].into(),
            ..Raft::default()
        };
        inner.rafts.insert(group.to_owned(), raft);
        id
    }

    pub fn denied(&self, node: &str) -> BTreeSet<String> {
        self.inner().nodes[node].denied.clone()
    }

    pub fn has(&self, node: &str, group: &str) -> usize {
        self.inner().nodes[node].replicas.iter().filter(|(other, _)| other == group).count()
    }

    /// Replicas on reachable nodes that are in no record.
    pub fn strays(&self, state: &State) -> Vec<(String, String, u64)> {
        let inner = self.inner();
        let live = inner.nodes.iter().filter(|(_, node)| node.live);
        live.flat_map(|(name, node)| {
            node.replicas.iter().map(|(group, id)| (name.clone(), group.clone(), *id))
        })
        .filter(|(_, group, id)| !state.groups[group].has(*id))
        .collect()
    }

    /// Voters of every group, with their nodes.
    pub fn voters(&self, group: &str) -> BTreeMap<u64, Option<String>> {
        let inner = self.inner();
        let raft = &inner.rafts[group];
        raft.voters.iter().map(|id| (*id, inner.location(group, *id).map(str::to_owned))).collect()
    }

    /// No group has two voters on one node.
    pub fn check(&self) {
        let inner = self.inner();
        for (group, raft) in &inner.rafts {
            let mut locations = BTreeSet::new();
            for id in &raft.voters {
                if let Some(location) = inner.location(group, *id) {
                    assert!(locations.insert(location), "{group} has two voters on {location}");
                }
            }
        }
    }

    pub fn do_open(&self, node: &str, group: &str, start: StartMode) -> Result<u64, NodeError> {
        let mut inner = self.inner();
        inner.ids += 1;
        let id = inner.ids;
        let there = inner.live(node)?;
        if let Some((_, id)) = there.replicas.iter().find(|(other, _)| other == group) {
            return Ok(*id);
        }
        there.replicas.insert((group.to_owned(), id));
        if start == StartMode::Bootstrap {
            let raft = Raft {
                voters: [id].into(),
                leader: Some(id),
                term: 1,
                log: 1000,
                matched: [(id, 1000)].into(),
                ..Raft::default()
            };
            assert!(inner.rafts.insert(group.to_owned(), raft).is_none(), "{group} was bootstrapped twice");
        }
        Ok(id)
    }

    pub fn do_add_learner(&self, group: &str, id: u64, node: &str) -> Result<(), NodeError> {
        let mut inner = self.inner();
        inner.led(group)?;
        assert_eq!(inner.location(group, id), Some(node), "the learner does not exist");
        let raft = inner.rafts.get_mut(group).unwrap();
        if !raft.voters.contains(&id) && raft.learners.insert(id) {
            raft.matched.insert(id, 0);
        }
        Ok(())
    }

    pub fn do_change_voters(
        &self,
        group: &str,
        from: &BTreeSet<u64>,
        voters: &BTreeSet<u64>,
    ) -> Result<(), NodeError> {
        let mut inner = self.inner();
        let leader = inner.led(group)?;
        let raft = &inner.rafts[group];
        if raft.voters == *voters {
            return Ok(());
        }
        if raft.voters != *from {
            return Err(NodeError::Refused("the voters are others by now".to_owned()));
        }
        if !voters.iter().all(|id| raft.voters.contains(id) || raft.learners.contains(id)) {
            return Err(NodeError::Refused("not a member".to_owned()));
        }
        assert!(!voters.is_empty());
        if !inner.holds(group, voters) {
            panic!("{group}: the change to {voters:?} cannot be committed");
        }
        let raft = inner.rafts.get_mut(group).unwrap();
        raft.learners.retain(|id| !voters.contains(id));
        raft.voters.clone_from(voters);
        if !voters.contains(&leader) {
            raft.leader = None;
        }
        inner.elect();
        Ok(())
    }

    pub fn do_transfer(&self, group: &str, to: u64) -> Result<(), NodeError> {
        let mut inner = self.inner();
        inner.led(group)?;
        let fit = inner.rafts[group].voters.contains(&to) && inner.is_up(group, to);
        let raft = inner.rafts.get_mut(group).unwrap();
        if fit && raft.leader != Some(to) {
            raft.leader = Some(to);
            raft.term += 1;
        }
        Ok(())
    }

    pub fn do_remove_learner(&self, group: &str, id: u64) -> Result<(), NodeError> {
        let mut inner = self.inner();
        inner.led(group)?;
        let raft = inner.rafts.get_mut(group).unwrap();
        assert!(!raft.voters.contains(&id), "{id} of {group} votes");
        raft.learners.remove(&id);
        Ok(())
    }

    pub fn do_drop(&self, node: &str, group: &str, id: u64) -> Result<(), NodeError> {
        let mut inner = self.inner();
        let row = (group.to_owned(), id);
        let votes = inner.rafts.get(group).is_some_and(|raft| raft.voters.contains(&id));
        let there = inner.live(node)?;
        assert!(
            !votes || !there.replicas.contains(&row),
            "{id} of {group} votes, and is dropped from {node}"
        );
        there.replicas.remove(&row);
        Ok(())
    }

    pub fn do_deny(&self, node: &str, fingerprints: &[String]) -> Result<(), NodeError> {
        let mut inner = self.inner();
        inner.live(node)?.denied.extend(fingerprints.iter().cloned());
        Ok(())
    }
}

impl NodeClient for World {
    fn observed(&self) -> Observed {
        let mut inner = self.inner();
        inner.elect();
        inner.replicate();
        let mut observed = Observed::default();
        for (name, node) in &inner.nodes {
            let replicas = node.replicas.iter().map(|(group, id)| {
                let Some(raft) = inner.rafts.get(group) else {
                    return ReplicaStatus { group: group.clone(), id: *id, ..ReplicaStatus::default() };
                };
                let leader = raft.leader == Some(*id);
                let matched = raft.matched.iter().map(|(id, matched)| (*id, Some(*matched)));
                let members = |ids: &BTreeSet<u64>| {
                    let node = |id| inner.location(group, id).unwrap_or_default().to_owned();
                    ids.iter().map(|id| (*id, node(*id))).collect()
                };
                ReplicaStatus {
                    group: group.clone(),
                    id: *id,
                    leader,
                    term: raft.term,
                    voters: members(&raft.voters),
                    learners: members(&raft.learners),
                    last_log: raft.log,
                    matched: if leader { matched.collect() } else { BTreeMap::new() },
                    bytes: raft.matched.get(id).copied().unwrap_or(0) * 100,
                    ..ReplicaStatus::default()
                }
            });
            let replicas = replicas.collect();
            let seen = ObservedNode { profile: node.profile.clone(), live: node.live, replicas };
            observed.nodes.insert(name.clone(), seen);
        }
        observed
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(2)))
    }

    fn open<'a>(
        &'a self,
        node: &'a str,
        group: &'a str,
        start: StartMode,
    ) -> BoxFuture<'a, Result<u64, NodeError>> {
        Box::pin(async move { self.do_open(node, group, start) })
    }

    fn add_learner<'a>(
        &'a self,
        group: &'a str,
        replica: u64,
        node: &'a str,
    ) -> BoxFuture<'a, Result<(), NodeError>> {
        Box::pin(async move { self.do_add_learner(group, replica, node) })
    }

    fn change_voters<'a>(
        &'a self,
        group: &'a str,
        from: &'a BTreeSet<u64>,
        to: &'a BTreeSet<u64>,
    ) -> BoxFuture<'a, Result<(), NodeError>> {
        Box::pin(async move { self.do_change_voters(group, from, to) })
    }

    fn transfer<'a>(&'a self, group: &'a str, to: u64) -> BoxFuture<'a, Result<(), NodeError>> {
        Box::pin(async move { self.do_transfer(group, to) })
    }

    fn remove_learner<'a>(&'a self, group: &'a str, replica: u64) -> BoxFuture<'a, Result<(), NodeError>> {
        Box::pin(async move { self.do_remove_learner(group, replica) })
    }

    fn drop_replica<'a>(
        &'a self,
        node: &'a str,
        group: &'a str,
        replica: u64,
    ) -> BoxFuture<'a, Result<(), NodeError>> {
        Box::pin(async move { self.do_drop(node, group, replica) })
    }

    fn deny<'a>(&'a self, node: &'a str, fingerprints: &'a [String]) -> BoxFuture<'a, Result<(), NodeError>> {
        Box::pin(async move { self.do_deny(node, fingerprints) })
    }
}
