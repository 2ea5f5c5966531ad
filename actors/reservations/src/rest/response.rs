//! Offers and reservations as clients see them, converted by hand.

use contracts::reservations::{Offer, PaymentState, Quote, Reservation};
use poem_openapi::Object;
use protocol::Timestamp;
use rest::{Money, Nightly, Tax, TimelineEntry};
use serde::Serialize;
use token::Seal;

use super::ReservationStatus;

/// What cancelling costs.
#[derive(Debug, Clone, Object, Serialize)]
pub struct CancellationTerms {
    /// Until then it is free; null when it never is.
    pub free_until: Option<edge::Instant>,
    /// What is kept afterwards.
    pub penalty: Money,
}

impl From<&Quote> for CancellationTerms {
    fn from(quote: &Quote) -> Self {
        Self {
            free_until: quote.policy.free_until.map(Into::into),
            penalty: Money::new(quote.penalty(), quote.currency),
        }
    }
}

/// One room type at one rate plan, free for the whole stay.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(rename = "Offer")]
pub struct OfferItem {
    /// The room type.
    pub room_type_id: String,
    /// The rate plan.
    pub rate_plan_id: String,
    /// Both, in words.
    pub name: String,
    /// The room type, in words.
    pub room_type_name: String,
    /// The rate plan, in words.
    pub rate_plan_name: String,
    /// Guests that one room takes.
    pub sleeps: u32,
    /// Rooms free on the fullest night.
    pub rooms_left: u32,
    /// The first night.
    pub check_in: edge::Date,
    /// The day of departure.
    pub check_out: edge::Date,
    /// Rooms that the price is for.
    pub rooms: u32,
    /// Guests that the price is for.
    pub guests: u32,
    /// Each night's price for all rooms, minor units.
    pub nightly: Vec<Nightly>,
    /// Mandatory taxes and fees.
    pub taxes: Vec<Tax>,
    /// The nights, and the taxes that are not included in them.
    pub total: Money,
    /// What cancelling would cost.
    pub cancellation: CancellationTerms,
    /// The hotel's time zone.
    pub time_zone: String,
    /// The sealed quote: pass it to `POST /v1/reservations`.
    pub offer: String,
    /// How long the quote is kept.
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
            // The turn decides by its own clock whether the quote still holds, so the seal itself does not expire:
            // a repeat under the same idempotency key hears what the first attempt heard, however late.
            offer: seal.seal(quote, None),
            offer_expires_at: quote.expires_at.into(),
        }
    }
}

fn nightly(quote: &Quote) -> Vec<Nightly> {
    quote.priced_nights().map(|(night, amount)| Nightly { date: rest::date(night), amount }).collect()
}

/// Money that goes or went back.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(rename = "ReservationRefund")]
pub struct RefundResponse {
    /// How much.
    pub amount: Money,
    /// `pending`, `succeeded` or `failed`.
    pub status: String,
}

/// A reservation.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(rename = "Reservation")]
pub struct ReservationResponse {
    /// Its id, which is the booking's number.
    pub id: String,
    /// Where it is in its life.
    pub status: ReservationStatus,
    /// The hotel.
    pub hotel_id: String,
    /// The room type.
    pub room_type_id: String,
    /// The rate plan.
    pub rate_plan_id: String,
    /// The room type, in words, as booked.
    pub room_type_name: String,
    /// The rate plan, in words, as booked.
    pub rate_plan_name: String,
    /// The first night.
    pub check_in: edge::Date,
    /// The day of departure.
    pub check_out: edge::Date,
    /// How many rooms.
    pub rooms: u32,
    /// How many guests.
    pub guests: u32,
    /// Who stays.
    pub guest: rest::Guest,
    /// Wishes.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<String>,
    /// The maker's own name for it.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Each night's price for all rooms, minor units.
    pub nightly: Vec<Nightly>,
    /// Mandatory taxes and fees.
    pub taxes: Vec<Tax>,
    /// What all of it costs.
    pub total: Money,
    /// What cancelling costs, as promised.
    pub cancellation: CancellationTerms,
    /// What was paid.
    pub paid: Money,
    /// The payment under way, or the one that paid.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<String>,
    /// When the hold ends; only while held.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_expires_at: Option<edge::Instant>,
    /// What would go back if it were cancelled now.
    pub refund_if_cancelled_now: Money,
    /// What a cancellation cost.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub penalty: Option<Money>,
    /// What goes or went back.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund: Option<RefundResponse>,
    /// What happened.
    pub timeline: Vec<TimelineEntry>,
    /// The hotel's time zone.
    pub time_zone: String,
    /// When it was made.
    pub created_at: edge::Instant,
    /// When it was changed last.
    pub updated_at: edge::Instant,
}

impl ReservationResponse {
    pub(super) fn new(reservation: Reservation, now: Timestamp) -> Self {
        let refund_if_cancelled_now = reservation.refund_at(now).into();
        let paid = reservation.paid();
        let Reservation { id, status, quote, guest, payment, .. } = reservation;
        let money = |amount| Money::new(amount, quote.currency);
        let payment_id = match payment {
            PaymentState::Unpaid => None,
            PaymentState::Open(payment) | PaymentState::Paid { payment, .. } => Some(payment.to_string()),
        };
        let refund = reservation.refund.map(|refund| RefundResponse {
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
            penalty: Some(money(reservation.penalty)).filter(|penalty| penalty.amount > 0),
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
