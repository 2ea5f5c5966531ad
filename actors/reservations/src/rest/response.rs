//! Offers and reservations in responses.

use contracts::reservations::{self, Offer, PaymentState, Quote, Reservation};
use poem_openapi::Object;
use protocol::Timestamp;
use rest::{Money, Nightly, Tax, TimelineEntry};
use serde::Serialize;
use token::Seal;

use super::ReservationStatus;

/// The cancellation terms.
#[derive(Debug, Clone, Object, Serialize)]
pub struct CancellationTerms {
    /// Cancellation is free until this instant; null: never free.
    pub free_until: Option<edge::Instant>,
    /// The cancellation fee after that.
    pub penalty: Money,
    /// Guests and partners can cancel until this instant, the end of the check-in day at the hotel.
    pub cancellable_until: edge::Instant,
}

impl From<&Quote> for CancellationTerms {
    fn from(quote: &Quote) -> Self {
        Self {
            free_until: quote.policy.free_until.map(Into::into),
            penalty: Money::new(quote.penalty(), quote.currency),
            cancellable_until: quote.policy.guest_until.into(),
        }
    }
}

/// A room type at a rate plan that is available for the whole stay.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(rename = "Offer")]
pub struct OfferItem {
    /// The room type.
    pub room_type_id: String,
    /// The rate plan.
    pub rate_plan_id: String,
    /// The names of the room type and the rate plan.
    pub name: String,
    /// The name of the room type.
    pub room_type_name: String,
    /// The name of the rate plan.
    pub rate_plan_name: String,
    /// The most guests in one room.
    pub sleeps: u32,
    /// The least number of available rooms on any night of the stay.
    pub rooms_left: u32,
    /// The check-in date.
    pub check_in: edge::Date,
    /// The check-out date.
    pub check_out: edge::Date,
    /// The number of rooms.
    pub rooms: u32,
    /// The number of guests.
    pub guests: u32,
    /// The price of each night for all rooms, in minor units.
    pub nightly: Vec<Nightly>,
    /// Mandatory taxes and fees.
    pub taxes: Vec<Tax>,
    /// The total price, with all taxes and fees.
    pub total: Money,
    /// The cancellation terms.
    pub cancellation: CancellationTerms,
    /// The hotel's time zone.
    pub time_zone: String,
    /// The sealed quote: pass it to `POST /v1/reservations`.
    pub offer: String,
    /// The quote is valid until this instant.
    pub offer_expires_at: edge::Instant,
}

impl OfferItem {
    pub(super) fn seal(offer: &Offer, seal: &Seal) -> Self {
        let quote = &offer.quote;
        Self {
            room_type_id: quote.room_type.to_string(),
            rate_plan_id: quote.rate_plan.to_string(),
            name: format!("{}, {}", quote.room_name, quote.plan_name),
            room_type_name: quote.room_name.clone(),
            rate_plan_name: quote.plan_name.clone(),
            sleeps: offer.sleeps.into(),
            rooms_left: offer.rooms_left,
            check_in: rest::date(quote.stay.check_in()),
            check_out: rest::date(quote.stay.check_out()),
            rooms: quote.rooms,
            guests: quote.guests,
            nightly: nightly(quote),
            taxes: quote.taxes.iter().cloned().map(Tax::from).collect(),
            total: Money::new(quote.total, quote.currency),
            cancellation: quote.into(),
            time_zone: quote.time_zone.clone(),
            // The seal itself does not expire; the turn decides whether the quote is still valid. So a late retry under the
            // same idempotency key returns the first reply.
            offer: seal.seal(quote, None),
            offer_expires_at: quote.expires_at.into(),
        }
    }
}

fn nightly(quote: &Quote) -> Vec<Nightly> {
    quote.priced_nights().map(|(night, amount)| Nightly { date: rest::date(night), amount }).collect()
}

/// The state of the refunds.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(rename = "ReservationRefund")]
pub struct RefundResponse {
    /// The amount that failed, else the amount that is pending, else all that was refunded.
    pub amount: Money,
    /// `pending`, `succeeded` or `failed`. After a failure, staff has to act: see `attention` of the payment.
    pub status: String,
}

/// Who cancelled a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, poem_openapi::Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum CancelledBy {
    Guest,
    Hotel,
    Partner,
}

impl From<reservations::CancelledBy> for CancelledBy {
    fn from(by: reservations::CancelledBy) -> Self {
        match by {
            reservations::CancelledBy::Guest => Self::Guest,
            reservations::CancelledBy::Hotel => Self::Hotel,
            reservations::CancelledBy::Partner => Self::Partner,
        }
    }
}

/// A reservation.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(rename = "Reservation")]
pub struct ReservationResponse {
    /// Its id, which is the booking number.
    pub id: String,
    /// The status.
    pub status: ReservationStatus,
    /// The hotel.
    pub hotel_id: String,
    /// The room type.
    pub room_type_id: String,
    /// The rate plan.
    pub rate_plan_id: String,
    /// The name of the room type at the time of booking.
    pub room_type_name: String,
    /// The name of the rate plan at the time of booking.
    pub rate_plan_name: String,
    /// The check-in date.
    pub check_in: edge::Date,
    /// The check-out date.
    pub check_out: edge::Date,
    /// The number of rooms.
    pub rooms: u32,
    /// The number of guests.
    pub guests: u32,
    /// The guest.
    pub guest: rest::Guest,
    /// Special requests.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<String>,
    /// The booker's own reference.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The price of each night for all rooms, in minor units.
    pub nightly: Vec<Nightly>,
    /// Mandatory taxes and fees.
    pub taxes: Vec<Tax>,
    /// The total price.
    pub total: Money,
    /// The cancellation terms as quoted.
    pub cancellation: CancellationTerms,
    /// The amount paid.
    pub paid: Money,
    /// The open payment, or the one that succeeded.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<String>,
    /// When the hold ends; only while held.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_expires_at: Option<edge::Instant>,
    /// The refund if the guest or partner cancelled it now.
    pub refund_if_cancelled_now: Money,
    /// Who cancelled it: `guest`, `hotel` or `partner` (the OAuth client that made it).
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<CancelledBy>,
    /// The cancellation fee that was kept.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub penalty: Option<Money>,
    /// The hotel's local date of check-out; only after check-out. Before the booked date it is an early departure, which
    /// releases the nights that are left and does not change the price.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub departed_on: Option<edge::Date>,
    /// The state of the refunds; absent if there are none. The refund of a no-show is sent at the end of the day, because until then the no-show can be
    /// undone.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund: Option<RefundResponse>,
    /// The history.
    pub timeline: Vec<TimelineEntry>,
    /// The hotel's time zone.
    pub time_zone: String,
    /// When it was created.
    pub created_at: edge::Instant,
    /// When it was last changed.
    pub updated_at: edge::Instant,
}

impl ReservationResponse {
    pub(super) fn new(reservation: Reservation, now: Timestamp) -> Self {
        let refund_if_cancelled_now = reservation.refund_at(now).into();
        let paid = reservation.paid();
        let refund = reservation.latest_refund();
        let Reservation { id, status, quote, guest, payment, .. } = reservation;
        let money = |amount| Money::new(amount, quote.currency);
        let payment_id = match payment {
            PaymentState::Unpaid => None,
            PaymentState::Open(payment) | PaymentState::Paid { payment, .. } => Some(payment.to_string()),
        };
        let refund = refund.map(|refund| RefundResponse {
            amount: money(refund.amount),
            status: refund.status.as_str().to_owned(),
        });
        Self {
            id: id.to_string(),
            status: status.into(),
            hotel_id: quote.hotel.to_string(),
            room_type_id: quote.room_type.to_string(),
            rate_plan_id: quote.rate_plan.to_string(),
            check_in: rest::date(quote.stay.check_in()),
            check_out: rest::date(quote.stay.check_out()),
            rooms: quote.rooms,
            guests: quote.guests,
            guest: rest::Guest { name: guest.name, email: guest.email, phone: guest.phone },
            requests: reservation.requests,
            reference: reservation.reference,
            nightly: nightly(&quote),
            taxes: quote.taxes.iter().cloned().map(Tax::from).collect(),
            total: money(quote.total),
            cancellation: (&quote).into(),
            paid: money(paid),
            payment_id,
            hold_expires_at: reservation.hold_expires_at.map(Into::into),
            refund_if_cancelled_now,
            cancelled_by: reservation.cancelled_by.map(Into::into),
            penalty: Some(money(reservation.penalty)).filter(|penalty| penalty.amount > 0),
            departed_on: reservation.departed_on.map(rest::date),
            refund,
            timeline: reservation
                .timeline
                .iter()
                .map(|(at, what)| TimelineEntry::new(*at, what.as_str()))
                .collect(),
            time_zone: quote.time_zone.clone(),
            created_at: reservation.created_at.into(),
            updated_at: reservation.updated_at.into(),
            room_type_name: quote.room_name,
            rate_plan_name: quote.plan_name,
        }
    }
}
