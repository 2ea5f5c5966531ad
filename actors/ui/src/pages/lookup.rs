//! Lookups that several pages share: hotels, cities and bookings.

use contracts::reservations::{self, GetHotel, GetReservation, GetReservationByLink, Reservation};
use contracts::search::{self, City, CityMatch, CityMatchKind, CityName, Search, SuggestCities};
use contracts::ui::{HasOpenedBooking, RememberBooking};
use contracts::{HotelId, ReservationId};
use group::{Call, Failure};
use protocol::Variant;

use crate::context::PageContext;
use crate::error::PageError;
use crate::view::HotelView;

/// A hotel by its id. `search` also returns its city. When `search` has no entry yet or is unavailable, the hotel comes
/// from `reservations`.
pub(super) async fn hotel(context: &PageContext, id: HotelId) -> Result<HotelView, PageError> {
    let client = &context.site.dependencies.client;
    if let Ok(details) = client.call(&context.anonymous(), search::GetHotel { hotel: id }).await {
        return Ok(HotelView {
            country: details.city.country_name.to_string(),
            population: details.city.population,
            distance_metres: Some(details.distance_metres),
            profile: details.profile,
        });
    }
    match client.call(&context.anonymous(), GetHotel { hotel: id }).await {
        Ok(profile) => Ok(HotelView {
            country: profile.country.clone(),
            population: 100_000,
            distance_metres: None,
            profile,
        }),
        Err(Failure::Refused(_)) => Err(PageError::NotFound),
        Err(failure) => Err(failure.into()),
    }
}

/// Cities that match a query; empty when there is no such city.
pub(super) async fn cities(
    context: &PageContext,
    request: impl Variant<Contract = Search, Reply = Vec<City>>,
) -> Result<Vec<City>, PageError> {
    match context.site.dependencies.client.call(&context.anonymous(), request).await {
        Ok(cities) => Ok(cities),
        Err(Failure::Refused(_)) => Ok(Vec::new()),
        Err(failure) => Err(failure.into()),
    }
}

/// A city from a URL or an input field: digits are a GeoNames id, other text is a name.
pub(super) fn city_name(text: &str) -> CityName {
    text.parse().map_or_else(|_| CityName::Name(text.to_owned()), CityName::Id)
}

/// The cities that a text can mean, the most likely one first.
pub(super) async fn suggest(
    context: &PageContext,
    text: String,
    limit: u8,
) -> Result<Vec<CityMatch>, PageError> {
    let request = SuggestCities { text, limit, languages: context.languages.clone() };
    match context.site.dependencies.client.call(&context.anonymous(), request).await {
        Ok(found) => Ok(found),
        Err(Failure::Refused(_)) => Ok(Vec::new()),
        Err(failure) => Err(failure.into()),
    }
}

/// The name that matched, if it is not the one that is shown: `Monaco di Baviera` for Munich.
pub(super) fn matched_name(found: &CityMatch) -> Option<&str> {
    let is_shown = found.city.name.starts_with(&*found.name) || found.city.full_name.contains(&*found.name);
    (found.kind != CityMatchKind::Spelling && !is_shown).then_some(&*found.name)
}

/// A booking, and the call with which it can be changed.
pub(super) struct OpenedBooking {
    pub reservation: Reservation,
    pub call: Call,
}

/// Opens a booking for this visitor: as its owner, or with the secret link, given now or earlier in this browser.
pub(super) async fn booking(
    context: &mut PageContext,
    id: &str,
    key: &str,
) -> Result<OpenedBooking, PageError> {
    let id: ReservationId = id.parse().map_err(|_| PageError::NotFound)?;
    let client = context.site.dependencies.client.clone();
    if !key.is_empty() {
        let request = GetReservationByLink { reservation: id, tag: key.to_owned() };
        let reservation = found(client.call(&context.anonymous(), request).await)?;
        return by_link(context, reservation, true).await;
    }
    let call = context.as_visitor().await?;
    let request = GetReservation { reservation: id };
    match client.call(&call, request.clone()).await {
        Ok(reservation) => return Ok(OpenedBooking { reservation, call }),
        Err(Failure::Refused(_) | Failure::Forbidden(_)) => {}
        Err(failure) => return Err(failure.into()),
    }
    // A signed-in visitor can also open the bookings that this browser made before the sign-in.
    if context.session.user.is_some() {
        let call = context.on_behalf_of(&context.session.guest).await?;
        if let Ok(reservation) = client.call(&call, request.clone()).await {
            return Ok(OpenedBooking { reservation, call });
        }
    }
    let ours = context.as_ui().await?;
    let has_opened = HasOpenedBooking { guest: context.session.guest.clone(), reservation: id };
    match client.call(&ours, has_opened).await {
        Ok(true) => {}
        Ok(false) | Err(Failure::Refused(_)) => return Err(PageError::NotFound),
        Err(failure) => return Err(failure.into()),
    }
    let reservation = found(client.call(&ours, request).await)?;
    by_link(context, reservation, false).await
}

/// A visitor with the secret link acts as the booking's owner. The browser's session remembers the booking, so that
/// further URLs need no secret.
async fn by_link(
    context: &mut PageContext,
    reservation: Reservation,
    is_new: bool,
) -> Result<OpenedBooking, PageError> {
    let call = context.on_behalf_of(&reservation.owner).await?;
    if is_new && reservation.owner != context.session.guest {
        let remember = RememberBooking { guest: context.session.guest.clone(), reservation: reservation.id };
        let ours = context.as_ui().await?;
        // The booking is shown even if it cannot be remembered.
        if context.site.dependencies.client.call(&ours, remember).await.is_ok() {
            context.save_session();
        }
    }
    Ok(OpenedBooking { reservation, call })
}

fn found(result: Result<Reservation, Failure<reservations::Refusal>>) -> Result<Reservation, PageError> {
    result.map_err(|failure| match failure {
        Failure::Refused(_) | Failure::Forbidden(_) => PageError::NotFound,
        failure => failure.into(),
    })
}
