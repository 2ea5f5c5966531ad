//! Lookups that several pages share: hotels, cities and bookings.

use contracts::reservations::{
    BookingLink, GetHotel, GetReservation, GetReservationByLink, Refusal, Reservation,
};
use contracts::search::{self, City, CityMatch, CityMatchKind, CityName, Search, SuggestCities};
use contracts::ui::{GetOpenedBooking, RememberBooking};
use contracts::{HotelId, ReservationId};
use group::{Call, Failure};
use protocol::Variant;

use crate::context::PageContext;
use crate::error::PageError;
use crate::site::Site;
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

/// What a visitor is to a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visitor {
    /// The owner: the account or the browser that made the booking.
    Owner,
    /// Whoever opened it with its secret link.
    Bearer,
    /// Staff of the hotel, or an administrator.
    Staff,
}

/// A booking, and the call with which it can be changed.
pub(super) struct OpenedBooking {
    pub reservation: Reservation,
    pub call: Call,
    pub visitor: Visitor,
}

impl OpenedBooking {
    /// The secret link, for visitors who have the guest's rights.
    pub fn link(&self) -> Option<BookingLink> {
        match self.visitor {
            Visitor::Owner | Visitor::Bearer => Some(self.reservation.link()),
            Visitor::Staff => None,
        }
    }

    /// The link to the booking in documents for this visitor.
    pub fn url(&self, site: &Site) -> String {
        self.link().map_or_else(|| site.plain_link(self.reservation.id), |link| site.secret_link(link))
    }
}

/// Opens a booking for this visitor: with the secret link, given now or earlier in this browser; as its owner; or as staff.
pub(super) async fn booking(
    context: &mut PageContext,
    id: &str,
    key: &str,
) -> Result<OpenedBooking, PageError> {
    let id: ReservationId = id.parse().map_err(|_| PageError::NotFound)?;
    let client = context.site.dependencies.client.clone();
    let mut replaced = false;
    if !key.is_empty() {
        let request = GetReservationByLink { reservation: id, tag: key.to_owned() };
        match client.call(&context.anonymous(), request).await {
            Ok(reservation) => return with_link(context, reservation).await,
            // The owner and staff can open the booking without the link.
            Err(Failure::Refused(refusal)) => replaced = refusal == Refusal::LinkReplaced,
            Err(failure) => return Err(failure.into()),
        }
    }
    if let Some(opened) = without_link(context, id).await? {
        return Ok(opened);
    }
    let remembered = GetOpenedBooking { guest: context.session.guest.clone(), reservation: id };
    let link = match client.call(&context.as_ui().await?, remembered).await {
        Ok(link) => link,
        Err(Failure::Refused(_)) => None,
        Err(failure) => return Err(failure.into()),
    };
    if let Some(link) = link {
        let call = context.on_behalf_of(&link.subject()).await?;
        match client.call(&call, GetReservation { reservation: id }).await {
            Ok(reservation) => return Ok(OpenedBooking { reservation, call, visitor: Visitor::Bearer }),
            Err(Failure::Refused(_) | Failure::Forbidden(_)) => replaced = true,
            Err(failure) => return Err(failure.into()),
        }
    }
    Err(if replaced { PageError::LinkReplaced } else { PageError::NoSuchBooking(id) })
}

/// Opens a booking as the signed-in user, or as the guest session of this browser.
async fn without_link(
    context: &mut PageContext,
    id: ReservationId,
) -> Result<Option<OpenedBooking>, PageError> {
    let client = context.site.dependencies.client.clone();
    let request = GetReservation { reservation: id };
    let mut calls = Vec::new();
    if let Some(call) = context.as_user().await? {
        let user = context.session.user.as_ref().map(|user| user.user.clone());
        calls.push((call, user.unwrap_or_default()));
    }
    // A signed-in visitor can also open the bookings that this browser made before the sign-in.
    let guest = context.session.guest.clone();
    calls.push((context.on_behalf_of(&guest).await?, guest));
    for (call, subject) in calls {
        match client.call(&call, request.clone()).await {
            Ok(reservation) => {
                let visitor = if reservation.owner == subject { Visitor::Owner } else { Visitor::Staff };
                return Ok(Some(OpenedBooking { reservation, call, visitor }));
            }
            Err(Failure::Refused(_) | Failure::Forbidden(_)) => {}
            Err(failure) => return Err(failure.into()),
        }
    }
    Ok(None)
}

/// Opens a booking whose valid link was given. The link itself is the credential: calls are made for its bearer, who has
/// rights to this booking only. The browser's session remembers it, so that further URLs need no secret.
async fn with_link(context: &mut PageContext, reservation: Reservation) -> Result<OpenedBooking, PageError> {
    if reservation.owner == context.session.guest {
        let call = context.on_behalf_of(&reservation.owner).await?;
        return Ok(OpenedBooking { reservation, call, visitor: Visitor::Owner });
    }
    let link = reservation.link();
    let call = context.on_behalf_of(&link.subject()).await?;
    let remember = RememberBooking { guest: context.session.guest.clone(), link };
    let ours = context.as_ui().await?;
    // The booking is shown even if it cannot be remembered.
    if context.site.dependencies.client.call(&ours, remember).await.is_ok() {
        context.save_session();
    }
    let owns = context.session.user.as_ref().is_some_and(|user| user.user == reservation.owner);
    let visitor = if owns { Visitor::Owner } else { Visitor::Bearer };
    Ok(OpenedBooking { reservation, call, visitor })
}
