//! The placement of groups once all active and planned moves are done.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::Refusal;
use crate::records::{GroupRecord, Lifecycle, NodeRecord, ReplicaLocation, State};

/// Disk space to keep free beside the groups that a node takes, in bytes.
const DISK_RESERVE_BYTES: u64 = 64 << 20;

/// A group needs up to this many times its size while it arrives: the snapshot, and the state made from it.
const DISK_FACTOR: u64 = 2;

/// The projected placement. Moves are planned one after the other, and each sees the ones before it.
#[derive(Debug)]
pub struct Projection<'a> {
    state: &'a State,
    /// Node → names of its groups.
    on: BTreeMap<String, BTreeSet<String>>,
    /// Node → bytes that will arrive.
    arriving: BTreeMap<String, u64>,
}

impl<'a> Projection<'a> {
    /// The placement once all active moves are done.
    pub fn new(state: &'a State) -> Self {
        let mut projection = Self { state, on: BTreeMap::new(), arriving: BTreeMap::new() };
        for group in state.groups.values() {
            for replica in &group.replicas {
                projection.add(&replica.location.node, &group.group);
            }
            if let Some(bootstrap_node) = group.bootstrap_node.as_ref().filter(|_| group.replicas.is_empty())
            {
                projection.add(bootstrap_node, &group.group);
            }
        }
        for record in state.moves.iter().filter(|record| record.abort.is_none() && !record.leader_only) {
            for target in &record.add {
                projection.arrives(&record.group, &target.node);
            }
            let stays = |node: &str| record.add.iter().any(|target| target.node == node);
            for location in record.remove.iter().filter(|location| !stays(&location.node)) {
                projection.leaves(&record.group, &location.node);
            }
        }
        projection
    }

    fn add(&mut self, node: &str, group: &str) {
        self.on.entry(node.to_owned()).or_default().insert(group.to_owned());
    }

    /// Adds a group to a node.
    pub fn arrives(&mut self, group: &str, node: &str) {
        self.add(node, group);
        let bytes = self.state.groups.get(group).map_or(0, |group| group.bytes);
        *self.arriving.entry(node.to_owned()).or_default() += bytes;
    }

    /// Removes a group from a node.
    pub fn leaves(&mut self, group: &str, node: &str) {
        if let Some(groups) = self.on.get_mut(node) {
            groups.remove(group);
        }
    }

    /// The number of groups on a node.
    pub fn load(&self, node: &str) -> usize {
        self.on.get(node).map_or(0, BTreeSet::len)
    }

    /// The groups on a node.
    pub fn groups_on(&self, node: &str) -> impl Iterator<Item = &str> {
        self.on.get(node).into_iter().flatten().map(String::as_str)
    }

    /// The number of shards of a service on a node.
    pub fn shards_on(&self, node: &str, service: &str) -> usize {
        self.groups_on(node).filter(|group| service_of(group) == service).count()
    }

    /// Nodes that take replicas now.
    pub fn takers(&self) -> impl Iterator<Item = &'a NodeRecord> + use<'a> {
        self.state.nodes.values().filter(|node| node.up && node.lifecycle == Lifecycle::Active)
    }

    /// Whether a node can take a replica of a group. `instead` are the replicas that the same move removes.
    ///
    /// # Errors
    /// Why not.
    pub fn may_take(
        &self,
        group: &GroupRecord,
        node: &str,
        instead: &[ReplicaLocation],
    ) -> Result<(), Refusal> {
        let name = || node.to_owned();
        let record = self.state.nodes.get(node).ok_or_else(|| Refusal::NoSuchNode { node: name() })?;
        // A node that lost its disk may take the replacement of its own replica.
        let lost = |location: &&ReplicaLocation| {
            group
                .replicas
                .iter()
                .any(|replica| replica.location == **location && replica.lost_since.is_some())
        };
        let succeeds = instead.iter().filter(lost).any(|location| location.node == node);
        let there = group.is_on(node) || self.groups_on(node).any(|other| other == group.group);
        if there && !succeeds {
            return Err(Refusal::AlreadyThere { group: group.group.clone(), node: name() });
        }
        match record.lifecycle {
            Lifecycle::Active => {}
            Lifecycle::Draining | Lifecycle::Drained | Lifecycle::Decommissioning => {
                let state = if record.lifecycle == Lifecycle::Drained { "drained" } else { "draining" };
                return Err(Refusal::Cordoned { node: name(), state: state.to_owned() });
            }
            Lifecycle::Decommissioned => return Err(Refusal::Decommissioned { node: name() }),
        }
        if !record.up {
            return Err(Refusal::NodeDown { node: name() });
        }
        self.check_rules(group, record)?;
        self.check_disk(group, record)
    }

    /// Whether the placement rules allow a group on a node.
    ///
    /// # Errors
    /// [`Refusal::Rule`]: the rule that forbids it.
    pub fn check_rules(&self, group: &GroupRecord, node: &NodeRecord) -> Result<(), Refusal> {
        let settings = self.state.cluster.settings.of(&group.service);
        let broken =
            |rule: String| Refusal::Rule { group: group.group.clone(), node: node.name().to_owned(), rule };
        let labelled = |label: &String| node.profile.labels.contains(label);
        if !settings.only_on.is_empty() && !settings.only_on.iter().any(labelled) {
            let labels = settings.only_on.join(", ");
            return Err(broken(format!("`{}` is only on nodes with the label {labels}", group.service)));
        }
        for other in self.groups_on(node.name()) {
            let service = service_of(other);
            if service == group.service {
                continue;
            }
            let forbids = |one: &str, other: &str| {
                self.state
                    .cluster
                    .settings
                    .services
                    .get(one)
                    .is_some_and(|settings| settings.never_with.iter().any(|never| never == other))
            };
            if forbids(&group.service, service) || forbids(service, &group.service) {
                return Err(broken(format!("`{}` is never beside `{service}`", group.service)));
            }
        }
        Ok(())
    }

    fn check_disk(&self, group: &GroupRecord, node: &NodeRecord) -> Result<(), Refusal> {
        let arriving = self.arriving.get(node.name()).copied().unwrap_or(0);
        let bytes = group.bytes.saturating_add(arriving);
        let needed_bytes = bytes.saturating_mul(DISK_FACTOR).saturating_add(DISK_RESERVE_BYTES);
        let free_bytes = node.profile.disk_free_bytes;
        if free_bytes < needed_bytes {
            return Err(Refusal::FreeDisk { node: node.name().to_owned(), free_bytes, needed_bytes });
        }
        Ok(())
    }

    /// How many replicas exceed one per zone, over all zones. 0 is the best spread.
    pub fn zone_skew<'n>(&self, nodes: impl IntoIterator<Item = &'n str>) -> usize {
        let mut zones: BTreeMap<&str, usize> = BTreeMap::new();
        for node in nodes {
            let zone = self.state.nodes.get(node).map_or("", |node| node.profile.zone.as_str());
            *zones.entry(zone).or_default() += 1;
        }
        zones.values().map(|count| count - 1).sum()
    }

    /// The best node for a replica of a group whose other replicas are on `keep`: zones count most, then load.
    ///
    /// # Errors
    /// [`Refusal::NoPlace`], with the reason for each node.
    pub fn best(
        &self,
        group: &GroupRecord,
        keep: &[&str],
        instead: &[ReplicaLocation],
    ) -> Result<String, Refusal> {
        let mut whys = Vec::new();
        let mut fit = Vec::new();
        for node in self.state.nodes.values().filter(|node| node.lifecycle != Lifecycle::Decommissioned) {
            match self.may_take(group, node.name(), instead) {
                Ok(()) => fit.push(node.name()),
                // Not worth a reason: the group has a replica there.
                Err(Refusal::AlreadyThere { .. }) => {}
                Err(why) => whys.push(why.to_string()),
            }
        }
        let score = |node: &&str| {
            let zone_skew = self.zone_skew(keep.iter().copied().chain([*node]));
            (zone_skew, self.load(node), self.shards_on(node, &group.service), (*node).to_owned())
        };
        fit.into_iter().min_by_key(score).map(str::to_owned).ok_or_else(|| Refusal::NoPlace {
            group: group.group.clone(),
            why: if whys.is_empty() { "there is no other node".to_owned() } else { whys.join("; ") },
        })
    }
}

/// The service in a group's name.
pub(crate) fn service_of(group: &str) -> &str {
    group.split_once('/').map_or(group, |(service, _)| service)
}
