//! Finds peers that are connected but not there: stopped, unplugged, or starved.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::time::MissedTickBehavior;

use crate::call::exchange;
use crate::frame::Operation;
use crate::options::Limits;
use crate::peers::PeerTable;
use crate::session::Session;

/// A peer that was silent for so many looks is asked whether it is there: heartbeats are a little further apart than looks.
const SILENT_PINGED: u32 = 2;
/// A round trip is measured once in so many looks, at the least.
const MEASURE_EVERY: u32 = 20;

/// Watches the peer until the session is over, and ends it when nothing was heard for `missed_pings_max` looks. A peer that
/// says something anyway is not pinged, but for now and then, to measure the way to it.
///
/// Silence is counted in pings, not on the clock: a node that was stopped itself must not, once it wakes, take its peers
/// for dead. Whatever arrives is a sign of life, be it a part of a long answer.
pub(crate) async fn watch(table: &PeerTable, session: &Arc<Session>, limits: &Limits) {
    let mut ticks = tokio::time::interval(limits.ping_every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut heard, mut silent, mut unmeasured) = (session.bytes_in(), 0, MEASURE_EVERY);
    let under_way = Arc::new(AtomicBool::new(false));
    let (measured, mut news) = tokio::sync::mpsc::channel(1);
    loop {
        tokio::select! {
            () = session.gone() => return,
            Some(rtt) = news.recv() => {
                session.set_rtt(rtt);
                table.measured(session);
            }
            _ = ticks.tick() => {
                let now = session.bytes_in();
                silent = if now == heard { silent + 1 } else { 0 };
                heard = now;
                if silent >= limits.missed_pings_max {
                    session.close("it is silent");
                    return;
                }
                unmeasured += 1;
                if silent < SILENT_PINGED && unmeasured < MEASURE_EVERY {
                    continue;
                }
                unmeasured = 0;
                if !under_way.swap(true, Ordering::AcqRel) {
                    let (session, under_way, measured) = (Arc::clone(session), Arc::clone(&under_way), measured.clone());
                    let deadline = Instant::now() + limits.ping_every * (limits.missed_pings_max + 1);
                    tokio::spawn(async move {
                        let sent = Instant::now();
                        if exchange(&session, Operation::Ping, &[], deadline).await.is_ok() {
                            let _ = measured.try_send(sent.elapsed());
                        }
                        under_way.store(false, Ordering::Release);
                    });
                }
            }
        }
    }
}
