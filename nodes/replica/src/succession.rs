//! Who leads next: elections at once when a leader's node is lost, and handing over before this one goes.

use std::time::{Duration, Instant};

use protocol::codec;

use crate::node::Node;

/// Attempts at an election go on for so long; after that, a replica misses its leader by itself.
const CAMPAIGN_MAX: Duration = Duration::from_secs(2);
/// Between two attempts: nobody gives a vote before the lost leader's lease is over, and then it is a matter of moments.
const ATTEMPT_EVERY: Duration = Duration::from_millis(15);
/// While votes are being counted, here or for somebody else, nobody is disturbed for so long.
const COUNTING: Duration = Duration::from_millis(120);
/// Those who are not the first in line leave the others so much time each.
const NEXT_IN_LINE: Duration = Duration::from_millis(60);
/// How long a successor may take.
const HAND_OVER_MAX: Duration = Duration::from_secs(2);

impl Node {
    /// The session with a node is gone: the groups that are led there get other leaders.
    pub(crate) fn lost(&self, node: &str) {
        let Some(cluster) = self.cluster.get() else { return };
        let lease = cluster.settings(&self.options.limits).lease();
        for (group, hosted) in self.hosted() {
            let Some(consensus) = hosted.ops.consensus() else { continue };
            let role = consensus.role().borrow().clone();
            if role.leader_node.as_deref() != Some(node) || role.leader {
                continue;
            }
            let Some(gone) = role.leader_id else { continue };
            let status = consensus.status();
            if !status.voters.contains_key(&status.id) {
                continue;
            }
            // All agree on who comes first, and different groups on different nodes.
            let mut line: Vec<u64> = status.voters.keys().copied().filter(|id| *id != gone).collect();
            line.sort_by_key(|id| lot(&group, *id));
            let place = line.iter().position(|id| *id == status.id).unwrap_or_default();
            let wait = match u32::try_from(place) {
                Ok(0) | Err(_) => Duration::ZERO,
                Ok(place) => lease + NEXT_IN_LINE * place,
            };
            tracing::debug!(group, gone, place, "the leader's node is lost");
            tokio::spawn(campaign(consensus, gone, wait));
        }
    }

    /// Lets others lead what this node leads, where there are others. Returns when they do, or do not.
    pub async fn hand_over(&self) {
        let Some(cluster) = self.cluster.get() else { return };
        cluster.leave();
        let board = cluster.board();
        let mut handing = Vec::new();
        for (group, hosted) in self.hosted() {
            let Some(consensus) = hosted.ops.consensus() else { continue };
            consensus.disable_elections();
            let status = consensus.status();
            if !consensus.role().borrow().leader {
                continue;
            }
            let there = status.voters.iter().filter(|(id, member)| {
                let seen = board.nodes.get(&member.node);
                let staying = seen.is_some_and(|seen| seen.said.as_ref().is_none_or(|said| !said.leaving));
                **id != status.id && staying && board.is_live(&member.node)
            });
            // Who has nearly all has it all in a moment; among these the lot decides, so that not one node gets all.
            let lag = |id: &u64| {
                let matched = status.matched.get(id).copied().flatten();
                status.last_log.unwrap_or_default().saturating_sub(matched.unwrap_or_default()) / 1000
            };
            let next = there.map(|(id, _)| *id).min_by_key(|id| (lag(id), lot(&group, *id)));
            if let Some(next) = next {
                handing.push(hand(group, consensus, next));
            }
        }
        futures::future::join_all(handing).await;
    }
}

async fn hand(group: String, consensus: consensus::Replica, next: u64) {
    let handed = async {
        consensus.transfer_leader(next).await.ok()?;
        consensus.wait_for_role(HAND_OVER_MAX, |role| !role.leader && role.leader_id.is_some()).await
    };
    if handed.await.is_none() {
        tracing::warn!(group, "nobody took over; the group elects somebody when this node is gone");
    }
}

/// Has a replica stand for election until there is another leader than the one that is gone.
async fn campaign(consensus: consensus::Replica, gone: u64, wait: Duration) {
    let roles = consensus.role();
    let begun = Instant::now();
    let mut term = roles.borrow().term;
    tokio::time::sleep(wait).await;
    while begun.elapsed() < CAMPAIGN_MAX {
        let role = roles.borrow().clone();
        if role.stopped.is_some() || role.leader || role.leader_id.is_some_and(|leader| leader != gone) {
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

/// A number that all nodes draw alike.
fn lot(group: &str, id: u64) -> u64 {
    codec::hash128(&[group.as_bytes(), &id.to_be_bytes()]) as u64
}
