//! What pages ask services, in the pages' words.

use contracts::reservations::{self, Reservation, Reservations};
use contracts::search::{self, City, CityName, Search};
use contracts::ui::{self, Ui};
use contracts::{HotelId, ReservationId};
use group::{Call, Failure};

use crate::trouble::Trouble;
use crate::view::HotelView;
use crate::visit::Visit;

/// A hotel by its id: search knows its city as well, and reservations is asked where search has not heard of it yet or
/// does not answer.
pub(super) async fn hotel(visit: &Visit, id: HotelId) -> Result<HotelView, Trouble> {
    let client = &visit.site.deps.client;
    if let Ok(search::Answer::Hotel(details)) =
        client.query::<Search>(&visit.anonymous(), search::Query::Hotel(id)).await
    {
        return Ok(HotelView {
            country: details.city.country_name.to_string(),
            population: details.city.population,
            distance_metres: Some(details.distance_metres),
            profile: details.profile,
        });
    }
    match client.query::<Reservations>(&visit.anonymous(), reservations::Query::Hotel(id)).await {
        Ok(reservations::Answer::Hotel(profile)) => Ok(HotelView {
            country: profile.country.clone(),
            population: 100_000,
            distance_metres: None,
            profile,
        }),
        Ok(other) => Err(Trouble::Broken(format!("reservations answered a hotel with {other:?}"))),
        Err(Failure::Refused(_)) => Err(Trouble::NotFound),
        Err(failure) => Err(failure.into()),
    }
}

/// A city by its name or id; none when there is no such city.
pub(super) async fn cities(visit: &Visit, query: search::Query) -> Result<Vec<City>, Trouble> {
    match visit.site.deps.client.query::<Search>(&visit.anonymous(), query).await {
        Ok(search::Answer::Cities(cities)) => Ok(cities),
        Ok(other) => Err(Trouble::Broken(format!("search answered cities with {other:?}"))),
        Err(Failure::Refused(_)) => Ok(Vec::new()),
        Err(failure) => Err(failure.into()),
    }
}

/// As typed or as in an address: digits alone are GeoNames' id.
pub(super) fn city_name(text: &str) -> CityName {
    text.parse().map_or_else(|_| CityName::Name(text.to_owned()), CityName::Id)
}

/// `Paris, France`: what finds the same city again.
pub(super) fn full_name(city: &City) -> String {
    format!("{}, {}", city.name, city.country_name)
}

/// A booking, and with which call one may act on it.
pub(super) struct Opened {
    pub reservation: Reservation,
    pub call: Call,
}

/// Opens a booking for this visitor: as its maker, or by the secret link, shown now or earlier in this browser.
pub(super) async fn open(visit: &mut Visit, id: &str, key: &str) -> Result<Opened, Trouble> {
    let id: ReservationId = id.parse().map_err(|_| Trouble::NotFound)?;
    let client = visit.site.deps.client.clone();
    if !key.is_empty() {
        let query = reservations::Query::ByLink { reservation: id, tag: key.to_owned() };
        let reservation = found(client.query::<Reservations>(&visit.anonymous(), query).await)?;
        return by_link(visit, reservation, true).await;
    }
    let call = visit.as_visitor().await?;
    match client.query::<Reservations>(&call, reservations::Query::Reservation(id)).await {
        Ok(reservations::Answer::Reservation(reservation)) => {
            return Ok(Opened { reservation: *reservation, call });
        }
        Ok(other) => return Err(Trouble::Broken(format!("reservations answered a booking with {other:?}"))),
        Err(Failure::Refused(_) | Failure::Forbidden(_)) => {}
        Err(failure) => return Err(failure.into()),
    }
    // Signed in, but booked in this browser before: the guest session's own bookings stay open.
    if visit.session.user.is_some() {
        let call = visit.on_behalf_of(&visit.session.guest).await?;
        if let Ok(reservations::Answer::Reservation(reservation)) =
            client.query::<Reservations>(&call, reservations::Query::Reservation(id)).await
        {
            return Ok(Opened { reservation: *reservation, call });
        }
    }
    let ours = visit.as_ui().await?;
    let knows = ui::Query::Knows { guest: visit.session.guest.clone(), reservation: id };
    match client.query::<Ui>(&ours, knows).await {
        Ok(ui::Answer::Knows(true)) => {}
        Ok(_) | Err(Failure::Refused(_)) => return Err(Trouble::NotFound),
        Err(failure) => return Err(failure.into()),
    }
    let reservation = found(client.query::<Reservations>(&ours, reservations::Query::Reservation(id)).await)?;
    by_link(visit, reservation, false).await
}

/// Whoever has the link acts as the booking's maker. This browser remembers it, so that the link's secret need not be
/// in every address.
async fn by_link(visit: &mut Visit, reservation: Reservation, is_new: bool) -> Result<Opened, Trouble> {
    let call = visit.on_behalf_of(&reservation.owner).await?;
    if is_new && reservation.owner != visit.session.guest {
        let remember =
            ui::Command::RememberBooking { guest: visit.session.guest.clone(), reservation: reservation.id };
        let ours = visit.as_ui().await?;
        // A browser that forgets is no reason to show nothing.
        if visit.site.deps.client.command::<Ui>(&ours, remember).await.is_ok() {
            visit.keep();
        }
    }
    Ok(Opened { reservation, call })
}

fn found(
    answer: Result<reservations::Answer, Failure<reservations::Refusal>>,
) -> Result<Reservation, Trouble> {
    match answer {
        Ok(reservations::Answer::Reservation(reservation)) => Ok(*reservation),
        Ok(other) => Err(Trouble::Broken(format!("reservations answered a booking with {other:?}"))),
        Err(Failure::Refused(_) | Failure::Forbidden(_)) => Err(Trouble::NotFound),
        Err(failure) => Err(failure.into()),
    }
}
