//! The REST API: offers and reservations for guests and partners, hotels for staff.

mod admission;
mod bookings;
mod calendar;
mod front_desk;
mod hotel;
mod hotels;
mod import;
mod lines;
mod offers;
mod response;

use std::sync::Arc;
use std::time::Duration;

use contracts::payments::NotPayable;
use contracts::reservations::{CancelledBy, GetManagedHotel, Refusal, Restriction, Status};
use contracts::{HotelId, HotelProfile};
use edge::{ApiError, Cursors, IfMatch, Problem, problem_types};
use group::{Call, Client, Credentials};
use poem_openapi::{OpenApi, Tags};
use protocol::{Timestamp, Variant};
use quick_cache::sync::Cache;
use token::{LinkKey, Seal};

use crate::booking_links::BookingLinks;

pub use problems::ALL as PROBLEMS;

mod problems {
    edge::problems! {
        /// Not enough rooms are left on a night.
        SOLD_OUT = "sold-out", "No rooms are left for this stay", 409;
        /// A night is closed for sale.
        STOP_SELL = "stop-sell", "The hotel does not sell these rooms for this stay", 409;
        /// The hotel does not accept this arrival, departure or length of stay.
        RESTRICTED = "stay-restricted", "The hotel does not accept this arrival, departure or length of stay", 409;
        /// The hotel, room type or rate plan is off sale.
        INACTIVE = "inactive", "This is not on sale any more", 409;
        /// The quote has expired.
        OFFER_EXPIRED = "offer-expired", "The offer has expired", 410;
        /// The limit of unpaid reservations is reached.
        TOO_MANY_HOLDS = "too-many-holds", "Too many unpaid reservations", 409;
        /// The status does not allow the action.
        WRONG_STATUS = "wrong-status", "The reservation's status does not allow this", 409;
        /// The date does not allow the action.
        WRONG_DAY = "wrong-day", "Not on this day", 409;
        /// The reservation is not held, or a payment is open.
        NOT_PAYABLE = "not-payable", "The reservation cannot be paid now", 409;
        /// The reference is in use.
        REFERENCE_TAKEN = "reference-taken", "A property with this reference exists", 409;
        /// The inventory would be less than what is held and sold.
        INVENTORY_BELOW_TAKEN = "inventory-below-taken", "More rooms are held and sold than there would be", 409;
        /// The check-in day is over or, for the hotel, the stay.
        CANCELLATION_CLOSED = "cancellation-closed", "The reservation can no longer be cancelled", 409;
        /// The currency of a property changes only while it has no prices and no reservations in the old one.
        CURRENCY_IN_USE = "currency-in-use", "The property has prices or reservations in its currency", 409;
        /// The secret link was replaced or turned off.
        LINK_REPLACED = "link-replaced", "The link is no longer valid", 410;
    }
}

#[derive(Tags)]
enum Tag {
    /// Offers and reservations
    Reservations,
    /// Properties, rates and inventory, for staff
    Properties,
}

/// The dependencies of all operations.
#[derive(Clone)]
struct Shared {
    client: Client,
    credentials: Arc<dyn Credentials>,
    offers: Seal,
    links: BookingLinks,
    cursors: Cursors,
    /// Hashes the addresses of visitors.
    addresses: LinkKey,
    /// Tokens and hotels whose holds need no admission, as a hash.
    exempt: Arc<Cache<u128, ()>>,
}

/// The API. `offers` is `cluster_key.seal("offers")`, `addresses` is `cluster_key.links("client-address")`; `credentials` issue the tokens with which documents are rendered.
pub fn api(
    client: Client,
    credentials: Arc<dyn Credentials>,
    offers: Seal,
    links: BookingLinks,
    addresses: LinkKey,
    cursors: Cursors,
) -> impl OpenApi + 'static {
    let exempt = Arc::new(Cache::new(admission::EXEMPT_MAX));
    let shared = Shared { client, credentials, offers, links, cursors, addresses, exempt };
    (
        offers::Api(shared.clone()),
        bookings::Api(shared.clone()),
        hotels::Api(shared.clone()),
        calendar::Api(shared.clone()),
        front_desk::Api(shared),
    )
}

impl Shared {
    async fn call<M>(&self, call: &Call, request: M) -> Result<M::Reply, ApiError>
    where
        M: Variant<Contract = contracts::reservations::Reservations>,
    {
        self.client.call(call, request).await.map_err(|failure| edge::api_error(failure, problem))
    }

    async fn call_every_shard<M>(&self, call: &Call, request: M) -> Result<Vec<M::Reply>, ApiError>
    where
        M: Variant<Contract = contracts::reservations::Reservations>,
    {
        self.client.call_every_shard(call, request).await.map_err(|failure| edge::api_error(failure, problem))
    }

    /// A call in the name of this service, for what a guest's token does not allow: documents, and a hotel's mail address.
    async fn service_call(&self) -> Result<Call, ApiError> {
        let token = self.credentials.service_token("reservations", None).await;
        let token = token.map_err(|unavailable| ApiError::unavailable(unavailable.retry_after_secs))?;
        Ok(Call::bearer(token, Duration::from_secs(15)))
    }

    async fn hotel(&self, call: &Call, hotel: HotelId) -> Result<HotelProfile, ApiError> {
        Ok(self.call(call, GetManagedHotel { hotel }).await?.hotel)
    }
}

fn now() -> Timestamp {
    Timestamp::wall_clock()
}

fn expected_version(if_match: Option<&IfMatch>) -> Result<Option<u32>, ApiError> {
    // No version is larger than u32::MAX, so a larger number never matches.
    Ok(edge::expected_version(if_match)?.map(|version| u32::try_from(version).unwrap_or(u32::MAX)))
}

/// Converts a refusal.
pub(crate) fn problem(refusal: Refusal) -> Problem {
    let detail = format!("{refusal}.");
    let of = |kind: &'static edge::ProblemType| Problem::new(kind).detail(sentence(&detail));
    match refusal {
        Refusal::NoSuchReservation | Refusal::NoSuchHotel | Refusal::NoSuchRoomType => {
            of(&problem_types::NOT_FOUND)
        }
        Refusal::NoSuchRatePlan => {
            of(&problem_types::UNPROCESSABLE).field("/prices", "no such rate plan of this room type")
        }
        Refusal::SoldOut { night } => of(&problems::SOLD_OUT).with("night", &night.to_string()),
        Refusal::StopSell { night } => of(&problems::STOP_SELL).with("night", &night.to_string()),
        Refusal::Inactive => of(&problems::INACTIVE),
        Refusal::OfferExpired => of(&problems::OFFER_EXPIRED),
        Refusal::InThePast { .. } => {
            of(&problem_types::UNPROCESSABLE).field("/check_in", "before the hotel's current date")
        }
        Refusal::BeyondHorizon { .. } => {
            of(&problem_types::UNPROCESSABLE).field("/check_out", "after the last night that is sold")
        }
        Refusal::TooManyHolds { limit } | Refusal::TooManyRooms { limit } => {
            of(&problems::TOO_MANY_HOLDS).with("limit", &limit)
        }
        Refusal::NotAdmitted => of(&problem_types::FORBIDDEN),
        Refusal::Invalid { field, why } => {
            Problem::new(&problem_types::UNPROCESSABLE).field(format!("/{field}"), why)
        }
        Refusal::Changed => Problem::new(&problem_types::PRECONDITION_FAILED)
            .detail("It was changed meanwhile: read it again."),
        Refusal::WrongStatus { status } => {
            of(&problems::WRONG_STATUS).with("reservation_status", &status.as_str())
        }
        Refusal::WrongDay { today } => of(&problems::WRONG_DAY).with("today", &today.to_string()),
        Refusal::NotNow { from, until } => of(&problems::WRONG_DAY)
            .with("from", &from.to_string())
            .with("until", &until.map(|until| until.to_string())),
        Refusal::Restricted { restriction } => {
            let problem = of(&problems::RESTRICTED)
                .with("restriction", &restriction.as_str())
                .with("date", &restriction.day().to_string());
            match restriction {
                Restriction::MinStay { nights, .. } => problem.with("min_stay", &nights),
                Restriction::ClosedToArrival { .. } | Restriction::ClosedToDeparture { .. } => problem,
            }
        }
        Refusal::NotPayable(NotPayable::NoSuchReservation) => of(&problem_types::NOT_FOUND),
        Refusal::NotPayable(NotPayable::NotHeld | NotPayable::PaymentOpen | NotPayable::NothingDue) => {
            of(&problems::NOT_PAYABLE)
        }
        Refusal::NotYourHotel | Refusal::NotTheGuest => of(&problem_types::FORBIDDEN),
        Refusal::LinkReplaced => of(&problems::LINK_REPLACED),
        Refusal::LinkJustSent { wait_secs } => of(&problem_types::RATE_LIMITED).retry_after(wait_secs),
        Refusal::ReferenceTaken => of(&problems::REFERENCE_TAKEN),
        Refusal::CurrencyInUse { used, .. } => {
            of(&problems::CURRENCY_IN_USE).field("/currency", used.to_string())
        }
        Refusal::InventoryBelowTaken { night, taken, .. } => {
            of(&problems::INVENTORY_BELOW_TAKEN).with("night", &night.to_string()).with("taken", &taken)
        }
        Refusal::TooLateToCancel { until, by } => {
            let detail = match by {
                CancelledBy::Guest | CancelledBy::Partner => {
                    "Guests and partners can cancel until the end of the check-in day. Please contact the hotel."
                }
                CancelledBy::Hotel => {
                    "The hotel can cancel until check-out. Mark the reservation as a no-show, or refund its payment."
                }
            };
            Problem::new(&problems::CANCELLATION_CLOSED)
                .detail(detail)
                .with("cancellable_until", &edge::Instant::from(until))
        }
    }
}

/// Capitalizes the first letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The status of a reservation in requests and responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, poem_openapi::Enum, serde::Serialize)]
#[oai(rename_all = "snake_case", rename = "ReservationStatus")]
#[serde(rename_all = "snake_case")]
pub enum ReservationStatus {
    Held,
    Confirmed,
    CheckedIn,
    CheckedOut,
    Expired,
    Cancelled,
    NoShow,
}

impl From<Status> for ReservationStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Held => Self::Held,
            Status::Confirmed => Self::Confirmed,
            Status::CheckedIn => Self::CheckedIn,
            Status::CheckedOut => Self::CheckedOut,
            Status::Expired => Self::Expired,
            Status::Cancelled => Self::Cancelled,
            Status::NoShow => Self::NoShow,
        }
    }
}

impl From<ReservationStatus> for Status {
    fn from(status: ReservationStatus) -> Self {
        match status {
            ReservationStatus::Held => Self::Held,
            ReservationStatus::Confirmed => Self::Confirmed,
            ReservationStatus::CheckedIn => Self::CheckedIn,
            ReservationStatus::CheckedOut => Self::CheckedOut,
            ReservationStatus::Expired => Self::Expired,
            ReservationStatus::Cancelled => Self::Cancelled,
            ReservationStatus::NoShow => Self::NoShow,
        }
    }
}
