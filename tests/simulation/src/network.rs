//! Deliveries between groups, and what leaders remember of them: packets get lost, come twice, late and out of order;
//! answers get lost; a new leader knows only what the store says.

use std::collections::{BTreeMap, BTreeSet};

use group::Outgoing;

use crate::member::Violation;
use crate::world::{MEMBERS, Sabotage, World};

/// Rows in one delivery at most.
const ROWS_MAX: usize = 12;

/// Rows on their way.
#[derive(Debug, Clone)]
struct Packet {
    from: usize,
    to: usize,
    /// Of the sender, when it was sent; none: nobody waits for the answer.
    era: Option<u64>,
    floor: u64,
    rows: Vec<(u64, Vec<u8>)>,
}

/// What a leader has in memory.
#[derive(Debug, Default)]
pub struct Leading {
    era: u64,
    /// Groups that a delivery is under way to.
    busy: BTreeSet<usize>,
    /// Keys of which an effect is being performed.
    pub lanes: BTreeSet<u128>,
    /// How often the effect of a row has failed.
    pub attempts: BTreeMap<u64, u32>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Network {
    packets: Vec<Packet>,
    leading: BTreeMap<usize, Leading>,
    /// Nothing is lost any more.
    pub healed: bool,
}

impl World {
    /// What the leader of a group has in memory: nothing, if it is a new one.
    pub fn leading(&mut self, at: usize) -> &mut Leading {
        let era = self.member(at).era();
        let leading = self.network.leading.entry(at).or_default();
        if leading.era != era {
            *leading = Leading { era, ..Leading::default() };
        }
        leading
    }

    /// Some group sends rows of its outbox to another. False when there is nothing to send.
    ///
    /// # Errors
    /// When something is broken.
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

    /// Something happens to a packet. False when there is none.
    ///
    /// # Errors
    /// When something is broken.
    pub fn carry_some(&mut self) -> Result<bool, Violation> {
        if self.network.packets.is_empty() {
            return Ok(false);
        }
        let at = self.rng.below(self.network.packets.len());
        let fate = if self.network.healed { 99 } else { self.rng.below(100) };
        match fate {
            // Lost; the sender waits in vain, and tries again.
            0..12 => {
                let packet = self.network.packets.swap_remove(at);
                self.trace.note("a packet is lost");
                if self.sabotage == Sabotage::EventsVanish {
                    return self.answered(packet).map(|()| true);
                }
                self.stop_waiting(&packet);
            }
            // Late: the sender has given up on it, and yet it comes one day.
            12..24 => {
                let packet = self.network.packets[at].clone();
                self.trace.note("a packet is late");
                self.stop_waiting(&packet);
                self.network.packets[at].era = None;
            }
            // It arrives, and the answer is lost.
            24..36 => {
                let packet = self.network.packets.swap_remove(at);
                self.arrive(&packet)?;
                self.trace.note("  the answer is lost");
                self.stop_waiting(&packet);
            }
            // It arrives, and will once more.
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
        // A row that is refused would be parked, and block its stream until an operator comes.
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
