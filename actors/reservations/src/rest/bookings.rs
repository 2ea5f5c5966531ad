//! Making, reading, changing and cancelling reservations, and their papers.

use contracts::reservations::{
    Answer, Command, Guest, ListBy, ListReservations, Position, Query, Quote, Refusal, Reservation, merge,
};
use contracts::{HotelId, ReservationId};
use edge::{
    ApiError, Caller, Created, Cursor, IdempotencyKey, IfMatch, Json, Limit, Page, SerdeJson, SignedIn,
    WithETag,
};
use group::{Call, Failure};
use poem_openapi::param::{Header, Path, Query as Parameter};
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use protocol::Timestamp;

use super::response::ReservationResponse;
use super::{Contract, ReservationStatus, Shared, Tag, now, problem, reservation_of, unexpected};
use crate::{effects, ics};

pub(super) struct Api(pub Shared);

/// A reservation to be made.
#[derive(Debug, Object)]
struct NewReservation {
    /// The sealed offer.
    #[oai(validator(min_length = 10, max_length = 20000))]
    offer: String,
    /// Who stays.
    guest: rest::Guest,
    /// Wishes, in the guest's words.
    #[oai(validator(max_length = 1000))]
    requests: Option<String>,
    /// Your own name for it.
    #[oai(validator(min_length = 1, max_length = 100))]
    reference: Option<String>,
}

/// What changes about the guest. What is left out stays.
#[derive(Debug, Object)]
struct GuestChange {
    /// First and last.
    #[oai(validator(min_length = 1, max_length = 120))]
    name: Option<String>,
    /// Where mail goes.
    #[oai(validator(min_length = 3, max_length = 254))]
    email: Option<String>,
    /// For the hotel; null removes it.
    #[oai(validator(max_length = 32))]
    phone: MaybeUndefined<String>,
}

/// What changes about a reservation. What is left out stays.
#[derive(Debug, Object)]
struct ReservationChange {
    /// Who stays.
    guest: Option<GuestChange>,
    /// Wishes; null removes them.
    #[oai(validator(max_length = 1000))]
    requests: MaybeUndefined<String>,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Reservations")]
impl Api {
    /// Make a reservation
    ///
    /// Sets rooms aside for 15 minutes at the price of the offer. 409 `sold-out` (with alternatives), `stop-sell`,
    /// `inactive` or `too-many-holds`; 410 `offer-expired`, with a fresh offer.
    #[oai(path = "/reservations", method = "post", operation_id = "createReservation")]
    async fn create(
        &self,
        #[oai(scope = "rest::scope::RESERVATIONS_WRITE")] caller: SignedIn,
        #[oai(name = "Idempotency-Key")] key: Header<Option<IdempotencyKey>>,
        new: Json<NewReservation>,
    ) -> Result<Created<ReservationResponse>, ApiError> {
        let new = new.0;
        let guest = new.guest.checked("/guest")?;
        let guest = Guest { name: guest.name, email: guest.email, phone: guest.phone };
        // Sealed without an end of its own: whether the quote still holds is decided by the turn.
        let quote: Quote = self
            .0
            .offers
            .open(&new.offer, now())
            .map_err(|_| ApiError::invalid("/offer", "not an offer of ours"))?;
        let requests = prose(new.requests, "/requests")?;
        let reference = line(new.reference, "/reference")?;
        let call = caller.call_with(key.0.as_ref(), "createReservation", &quote.hotel.to_string());
        let command = Command::Hold { quote: quote.clone(), guest, requests, reference };
        let reply = match self.0.client.command::<Contract>(&call, command).await {
            Ok(reply) => reply,
            Err(failure) => return Err(self.refused(&caller.call(), &quote, failure).await),
        };
        let held = reservation_of(reply)?;
        Ok(Created::new(
            format!("/v1/reservations/{}", held.id),
            held.version.into(),
            ReservationResponse::new(held, now()),
        ))
    }

    /// Reservations
    ///
    /// Your own, the newest first; with `hotel_id`, for its staff, those of the hotel by day of check-in, from their
    /// confirmation on. A page may be short, even empty, and still have a next one.
    #[oai(path = "/reservations", method = "get", operation_id = "listReservations")]
    #[allow(clippy::too_many_arguments)]
    async fn list(
        &self,
        #[oai(scope = "rest::scope::RESERVATIONS_READ")] caller: SignedIn,
        /// Only those of this hotel, for its staff
        hotel_id: Parameter<Option<String>>,
        /// Only in this status
        status: Parameter<Option<ReservationStatus>>,
        /// Only with a check-in on or after this day
        check_in_from: Parameter<Option<edge::Date>>,
        /// Only with a check-in on or before this day
        check_in_to: Parameter<Option<edge::Date>>,
        /// Only with this name of yours
        #[oai(validator(max_length = 100))]
        reference: Parameter<Option<String>>,
        /// Only if changed at or after this instant
        updated_since: Parameter<Option<edge::Instant>>,
        limit: Parameter<Limit>,
        cursor: Parameter<Option<Cursor>>,
    ) -> Result<SerdeJson<Page<ReservationResponse>>, ApiError> {
        let hotel =
            hotel_id.0.as_deref().map(|id| rest::id_in_body::<HotelId>(id, "/hotel_id")).transpose()?;
        let mut listing = ListReservations {
            by: hotel.map_or(ListBy::Owner, ListBy::Hotel),
            status: status.0.map(Into::into),
            check_in_from: check_in_from.0.map(rest::contract_date),
            check_in_to: check_in_to.0.map(rest::contract_date),
            reference: reference.0,
            updated_since: updated_since.0.map(Timestamp::from),
            after: None,
            limit: u32::try_from(limit.0.get()).unwrap_or(20),
        };
        let list = ("listReservations", ListReservations { limit: 0, ..listing.clone() });
        listing.after = self.0.cursors.decode::<Position>(&list, cursor.0)?;
        let (found, next) = self.listed(&caller.call(), listing, limit.0.get()).await?;
        let next_cursor = next.map(|next| self.0.cursors.encode(&list, &next));
        Ok(SerdeJson(Page {
            items: found.into_iter().map(|found| ReservationResponse::new(found, now())).collect(),
            next_cursor,
        }))
    }

    /// One reservation
    #[oai(path = "/reservations/:reservation_id", method = "get", operation_id = "getReservation")]
    async fn get(
        &self,
        #[oai(scope = "rest::scope::RESERVATIONS_READ")] caller: Caller,
        /// The reservation
        reservation_id: Path<String>,
        /// The key of the secret link in the guest's mail, for callers without a token
        #[oai(validator(max_length = 64))]
        key: Parameter<Option<String>>,
    ) -> Result<WithETag<ReservationResponse>, ApiError> {
        let found = self.find(&caller, &reservation_id, key.0).await?;
        Ok(WithETag::new(found.version.into(), ReservationResponse::new(found, now())))
    }

    /// Change guest details or wishes
    #[oai(path = "/reservations/:reservation_id", method = "patch", operation_id = "updateReservation")]
    async fn update(
        &self,
        #[oai(scope = "rest::scope::RESERVATIONS_WRITE")] caller: SignedIn,
        #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
        /// The reservation
        reservation_id: Path<String>,
        change: Json<ReservationChange>,
    ) -> Result<WithETag<ReservationResponse>, ApiError> {
        let expected = version(if_match.0.as_ref())?;
        let requests = match change.0.requests {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(wishes) => Some(prose(Some(wishes), "/requests")?),
        };
        let id = rest::id_in_path::<ReservationId>(&reservation_id)?;
        let call = caller.call();
        // A part of the guest is set upon the rest as it was read, so nobody else's change may come between.
        let (guest, expect) = match change.0.guest {
            None => (None, expected),
            Some(guest) => {
                let found = self.0.reservation(&call, Query::Reservation(id)).await?;
                (Some(merged(found.guest, guest)?), Some(expected.unwrap_or(found.version)))
            }
        };
        let command = Command::Modify { reservation: id, expect, guest, requests };
        let changed = reservation_of(self.0.command(&call, command).await?)?;
        Ok(WithETag::new(changed.version.into(), ReservationResponse::new(changed, now())))
    }

    /// Cancel a reservation
    ///
    /// A hold costs nothing; a confirmed reservation what its cancellation policy says at this instant, see
    /// `refund_if_cancelled_now`. Cancelling again answers the same.
    #[oai(path = "/reservations/:reservation_id/cancel", method = "post", operation_id = "cancelReservation")]
    async fn cancel(
        &self,
        #[oai(scope = "rest::scope::RESERVATIONS_WRITE")] caller: SignedIn,
        #[oai(name = "Idempotency-Key")] key: Header<Option<IdempotencyKey>>,
        #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
        /// The reservation
        reservation_id: Path<String>,
    ) -> Result<WithETag<ReservationResponse>, ApiError> {
        let reservation = rest::id_in_path::<ReservationId>(&reservation_id)?;
        let call = caller.call_with(key.0.as_ref(), "cancelReservation", &reservation_id);
        let command = Command::Cancel { reservation, expect: version(if_match.0.as_ref())? };
        let cancelled = reservation_of(self.0.command(&call, command).await?)?;
        Ok(WithETag::new(cancelled.version.into(), ReservationResponse::new(cancelled, now())))
    }

    /// The confirmation, to print
    #[oai(
        path = "/reservations/:reservation_id/confirmation.pdf",
        method = "get",
        operation_id = "getConfirmation"
    )]
    async fn confirmation(
        &self,
        #[oai(scope = "rest::scope::RESERVATIONS_READ")] caller: Caller,
        /// The reservation
        reservation_id: Path<String>,
        /// The key of the secret link in the guest's mail, for callers without a token
        #[oai(validator(max_length = 64))]
        key: Parameter<Option<String>>,
    ) -> Result<edge::Pdf, ApiError> {
        let found = self.find(&caller, &reservation_id, key.0).await?;
        let own = self.0.own_call().await?;
        let hotel = self.0.hotel(&own, found.hotel()).await?;
        let made = effects::confirmation_pdf(&self.0.client, &own, &self.0.links, &found, &hotel).await;
        let bytes = made.map_err(|failure| {
            edge::api_error(failure, |_| {
                edge::Problem::new(&edge::problem_types::INTERNAL)
                    .detail("The document's template does not work.")
            })
        })?;
        Ok(edge::Pdf { name: format!("{}.pdf", found.id), bytes })
    }

    /// The stay, for calendars
    #[oai(
        path = "/reservations/:reservation_id/calendar.ics",
        method = "get",
        operation_id = "getReservationCalendar"
    )]
    async fn calendar(
        &self,
        #[oai(scope = "rest::scope::RESERVATIONS_READ")] caller: Caller,
        /// The reservation
        reservation_id: Path<String>,
        /// The key of the secret link in the guest's mail, for callers without a token
        #[oai(validator(max_length = 64))]
        key: Parameter<Option<String>>,
    ) -> Result<edge::Calendar, ApiError> {
        let found = self.find(&caller, &reservation_id, key.0).await?;
        let hotel = self.0.hotel(&self.0.own_call().await?, found.hotel()).await?;
        let bytes = ics::file(&self.0.links, &found, &hotel).into_bytes();
        Ok(edge::Calendar { name: format!("{}.ics", found.id), bytes })
    }
}

impl Api {
    async fn find(&self, caller: &Caller, id: &str, key: Option<String>) -> Result<Reservation, ApiError> {
        let reservation = rest::id_in_path::<ReservationId>(id)?;
        let query = match key {
            Some(tag) => Query::ByLink { reservation, tag },
            None => Query::Reservation(reservation),
        };
        self.0.reservation(&caller.call(), query).await
    }

    async fn listed(
        &self,
        call: &Call,
        listing: ListReservations,
        limit: usize,
    ) -> Result<(Vec<Reservation>, Option<Position>), ApiError> {
        let every = matches!(listing.by, ListBy::Owner);
        let query = Query::Reservations(listing);
        let answers = if every {
            let answers = self.0.client.query_every::<Contract>(call, query).await;
            answers.map_err(|failure| edge::api_error(failure, problem))?
        } else {
            vec![self.0.query(call, query).await?]
        };
        let page = |answer| match answer {
            Answer::Reservations(page) => Ok(page),
            other => Err(unexpected(&other)),
        };
        Ok(merge(answers.into_iter().map(page).collect::<Result<_, _>>()?, limit))
    }

    /// A refused hold in words, with what could be had instead.
    async fn refused(&self, call: &Call, quote: &Quote, failure: Failure<Refusal>) -> ApiError {
        let expired = matches!(failure, Failure::Refused(Refusal::OfferExpired));
        let gone = matches!(
            failure,
            Failure::Refused(Refusal::SoldOut { .. } | Refusal::StopSell { .. } | Refusal::Inactive)
        );
        let error = edge::api_error(failure, problem);
        if !expired && !gone {
            return error;
        }
        let instead = self.0.instead(call, quote).await;
        let refused = edge::Problem::from(error);
        if gone {
            return refused.with("alternatives", &instead).into();
        }
        let (room_type, plan) = (quote.room_type.to_string(), quote.rate_plan.to_string());
        match instead.iter().find(|offer| offer.room_type_id == room_type && offer.rate_plan_id == plan) {
            Some(fresh) => refused.with("offer", &fresh.offer).with("fresh_offer", fresh).into(),
            None => refused.with("alternatives", &instead).into(),
        }
    }
}

pub(super) fn version(if_match: Option<&IfMatch>) -> Result<Option<u32>, ApiError> {
    // No reservation has a version that large: let the turn say that it is another.
    Ok(edge::expected_version(if_match)?.map(|version| u32::try_from(version).unwrap_or(u32::MAX)))
}

fn merged(guest: Guest, change: GuestChange) -> Result<Guest, ApiError> {
    let phone = match change.phone {
        MaybeUndefined::Undefined => guest.phone,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(phone) => Some(phone),
    };
    let (name, email) = (change.name.unwrap_or(guest.name), change.email.unwrap_or(guest.email));
    let rest::Guest { name, email, phone } = rest::Guest { name, email, phone }.checked("/guest")?;
    Ok(Guest { name, email, phone })
}

/// Text of several lines; nothing where there is none.
fn prose(text: Option<String>, pointer: &str) -> Result<Option<String>, ApiError> {
    let text = text.map(|text| text.trim().replace("\r\n", "\n")).filter(|text| !text.is_empty());
    match &text {
        Some(text) if text.contains(|letter: char| letter.is_control() && letter != '\n') => {
            Err(ApiError::invalid(pointer, "no control characters but line ends"))
        }
        _ => Ok(text),
    }
}

/// Text of one line; nothing where there is none.
fn line(text: Option<String>, pointer: &str) -> Result<Option<String>, ApiError> {
    match text {
        Some(text) if text.contains(char::is_control) || text.trim().is_empty() => {
            Err(ApiError::invalid(pointer, "one line of text"))
        }
        text => Ok(text.map(|text| text.trim().to_owned())),
    }
}
