//! The nights of a room type for staff: inventory, restrictions and prices.

use contracts::reservations::{CalendarNight, GetCalendar, Refusal};
use contracts::{Date, pricing};
use group::View;
use protocol::Principal;

use crate::access;
use crate::calendar::{Calendar, check_bounds};

pub(super) fn get_calendar(
    view: &View<'_>,
    caller: &Principal,
    request: &GetCalendar,
) -> Result<Vec<CalendarNight>, Refusal> {
    let GetCalendar { hotel, room_type, nights } = *request;
    access::require_manager(caller, hotel)?;
    check_bounds(nights)?;
    let hotel = super::hotel(view, hotel)?.hotel;
    let room_type =
        hotel.room_types.iter().find(|room| room.id == room_type).ok_or(Refusal::NoSuchRoomType)?;
    let calendar = Calendar::of_view(view, room_type.id, nights.from, nights.to);
    let priced = |night| {
        let (chunk, index) = calendar.at(night);
        let price = |plan: &contracts::RatePlanProfile| {
            let set = chunk.price(plan.id, index);
            (plan.id, pricing::night_price(plan, &room_type.season, night, set, hotel.currency))
        };
        (night, chunk.night(index), room_type.rate_plans.iter().map(price).collect())
    };
    Ok((nights.from.0..=nights.to.0).map(Date).map(priced).collect())
}
