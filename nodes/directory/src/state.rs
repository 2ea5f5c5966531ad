//! The trees of the directory's state. Their values are defined in [`crate::records`].

use group::{Tree, Turn, View};
use protocol::Timestamp;

use crate::contract::Refusal;
use crate::records::{AuditRecord, Cluster, GroupRecord, MoveId, MoveRecord, NodeRecord, State};
use crate::service::Directory;

/// Under 0: the cluster, once it is initialized.
pub(crate) const CLUSTER: Tree<u8, Cluster> = Tree::new(32, "cluster");

/// Nodes by name. Includes decommissioned nodes, so that their state can be queried.
pub(crate) const NODES: Tree<String, NodeRecord> = Tree::new(33, "nodes");

/// Groups by name. None is ever removed, because the number of shards is fixed.
pub(crate) const GROUPS: Tree<String, GroupRecord> = Tree::new(34, "groups");

/// Moves by number: all active moves, and the latest ended ones.
pub(crate) const MOVES: Tree<u64, MoveRecord> = Tree::new(35, "moves");

/// The latest audit records, by number.
pub(crate) const AUDIT: Tree<u64, AuditRecord> = Tree::new(36, "audit");

/// Counters, by [`counter`].
pub(crate) const COUNTERS: Tree<u8, u64> = Tree::new(37, "counters");

/// Under 0: the digest of the init, so that the same again is known.
pub(crate) const INIT_DIGEST: Tree<u8, u128> = Tree::new(38, "foundation");

/// The keys of [`COUNTERS`].
pub(crate) mod counter {
    /// Changes of the state.
    pub const REVISION: u8 = 0;
    /// Moves.
    pub const MOVE: u8 = 1;
    /// Audit records.
    pub const AUDIT: u8 = 2;
}

/// Moves that are kept, active or ended.
pub(crate) const MOVES_KEPT: u64 = 2_000;

/// Audit records that are kept.
pub(crate) const AUDIT_KEPT: u64 = 10_000;

/// Raft ids of former replicas that are kept for each group.
pub(crate) const FORMER_KEPT: usize = 256;

/// Nodes of a cluster, including decommissioned ones.
pub(crate) const NODES_MAX: usize = 1_000;

/// Groups of a cluster.
pub(crate) const GROUPS_MAX: usize = 2_000;

/// Read access to the state, in a turn or in a view.
pub(crate) trait Rows {
    fn now(&self) -> Timestamp;
    fn cluster(&self) -> Option<Cluster>;
    fn counter(&self, counter: u8) -> u64;
    fn node(&self, name: &str) -> Option<NodeRecord>;
    fn nodes(&self) -> Vec<NodeRecord>;
    fn group(&self, name: &str) -> Option<GroupRecord>;
    fn groups(&self) -> Vec<GroupRecord>;
    fn move_record(&self, id: MoveId) -> Option<MoveRecord>;

    /// A consistent copy of the state, for plans.
    fn load(&self) -> Result<State, Refusal> {
        let groups = self.groups();
        let mut ids: Vec<MoveId> = groups.iter().filter_map(|group| group.moving).collect();
        ids.sort_unstable();
        Ok(State {
            revision: self.counter(counter::REVISION),
            now: self.now(),
            cluster: self.cluster().ok_or(Refusal::NotInitialized)?,
            nodes: self.nodes().into_iter().map(|node| (node.name().to_owned(), node)).collect(),
            groups: groups.into_iter().map(|group| (group.group.clone(), group)).collect(),
            moves: ids.into_iter().filter_map(|id| self.move_record(id)).collect(),
        })
    }

    fn node_or(&self, name: &str) -> Result<NodeRecord, Refusal> {
        self.node(name).ok_or_else(|| Refusal::NoSuchNode { node: name.to_owned() })
    }

    fn group_or(&self, name: &str) -> Result<GroupRecord, Refusal> {
        self.group(name).ok_or_else(|| Refusal::NoSuchGroup { group: name.to_owned() })
    }

    fn move_or(&self, id: MoveId) -> Result<MoveRecord, Refusal> {
        self.move_record(id).ok_or(Refusal::NoSuchMove { id })
    }
}

impl Rows for Turn<'_, Directory> {
    fn now(&self) -> Timestamp {
        Turn::now(self)
    }

    fn cluster(&self) -> Option<Cluster> {
        self.get(&CLUSTER, &0)
    }

    fn counter(&self, counter: u8) -> u64 {
        self.get(&COUNTERS, &counter).unwrap_or(0)
    }

    fn node(&self, name: &str) -> Option<NodeRecord> {
        self.get(&NODES, &name.to_owned())
    }

    fn nodes(&self) -> Vec<NodeRecord> {
        self.first(&NODES, NODES_MAX).into_iter().map(|(_, node)| node).collect()
    }

    fn group(&self, name: &str) -> Option<GroupRecord> {
        self.get(&GROUPS, &name.to_owned())
    }

    fn groups(&self) -> Vec<GroupRecord> {
        self.first(&GROUPS, GROUPS_MAX).into_iter().map(|(_, group)| group).collect()
    }

    fn move_record(&self, id: MoveId) -> Option<MoveRecord> {
        self.get(&MOVES, &id.0)
    }
}

impl Rows for View<'_> {
    fn now(&self) -> Timestamp {
        View::now(self)
    }

    fn cluster(&self) -> Option<Cluster> {
        self.get(&CLUSTER, &0)
    }

    fn counter(&self, counter: u8) -> u64 {
        self.get(&COUNTERS, &counter).unwrap_or(0)
    }

    fn node(&self, name: &str) -> Option<NodeRecord> {
        self.get(&NODES, &name.to_owned())
    }

    fn nodes(&self) -> Vec<NodeRecord> {
        self.all(&NODES).map(|(_, node)| node).collect()
    }

    fn group(&self, name: &str) -> Option<GroupRecord> {
        self.get(&GROUPS, &name.to_owned())
    }

    fn groups(&self) -> Vec<GroupRecord> {
        self.all(&GROUPS).map(|(_, group)| group).collect()
    }

    fn move_record(&self, id: MoveId) -> Option<MoveRecord> {
        self.get(&MOVES, &id.0)
    }
}

/// Increments a counter, and returns its new value.
pub(crate) fn count(turn: &mut Turn<'_, Directory>, counter: u8) -> u64 {
    let next = turn.counter(counter) + 1;
    turn.put(&COUNTERS, &counter, &next);
    next
}

/// Appends an audit record, and removes the oldest one beyond the limit.
pub(crate) fn audit(turn: &mut Turn<'_, Directory>, verb: &str, subject: &str, detail: impl Into<String>) {
    let number = count(turn, counter::AUDIT);
    if let Some(old) = number.checked_sub(AUDIT_KEPT) {
        turn.remove(&AUDIT, &old);
    }
    let by = turn.caller().effective_subject().to_owned();
    let record = AuditRecord {
        number,
        at: turn.now(),
        by,
        verb: verb.to_owned(),
        subject: subject.to_owned(),
        detail: detail.into(),
    };
    turn.put(&AUDIT, &number, &record);
}

/// Stores a node.
pub(crate) fn put_node(turn: &mut Turn<'_, Directory>, node: &NodeRecord) {
    turn.put(&NODES, &node.profile.name, node);
}

/// Stores a group, its replicas in order and its former ones bounded.
pub(crate) fn put_group(turn: &mut Turn<'_, Directory>, group: &mut GroupRecord) {
    group.replicas.sort_by(|a, b| a.location.cmp(&b.location));
    let many = group.former.len();
    group.former.drain(..many.saturating_sub(FORMER_KEPT));
    turn.put(&GROUPS, &group.group, group);
}

/// Stores a move.
pub(crate) fn put_move(turn: &mut Turn<'_, Directory>, record: &MoveRecord) {
    turn.put(&MOVES, &record.id.0, record);
}
