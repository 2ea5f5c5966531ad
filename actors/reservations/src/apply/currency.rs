//! A hotel's currency changes only while it has no prices and no reservations in the old one. Otherwise prices of the calendar
//! would silently be amounts of the new currency, and staff would see amounts of both.

use contracts::reservations::{CurrencyUse, Refusal};
use contracts::{Date, HotelProfile};
use group::Turn;

use super::retired::first_taken;
use crate::chunk::night_at;
use crate::limits::CALENDAR_ROWS_MAX;
use crate::state::CALENDAR;
use crate::{Reservations, zone};

pub(super) fn check_change(
    turn: &Turn<'_, Reservations>,
    before: &HotelProfile,
    hotel: &HotelProfile,
) -> Result<(), Refusal> {
    if before.currency == hotel.currency {
        return Ok(());
    }
    let currency = before.currency;
    let room_types = || before.room_types.iter();
    let refuse = |used| Err(Refusal::CurrencyInUse { currency, used });
    if let Some(night) = room_types().filter_map(|room| first_taken(turn, before, room.id)).min() {
        return refuse(CurrencyUse::Reserved { night });
    }
    let sells = room_types().any(|room| room.active && room.rate_plans.iter().any(|plan| plan.active));
    if before.active && sells {
        return refuse(CurrencyUse::OnSale);
    }
    if let Some(night) = room_types().filter_map(|room| first_priced(turn, before, room.id)).min() {
        return refuse(CurrencyUse::Calendar { night });
    }
    Ok(())
}

/// The first night from today on with a price in the calendar.
fn first_priced(
    turn: &Turn<'_, Reservations>,
    hotel: &HotelProfile,
    room_type: contracts::RoomTypeId,
) -> Option<Date> {
    let today = zone::today(&hotel.time_zone, turn.now());
    let rows = turn.scan(&CALENDAR, &(room_type,), CALENDAR_ROWS_MAX);
    let nights = rows.iter().flat_map(|((_, chunk), row)| {
        (0..32).filter(|index| !row.night(*index).prices.is_empty()).map(|index| night_at(*chunk, index))
    });
    nights.filter(|night| *night >= today).min()
}
