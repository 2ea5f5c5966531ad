//! One hotel: picture, facts, policies, and a table of its rooms with total prices.

use contracts::reservations::{GetOffers, Offer, Refusal, Restriction};
use contracts::{HotelId, Money, RoomTypeId, Stay};
use group::Failure;
use poem::web::Path;
use poem::{Response, handler};
use serde_json::{Value, json};

use super::lookup;
use super::results::{amenity, by_popularity, distance, per_night, rating};
use super::search::{SearchForm, escape};
use crate::context::{Fields, PageContext};
use crate::error::PageError;
use crate::format::{self, count, money};
use crate::picture::is_shown;
use crate::view::{HotelView, terms};

/// Photos in addition to the first.
const PHOTOS: usize = 8;

/// Up to this number, the page shows how many rooms are left.
const FEW: u32 = 3;

#[handler]
pub(super) async fn show(
    mut context: PageContext,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, PageError> {
    let id: HotelId = id.parse().map_err(|_| PageError::NotFound)?;
    let search = SearchForm::of(&fields, context.now);
    let hotel = lookup::hotel(&context, id).await?;
    let (offers, notice) = match search.stay.filter(|_| search.is_valid()) {
        Some(stay) => offers(&context, id, stay, &search).await?,
        None => (Vec::new(), None),
    };
    let nights = search.stay.map_or(1, |stay| stay.length());
    let summary = format!(
        "{}, {}, {}",
        count(nights, "night"),
        count(search.guests, "guest"),
        count(search.rooms, "room")
    );
    let profile = &hotel.profile;
    let view = json!({
        "search": search,
        "back_href": format!("/search?city={}&{}", escape(&format!("{}, {}", profile.city, hotel.country)), search.query()),
        "hotel": {
            "name": profile.name, "stars": profile.stars, "rating": rating(profile.rating_tenths), "demo": profile.demo,
            "city": profile.city, "where": location(&hotel), "picture": hotel.picture(context.now, true),
            "photos": profile.photos.iter().filter(|photo| is_shown(photo)).skip(1).take(PHOTOS).collect::<Vec<_>>(),
            "paragraphs": profile.description.split("\n").map(str::trim).filter(|text| !text.is_empty()).collect::<Vec<_>>(),
            "amenities": by_popularity(&profile.amenities).into_iter().map(amenity).collect::<Vec<_>>(),
            "policies": policies(&hotel),
        },
        "rooms": rooms(&context, &hotel, &offers, nights),
        "summary": summary, "notice": notice,
        "price_note": format!("All prices are totals for {summary}, including taxes and fees. We hold the price for half an hour once you have chosen a room."),
        "empty": no_rooms_text(&hotel, &search),
    });
    context.page("hotel.html", &profile.name, view)
}

async fn offers(
    context: &PageContext,
    hotel: HotelId,
    stay: Stay,
    search: &SearchForm,
) -> Result<(Vec<Offer>, Option<String>), PageError> {
    let request = GetOffers { hotel, stay, guests: search.guests.into(), rooms: search.rooms.into() };
    match context.site.dependencies.client.call(&context.anonymous(), request).await {
        Ok(found) => Ok((found.offers, None)),
        Err(Failure::Refused(Refusal::NoSuchHotel)) => Err(PageError::NotFound),
        Err(Failure::Refused(refusal)) => Ok((Vec::new(), Some(refusal_text(context, &refusal)))),
        Err(failure) => Err(failure.into()),
    }
}

/// The text of a refusal for guests.
pub(super) fn refusal_text(context: &PageContext, refusal: &Refusal) -> String {
    let day = |date| format::day(context.locale, date);
    match refusal {
        Refusal::SoldOut { night } => format!("These rooms are sold out for the night of {}.", day(*night)),
        Refusal::StopSell { night } => {
            format!("The hotel does not offer these rooms for the night of {}.", day(*night))
        }
        Refusal::Restricted { restriction } => match restriction {
            Restriction::ClosedToArrival { day: arrival } => {
                format!("Guests cannot arrive on {}. Please choose another arrival date.", day(*arrival))
            }
            Restriction::ClosedToDeparture { day: departure } => {
                format!("Guests cannot depart on {}. Please choose another departure date.", day(*departure))
            }
            Restriction::MinStay { day: arrival, nights } => format!(
                "For an arrival on {}, the minimum stay is {}.",
                day(*arrival),
                format::count(*nights, "night")
            ),
        },
        Refusal::InThePast { today } => {
            format!("The check-in date is in the past: today is {} at the hotel.", day(*today))
        }
        Refusal::BeyondHorizon { last } => format!("Rooms at this hotel can be booked until {}.", day(*last)),
        Refusal::OfferExpired => "We hold a price for half an hour, and this one has expired.".to_owned(),
        Refusal::Inactive => "This room is no longer available.".to_owned(),
        Refusal::TooManyHolds { limit } => {
            format!("You are holding {limit} unpaid rooms. Please pay for or release one of them first.")
        }
        Refusal::TooManyRooms { limit } => format!(
            "At most {} can be held at a time before they are paid. Please book fewer rooms, or contact the hotel.",
            format::count(*limit, "room")
        ),
        Refusal::Invalid { why, .. } => why.clone(),
        Refusal::TooLateToCancel { .. } => {
            "This booking can no longer be cancelled online. Please contact the hotel.".to_owned()
        }
        Refusal::NoSuchReservation
        | Refusal::NoSuchHotel
        | Refusal::NoSuchRoomType
        | Refusal::NoSuchRatePlan
        | Refusal::Changed
        | Refusal::WrongStatus { .. }
        | Refusal::NotAdmitted
        | Refusal::WrongDay { .. }
        | Refusal::NotNow { .. }
        | Refusal::NotPayable(_)
        | Refusal::NotYourHotel
        | Refusal::ReferenceTaken
        | Refusal::CurrencyInUse { .. }
        | Refusal::InventoryBelowTaken { .. }
        | Refusal::LinkReplaced
        | Refusal::NotTheGuest
        | Refusal::LinkJustSent { .. } => "This is no longer possible.".to_owned(),
    }
}

fn location(hotel: &HotelView) -> String {
    let far = hotel.distance_metres.map(|metres| distance(metres, &hotel.profile.city));
    [Some(hotel.place()), far].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// One row for each room type, in the hotel's order, with its rates.
fn rooms(context: &PageContext, hotel: &HotelView, offers: &[Offer], nights: u32) -> Vec<Value> {
    let mut rooms: Vec<(RoomTypeId, Value, Vec<Value>)> = Vec::new();
    for offer in offers {
        let quote = &offer.quote;
        let price = |amount| money(context.locale, Money::new(amount, quote.currency));
        let rate = json!({
            "name": quote.plan_name,
            "terms": terms(quote.policy, quote.penalty(), quote, hotel, context.locale, context.now),
            "free": quote.policy.free_until.is_some_and(|until| until > context.now),
            "total": price(quote.total),
            "per_night": if nights > 1 { format!("{} per night", price(per_night(quote.total, nights))) } else { String::new() },
            "offer": context.site.dependencies.offers.seal(quote, Some(quote.expires_at)),
        });
        match rooms.iter_mut().find(|(id, ..)| *id == quote.room_type) {
            Some((.., rates)) => rates.push(rate),
            None => {
                let left =
                    (offer.rooms_left <= FEW).then(|| format!("{} left", count(offer.rooms_left, "room")));
                let room = json!({ "name": quote.room_name, "sleeps": offer.sleeps, "left": left });
                rooms.push((quote.room_type, room, vec![rate]));
            }
        }
    }
    let with_rates = |(_, mut room, rates): (RoomTypeId, Value, Vec<Value>)| {
        room["rates"] = Value::Array(rates);
        room
    };
    rooms.into_iter().map(with_rates).collect()
}

fn policies(hotel: &HotelView) -> Vec<Value> {
    let profile = &hotel.profile;
    let taxes = profile.taxes.iter().map(|tax| {
        let percent = f64::from(tax.basis_points) / 100.0;
        format!(
            "{} {percent} %, {}",
            tax.name,
            if tax.included { "included in all prices" } else { "included in all totals" }
        )
    });
    let taxes: Vec<_> = taxes.collect();
    let zone = format::zone_city(&profile.time_zone);
    let mut policies = vec![
        json!({ "name": "Check-in", "text": format!("From 15:00. All dates and times are in {zone} time.") }),
        json!({ "name": "Cancellation", "text": "Each rate shows until when you can cancel free of charge, and what the hotel keeps afterwards." }),
        json!({ "name": "Payment", "text": format!("By card when you book, in {}. There is nothing left to pay at the hotel.", profile.currency) }),
    ];
    if !taxes.is_empty() {
        policies.push(json!({ "name": "Taxes and fees", "text": taxes.join("; ") }));
    }
    policies
}

fn no_rooms_text(hotel: &HotelView, search: &SearchForm) -> Value {
    let sleeps = hotel
        .profile
        .room_types
        .iter()
        .filter(|room| room.active)
        .map(|room| u32::from(room.sleeps))
        .max()
        .unwrap_or(0);
    let needed = u32::from(search.guests).div_ceil(u32::from(search.rooms.max(1)));
    if !hotel.profile.active {
        json!({ "title": "This hotel is currently not taking bookings", "text": "Please choose another hotel." })
    } else if sleeps > 0 && needed > sleeps {
        json!({
            "title": "No room is large enough",
            "text": format!("The largest room at this hotel sleeps {sleeps}. Try searching for more rooms."),
        })
    } else {
        json!({ "title": "No rooms available on these dates", "text": "Every room is sold out for at least one of the nights. Please try other dates." })
    }
}
