//! The REST API: offers and reservations for guests and partners, properties for staff.

mod bookings;
mod calendar;
mod day;
mod import;
mod lines;
mod offers;
mod properties;
mod property;
mod response;

use std::sync::Arc;
use std::time::Duration;

use contracts::payments::NotPayable;
use contracts::reservations::{Answer, Query, Refusal, Reply, Reservation, Status};
use contracts::{HotelId, HotelProfile};
use edge::{ApiError, Cursors, Problem, problem_types};
use group::{Call, Client, Credentials};
use poem_openapi::{OpenApi, Tags};
use protocol::Timestamp;
use token::Seal;

use crate::booking_links::BookingLinks;

pub use problems::ALL as PROBLEMS;

mod problems {
    edge::problems! {
        /// Not enough rooms on some night.
        SOLD_OUT = "sold-out", "No rooms are left for this stay", 409;
        /// The hotel closed a night.
        STOP_SELL = "stop-sell", "The hotel does not sell these rooms for this stay", 409;
        /// Off sale.
        INACTIVE = "inactive", "This is not on sale any more", 409;
        /// The quote is over.
        OFFER_EXPIRED = "offer-expired", "The offer has expired", 410;
        /// As much as anybody may hold.
        TOO_MANY_HOLDS = "too-many-holds", "Too many unpaid reservations", 409;
        /// The life of a reservation runs one way.
        WRONG_STATUS = "wrong-status", "The reservation's status does not allow this", 409;
        /// The wrong day for it.
        WRONG_DAY = "wrong-day", "Not on this day", 409;
        /// Nothing to pay, or somebody is paying.
        NOT_PAYABLE = "not-payable", "The reservation cannot be paid now", 409;
        /// The reference is taken.
        REFERENCE_TAKEN = "reference-taken", "A property with this reference exists", 409;
        /// More is sold than there would be.
        INVENTORY_BELOW_TAKEN = "inventory-below-taken", "More rooms are held and sold than there would be", 409;
    }
}

#[derive(Tags)]
enum Tag {
    /// Offers and reservations
    Reservations,
    /// Properties, rates and inventory, for staff
    Properties,
}

type Contract = contracts::reservations::Reservations;

/// What all parts of the API have.
#[derive(Clone)]
struct Shared {
    client: Client,
    credentials: Arc<dyn Credentials>,
    offers: Seal,
    links: BookingLinks,
    cursors: Cursors,
}

/// The API. `offers` is `cluster_key.seal("offers")`; `credentials` make the tokens with which documents are asked for.
pub fn api(
    client: Client,
    credentials: Arc<dyn Credentials>,
    offers: Seal,
    links: BookingLinks,
    cursors: Cursors,
) -> impl OpenApi + 'static {
    let shared = Shared { client, credentials, offers, links, cursors };
    (
        offers::Api(shared.clone()),
        bookings::Api(shared.clone()),
        properties::Api(shared.clone()),
        calendar::Api(shared.clone()),
        day::Api(shared),
    )
}

impl Shared {
    async fn command(
        &self,
        call: &Call,
        command: contracts::reservations::Command,
    ) -> Result<Reply, ApiError> {
        self.client
            .command::<Contract>(call, command)
            .await
            .map_err(|failure| edge::api_error(failure, problem))
    }

    async fn query(&self, call: &Call, query: Query) -> Result<Answer, ApiError> {
        self.client.query::<Contract>(call, query).await.map_err(|failure| edge::api_error(failure, problem))
    }

    async fn reservation(&self, call: &Call, query: Query) -> Result<Reservation, ApiError> {
        match self.query(call, query).await? {
            Answer::Reservation(found) => Ok(*found),
            other => Err(unexpected(&other)),
        }
    }

    /// A call in the name of this service, for what a guest's token does not open: documents, a hotel's own address.
    async fn own_call(&self) -> Result<Call, ApiError> {
        let token = self.credentials.service_token("reservations", None).await;
        let token = token.map_err(|unavailable| ApiError::unavailable(unavailable.retry_after_secs))?;
        Ok(Call::bearer(token, Duration::from_secs(15)))
    }

    async fn hotel(&self, call: &Call, hotel: HotelId) -> Result<HotelProfile, ApiError> {
        match self.query(call, Query::ManagedHotel(hotel)).await? {
            Answer::ManagedHotel(found) => Ok(found.hotel),
            other => Err(unexpected(&other)),
        }
    }
}

/// The kernel answers what was asked; this is for the compiler.
fn unexpected<T>(_: &T) -> ApiError {
    ApiError::new(&problem_types::INTERNAL)
}

fn reservation_of(reply: Reply) -> Result<Reservation, ApiError> {
    match reply {
        Reply::Reservation(reservation) => Ok(*reservation),
        other @ (Reply::Done | Reply::Imported { .. } | Reply::ManagedHotel(_)) => Err(unexpected(&other)),
    }
}

fn now() -> Timestamp {
    Timestamp::wall_clock()
}

/// A refusal in words for clients.
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
            of(&problem_types::UNPROCESSABLE).field("/check_in", "before the hotel's today")
        }
        Refusal::BeyondHorizon { .. } => {
            of(&problem_types::UNPROCESSABLE).field("/check_out", "after the last night that is sold")
        }
        Refusal::TooManyHolds { .. } => of(&problems::TOO_MANY_HOLDS),
        Refusal::Invalid { field, why } => {
            Problem::new(&problem_types::UNPROCESSABLE).field(format!("/{field}"), why)
        }
        Refusal::Changed => Problem::new(&problem_types::PRECONDITION_FAILED)
            .detail("It was changed meanwhile: read it again."),
        Refusal::WrongStatus { status } => of(&problems::WRONG_STATUS).with("status", &status.as_str()),
        Refusal::WrongDay { .. } => of(&problems::WRONG_DAY),
        Refusal::NotPayable(NotPayable::NoSuchReservation) => of(&problem_types::NOT_FOUND),
        Refusal::NotPayable(NotPayable::NotHeld | NotPayable::PaymentOpen) => of(&problems::NOT_PAYABLE),
        Refusal::NotYourHotel => of(&problem_types::FORBIDDEN),
        Refusal::ReferenceTaken => of(&problems::REFERENCE_TAKEN),
        Refusal::InventoryBelowTaken { night, taken, .. } => {
            of(&problems::INVENTORY_BELOW_TAKEN).with("night", &night.to_string()).with("taken", &taken)
        }
    }
}

/// With a capital at its beginning.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A reservation's status, as clients write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, poem_openapi::Enum, serde::Serialize)]
#[oai(rename_all = "snake_case", rename = "ReservationStatus")]
#[serde(rename_all = "snake_case")]
pub enum ReservationStatus {
    /// Rooms are set aside, unpaid.
    Held,
    /// Paid.
    Confirmed,
    /// The guest is in the services.
    CheckedIn,
    /// The guest has left.
    CheckedOut,
    /// Nobody paid in time.
    Expired,
    /// Called off.
    Cancelled,
    /// Nobody came.
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
