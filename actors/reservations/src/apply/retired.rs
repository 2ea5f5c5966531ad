//! Room types and rate plans that a new description does not name are retired: they go off sale, and what was sold of them
//! stays valid. Their number is not limited, but only the latest are kept with the hotel, which each offer reads.

use contracts::search::UpdateNights;
use contracts::{HotelId, HotelProfile, RatePlanId, RatePlanProfile, RoomTypeId, RoomTypeProfile};
use group::Turn;

use crate::chunk::night_at;
use crate::limits::{CALENDAR_ROWS_MAX, RATE_PLANS_KEPT, ROOM_TYPES_KEPT};
use crate::state::CALENDAR;
use crate::{Reservations, zone};

/// What is not kept with the hotel any more.
#[derive(Debug, Default)]
pub(super) struct Removed {
    pub room_types: Vec<RoomTypeProfile>,
    rate_plans: Vec<(RoomTypeId, RatePlanId)>,
}

/// Appends the room types and rate plans that are missing in the new description, off sale: the latest first.
pub(super) fn retire_missing(hotel: &mut HotelProfile, before: &HotelProfile) {
    // Prices in another currency must not come back on sale with their room type.
    let keeps_currency = hotel.currency == before.currency;
    for old in &before.room_types {
        match hotel.room_types.iter_mut().find(|room_type| room_type.id == old.id) {
            Some(room_type) => {
                for plan in &old.rate_plans {
                    if !room_type.rate_plans.iter().any(|new| new.id == plan.id) {
                        room_type.rate_plans.push(RatePlanProfile { active: false, ..plan.clone() });
                    }
                }
            }
            None => {
                let mut retired = RoomTypeProfile { active: false, ..old.clone() };
                for plan in &mut retired.rate_plans {
                    plan.active &= keeps_currency;
                }
                hotel.room_types.push(retired);
            }
        }
    }
}

/// Removes what has been off sale longest from a hotel that has more than is kept. Room types with rooms held or sold stay.
pub(super) fn remove_oldest(turn: &Turn<'_, Reservations>, hotel: &mut HotelProfile) -> Removed {
    let mut removed = Removed::default();
    for room_type in &mut hotel.room_types {
        while room_type.rate_plans.len() > RATE_PLANS_KEPT
            && let Some(last) = room_type.rate_plans.iter().rposition(|plan| !plan.active)
        {
            removed.rate_plans.push((room_type.id, room_type.rate_plans.remove(last).id));
        }
    }
    let mut at = hotel.room_types.len();
    while hotel.room_types.len() > ROOM_TYPES_KEPT && at > 0 {
        at -= 1;
        let room_type = &hotel.room_types[at];
        if !room_type.active && first_taken(turn, hotel, room_type.id).is_none() {
            removed.room_types.push(hotel.room_types.remove(at));
        }
    }
    removed
}

/// The first night from yesterday on of which rooms are held or sold. Guests of last night may still be there.
pub(super) fn first_taken(
    turn: &Turn<'_, Reservations>,
    hotel: &HotelProfile,
    room_type: RoomTypeId,
) -> Option<contracts::Date> {
    let yesterday = zone::today(&hotel.time_zone, turn.now()).plus_days(-1);
    let rows = turn.scan(&CALENDAR, &(room_type,), CALENDAR_ROWS_MAX);
    let nights = rows.iter().flat_map(|((_, chunk), row)| {
        (0..32).filter(|index| row.taken(*index) > 0).map(|index| night_at(*chunk, index))
    });
    nights.filter(|night| *night >= yesterday).min()
}

/// Removes the calendar's prices of rate plans that are not kept, which each hold would read.
pub(super) fn remove_prices(turn: &mut Turn<'_, Reservations>, hotel: HotelId, removed: &Removed) {
    for (room_type, plan) in &removed.rate_plans {
        let mut changed = Vec::new();
        for (key, mut row) in turn.scan(&CALENDAR, &(*room_type,), CALENDAR_ROWS_MAX) {
            let nights: Vec<u8> = (0..32).filter(|index| row.price(*plan, *index).is_some()).collect();
            for index in &nights {
                row.set_price(*plan, *index, None);
            }
            if nights.is_empty() {
                continue;
            }
            if row.is_empty() {
                turn.remove(&CALENDAR, &key);
            } else {
                turn.put(&CALENDAR, &key, &row);
            }
            changed.extend(nights.into_iter().map(|index| (night_at(key.1, index), row.night(index))));
        }
        if !changed.is_empty() {
            let update = UpdateNights { hotel, room_type: *room_type, nights: changed, at: turn.now() };
            turn.emit(hotel.0, update);
        }
    }
}
