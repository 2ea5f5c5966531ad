//! Compares the state of a group's replicas: replicas that have applied the same entries must have the same state.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use replica::{Node, Task};

/// Timeout for the checksum of one replica.
const READ_MAX: Duration = Duration::from_secs(25);
/// How often checksums are taken until all replicas have applied the same entry, which is rare under load.
const ATTEMPTS: u32 = 20;
/// Pause between two attempts.
const AGAIN: Duration = Duration::from_millis(50);

/// Compares the reachable replicas of each group; returns a line for each group whose replicas differ.
pub async fn compare(node: &Arc<Node>, groups: impl Iterator<Item = &str>) -> Vec<String> {
    let compared = groups.map(|group| group_of(node, group));
    futures::future::join_all(compared).await.into_iter().flatten().collect()
}

async fn group_of(node: &Arc<Node>, group: &str) -> Option<String> {
    for _ in 0..ATTEMPTS {
        let view = Arc::clone(&node.cluster_view().borrow());
        let there = view.replicas(group).filter(|(_, live, status)| {
            // A replica that has not been contacted yet, or is a learner, may be at any entry.
            *live && status.quarantined.is_none() && status.voters.contains_key(&status.id)
        });
        let asked = there.map(|(name, _, _)| async move {
            let task = Task::Checksum { group: group.to_owned() };
            let done = node.task(name, task, READ_MAX).await.ok()?;
            Some((name.to_owned(), done.checksum?))
        });
        let taken: Vec<_> = futures::future::join_all(asked).await.into_iter().flatten().collect();
        if let Some(violation) = differing(group, &taken) {
            return Some(violation);
        }
        let (_, (first, _)) = taken.first()?;
        if taken.iter().all(|(_, (applied, _))| applied == first) {
            return None;
        }
        tokio::time::sleep(AGAIN).await;
    }
    tracing::warn!(group, "replicas never reached the same entry: not all checksums were compared");
    None
}

/// The difference between replicas that have applied the same entry.
fn differing(group: &str, taken: &[(String, (u64, u128))]) -> Option<String> {
    let mut at: BTreeMap<u64, Vec<(&str, u128)>> = BTreeMap::new();
    for (node, (applied, sum)) in taken {
        at.entry(*applied).or_default().push((node, *sum));
    }
    at.into_iter().find_map(|(applied, sums)| {
        let (_, first) = sums.first()?;
        let same = sums.iter().all(|(_, sum)| sum == first);
        let listed =
            || sums.iter().map(|(node, sum)| format!("{node} {:08x}", sum >> 96)).collect::<Vec<_>>();
        (!same).then(|| format!("{group}: its replicas differ at entry {applied}: {}", listed().join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::differing;

    #[test]
    fn only_replicas_at_one_entry_are_compared() {
        let taken = |sums: &[(u64, u128)]| -> Vec<_> {
            sums.iter().enumerate().map(|(at, sum)| (format!("n{}", at + 1), *sum)).collect()
        };
        assert_eq!(differing("till/0", &taken(&[(7, 1), (7, 1), (8, 2)])), None);
        assert_eq!(differing("till/0", &[]), None);
        let violation = differing("till/0", &taken(&[(7, 1), (8, 2), (7, 3 << 96)])).unwrap();
        assert_eq!(violation, "till/0: its replicas differ at entry 7: n1 00000000, n3 00000003");
    }
}
