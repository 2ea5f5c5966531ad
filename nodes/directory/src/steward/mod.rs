//! The steward: looks at the nodes, records what it sees, and does what the records ask for.
//!
//! One runs on each node that has a replica of the directory, and works while that replica leads. Whatever it does may
//! be cut off anywhere: all that matters is in the records, and every task can be done again.
//!
//! Order is what makes that safe:
//! - what the nodes show is read before the records are: a replica that is in no record then is in none that this steward
//!   has yet to learn of, unless a move that is `adding` there is about to record it;
//! - a replica is deleted as stale only while a leader that is in the records is there and does not count it in;
//! - `switching` is recorded before the voters change, and nothing turns back from there.
//!
//! Deliberately absent: deciding what should be done ([`crate::plan`] does, from the records).

mod chores;
mod look;
mod pace;
mod perform;
mod records;
mod track;

pub use pace::Pace;
pub use records::{ClientRecords, Records};

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::hands::Hands;
use crate::records::{MoveId, Progress};
use crate::service::Bell;
use look::Reign;
use track::Tracks;

/// What the steward works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Means {
    pub hands: Arc<dyn Hands>,
    pub records: Arc<dyn Records>,
    pub pace: Pace,
    pub tracks: Tracks,
}

/// See the module.
pub struct Steward {
    means: Means,
    bell: Bell,
}

impl Steward {
    /// `bell` is the one that this node's [`crate::Directory`] rings.
    pub fn new(hands: Arc<dyn Hands>, records: Arc<dyn Records>, bell: Bell, pace: Pace) -> Self {
        Self { means: Means { hands, records, pace, tracks: Tracks::default() }, bell }
    }

    /// How the moves that are performed here come along, as it changes: fresh to some milliseconds, where the records
    /// ([`crate::MoveRecord::progress`]) are fresh to a second. Empty on nodes whose steward does not work.
    pub fn progress(&self) -> watch::Receiver<Arc<BTreeMap<MoveId, Progress>>> {
        self.means.tracks.watch()
    }

    /// Works whenever `leads` says that this node leads the directory, until the sender of that is gone. Dropping the
    /// future stops everything that it does at once, which is safe at any moment.
    pub async fn run(&self, mut leads: watch::Receiver<bool>) {
        while leads.wait_for(|leads| *leads).await.is_ok() {
            tracing::info!("the steward begins");
            tokio::select! {
                () = self.reign() => {}
                deposed = leads.wait_for(|leads| !*leads) => if deposed.is_err() { return },
            }
            self.means.tracks.clear();
            tracing::info!("the steward ends: another node leads the directory");
        }
    }

    /// Looks and acts, for ever. Tasks that it has begun end when this is dropped.
    pub async fn reign(&self) {
        let pace = &self.means.pace;
        let mut reign = Reign::new(self.means.clone());
        loop {
            let next = Instant::now() + pace.breath;
            if let Err(why) = reign.look().await {
                tracing::debug!(%why, "the steward cannot look now");
            }
            let wait = async {
                tokio::select! {
                    () = self.means.hands.changed() => {}
                    () = self.bell.rung() => {}
                    () = reign.job_done() => {}
                }
            };
            // Whatever happens, it looks now and then; and never without a breath between.
            let _ = timeout(pace.look_every, wait).await;
            sleep_until(next).await;
        }
    }
}

impl std::fmt::Debug for Steward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Steward")
    }
}
