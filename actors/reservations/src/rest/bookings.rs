//! Operations on reservations: create, read, change, cancel, and their documents.

use contracts::reservations::{
    Cancel, GetReservation, GetReservationByLink, Guest, Hold, ListBy, ListReservations, Modify, Position,
    Quote, Refusal, Reservation, RevokeLinks, SendLink, merge_pages,
};
use contracts::{HotelId, ReservationId};
use edge::{
    ApiError, Caller, ClientAddress, Created, Cursor, IdempotencyKey, IfMatch, Json, Limit, MergePatch,
    NoContent, OptionalJson, Page, SerdeJson, SignedIn, WithETag,
};
use group::{Call, Failure};
use poem_openapi::param::{Header, Path, Query as Parameter};
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use protocol::Timestamp;
use rest::Money;

use super::response::ReservationResponse;
use super::{ReservationStatus, Shared, Tag, expected_version, now, problem};
use crate::{documents, ics};

pub(super) struct Api(pub Shared);

/// A reservation to create.
#[derive(Debug, Object)]
struct NewReservation {
    /// The sealed offer.
    #[oai(validator(min_length = 10, max_length = 20000))]
    offer: String,
    /// The guest.
    guest: rest::Guest,
    /// Special requests of the guest.
    #[oai(validator(max_length = 1000))]
    requests: Option<String>,
    /// Your own reference.
    #[oai(validator(min_length = 1, max_length = 100))]
    reference: Option<String>,
}

/// Changes to the guest's details. Absent fields are unchanged.
#[derive(Debug, Object)]
struct GuestChange {
    /// First and last name.
    #[oai(validator(min_length = 1, max_length = 120))]
    name: Option<String>,
    /// The mail address.
    #[oai(validator(min_length = 3, max_length = 254))]
    email: Option<String>,
    /// The phone number, for the hotel; null removes it.
    #[oai(nullable, validator(max_length = 32))]
    phone: MaybeUndefined<String>,
}

/// Changes to a reservation. Absent fields are unchanged.
#[derive(Debug, Object)]
struct ReservationChange {
    /// Changes to the guest's details.
    guest: Option<GuestChange>,
    /// Special requests; null removes them.
    #[oai(nullable, validator(max_length = 1000))]
    requests: MaybeUndefined<String>,
}

/// How to cancel a reservation.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct Cancellation {
    /// The cancellation fee that the hotel keeps, at most the amount paid. Only for the hotel, which by default keeps nothing;
    /// guests and partners pay what the policy says.
    penalty: Option<Money>,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Reservations")]
impl Api {
    /// Create a reservation
    ///
    /// Holds the rooms for 15 minutes at the price of the offer. A reservation with a total of 0 needs no payment: it is
    /// `confirmed` at once. 409 `sold-out`, `stop-sell`, `stay-restricted` or `inactive`, with alternatives; 409
    /// `too-many-holds` with the `limit`; 410 `offer-expired`, with a fresh offer. 429 when too many unpaid rooms are held from
    /// a visitor's network; holds that were released count for up to 25 minutes.
    #[oai(path = "/reservations", method = "post", operation_id = "createReservation")]
    async fn create(
        &self,
        #[oai(scope = "rest::scope::RESERVATIONS_WRITE")] caller: SignedIn,
        request: &poem::Request,
        #[oai(name = "Idempotency-Key")] key: Header<Option<IdempotencyKey>>,
        new: Json<NewReservation>,
    ) -> Result<Created<ReservationResponse>, ApiError> {
        let new = new.0;
        let guest = new.guest.checked("/guest")?;
        let guest = Guest { name: guest.name, email: guest.email, phone: guest.phone };
        // The seal itself does not expire. The turn decides whether the quote is still valid.
        let quote: Quote = self
            .0
            .offers
            .open(&new.offer, now())
            .map_err(|_| ApiError::invalid("/offer", "not a valid offer"))?;
        let requests = prose(new.requests, "/requests")?;
        let reference = line(new.reference, "/reference")?;
        let call = caller.call_with(key.0.as_ref(), "createReservation", &quote.hotel.to_string());
        let admission = self.0.admit(&call, ClientAddress::of(request), &quote).await?;
        let hold = Hold { quote: quote.clone(), guest, requests, reference, admission };
        let held = match self.0.client.call(&call, hold).await {
            Ok(held) => held,
            Err(failure) => {
                if matches!(failure, Failure::Refused(_)) {
                    self.0.give_back(&call, admission).await;
                }
                return Err(self.hold_error(&caller.call(), &quote, failure).await);
            }
        };
        Ok(Created::new(
            format!("/v1/reservations/{}", held.id),
            held.version.into(),
            ReservationResponse::new(held, now()),
        ))
    }

    /// List reservations
    ///
    /// Your own reservations, newest first. With `hotel_id`, for staff of the hotel: its confirmed reservations by check-in
    /// date. A page can be short, even empty, and still have a next page.
    #[oai(path = "/reservations", method = "get", operation_id = "listReservations")]
    #[allow(clippy::too_many_arguments)]
    async fn list(
        &self,
        #[oai(scope = "rest::scope::RESERVATIONS_READ")] caller: SignedIn,
        /// Only reservations of this hotel, for its staff
        hotel_id: Parameter<Option<String>>,
        /// Only with this status
        status: Parameter<Option<ReservationStatus>>,
        /// Only with a check-in on or after this date
        check_in_from: Parameter<Option<edge::Date>>,
        /// Only with a check-in on or before this date
        check_in_to: Parameter<Option<edge::Date>>,
        /// Only with this reference of yours
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
        let filters = ("listReservations", ListReservations { limit: 0, ..listing.clone() });
        listing.after = self.0.cursors.decode::<Position>(&filters, cursor.0)?;
        let (found, next) = self.list_page(&caller.call(), listing, limit.0.get()).await?;
        let next_cursor = next.map(|next| self.0.cursors.encode(&filters, &next));
        Ok(SerdeJson(Page {
            items: found.into_iter().map(|found| ReservationResponse::new(found, now())).collect(),
            next_cursor,
        }))
    }

    /// Get a reservation
    #[oai(path = "/reservations/:reservation_id", method = "get", operation_id = "getReservation")]
    async fn get(
        &self,
        #[oai(scope = "rest::scope::RESERVATIONS_READ")] caller: Caller,
        /// The reservation
        reservation_id: Path<String>,
        /// The key of the secret link in the guest's mail, for callers without an access token
        #[oai(validator(max_length = 64))]
        key: Parameter<Option<String>>,
    ) -> Result<WithETag<ReservationResponse>, ApiError> {
        let found = self.find(&caller, &reservation_id, key.0).await?;
        Ok(WithETag::new(found.version.into(), ReservationResponse::new(found, now())))
    }

    /// Change guest details or special requests
    ///
    /// A new mail address gets a new secret link by mail, and the link that the old mailbox has stops working.
    #[oai(path = "/reservations/:reservation_id", method = "patch", operation_id = "updateReservation")]
    async fn update(
        &self,
        #[oai(scope = "rest::scope::RESERVATIONS_WRITE")] caller: SignedIn,
        #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
        /// The reservation
        reservation_id: Path<String>,
        change: MergePatch<ReservationChange>,
    ) -> Result<WithETag<ReservationResponse>, ApiError> {
        let expected = expected_version(if_match.0.as_ref())?;
        let requests = match change.0.requests {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(requests) => Some(prose(Some(requests), "/requests")?),
        };
        let id = rest::id_in_path::<ReservationId>(&reservation_id)?;
        let call = caller.call();
        // The changed fields are merged with the guest as read here, so no other change may happen in between.
        let (guest, expect) = match change.0.guest {
            None => (None, expected),
            Some(guest) => {
                let found = self.0.call(&call, GetReservation { reservation: id }).await?;
                (Some(merged(found.guest, guest)?), Some(expected.unwrap_or(found.version)))
            }
        };
        let changed = self.0.call(&call, Modify { reservation: id, expect, guest, requests }).await?;
        Ok(WithETag::new(changed.version.into(), ReservationResponse::new(changed, now())))
    }

    /// Cancel a reservation
    ///
    /// A hold is released free of charge. A guest or partner who cancels a confirmed reservation gets
    /// `refund_if_cancelled_now` back, until `cancellation.cancellable_until`. When the hotel cancels, with `hotel:manage`,
    /// everything is refunded unless it sets a `penalty`; it can cancel until check-out. 409 `cancellation-closed` afterwards,
    /// `wrong-status` after check-in or a no-show. Cancelling again returns the same reservation.
    #[oai(path = "/reservations/:reservation_id/cancel", method = "post", operation_id = "cancelReservation")]
    async fn cancel(
        &self,
        #[oai(scope = "rest::scope::RESERVATIONS_WRITE")] caller: SignedIn,
        #[oai(name = "Idempotency-Key")] key: Header<Option<IdempotencyKey>>,
        #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
        /// The reservation
        reservation_id: Path<String>,
        cancellation: OptionalJson<Cancellation>,
    ) -> Result<WithETag<ReservationResponse>, ApiError> {
        let reservation = rest::id_in_path::<ReservationId>(&reservation_id)?;
        let call = caller.call_with(key.0.as_ref(), "cancelReservation", &reservation_id);
        let expect = expected_version(if_match.0.as_ref())?;
        let penalty = cancellation.0.and_then(|cancellation| cancellation.penalty);
        let penalty = penalty.map(|penalty| penalty.into_contract("/penalty")).transpose()?;
        let cancelled = self.0.call(&call, Cancel { reservation, expect, penalty }).await?;
        Ok(WithETag::new(cancelled.version.into(), ReservationResponse::new(cancelled, now())))
    }

    /// Get the confirmation as PDF
    ///
    /// It contains the guest's secret link only for whoever has the guest's rights: the owner with the scope
    /// `reservations:write`, or a caller with the link's `key`.
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
        /// The key of the secret link in the guest's mail, for callers without an access token
        #[oai(validator(max_length = 64))]
        key: Parameter<Option<String>>,
    ) -> Result<edge::Pdf, ApiError> {
        let by_link = key.0.is_some();
        let found = self.find(&caller, &reservation_id, key.0).await?;
        let link = if by_link {
            self.0.links.secret_link(found.link())
        } else {
            let link = documents::link_for(&self.0.client, &caller.call(), &self.0.links, found.id).await;
            link.map_err(|unavailable| ApiError::unavailable(unavailable.retry_after_secs))?
        };
        let call = self.0.service_call().await?;
        let hotel = self.0.hotel(&call, found.hotel()).await?;
        let rendered =
            documents::confirmation_pdf(&self.0.client, &call, &self.0.links, &found, &hotel, &link).await;
        let bytes = rendered.map_err(|failure| {
            edge::api_error(failure, |_| {
                edge::Problem::new(&edge::problem_types::INTERNAL)
                    .detail("The template of the confirmation does not fit its data.")
            })
        })?;
        Ok(edge::Pdf { name: format!("{}.pdf", found.id), bytes })
    }

    /// Get the stay as a calendar file
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
        /// The key of the secret link in the guest's mail, for callers without an access token
        #[oai(validator(max_length = 64))]
        key: Parameter<Option<String>>,
    ) -> Result<edge::Calendar, ApiError> {
        let found = self.find(&caller, &reservation_id, key.0).await?;
        let hotel = self.0.hotel(&self.0.service_call().await?, found.hotel()).await?;
        let bytes = ics::calendar_file(&self.0.links, &found, &hotel).into_bytes();
        Ok(edge::Calendar { name: format!("{}.ics", found.id), bytes })
    }

    /// Mail the guest a new link
    ///
    /// Links and QR codes from earlier mails and documents stop working. The response does not contain the link. For the
    /// owner and staff, once the reservation was confirmed; at most once a minute.
    #[oai(
        path = "/reservations/:reservation_id/links",
        method = "post",
        operation_id = "sendReservationLink"
    )]
    async fn send_link(
        &self,
        #[oai(scope = "rest::scope::RESERVATIONS_WRITE")] caller: SignedIn,
        #[oai(name = "Idempotency-Key")] key: Header<Option<IdempotencyKey>>,
        #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
        /// The reservation
        reservation_id: Path<String>,
    ) -> Result<WithETag<ReservationResponse>, ApiError> {
        let reservation = rest::id_in_path::<ReservationId>(&reservation_id)?;
        let call = caller.call_with(key.0.as_ref(), "sendReservationLink", &reservation_id);
        let expect = expected_version(if_match.0.as_ref())?;
        let changed = self.0.call(&call, SendLink { reservation, expect }).await?;
        Ok(WithETag::new(changed.version.into(), ReservationResponse::new(changed, now())))
    }

    /// Turn off the guest's links
    ///
    /// Links and QR codes from all earlier mails and documents stop working. The next mail to the guest contains a new
    /// link. For the owner and staff.
    #[oai(
        path = "/reservations/:reservation_id/links",
        method = "delete",
        operation_id = "revokeReservationLinks"
    )]
    async fn revoke_links(
        &self,
        #[oai(scope = "rest::scope::RESERVATIONS_WRITE")] caller: SignedIn,
        #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
        /// The reservation
        reservation_id: Path<String>,
    ) -> Result<NoContent, ApiError> {
        let reservation = rest::id_in_path::<ReservationId>(&reservation_id)?;
        let expect = expected_version(if_match.0.as_ref())?;
        self.0.call(&caller.call(), RevokeLinks { reservation, expect }).await?;
        Ok(NoContent)
    }
}

impl Api {
    async fn find(&self, caller: &Caller, id: &str, key: Option<String>) -> Result<Reservation, ApiError> {
        let reservation = rest::id_in_path::<ReservationId>(id)?;
        match key {
            Some(tag) => self.0.call(&caller.call(), GetReservationByLink { reservation, tag }).await,
            None => self.0.call(&caller.call(), GetReservation { reservation }).await,
        }
    }

    async fn list_page(
        &self,
        call: &Call,
        listing: ListReservations,
        limit: usize,
    ) -> Result<(Vec<Reservation>, Option<Position>), ApiError> {
        let pages = match listing.by {
            ListBy::Owner => self.0.call_every_shard(call, listing).await?,
            ListBy::Hotel(_) => vec![self.0.call(call, listing).await?],
        };
        Ok(merge_pages(pages, limit))
    }

    /// The problem of a failed hold, with alternatives if the offer is not available any more.
    async fn hold_error(&self, call: &Call, quote: &Quote, failure: Failure<Refusal>) -> ApiError {
        let expired = matches!(failure, Failure::Refused(Refusal::OfferExpired));
        let unavailable = matches!(
            failure,
            Failure::Refused(
                Refusal::SoldOut { .. }
                    | Refusal::StopSell { .. }
                    | Refusal::Restricted { .. }
                    | Refusal::Inactive
            )
        );
        let error = edge::api_error(failure, problem);
        if !expired && !unavailable {
            return error;
        }
        let alternatives = self.0.alternatives(call, quote).await;
        let problem = edge::Problem::from(error);
        if unavailable {
            return problem.with("alternatives", &alternatives).into();
        }
        let (room_type, plan) = (quote.room_type.to_string(), quote.rate_plan.to_string());
        match alternatives.iter().find(|offer| offer.room_type_id == room_type && offer.rate_plan_id == plan)
        {
            Some(fresh) => problem.with("offer", &fresh.offer).with("fresh_offer", fresh).into(),
            None => problem.with("alternatives", &alternatives).into(),
        }
    }
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

/// Text of several lines; `None` if it is empty.
fn prose(text: Option<String>, pointer: &str) -> Result<Option<String>, ApiError> {
    let text = text.map(|text| text.trim().replace("\r\n", "\n")).filter(|text| !text.is_empty());
    match &text {
        Some(text) if text.contains(|letter: char| letter.is_control() && letter != '\n') => {
            Err(ApiError::invalid(pointer, "no control characters but line ends"))
        }
        _ => Ok(text),
    }
}

/// Text of one line; `None` if it is absent.
fn line(text: Option<String>, pointer: &str) -> Result<Option<String>, ApiError> {
    match text {
        Some(text) if text.contains(char::is_control) || text.trim().is_empty() => {
            Err(ApiError::invalid(pointer, "one line of text"))
        }
        text => Ok(text.map(|text| text.trim().to_owned())),
    }
}
