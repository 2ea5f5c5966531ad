//! The board: what each node has announced last. Everybody tells everybody; whoever reads it routes by it, or plans.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::status::GroupStatus;

/// What a node says of itself, as it was started.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Profile {
    /// Where other nodes find it: `host:port`.
    pub address: String,
    /// Where its edge listens, if it is one.
    pub http_address: Option<String>,
    /// Nodes of one zone may fail together.
    pub zone: String,
    /// What placement rules know it by.
    pub labels: Vec<String>,
    /// The program's version.
    pub version: String,
    /// Its certificate's, as `openssl x509 -fingerprint -sha256` prints it; empty without certificates.
    pub fingerprint: String,
}

/// What a node tells the others: what it is, and all that it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// Its name.
    pub node: String,
    /// Its id: another one when a node of the same name is made anew.
    pub node_id: u64,
    /// Drawn when the process started; then the announcements are counted from 1.
    pub incarnation: u64,
    /// Later ones of an incarnation have higher numbers.
    pub number: u64,
    /// What it was started with.
    pub profile: Profile,
    /// Bytes that its disk has left.
    pub disk_free_bytes: u64,
    /// It is about to stop: nothing should be moved to it.
    pub leaving: bool,
    /// All its replicas, in the order of their groups; those that could not be opened as well, given up.
    pub replicas: Vec<GroupStatus>,
}

/// A node on the board.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What it announced last, if it ever did.
    pub said: Option<Arc<Announcement>>,
    /// Whether it can be reached now; this node itself always can.
    pub live: bool,
    /// Since when it can, or cannot.
    pub since: SystemTime,
    /// The last round trip to it.
    pub rtt: Option<Duration>,
}

/// The merged view. Cheap to clone behind its `Arc`.
#[derive(Debug, Clone, Default)]
pub struct Board {
    /// By name; also nodes that are away, as they were last.
    pub nodes: BTreeMap<String, Seen>,
    /// Raft ids that count no more, by group: nobody is sent there.
    pub(crate) voids: Arc<BTreeMap<String, BTreeSet<u64>>>,
    places: HashMap<String, Places>,
}

/// Where a group's replicas are, as far as nodes that live have announced it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Who leads: the one of the latest term that says so.
    pub leader: Option<(u64, Arc<str>)>,
    /// Nodes with a replica that is open, the nearest first.
    pub replicas: Vec<Arc<str>>,
}

impl Board {
    /// Where a group's replicas are.
    pub fn places(&self, group: &str) -> Option<&Places> {
        self.places.get(group)
    }

    /// Who leads a group, and how it stands there.
    pub fn leader(&self, group: &str) -> Option<(&str, &GroupStatus)> {
        let (_, node) = self.places.get(group)?.leader.as_ref()?;
        let (node, seen) = self.nodes.get_key_value(&**node)?;
        let found = seen.said.as_ref()?.replicas.iter().find(|replica| replica.group == group)?;
        Some((node, found))
    }

    /// All replicas of a group that were announced: node, whether it can be reached, and how the replica stood.
    pub fn replicas(&self, group: &str) -> impl Iterator<Item = (&str, bool, &GroupStatus)> {
        self.nodes.iter().flat_map(move |(node, seen)| {
            let all = seen.said.iter().flat_map(|said| &said.replicas);
            all.filter(move |replica| replica.group == group)
                .map(move |replica| (node.as_str(), seen.live, replica))
        })
    }

    /// Whether a node can be reached.
    pub fn is_live(&self, node: &str) -> bool {
        self.nodes.get(node).is_some_and(|seen| seen.live)
    }

    /// Takes an announcement, unless a later one is known. Says whether it was taken.
    pub(crate) fn take(&mut self, said: Announcement, own: bool) -> bool {
        let seen = self.nodes.entry(said.node.clone()).or_insert_with(|| Seen {
            said: None,
            live: own,
            since: SystemTime::now(),
            rtt: None,
        });
        let known = seen.said.as_ref();
        if known.is_some_and(|known| known.incarnation == said.incarnation && known.number >= said.number) {
            return false;
        }
        seen.said = Some(Arc::new(said));
        true
    }

    /// A node can be reached, or cannot, since then.
    pub(crate) fn reach(&mut self, node: &str, live: bool, since: SystemTime, rtt: Option<Duration>) {
        let seen = self.nodes.entry(node.to_owned()).or_insert_with(|| Seen { said: None, live, since, rtt });
        if seen.live != live {
            seen.since = since;
        }
        (seen.live, seen.rtt) = (live, rtt);
    }

    /// A node is not to be known any more.
    pub(crate) fn forget(&mut self, node: &str) {
        self.nodes.remove(node);
    }

    /// Finds out anew where groups are. Says whether that has changed.
    pub(crate) fn find_places(&mut self, own: &str) -> bool {
        let mut places: HashMap<String, Places> = HashMap::new();
        let mut near: Vec<(&String, &Seen)> = self.nodes.iter().filter(|(_, seen)| seen.live).collect();
        near.sort_by_key(|(name, seen)| (name.as_str() != own, seen.rtt.unwrap_or(Duration::MAX)));
        for (name, seen) in near {
            let name: Arc<str> = name.as_str().into();
            for replica in seen.said.iter().flat_map(|said| &said.replicas) {
                let found = places.entry(replica.group.clone()).or_default();
                let is_void = self.voids.get(&replica.group).is_some_and(|ids| ids.contains(&replica.id));
                if replica.quarantined.is_some() || is_void {
                    continue;
                }
                found.replicas.push(Arc::clone(&name));
                let latest = found.leader.as_ref().is_none_or(|(term, _)| *term < replica.term);
                if replica.leader && latest {
                    found.leader = Some((replica.term, Arc::clone(&name)));
                }
            }
        }
        let changed = places != self.places;
        self.places = places;
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(node: &str, number: u64, replicas: &[(&str, u64, bool)]) -> Announcement {
        let replicas = replicas.iter().map(|(group, term, leader)| GroupStatus {
            group: (*group).to_owned(),
            term: *term,
            leader: *leader,
            ..GroupStatus::default()
        });
        Announcement {
            node: node.to_owned(),
            node_id: 1,
            incarnation: 1,
            number,
            profile: Profile::default(),
            disk_free_bytes: 0,
            leaving: false,
            replicas: replicas.collect(),
        }
    }

    fn leader(board: &Board) -> Option<&str> {
        board.leader("till/0").map(|(node, _)| node)
    }

    #[test]
    fn the_latest_term_of_those_that_live_leads() {
        let mut board = Board::default();
        let now = SystemTime::now();
        for (node, term) in [("n1", 3), ("n2", 4), ("n3", 2)] {
            board.take(said(node, 1, &[("till/0", term, true)]), node == "n1");
            board.reach(node, true, now, Some(Duration::from_millis(term)));
        }
        assert!(board.find_places("n1"));
        assert_eq!(leader(&board), Some("n2"));
        assert!(!board.find_places("n1"), "nothing new");
        let replicas = &board.places("till/0").unwrap().replicas;
        assert_eq!(replicas.iter().map(|node| &**node).collect::<Vec<_>>(), ["n1", "n3", "n2"], "near first");
        board.reach("n2", false, now, None);
        assert!(board.find_places("n1"));
        assert_eq!(leader(&board), Some("n1"), "who is away leads nobody");
    }

    #[test]
    fn nobody_is_sent_to_what_counts_no_more() {
        let mut board = Board::default();
        board.take(said("n1", 1, &[("till/0", 9, true)]), true);
        board.find_places("n1");
        assert_eq!(leader(&board), Some("n1"));
        // The id of all of these is 0.
        board.voids = Arc::new([("till/0".to_owned(), [0].into())].into());
        assert!(board.find_places("n1"));
        assert_eq!((leader(&board), board.places("till/0").unwrap().replicas.len()), (None, 0));
    }

    #[test]
    fn what_comes_late_does_not_undo_what_came_before() {
        let mut board = Board::default();
        assert!(board.take(said("n2", 2, &[("till/0", 3, true)]), false));
        assert!(!board.take(said("n2", 1, &[]), false));
        assert!(board.take(Announcement { incarnation: 2, ..said("n2", 1, &[]) }, false), "it was restarted");
        board.find_places("n1");
        assert_eq!(leader(&board), None);
    }
}
