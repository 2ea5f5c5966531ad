//! The calendar of a room type over a range of nights: reads and writes the stored rows that contain them.

use contracts::reservations::{CALENDAR_NIGHTS_MAX, Nights, Refusal, Restriction};
use contracts::search::{Night, UpdateTakenRooms};
use contracts::{Date, HotelId, RoomTypeId, Stay};
use group::{Turn, View};

use crate::Reservations;
use crate::chunk::{Chunk, place};
use crate::state::CALENDAR;

/// The last day that a calendar can contain: 2100-01-01, in days since 1970-01-01.
const LAST_DAY: i32 = 47_482;

/// Consecutive rows of one room type.
pub(crate) struct Calendar {
    room_type: RoomTypeId,
    /// The number of the first row.
    first: i32,
    /// Each row, and whether it was changed.
    chunks: Vec<(Chunk, bool)>,
}

impl Calendar {
    /// Reads the rows of `from` to `to`, both included, in a turn.
    pub fn of_turn(turn: &Turn<'_, Reservations>, room_type: RoomTypeId, from: Date, to: Date) -> Self {
        Self::read(room_type, from, to, |key| turn.get(&CALENDAR, key))
    }

    /// Reads the rows of `from` to `to`, both included, in a query.
    pub fn of_view(view: &View<'_>, room_type: RoomTypeId, from: Date, to: Date) -> Self {
        Self::read(room_type, from, to, |key| view.get(&CALENDAR, key))
    }

    fn read(
        room_type: RoomTypeId,
        from: Date,
        to: Date,
        get: impl Fn(&(RoomTypeId, i32)) -> Option<Chunk>,
    ) -> Self {
        let (first, last) = (place(from).0, place(to).0);
        let chunks =
            (first..=last).map(|chunk| (get(&(room_type, chunk)).unwrap_or_default(), false)).collect();
        Self { room_type, first, chunks }
    }

    /// The row of a night, and the night's index in it.
    pub fn at(&self, night: Date) -> (&Chunk, u8) {
        let (chunk, index) = place(night);
        (&self.chunks[(chunk - self.first).unsigned_abs() as usize].0, index)
    }

    /// Like [`Self::at`], mutable. The row is written by [`Self::write`].
    pub fn at_mut(&mut self, night: Date) -> (&mut Chunk, u8) {
        let (chunk, index) = place(night);
        let (row, changed) = &mut self.chunks[(chunk - self.first).unsigned_abs() as usize];
        *changed = true;
        (row, index)
    }

    /// The available rooms of a night. `own` is the room type's number of rooms, which the calendar can override.
    pub fn free(&self, night: Date, own: u32) -> u32 {
        let (chunk, index) = self.at(night);
        chunk.rooms(index).unwrap_or(own).saturating_sub(chunk.taken(index))
    }

    /// A night in the form that search uses.
    pub fn night(&self, night: Date) -> Night {
        let (chunk, index) = self.at(night);
        chunk.night(index)
    }

    /// Refuses a stay that a restriction forbids. The calendar must contain the check-out date, which is not a night of the
    /// stay but can be closed to departure.
    pub fn check_restrictions(&self, stay: Stay) -> Result<(), Refusal> {
        if let Some(night) = stay.nights().find(|night| self.night(*night).stop_sell) {
            return Err(Refusal::StopSell { night });
        }
        let (day, last) = (stay.check_in(), stay.check_out());
        let arrival = self.night(day);
        let restriction = if arrival.closed_to_arrival {
            Restriction::ClosedToArrival { day }
        } else if self.night(last).closed_to_departure {
            Restriction::ClosedToDeparture { day: last }
        } else if u32::from(arrival.min_stay) > stay.length() {
            Restriction::MinStay { day, nights: arrival.min_stay }
        } else {
            return Ok(());
        };
        Err(Refusal::Restricted { restriction })
    }

    /// Takes rooms for all nights of a stay, or releases them if `rooms` is negative.
    pub fn take(&mut self, stay: Stay, rooms: i64) {
        for night in stay.nights() {
            let (chunk, index) = self.at_mut(night);
            let taken = i64::from(chunk.taken(index)) + rooms;
            // A negative number means that calendar and reservations are inconsistent. Stop this replica rather than sell by
            // wrong numbers.
            chunk.set_taken(index, u32::try_from(taken).expect("rooms are released once"));
        }
    }

    /// Writes the changed rows; rows without content are removed.
    pub fn write(&self, turn: &mut Turn<'_, Reservations>) {
        for ((chunk, changed), index) in self.chunks.iter().zip(self.first..) {
            if !changed {
                continue;
            }
            if chunk.is_empty() {
                turn.remove(&CALENDAR, &(self.room_type, index));
            } else {
                turn.put(&CALENDAR, &(self.room_type, index), chunk);
            }
        }
    }

    /// Sends search the number of rooms that are taken on these nights.
    pub fn notify_search(&self, turn: &mut Turn<'_, Reservations>, hotel: HotelId, stay: Stay) {
        let taken = |night| {
            let (chunk, index) = self.at(night);
            chunk.taken(index)
        };
        let update = UpdateTakenRooms {
            hotel,
            room_type: self.room_type,
            from: stay.check_in(),
            taken: stay.nights().map(taken).collect(),
            at: turn.now(),
        };
        turn.emit(hotel.0, update);
    }
}

/// The last night of a stay.
pub(crate) const fn last_night(stay: Stay) -> Date {
    stay.check_out().plus_days(-1)
}

/// Refuses ranges without a night, with more than [`CALENDAR_NIGHTS_MAX`], or outside 1970-01-01 to 2100-01-01.
pub(crate) fn check_bounds(nights: Nights) -> Result<(), Refusal> {
    let invalid = |why: &str| Err(Refusal::Invalid { field: "to".into(), why: why.into() });
    if nights.from > nights.to {
        return invalid("the last night is not before the first");
    }
    if nights.to.0.saturating_sub(nights.from.0) >= CALENDAR_NIGHTS_MAX {
        return invalid("at most 732 nights at a time");
    }
    if nights.from.0 < 0 || nights.to.0 > LAST_DAY {
        return invalid("a night between 1970 and 2100");
    }
    Ok(())
}
