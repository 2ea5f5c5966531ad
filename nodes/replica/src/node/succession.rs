//! Changes of leaders: elections as soon as a leader's node is lost, and transfers before this node stops.

use std::time::{Duration, Instant};

use protocol::codec;

use super::Node;

/// How long a replica tries to become the leader. After that, consensus detects the missing leader by its own timeout.
const CAMPAIGN_MAX: Duration = Duration::from_secs(2);
/// The pause between two attempts. No replica votes before the lost leader's lease has expired; frequent attempts keep
/// the delay after that short.
const ATTEMPT_EVERY: Duration = Duration::from_millis(15);
/// The pause while votes are counted, for this replica or another.
const COUNTING: Duration = Duration::from_millis(120);
/// Each replica after the first in the order waits so much longer than the one before it.
const STAGGER: Duration = Duration::from_millis(60);
/// How long a leadership transfer may take.
const TRANSFER_MAX: Duration = Duration::from_secs(2);

impl Node {
    /// Starts elections in the groups that `node` led, after its session was lost.
    pub(super) fn replace_lost_leaders(&self, node: &str) {
        let Some(cluster) = self.cluster.get() else { return };
        let lease = cluster.settings(&self.options.limits).lease();
        for (group, handle) in self.handles() {
            let Some(consensus) = handle.consensus() else { continue };
            let role = consensus.role().borrow().clone();
            if role.leader_node.as_deref() != Some(node) || role.leader {
                continue;
            }
            let Some(lost) = role.leader_id else { continue };
            let status = consensus.status();
            if !status.voters.contains_key(&status.id) {
                continue;
            }
            // All voters compute the same order. It differs by group, so that different nodes get the leaders.
            let mut order: Vec<u64> = status.voters.keys().copied().filter(|id| *id != lost).collect();
            order.sort_by_key(|id| priority(&group, *id));
            let position = order.iter().position(|id| *id == status.id).unwrap_or_default();
            let wait = match u32::try_from(position) {
                Ok(0) | Err(_) => Duration::ZERO,
                Ok(position) => lease + STAGGER * position,
            };
            tracing::debug!(group, lost, position, "the leader's node was lost");
            tokio::spawn(campaign(consensus, lost, wait));
        }
    }

    /// Transfers the leadership of all groups that this node leads to other nodes, as far as there are any. Returns
    /// when the transfers have succeeded or failed.
    pub async fn transfer_leadership(&self) {
        let Some(cluster) = self.cluster.get() else { return };
        cluster.leave();
        let view = cluster.view();
        let mut transfers = Vec::new();
        for (group, handle) in self.handles() {
            let Some(consensus) = handle.consensus() else { continue };
            consensus.disable_elections();
            let status = consensus.status();
            if !consensus.role().borrow().leader {
                continue;
            }
            let candidates = status.voters.iter().filter(|(id, member)| {
                let observed = view.nodes.get(&member.node);
                let staying = observed
                    .is_some_and(|observed| observed.status.as_ref().is_none_or(|status| !status.leaving));
                **id != status.id && staying && view.is_live(&member.node)
            });
            // A voter that lacks fewer than 1000 entries counts as up to date. Among those, the order by priority
            // spreads the groups over the nodes.
            let lag = |id: &u64| {
                let matched = status.matched.get(id).copied().flatten();
                status.last_log.unwrap_or_default().saturating_sub(matched.unwrap_or_default()) / 1000
            };
            let next = candidates.map(|(id, _)| *id).min_by_key(|id| (lag(id), priority(&group, *id)));
            if let Some(next) = next {
                transfers.push(transfer(group, consensus, next));
            }
        }
        futures::future::join_all(transfers).await;
    }
}

async fn transfer(group: String, consensus: consensus::Replica, next: u64) {
    let transferred = async {
        consensus.transfer_leader(next).await.ok()?;
        consensus.wait_for_role(TRANSFER_MAX, |role| !role.leader && role.leader_id.is_some()).await
    };
    if transferred.await.is_none() {
        tracing::warn!(
            group,
            "the leadership transfer failed; the group elects a leader when this node has stopped"
        );
    }
}

/// Starts elections until the group has another leader than `lost`.
async fn campaign(consensus: consensus::Replica, lost: u64, wait: Duration) {
    let roles = consensus.role();
    let begun = Instant::now();
    let mut term = roles.borrow().term;
    tokio::time::sleep(wait).await;
    while begun.elapsed() < CAMPAIGN_MAX {
        let role = roles.borrow().clone();
        if role.stopped.is_some() || role.leader || role.leader_id.is_some_and(|leader| leader != lost) {
            return;
        }
        let pause = if role.term == term {
            if consensus.trigger_election().await.is_err() {
                return;
            }
            ATTEMPT_EVERY
        } else {
            term = role.term;
            COUNTING
        };
        tokio::time::sleep(pause.mul_f64(rand::random_range(0.75..1.25))).await;
    }
}

/// A pseudo-random number that all nodes compute alike.
fn priority(group: &str, id: u64) -> u64 {
    codec::hash128(&[group.as_bytes(), &id.to_be_bytes()]) as u64
}
