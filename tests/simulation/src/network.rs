//! Deliveries between groups, and the leaders' memory of them. Packets are lost, duplicated, delayed and reordered; responses
//! are lost; a new leader has only the store.

use std::collections::{BTreeMap, BTreeSet};

use group::Outgoing;

use crate::member::Violation;
use crate::world::{MEMBERS, Sabotage, World};

/// The most rows in one delivery.
const ROWS_MAX: usize = 12;

/// Outbox rows in transit.
#[derive(Debug, Clone)]
struct Packet {
    from: usize,
    to: usize,
    /// The sender's era when it was sent; `None` if the sender does not wait for the response.
    era: Option<u64>,
    floor: u64,
    rows: Vec<(u64, Vec<u8>)>,
}

/// What a leader has in memory.
#[derive(Debug, Default)]
pub struct Leading {
    era: u64,
    /// The groups to which a delivery is in progress.
    busy: BTreeSet<usize>,
    /// The ordering keys with an effect in progress.
    pub lanes: BTreeSet<u128>,
    /// The number of failed attempts of each row's effect.
    pub attempts: BTreeMap<u64, u32>,
}

/// The network and the memory of all leaders.
#[derive(Debug, Default)]
pub struct Network {
    packets: Vec<Packet>,
    leading: BTreeMap<usize, Leading>,
    /// Whether faults are switched off.
    pub healed: bool,
}

impl World {
    /// The memory of a group's leader; empty for a new leader.
    pub fn leading(&mut self, at: usize) -> &mut Leading {
        let era = self.member(at).era();
        let leading = self.network.leading.entry(at).or_default();
        if leading.era != era {
            *leading = Leading { era, ..Leading::default() };
        }
        leading
    }

    /// Sends outbox rows of a random group to another. Returns false if there is nothing to send.
    ///
    /// # Errors
    /// A violation.
    pub fn send_some(&mut self) -> Result<bool, Violation> {
        let first = self.rng.below(MEMBERS);
        for from in (first..MEMBERS).chain(0..first) {
            let mut streams: BTreeMap<usize, Vec<(u64, Vec<u8>)>> = BTreeMap::new();
            for (row, outgoing) in self.member(from).outbox()? {
                if let Outgoing::Event { service, slot, command, .. } = outgoing {
                    let to = Self::number(&service, slot).ok_or(format!("an event to {service}"))?;
                    streams.entry(to).or_default().push((row, command));
                }
            }
            let busy = self.leading(from).busy.clone();
            let idle: Vec<_> = streams.into_iter().filter(|(to, _)| !busy.contains(to)).collect();
            if let Some((to, rows)) = self.rng.pick(&idle).cloned() {
                let count = 1 + self.rng.below(ROWS_MAX);
                let floor = rows[0].0;
                let rows: Vec<_> = rows.into_iter().take(count).collect();
                let numbers: Vec<_> = rows.iter().map(|(row, _)| *row).collect();
                let (sender, receiver) =
                    (self.member(from).name().to_owned(), self.member(to).name().to_owned());
                self.trace.note(format_args!("{sender} sends {numbers:?} to {receiver}"));
                let leading = self.leading(from);
                leading.busy.insert(to);
                let era = Some(leading.era);
                self.network.packets.push(Packet { from, to, era, floor, rows });
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Delivers, loses, delays or duplicates a random packet. Returns false if there is none.
    ///
    /// # Errors
    /// A violation.
    pub fn carry_some(&mut self) -> Result<bool, Violation> {
        if self.network.packets.is_empty() {
            return Ok(false);
        }
        let at = self.rng.below(self.network.packets.len());
        let fate = if self.network.healed { 99 } else { self.rng.below(100) };
        match fate {
            // The packet is lost; the sender times out and retries.
            0..12 => {
                let packet = self.network.packets.swap_remove(at);
                self.trace.note("a packet is lost");
                if self.sabotage == Sabotage::EventsVanish {
                    return self.answered(packet).map(|()| true);
                }
                self.stop_waiting(&packet);
            }
            // The packet is delayed until after the sender's timeout.
            12..24 => {
                let packet = self.network.packets[at].clone();
                self.trace.note("a packet is late");
                self.stop_waiting(&packet);
                self.network.packets[at].era = None;
            }
            // The packet is delivered, and the response is lost.
            24..36 => {
                let packet = self.network.packets.swap_remove(at);
                self.arrive(&packet)?;
                self.trace.note("  the answer is lost");
                self.stop_waiting(&packet);
            }
            // The packet is delivered now and once more later.
            36..48 => {
                let packet = self.network.packets[at].clone();
                self.network.packets[at].era = None;
                self.arrive(&packet)?;
                self.answered(packet)?;
            }
            _ => {
                let packet = self.network.packets.swap_remove(at);
                self.arrive(&packet)?;
                self.answered(packet)?;
            }
        }
        Ok(true)
    }

    fn arrive(&mut self, packet: &Packet) -> Result<(), Violation> {
        let (mut from, stamp) = (self.name_of(packet.from), self.stamp());
        if self.sabotage == Sabotage::InboxesForget {
            from = format!("{from}/{}", stamp.entropy);
        }
        let to = self.member(packet.to);
        let refused = to.deliver(&from, packet.floor, packet.rows.clone(), stamp)?;
        let to = to.name().to_owned();
        let rows: Vec<_> = packet.rows.iter().map(|(row, _)| *row).collect();
        self.trace.note(format_args!("{to} gets {rows:?} from {from}"));
        // A refused row would be parked and block its stream until an operator resolves it.
        match rows.iter().zip(refused).find_map(|(row, refused)| refused.map(|why| (row, why))) {
            None => Ok(()),
            Some((row, why)) => Err(format!("{to} refuses row {row} of {from}: {why}")),
        }
    }

    fn answered(&mut self, packet: Packet) -> Result<(), Violation> {
        let current = Some(self.member(packet.from).era());
        if packet.era == current {
            let done = packet.rows.iter().map(|(row, _)| *row).collect();
            self.member(packet.from).settle(done)?;
            self.leading(packet.from).busy.remove(&packet.to);
        }
        Ok(())
    }

    fn stop_waiting(&mut self, packet: &Packet) {
        if packet.era == Some(self.member(packet.from).era()) {
            self.leading(packet.from).busy.remove(&packet.to);
        }
    }
}
