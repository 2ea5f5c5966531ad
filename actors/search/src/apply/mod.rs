//! The transitions, one a file.

mod change_hotel;
mod change_nights;

use contracts::search::{Command, Refusal, Reply};
use group::Turn;
use protocol::Timestamp;

use crate::state::AS_OF;
use crate::{Note, Search};

/// Everything that reservations say is believed, but for what is older than what is known.
pub(crate) fn apply(turn: &mut Turn<'_, Search>, command: Command) -> Result<Reply, Refusal> {
    let at = match command {
        Command::HotelChanged { hotel, at } => {
            change_hotel::change_hotel(turn, hotel, at);
            at
        }
        Command::NightsChanged { hotel, room_type, nights, at } => {
            change_nights::change_nights(turn, (hotel, room_type), nights, at);
            at
        }
        Command::RoomsTaken { hotel, room_type, from, taken, at } => {
            change_nights::take_rooms(turn, (hotel, room_type), from, &taken, at);
            at
        }
    };
    reflect(turn, at);
    Ok(Reply::Done)
}

fn reflect(turn: &mut Turn<'_, Search>, at: Timestamp) {
    if turn.get(&AS_OF, &0).is_none_or(|known| known < at) {
        turn.put(&AS_OF, &0, &at);
        turn.note(Note::AsOf(at));
    }
}
