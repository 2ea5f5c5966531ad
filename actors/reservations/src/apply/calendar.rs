//! Sets rates, inventory or restrictions for a range of nights, or for none of them.

use contracts::reservations::{CalendarChange, Nights, Refusal, SetCalendar};
use contracts::search::UpdateNights;
use contracts::{Date, HotelId, RoomTypeId, RoomTypeProfile};
use group::Turn;

use crate::calendar::{Calendar, check_bounds};
use crate::state::{HOTELS, ROOMS};
use crate::{Reservations, access};

pub(super) fn set_calendar(turn: &mut Turn<'_, Reservations>, request: SetCalendar) -> Result<(), Refusal> {
    let SetCalendar { hotel, room_type, nights, change } = request;
    access::require_manager(turn.caller(), hotel)?;
    let facts =
        turn.get(&ROOMS, &room_type).filter(|facts| facts.hotel == hotel).ok_or(Refusal::NoSuchRoomType)?;
    check_bounds(nights)?;
    let room = room_type_of(turn, hotel, room_type);
    let has = |plan| room.as_ref().is_some_and(|room| room.rate_plans.iter().any(|known| known.id == plan));
    if change.prices.iter().any(|(plan, _)| !facts.sells(*plan) && !has(*plan)) {
        return Err(Refusal::NoSuchRatePlan);
    }
    if change.prices.iter().any(|(_, price)| price.is_some_and(|price| price < 0)) {
        return Err(Refusal::Invalid { field: "prices".into(), why: "a price is not negative".into() });
    }
    let mut calendar = Calendar::of_turn(turn, room_type, nights.from, nights.to);
    if let Some(rooms) = change.rooms {
        let rooms = rooms.unwrap_or(facts.rooms);
        if let Some(night) = each(nights).find(|night| calendar.night(*night).taken > rooms) {
            let taken = calendar.night(night).taken;
            return Err(Refusal::InventoryBelowTaken {
                room_type: room.map_or_else(|| room_type.to_string(), |room| room.name),
                night,
                taken,
                rooms,
            });
        }
    }
    // No writes above this line, no refusals below it.
    for night in each(nights) {
        set(&mut calendar, night, &change);
    }
    calendar.write(turn);
    let nights = each(nights).map(|night| (night, calendar.night(night))).collect();
    let update = UpdateNights { hotel, room_type, nights, at: turn.now() };
    turn.emit(hotel.0, update);
    Ok(())
}

fn each(nights: Nights) -> impl Iterator<Item = Date> {
    (nights.from.0..=nights.to.0).map(Date)
}

fn room_type_of(
    turn: &Turn<'_, Reservations>,
    hotel: HotelId,
    room_type: RoomTypeId,
) -> Option<RoomTypeProfile> {
    turn.get(&HOTELS, &hotel)?.hotel.room_types.into_iter().find(|room| room.id == room_type)
}

fn set(calendar: &mut Calendar, night: Date, change: &CalendarChange) {
    let (chunk, index) = calendar.at_mut(night);
    if let Some(rooms) = change.rooms {
        chunk.set_rooms(index, rooms);
    }
    for (plan, price) in &change.prices {
        chunk.set_price(*plan, index, *price);
    }
    if let Some(on) = change.stop_sell {
        chunk.set_stop_sell(index, on);
    }
    if let Some(nights) = change.min_stay {
        chunk.set_min_stay(index, nights);
    }
    if let Some(on) = change.closed_to_arrival {
        chunk.set_closed_to_arrival(index, on);
    }
    if let Some(on) = change.closed_to_departure {
        chunk.set_closed_to_departure(index, on);
    }
}
