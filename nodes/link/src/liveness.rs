//! Liveness checks: detects peers that are connected but do not respond, because they are stopped, unplugged or
//! overloaded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::time::MissedTickBehavior;

use crate::call::exchange;
use crate::frame::Operation;
use crate::options::Limits;
use crate::peers::PeerTable;
use crate::session::Session;

/// Number of checks without received bytes after which the peer is pinged. More than 1, because Raft heartbeats are
/// slightly further apart than checks.
const PING_AFTER: u32 = 2;
/// The round-trip time is measured at least once in this many checks.
const PING_EVERY: u32 = 20;

/// Checks the peer until the session has ended, and ends it after `missed_pings_max` checks without received bytes. A
/// peer that sends anything is pinged only occasionally, to measure the round-trip time.
///
/// Missed checks are counted rather than elapsed time, so that a node that was itself stopped does not consider its
/// peers lost when it resumes. Any received byte counts, including part of a long response.
pub(crate) async fn watch(table: &PeerTable, session: &Arc<Session>, limits: &Limits) {
    let mut ticks = tokio::time::interval(limits.ping_every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut received, mut missed, mut since_ping) = (session.bytes_in(), 0, PING_EVERY);
    let in_flight = Arc::new(AtomicBool::new(false));
    let (measured, mut measurements) = tokio::sync::mpsc::channel(1);
    loop {
        tokio::select! {
            () = session.ended() => return,
            Some(rtt) = measurements.recv() => {
                session.set_rtt(rtt);
                table.update_rtt(session);
            }
            _ = ticks.tick() => {
                let now = session.bytes_in();
                missed = if now == received { missed + 1 } else { 0 };
                received = now;
                if missed >= limits.missed_pings_max {
                    session.close("no response to pings");
                    return;
                }
                since_ping += 1;
                if missed < PING_AFTER && since_ping < PING_EVERY {
                    continue;
                }
                since_ping = 0;
                if !in_flight.swap(true, Ordering::AcqRel) {
                    let (session, in_flight, measured) = (Arc::clone(session), Arc::clone(&in_flight), measured.clone());
                    let deadline = Instant::now() + limits.ping_every * (limits.missed_pings_max + 1);
                    tokio::spawn(async move {
                        let sent = Instant::now();
                        if exchange(&session, Operation::Ping, &[], deadline).await.is_ok() {
                            let _ = measured.try_send(sent.elapsed());
                        }
                        in_flight.store(false, Ordering::Release);
                    });
                }
            }
        }
    }
}
