//! One hotel: façade, facts, policies in words, and its rooms as a table with totals.

use contracts::reservations::{self, Offer, Reservations};
use contracts::{HotelId, Money, RoomTypeId, Stay};
use group::Failure;
use poem::web::Path;
use poem::{Response, handler};
use serde_json::{Value, json};

use super::ask;
use super::results::{amenity, by_weight, distance, per_night, rating};
use super::search::{Line, escape};
use crate::format::{self, count, money};
use crate::picture::is_shown;
use crate::trouble::Trouble;
use crate::view::{HotelView, terms};
use crate::visit::{Fields, Visit};

/// Photos beside the first.
const PHOTOS: usize = 8;

/// Rooms are said to be few from here on.
const FEW: u32 = 3;

#[handler]
pub(super) async fn show(
    mut visit: Visit,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Trouble> {
    let id: HotelId = id.parse().map_err(|_| Trouble::NotFound)?;
    let line = Line::of(&fields, visit.now);
    let hotel = ask::hotel(&visit, id).await?;
    let (offers, notice) = match line.stay.filter(|_| line.is_fine()) {
        Some(stay) => offers(&visit, id, stay, &line).await?,
        None => (Vec::new(), None),
    };
    let nights = line.stay.map_or(1, |stay| stay.length());
    let summary =
        format!("{}, {}, {}", count(nights, "night"), count(line.guests, "guest"), count(line.rooms, "room"));
    let profile = &hotel.profile;
    let view = json!({
        "search": line,
        "back_href": format!("/search?city={}&{}", escape(&format!("{}, {}", profile.city, hotel.country)), line.query()),
        "hotel": {
            "name": profile.name, "stars": profile.stars, "rating": rating(profile.rating_tenths), "demo": profile.demo,
            "city": profile.city, "where": whereabouts(&hotel), "picture": hotel.picture(visit.now, true),
            "photos": profile.photos.iter().filter(|photo| is_shown(photo)).skip(1).take(PHOTOS).collect::<Vec<_>>(),
            "paragraphs": profile.description.split("\n").map(str::trim).filter(|text| !text.is_empty()).collect::<Vec<_>>(),
            "amenities": by_weight(&profile.amenities).into_iter().map(amenity).collect::<Vec<_>>(),
            "policies": policies(&hotel),
        },
        "rooms": rooms(&visit, &hotel, &offers, nights),
        "summary": summary, "notice": notice,
        "price_note": format!("All prices are totals for {summary}, with taxes and fees. They hold for half an hour once you choose a room."),
        "empty": empty(&hotel, &line),
    });
    visit.page("hotel.html", &profile.name, view)
}

async fn offers(
    visit: &Visit,
    hotel: HotelId,
    stay: Stay,
    line: &Line,
) -> Result<(Vec<Offer>, Option<String>), Trouble> {
    let query =
        reservations::Query::Offers { hotel, stay, guests: line.guests.into(), rooms: line.rooms.into() };
    match visit.site.deps.client.query::<Reservations>(&visit.anonymous(), query).await {
        Ok(reservations::Answer::Offers(found)) => Ok((found.offers, None)),
        Ok(other) => Err(Trouble::Broken(format!("reservations answered offers with {other:?}"))),
        Err(Failure::Refused(reservations::Refusal::NoSuchHotel)) => Err(Trouble::NotFound),
        Err(Failure::Refused(refusal)) => Ok((Vec::new(), Some(why_not(visit, &refusal)))),
        Err(failure) => Err(failure.into()),
    }
}

/// A refusal in the words of a guest.
pub(super) fn why_not(visit: &Visit, refusal: &reservations::Refusal) -> String {
    use reservations::Refusal;
    let day = |date| format::day(visit.locale, date);
    match refusal {
        Refusal::SoldOut { night } => format!("These rooms are taken for the night of {}.", day(*night)),
        Refusal::StopSell { night } => {
            format!("The hotel does not sell these rooms for the night of {}.", day(*night))
        }
        Refusal::InThePast { today } => {
            format!("The day of arrival is over: it is {} at the hotel.", day(*today))
        }
        Refusal::BeyondHorizon { last } => format!("The hotel sells rooms until {}.", day(*last)),
        Refusal::OfferExpired => "We keep a price for half an hour, and this one is older.".to_owned(),
        Refusal::Inactive => "This room is not on sale any more.".to_owned(),
        Refusal::TooManyHolds { limit } => {
            format!("You hold {limit} rooms that are not paid yet: pay for one or give one back first.")
        }
        Refusal::Invalid { why, .. } => why.clone(),
        Refusal::NoSuchReservation
        | Refusal::NoSuchHotel
        | Refusal::NoSuchRoomType
        | Refusal::NoSuchRatePlan
        | Refusal::Changed
        | Refusal::WrongStatus { .. }
        | Refusal::WrongDay { .. }
        | Refusal::NotPayable(_)
        | Refusal::NotYourHotel
        | Refusal::ReferenceTaken
        | Refusal::InventoryBelowTaken { .. } => "That is not possible any more.".to_owned(),
    }
}

fn whereabouts(hotel: &HotelView) -> String {
    let far = hotel.distance_metres.map(|metres| distance(metres, &hotel.profile.city));
    [Some(hotel.place()), far].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// One row of the table for each room type, in the hotel's own order, with its rates.
fn rooms(visit: &Visit, hotel: &HotelView, offers: &[Offer], nights: u32) -> Vec<Value> {
    let mut rooms: Vec<(RoomTypeId, Value, Vec<Value>)> = Vec::new();
    for offer in offers {
        let quote = &offer.quote;
        let price = |amount| money(visit.locale, Money::new(amount, quote.currency));
        let rate = json!({
            "name": quote.plan_name,
            "terms": terms(quote.policy, quote.penalty(), quote, hotel, visit.locale, visit.now),
            "free": quote.policy.free_until.is_some_and(|until| until > visit.now),
            "total": price(quote.total),
            "per_night": if nights > 1 { format!("{} per night", price(per_night(quote.total, nights))) } else { String::new() },
            "offer": visit.site.deps.offers.seal(quote, Some(quote.expires_at)),
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
            if tax.included { "in every price" } else { "part of every total shown" }
        )
    });
    let taxes: Vec<_> = taxes.collect();
    let zone = format::zone_city(&profile.time_zone);
    let mut policies = vec![
        json!({ "name": "Arriving", "text": format!("From 15:00, {zone} time. All dates and deadlines here are the hotel’s own.") }),
        json!({ "name": "Cancelling", "text": "Each rate says until when it is free, and what the hotel keeps afterwards." }),
        json!({ "name": "Paying", "text": format!("By card when you book, in {}. Nothing is left to pay at the desk.", profile.currency) }),
    ];
    if !taxes.is_empty() {
        policies.push(json!({ "name": "Taxes and fees", "text": taxes.join("; ") }));
    }
    policies
}

fn empty(hotel: &HotelView, line: &Line) -> Value {
    let sleeps = hotel
        .profile
        .room_types
        .iter()
        .filter(|room| room.active)
        .map(|room| u32::from(room.sleeps))
        .max()
        .unwrap_or(0);
    let needed = u32::from(line.guests).div_ceil(u32::from(line.rooms.max(1)));
    if !hotel.profile.active {
        json!({ "title": "This hotel takes no bookings now", "text": "Please look at another one." })
    } else if sleeps > 0 && needed > sleeps {
        json!({
            "title": "The rooms are smaller than that",
            "text": format!("The largest room here sleeps {sleeps}. With more rooms there may be space for all of you."),
        })
    } else {
        json!({ "title": "No room on these days", "text": "Every room is taken for at least one of the nights. Other dates may work." })
    }
}
