//! The calendar rows that some consecutive nights of a room type lie in, read together and written together.

use contracts::search::{self, Night};
use contracts::{Date, HotelId, RoomTypeId, Stay};
use group::{Turn, View};

use crate::Reservations;
use crate::chunk::{Chunk, place};
use crate::state::CALENDAR;

/// See the module.
pub(crate) struct Calendar {
    room_type: RoomTypeId,
    first: i32,
    chunks: Vec<Chunk>,
}

impl Calendar {
    /// The rows of `from` to `to`, both included, as a turn sees them.
    pub fn of_turn(turn: &Turn<'_, Reservations>, room_type: RoomTypeId, from: Date, to: Date) -> Self {
        Self::read(room_type, from, to, |key| turn.get(&CALENDAR, key))
    }

    /// The same for a query.
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
        let chunks = (first..=last).map(|chunk| get(&(room_type, chunk)).unwrap_or_default()).collect();
        Self { room_type, first, chunks }
    }

    /// The row of a night and the night's place in it.
    pub fn at(&self, night: Date) -> (&Chunk, u8) {
        let (chunk, index) = place(night);
        (&self.chunks[(chunk - self.first).unsigned_abs() as usize], index)
    }

    /// The same, to change it.
    pub fn at_mut(&mut self, night: Date) -> (&mut Chunk, u8) {
        let (chunk, index) = place(night);
        (&mut self.chunks[(chunk - self.first).unsigned_abs() as usize], index)
    }

    /// Rooms of a night that nobody has: of `own`, the room type's number, where the calendar has none.
    pub fn free(&self, night: Date, own: u32) -> u32 {
        let (chunk, index) = self.at(night);
        chunk.rooms(index).unwrap_or(own).saturating_sub(chunk.taken(index))
    }

    /// A night as search knows it.
    pub fn night(&self, night: Date) -> Night {
        let (chunk, index) = self.at(night);
        chunk.night(index)
    }

    /// Takes rooms for all nights of a stay, or gives them back when `rooms` is negative.
    pub fn take(&mut self, stay: Stay, rooms: i64) {
        for night in stay.nights() {
            let (chunk, index) = self.at_mut(night);
            let taken = i64::from(chunk.taken(index)) + rooms;
            // The rows and the reservations disagree: stop this replica rather than go on selling by wrong numbers.
            chunk.set_taken(index, u32::try_from(taken).expect("rooms are given back once"));
        }
    }

    /// Writes the rows back.
    pub fn write(&self, turn: &mut Turn<'_, Reservations>) {
        for (chunk, index) in self.chunks.iter().zip(self.first..) {
            if chunk.is_plain() {
                turn.remove(&CALENDAR, &(self.room_type, index));
            } else {
                turn.put(&CALENDAR, &(self.room_type, index), chunk);
            }
        }
    }

    /// Tells search how many rooms of these nights are taken now.
    pub fn announce_taken(&self, turn: &mut Turn<'_, Reservations>, hotel: HotelId, stay: Stay) {
        let taken = |night| {
            let (chunk, index) = self.at(night);
            chunk.taken(index)
        };
        let command = search::Command::RoomsTaken {
            hotel,
            room_type: self.room_type,
            from: stay.check_in(),
            taken: stay.nights().map(taken).collect(),
            at: turn.now(),
        };
        turn.send::<search::Search>(hotel.0, &command);
    }
}

/// The last night of a stay.
pub(crate) const fn last_night(stay: Stay) -> Date {
    stay.check_out().plus_days(-1)
}
