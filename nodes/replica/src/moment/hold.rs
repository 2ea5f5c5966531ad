//! One node's part of a moment: its outboxes paused, its groups closed, their states pinned; each for a limited time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures::future::{join_all, try_join_all};
use tokio::sync::OwnedRwLockWriteGuard;

use super::reading::Reading;
use super::steps::{Fixed, Over, Trouble};
use crate::hush::{Denied, Work};
use crate::node::{Hosted, Node};
use crate::supervisor::SupervisorMessage;

/// What nobody asks after is over by itself: deliveries go on, pins are let go of.
pub(super) const LEASE_MAX: Duration = Duration::from_secs(30);
/// Longer than a delivery may take.
const DELIVERIES_MAX: Duration = Duration::from_secs(12);
/// Effects concern their own group and the outside: those under way are waited for a little, and for no longer.
const EFFECTS_MAX: Duration = Duration::from_secs(2);
/// How long what was proposed to a group may take to be decided, with new calls waiting behind it.
const CLOSING_MAX: Duration = Duration::from_secs(2);
/// How long a leader may take to hear from a majority.
const HEARING_MAX: Duration = Duration::from_secs(2);
/// Calls wait no longer than this for a group that a moment is fixed of.
const CLOSED_MAX: Duration = Duration::from_secs(6);
/// Backups whose pins are here, at a time: each costs memory for what is overwritten while it is read.
pub(super) const READ_MAX: usize = 2;
const OVER: &str = "it took too long, and all goes on";

/// What is held for backups.
#[derive(Default)]
pub(crate) struct Holds(Mutex<BTreeMap<u128, Arc<Hold>>>);

struct Hold {
    wanted_until: Mutex<Instant>,
    /// Nothing is proposed while these are held.
    closed: Mutex<Vec<OwnedRwLockWriteGuard<()>>>,
    groups: BTreeMap<String, Held>,
}

struct Held {
    id: u64,
    term: u64,
    reading: tokio::sync::Mutex<Reading>,
}

impl Holds {
    fn all(&self) -> MutexGuard<'_, BTreeMap<u128, Arc<Hold>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, backup: u128) -> Result<Arc<Hold>, Trouble> {
        self.all().get(&backup).cloned().ok_or_else(|| "what was pinned is let go of".into())
    }

    /// Backups whose pins are here.
    pub(super) fn count(&self) -> usize {
        self.all().len()
    }

    fn room(&self) -> Result<(), Trouble> {
        if self.count() < READ_MAX { Ok(()) } else { Err(Trouble::Full) }
    }

    /// As when nobody has asked after it for long.
    #[cfg(test)]
    pub(super) fn expire(&self, backup: u128) -> Result<(), Trouble> {
        let hold = self.get(backup)?;
        *hold.wanted_until.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn wanted_for(&self, backup: u128, now: Instant) -> Result<Duration, Trouble> {
        Ok(self.get(backup)?.wanted_for(now))
    }

    fn open(&self, backup: u128) {
        if let Ok(hold) = self.get(backup) {
            hold.open();
        }
    }

    pub fn keep(&self, backup: u128) {
        if let Ok(hold) = self.get(backup) {
            hold.keep();
        }
    }

    fn release(&self, backup: u128) {
        // Dropped when the others can be had again: closing files takes time.
        let _released = self.all().remove(&backup);
    }

    /// Lets go of everything: the node stops.
    pub fn clear(&self) {
        let _cleared = std::mem::take(&mut *self.all());
    }
}

impl Hold {
    fn open(&self) {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn is_closed(&self) -> bool {
        !self.closed.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn keep(&self) {
        *self.wanted_until.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + LEASE_MAX;
    }

    /// How long it is wanted from `now` on, if nobody asks after it.
    fn wanted_for(&self, now: Instant) -> Duration {
        let until = *self.wanted_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.saturating_duration_since(now)
    }
}

impl Node {
    /// Whether this node leads these groups, as a majority has it, and may pin them.
    pub(super) async fn lead_groups(&self, groups: &[String]) -> Result<(), Trouble> {
        let hearing = groups.iter().map(|group| async move { still_leads(group, &self.led(group)?).await });
        try_join_all(hearing).await?;
        self.holds.room()
    }

    pub(super) fn pause_for(self: &Arc<Self>, backup: u128) -> Result<(), Trouble> {
        self.hush.pause(backup, LEASE_MAX).map_err(|denied| match denied {
            Denied::Another => Trouble::Another,
            Denied::Over => OVER.into(),
        })?;
        let node = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(LEASE_MAX).await;
            if let Some(node) = node.upgrade() {
                node.end_here(backup, Over::Resumed);
            }
        });
        Ok(())
    }

    pub(super) async fn be_quiet(&self, backup: u128) -> Result<(), Trouble> {
        let deliveries = self.hush.quiet(Work::Delivery, DELIVERIES_MAX);
        let (quiet, _) = tokio::join!(deliveries, self.hush.quiet(Work::Effect, EFFECTS_MAX));
        if !quiet {
            return Err("a delivery between groups does not end".into());
        }
        self.still_paused(backup)
    }

    fn still_paused(&self, backup: u128) -> Result<(), Trouble> {
        if self.hush.is_paused_by(backup) { Ok(()) } else { Err(OVER.into()) }
    }

    /// Calls and deliveries go on, whatever is still on its way for this backup.
    pub(super) fn end_here(&self, backup: u128, over: Over) {
        let was_paused = self.hush.end(backup);
        // After that: what is being pinned meanwhile looks whether the pause is over when it is in its place.
        match over {
            Over::Resumed => self.holds.open(backup),
            Over::Released => self.holds.release(backup),
        }
        if was_paused {
            for hosted in self.hosted().values() {
                let _ = hosted.supervisor.cast(SupervisorMessage::Released);
            }
        }
    }

    pub(super) async fn pin_groups(
        self: &Arc<Self>,
        backup: u128,
        groups: Vec<String>,
    ) -> Result<Vec<Fixed>, Trouble> {
        self.still_paused(backup)?;
        let led = groups.iter().map(|group| Ok((group, self.led(group)?)));
        let led = led.collect::<Result<Vec<_>, Trouble>>()?;
        self.holds.room()?;
        let closing = led.iter().map(|(group, hosted)| async move {
            let closed = tokio::time::timeout(CLOSING_MAX, hosted.ops.gate().write_owned()).await;
            closed.map_err(|_| format!("{group}: what was proposed to it is not decided"))
        });
        let closed = try_join_all(closing).await?;
        let pinning = led.iter().map(|(group, hosted)| async move {
            let term = still_leads(group, hosted).await?;
            let ops = Arc::clone(&hosted.ops);
            let pinned = tokio::task::spawn_blocking(move || ops.pin()).await;
            let (log_index, frozen) = pinned.map_err(|_| format!("{group}: it failed"))??;
            let reading = tokio::sync::Mutex::new(Reading::of(frozen));
            let fixed = Fixed { group: (*group).clone(), log_index };
            Ok::<_, Trouble>((fixed, Held { id: hosted.id, term, reading }))
        });
        let mut fixed = Vec::new();
        let mut held = BTreeMap::new();
        for pinned in join_all(pinning).await {
            let (group, pin) = pinned?;
            held.insert(group.group.clone(), pin);
            fixed.push(group);
        }
        let hold = Arc::new(Hold {
            wanted_until: Mutex::new(Instant::now() + LEASE_MAX),
            closed: Mutex::new(closed),
            groups: held,
        });
        tokio::spawn(run_out(Arc::downgrade(self), backup, Arc::downgrade(&hold)));
        self.holds.all().insert(backup, hold);
        // It may have been over before there was anything to let go of.
        self.still_paused(backup).inspect_err(|_| self.holds.release(backup))?;
        Ok(fixed)
    }

    pub(super) async fn confirm_pins(&self, backup: u128) -> Result<(), Trouble> {
        let hold = self.holds.get(backup)?;
        let confirming = hold.groups.iter().map(|(group, held)| async move {
            let hosted = self.led(group)?;
            let term = still_leads(group, &hosted).await?;
            if hosted.id == held.id && term == held.term {
                Ok(())
            } else {
                Err(Trouble::Failed(format!("{group}: its leader has changed")))
            }
        });
        try_join_all(confirming).await?;
        if hold.is_closed() { self.still_paused(backup) } else { Err(OVER.into()) }
    }

    pub(super) async fn read_pin(&self, backup: u128, group: &str, at: u64) -> Result<Vec<u8>, Trouble> {
        let hold = self.holds.get(backup)?;
        hold.keep();
        let held = hold.groups.get(group).ok_or("it is not pinned here")?;
        held.reading.lock().await.part(at).await.map_err(Trouble::Failed)
    }

    fn led(&self, group: &str) -> Result<Hosted, Trouble> {
        let hosted = self.one(group).filter(|hosted| hosted.ops.leads());
        hosted.ok_or_else(|| Trouble::NotLed(group.to_owned()))
    }
}

/// The term in which a group is led here, known from a majority.
async fn still_leads(group: &str, hosted: &Hosted) -> Result<u64, Trouble> {
    let gone = || Trouble::NotLed(group.to_owned());
    let consensus = hosted.ops.consensus().ok_or_else(gone)?;
    let heard = tokio::time::timeout(HEARING_MAX, consensus.read_barrier()).await;
    if !matches!(heard, Ok(Ok(()))) || !consensus.is_leader() {
        return Err(gone());
    }
    Ok(consensus.status().term)
}

/// Opens groups again that are closed for too long, and lets go of pins that nobody wants any more.
async fn run_out(node: Weak<Node>, backup: u128, hold: Weak<Hold>) {
    tokio::time::sleep(CLOSED_MAX).await;
    while let Some(held) = hold.upgrade() {
        held.open();
        let left = held.wanted_for(Instant::now());
        if left.is_zero() {
            if let Some(node) = node.upgrade() {
                node.holds.release(backup);
            }
            return;
        }
        drop(held);
        tokio::time::sleep(left).await;
    }
}
