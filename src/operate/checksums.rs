//! Whether all replicas of a group have the same state: they do where the same entries were applied.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use replica::{Node, Task};

/// How long a replica may take to read all that it has.
const READ_MAX: Duration = Duration::from_secs(25);
/// So often replicas are asked until they stand at one entry: under load they hardly ever do.
const ATTEMPTS: u32 = 20;
/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(50);

/// Compares the replicas of each group that can be reached; brings a line for each group whose replicas differ.
pub async fn compare(node: &Arc<Node>, groups: impl Iterator<Item = &str>) -> Vec<String> {
    let compared = groups.map(|group| group_of(node, group));
    futures::future::join_all(compared).await.into_iter().flatten().collect()
}

async fn group_of(node: &Arc<Node>, group: &str) -> Option<String> {
    for _ in 0..ATTEMPTS {
        let board = Arc::clone(&node.cluster_view().borrow());
        let there = board.replicas(group).filter(|(_, live, status)| {
            // Who was never spoken to, or only listens as yet, may be anywhere.
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
    tracing::warn!(group, "its replicas never stood at one entry: their checksums were not all compared");
    None
}

/// Replicas that stand at one entry, and differ.
fn differing(group: &str, taken: &[(String, (u64, u128))]) -> Option<String> {
    let mut at: BTreeMap<u64, Vec<(&str, u128)>> = BTreeMap::new();
    for (node, (applied, sum)) in taken {
        at.entry(*applied).or_default().push((node, *sum));
    }
    at.into_iter().find_map(|(applied, sums)| {
        let (_, first) = sums.first()?;
        let same = sums.iter().all(|(_, sum)| sum == first);
        let told = || sums.iter().map(|(node, sum)| format!("{node} {:08x}", sum >> 96)).collect::<Vec<_>>();
        (!same).then(|| format!("{group}: its replicas differ at entry {applied}: {}", told().join(", ")))
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
