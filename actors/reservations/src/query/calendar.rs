//! Nights of a room type as its staff sees them: what is particular about each, and what it costs.

use contracts::reservations::{CalendarNight, Nights, Refusal};
use contracts::{Date, HotelId, RoomTypeId, pricing};
use group::View;

use crate::apply::in_bounds;
use crate::calendar::Calendar;

pub(super) fn calendar(
    view: &View<'_>,
    hotel: HotelId,
    room_type: RoomTypeId,
    nights: Nights,
) -> Result<Vec<CalendarNight>, Refusal> {
    in_bounds(nights)?;
    let hotel = super::hotel(view, hotel)?.hotel;
    let room_type =
        hotel.room_types.iter().find(|room| room.id == room_type).ok_or(Refusal::NoSuchRoomType)?;
    let calendar = Calendar::of_view(view, room_type.id, nights.from, nights.to);
    let priced = |night| {
        let (chunk, index) = calendar.at(night);
        let price = |plan: &contracts::RatePlanProfile| {
            (plan.id, pricing::night_price(plan, &room_type.season, night, chunk.price(plan.id, index)))
        };
        (night, chunk.night(index), room_type.rate_plans.iter().map(price).collect())
    };
    Ok((nights.from.0..=nights.to.0).map(Date).map(priced).collect())
}
