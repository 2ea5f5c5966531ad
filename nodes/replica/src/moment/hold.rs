//! One node's part of a moment: its outboxes paused, its groups closed, their states pinned; each for a limited time.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures::future::{join_all, try_join_all};
use tokio::sync::{OwnedRwLockWriteGuard, mpsc};

use super::steps::Fixed;
use crate::hush::Work;
use crate::node::{Hosted, Node};
use crate::ops::Frozen;
use crate::supervisor::SupervisorMessage;

/// Deliveries go on by themselves after this.
const PAUSE_MAX: Duration = Duration::from_secs(30);
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
/// Pins that nobody asks after are let go of.
const KEPT_MAX: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Backups whose pins are here, at a time: each costs memory for what is overwritten while it is read.
const HOLDS_MAX: usize = 2;
const PART_BYTES: usize = 512 << 10;
/// Parts that are read ahead.
const AHEAD: usize = 2;

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

enum Reading {
    Pinned(Frozen),
    Going { parts: mpsc::Receiver<Result<Vec<u8>, String>>, at: u64 },
    Over,
}

impl Holds {
    fn all(&self) -> MutexGuard<'_, BTreeMap<u128, Arc<Hold>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, backup: u128) -> Result<Arc<Hold>, String> {
        self.all().get(&backup).cloned().ok_or_else(|| "what was pinned is let go of".to_owned())
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

    pub fn release(&self, backup: u128) {
        self.all().remove(&backup);
    }

    /// Lets go of everything: the node stops.
    pub fn clear(&self) {
        self.all().clear();
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
        *self.wanted_until.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + KEPT_MAX;
    }

    fn is_wanted(&self) -> bool {
        Instant::now() < *self.wanted_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Node {
    pub(super) async fn pause_deliveries(self: &Arc<Self>, backup: u128) -> Result<(), String> {
        if !self.hush.pause(backup, PAUSE_MAX) {
            return Err("another backup is being made".to_owned());
        }
        let node = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(PAUSE_MAX).await;
            if let Some(node) = node.upgrade() {
                node.go_on(backup);
            }
        });
        let deliveries = self.hush.quiet(Work::Delivery, DELIVERIES_MAX);
        let (quiet, _) = tokio::join!(deliveries, self.hush.quiet(Work::Effect, EFFECTS_MAX));
        if quiet { Ok(()) } else { Err("a delivery between groups does not end".to_owned()) }
    }

    /// Calls and deliveries go on.
    pub(super) fn go_on(&self, backup: u128) {
        self.holds.open(backup);
        if self.hush.resume(backup) {
            for hosted in self.hosted().values() {
                let _ = hosted.supervisor.cast(SupervisorMessage::Released);
            }
        }
    }

    pub(super) async fn pin_groups(
        self: &Arc<Self>,
        backup: u128,
        groups: Vec<String>,
    ) -> Result<Vec<Fixed>, String> {
        if !self.hush.is_paused_by(backup) {
            return Err("deliveries go on here".to_owned());
        }
        if self.holds.all().len() >= HOLDS_MAX {
            return Err("other backups are being read".to_owned());
        }
        let led = groups.iter().map(|group| Ok((group, self.led(group)?)));
        let led = led.collect::<Result<Vec<_>, String>>()?;
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
            let reading = tokio::sync::Mutex::new(Reading::Pinned(frozen));
            let fixed = Fixed { group: (*group).clone(), log_index };
            Ok::<_, String>((fixed, Held { id: hosted.id, term, reading }))
        });
        let mut fixed = Vec::new();
        let mut held = BTreeMap::new();
        for pinned in join_all(pinning).await {
            let (group, pin) = pinned?;
            held.insert(group.group.clone(), pin);
            fixed.push(group);
        }
        let hold = Arc::new(Hold {
            wanted_until: Mutex::new(Instant::now() + KEPT_MAX),
            closed: Mutex::new(closed),
            groups: held,
        });
        tokio::spawn(run_out(Arc::downgrade(self), backup, Arc::downgrade(&hold)));
        self.holds.all().insert(backup, hold);
        Ok(fixed)
    }

    pub(super) async fn confirm_pins(&self, backup: u128) -> Result<(), String> {
        let hold = self.holds.get(backup)?;
        let confirming = hold.groups.iter().map(|(group, held)| async move {
            let hosted = self.led(group)?;
            let term = still_leads(group, &hosted).await?;
            if hosted.id == held.id && term == held.term {
                Ok(())
            } else {
                Err(format!("{group}: its leader has changed"))
            }
        });
        try_join_all(confirming).await?;
        if hold.is_closed() && self.hush.is_paused_by(backup) {
            Ok(())
        } else {
            Err("it took too long, and all goes on".to_owned())
        }
    }

    pub(super) async fn read_pin(&self, backup: u128, group: &str, at: u64) -> Result<Vec<u8>, String> {
        let hold = self.holds.get(backup)?;
        hold.keep();
        let held = hold.groups.get(group).ok_or("it is not pinned here")?;
        let mut reading = held.reading.lock().await;
        *reading = match std::mem::replace(&mut *reading, Reading::Over) {
            Reading::Pinned(frozen) => Reading::Going { parts: read(frozen), at: 0 },
            other => other,
        };
        let part = match &mut *reading {
            Reading::Going { parts, at: there } if *there == at => {
                let part = parts.recv().await.unwrap_or_else(|| Err("reading it failed".to_owned()));
                if let Ok(part) = &part {
                    *there += part.len() as u64;
                }
                part
            }
            Reading::Going { .. } | Reading::Pinned(_) | Reading::Over => {
                Err("it was read further, or not so far".to_owned())
            }
        };
        if part.as_ref().map_or(true, Vec::is_empty) {
            *reading = Reading::Over;
        }
        part
    }

    fn led(&self, group: &str) -> Result<Hosted, String> {
        let hosted = self.one(group).filter(|hosted| hosted.ops.leads());
        hosted.ok_or_else(|| format!("{group} is not led here any more"))
    }
}

/// The term in which a group is led here, known from a majority.
async fn still_leads(group: &str, hosted: &Hosted) -> Result<u64, String> {
    let gone = || format!("{group} is not led here any more");
    let consensus = hosted.ops.consensus().ok_or_else(gone)?;
    let heard = tokio::time::timeout(HEARING_MAX, consensus.read_barrier()).await;
    if !matches!(heard, Ok(Ok(()))) || !consensus.leads() {
        return Err(gone());
    }
    Ok(consensus.status().term)
}

/// Opens groups again that are closed for too long, and lets go of pins that nobody wants any more.
async fn run_out(node: Weak<Node>, backup: u128, hold: Weak<Hold>) {
    tokio::time::sleep(CLOSED_MAX).await;
    while let Some(held) = hold.upgrade() {
        held.open();
        if !held.is_wanted() {
            if let Some(node) = node.upgrade() {
                node.holds.release(backup);
            }
            return;
        }
        drop(held);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Reads a pinned state on a thread of its own, in parts; an empty one comes after the last.
fn read(frozen: Frozen) -> mpsc::Receiver<Result<Vec<u8>, String>> {
    let (sender, parts) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut out = Parts { sender, part: Vec::with_capacity(PART_BYTES) };
        let ended = match frozen.export(&mut out) {
            Ok(_) => out.send().map(|()| Vec::new()).map_err(|error| error.to_string()),
            Err(fault) => Err(fault.to_string()),
        };
        // Nobody reads any more where this fails.
        let _ = out.sender.blocking_send(ended);
    });
    parts
}

struct Parts {
    sender: mpsc::Sender<Result<Vec<u8>, String>>,
    part: Vec<u8>,
}

impl Parts {
    fn send(&mut self) -> std::io::Result<()> {
        if self.part.is_empty() {
            return Ok(());
        }
        let part = std::mem::replace(&mut self.part, Vec::with_capacity(PART_BYTES));
        self.sender.blocking_send(Ok(part)).map_err(|_| std::io::Error::other("nobody reads any more"))
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = bytes.len().min(PART_BYTES - self.part.len());
        self.part.extend_from_slice(&bytes[..taken]);
        if self.part.len() == PART_BYTES {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
