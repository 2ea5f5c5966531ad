//! State transitions.

mod update_hotel;
mod update_nights;

use contracts::search::{Command, Refusal, Reply, UpdateHotel, UpdateNights, UpdateTakenRooms};
use group::Turn;
use protocol::Timestamp;

use crate::state::AS_OF;
use crate::{Note, Search};

/// Applies an update of `reservations`. Values that are older than the stored ones are ignored.
pub(crate) fn apply(turn: &mut Turn<'_, Search>, command: Command) -> Result<Reply, Refusal> {
    let at = match command {
        Command::UpdateHotel(UpdateHotel { hotel, at }) => {
            update_hotel::update_hotel(turn, hotel, at);
            at
        }
        Command::UpdateNights(UpdateNights { hotel, room_type, nights, at }) => {
            update_nights::update_nights(turn, (hotel, room_type), nights, at);
            at
        }
        Command::UpdateTakenRooms(UpdateTakenRooms { hotel, room_type, from, taken, at }) => {
            update_nights::update_taken_rooms(turn, (hotel, room_type), from, &taken, at);
            at
        }
    };
    update_as_of(turn, at);
    Ok(Reply::Done(()))
}

fn update_as_of(turn: &mut Turn<'_, Search>, at: Timestamp) {
    if turn.get(&AS_OF, &0).is_none_or(|known| known < at) {
        turn.put(&AS_OF, &0, &at);
        turn.note(Note::AsOf(at));
    }
}
