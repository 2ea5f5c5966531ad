//! Offers for a stay: the price of each room type and rate plan that fits and is available.

use contracts::reservations::{GetOffers, OFFER_SECS, Offer, Offers, Quote, Refusal, check_party};
use contracts::{HotelProfile, RatePlanProfile, RoomTypeProfile, Stay, pricing};
use group::View;

use crate::calendar::Calendar;
use crate::state::SETTINGS;
use crate::{booking_window, zone};

pub(super) fn get_offers(view: &View<'_>, request: &GetOffers) -> Result<Offers, Refusal> {
    let GetOffers { hotel, stay, guests, rooms } = *request;
    check_party(guests, rooms)
        .map_err(|error| Refusal::Invalid { field: error.field().into(), why: error.to_string() })?;
    let hotel = super::hotel(view, hotel)?.hotel;
    if !hotel.active {
        return Err(Refusal::Inactive);
    }
    let horizon_days = view.get(&SETTINGS, &0).unwrap_or_default().horizon_days;
    booking_window::check(&hotel.time_zone, stay, view.now(), horizon_days)?;
    let mut offers = Vec::new();
    for room_type in hotel.room_types.iter().filter(|room_type| room_type.active) {
        // The departure day is not a night of the stay, but can be closed to departure.
        let calendar = Calendar::of_view(view, room_type.id, stay.check_in(), stay.check_out());
        let fits = u32::from(room_type.sleeps).saturating_mul(rooms) >= guests;
        let Some(rooms_left) = rooms_left(&calendar, room_type, stay).filter(|left| fits && *left >= rooms)
        else {
            continue;
        };
        for plan in room_type.rate_plans.iter().filter(|plan| plan.active) {
            let quote = quote(view, request, &hotel, room_type, plan, &calendar);
            offers.push(Offer { quote, sleeps: room_type.sleeps, rooms_left });
        }
    }
    Ok(Offers { time_zone: hotel.time_zone, offers })
}

/// The least number of available rooms on any night of the stay; `None` if a restriction forbids the stay.
fn rooms_left(calendar: &Calendar, room_type: &RoomTypeProfile, stay: Stay) -> Option<u32> {
    calendar.check_restrictions(stay).ok()?;
    stay.nights().map(|night| calendar.free(night, room_type.rooms)).min()
}

fn quote(
    view: &View<'_>,
    request: &GetOffers,
    hotel: &HotelProfile,
    room_type: &RoomTypeProfile,
    plan: &RatePlanProfile,
    calendar: &Calendar,
) -> Quote {
    let price = |night| {
        let (chunk, index) = calendar.at(night);
        let set = chunk.price(plan.id, index);
        (night, pricing::night_price(plan, &room_type.season, night, set, hotel.currency))
    };
    let nights = request.stay.nights().map(price);
    let price = pricing::price_stay(nights, request.rooms, &hotel.taxes, hotel.currency);
    Quote {
        hotel: hotel.id,
        room_type: room_type.id,
        rate_plan: plan.id,
        room_name: room_type.name.clone(),
        plan_name: plan.name.clone(),
        time_zone: hotel.time_zone.clone(),
        stay: request.stay,
        rooms: request.rooms,
        guests: request.guests,
        currency: hotel.currency,
        nightly: price.nightly.into_iter().map(|(_, amount)| amount).collect(),
        taxes: price.taxes,
        total: price.total,
        policy: zone::policy(&hotel.time_zone, request.stay.check_in(), plan.cancellation),
        expires_at: view.now().plus_secs(OFFER_SECS),
    }
}
