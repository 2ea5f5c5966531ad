//! Who would be where if everything that is under way and planned were done.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::Refusal;
use crate::records::{Duty, GroupRecord, Home, NodeRecord, State};

/// What a disk keeps beside the groups that it takes, in bytes.
const DISK_RESERVE_BYTES: u64 = 64 << 20;

/// A group on a disk takes up to so many times its size while it arrives: what comes, and what it becomes.
const DISK_FACTOR: u64 = 2;

/// The cluster as it will be. Planning one move after the other, each sees those before it.
#[derive(Debug)]
pub struct Draft<'a> {
    state: &'a State,
    /// Node → its groups' names, as they will be.
    on: BTreeMap<String, BTreeSet<String>>,
    /// Node → bytes that will arrive there.
    arriving: BTreeMap<String, u64>,
}

impl<'a> Draft<'a> {
    /// The cluster when all that is under way is done.
    pub fn new(state: &'a State) -> Self {
        let mut draft = Self { state, on: BTreeMap::new(), arriving: BTreeMap::new() };
        for group in state.groups.values() {
            for replica in &group.replicas {
                draft.note(&replica.home.node, &group.group);
            }
            if let Some(founder) = group.founder.as_ref().filter(|_| group.replicas.is_empty()) {
                draft.note(founder, &group.group);
            }
        }
        for record in state.moves.iter().filter(|record| record.ending.is_none() && !record.leader_only) {
            for joining in &record.add {
                draft.arrives(&record.group, &joining.node);
            }
            let stays = |node: &str| record.add.iter().any(|joining| joining.node == node);
            for home in record.remove.iter().filter(|home| !stays(&home.node)) {
                draft.leaves(&record.group, &home.node);
            }
        }
        draft
    }

    fn note(&mut self, node: &str, group: &str) {
        self.on.entry(node.to_owned()).or_default().insert(group.to_owned());
    }

    /// A group comes to a node.
    pub fn arrives(&mut self, group: &str, node: &str) {
        self.note(node, group);
        let bytes = self.state.groups.get(group).map_or(0, |group| group.bytes);
        *self.arriving.entry(node.to_owned()).or_default() += bytes;
    }

    /// A group goes from a node.
    pub fn leaves(&mut self, group: &str, node: &str) {
        if let Some(groups) = self.on.get_mut(node) {
            groups.remove(group);
        }
    }

    /// How many groups a node will have.
    pub fn load(&self, node: &str) -> usize {
        self.on.get(node).map_or(0, BTreeSet::len)
    }

    /// The groups that a node will have.
    pub fn groups_on(&self, node: &str) -> impl Iterator<Item = &str> {
        self.on.get(node).into_iter().flatten().map(String::as_str)
    }

    /// How many shards of a service a node will have.
    pub fn shards_on(&self, node: &str, service: &str) -> usize {
        self.groups_on(node).filter(|group| service_of(group) == service).count()
    }

    /// Nodes that take replicas now.
    pub fn takers(&self) -> impl Iterator<Item = &'a NodeRecord> + use<'a> {
        self.state.nodes.values().filter(|node| node.up && node.duty == Duty::Serving)
    }

    /// Whether a node can take a replica of a group. `instead` go in the same move, and do not count if they are lost.
    ///
    /// # Errors
    /// What is in the way.
    pub fn may_take(&self, group: &GroupRecord, node: &str, instead: &[Home]) -> Result<(), Refusal> {
        let name = || node.to_owned();
        let record = self.state.nodes.get(node).ok_or_else(|| Refusal::NoSuchNode { node: name() })?;
        // A node that lost its disk takes its own replica's successor.
        let lost = |home: &&Home| {
            group.replicas.iter().any(|replica| replica.home == **home && replica.gone_since.is_some())
        };
        let succeeds = instead.iter().filter(lost).any(|home| home.node == node);
        let there = group.is_on(node) || self.groups_on(node).any(|other| other == group.group);
        if there && !succeeds {
            return Err(Refusal::AlreadyThere { group: group.group.clone(), node: name() });
        }
        match record.duty {
            Duty::Serving => {}
            Duty::Draining | Duty::Drained | Duty::Leaving => {
                let state = if record.duty == Duty::Drained { "drained" } else { "draining" };
                return Err(Refusal::Cordoned { node: name(), state: state.to_owned() });
            }
            Duty::Gone => return Err(Refusal::Decommissioned { node: name() }),
        }
        if !record.up {
            return Err(Refusal::NodeDown { node: name() });
        }
        self.check_rules(group, record)?;
        self.check_disk(group, record)
    }

    /// Whether the rules of the settings let a group be on a node, as things will be.
    ///
    /// # Errors
    /// The rule that is in the way.
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

    /// How many replicas more than one a zone would have, over all zones: 0 is as spread as can be.
    pub fn crowding<'n>(&self, nodes: impl IntoIterator<Item = &'n str>) -> usize {
        let mut zones: BTreeMap<&str, usize> = BTreeMap::new();
        for node in nodes {
            let zone = self.state.nodes.get(node).map_or("", |node| node.profile.zone.as_str());
            *zones.entry(zone).or_default() += 1;
        }
        zones.values().map(|count| count - 1).sum()
    }

    /// The node that takes a replica of a group best, beside those of its replicas that are on `keep`: another zone
    /// before anything else, then the node that has least.
    ///
    /// # Errors
    /// [`Refusal::NoPlace`], with what is in the way at each node.
    pub fn best(&self, group: &GroupRecord, keep: &[&str], instead: &[Home]) -> Result<String, Refusal> {
        let mut whys = Vec::new();
        let mut fit = Vec::new();
        for node in self.state.nodes.values().filter(|node| node.duty != Duty::Gone) {
            match self.may_take(group, node.name(), instead) {
                Ok(()) => fit.push(node.name()),
                // What everybody can see from the group itself needs no words.
                Err(Refusal::AlreadyThere { .. }) => {}
                Err(why) => whys.push(why.to_string()),
            }
        }
        let score = |node: &&str| {
            let crowding = self.crowding(keep.iter().copied().chain([*node]));
            (crowding, self.load(node), self.shards_on(node, &group.service), (*node).to_owned())
        };
        fit.into_iter().min_by_key(score).map(str::to_owned).ok_or_else(|| Refusal::NoPlace {
            group: group.group.clone(),
            why: if whys.is_empty() { "there is no other node".to_owned() } else { whys.join("; ") },
        })
    }
}

/// The service of a group's name.
pub(crate) fn service_of(group: &str) -> &str {
    group.split_once('/').map_or(group, |(service, _)| service)
}
