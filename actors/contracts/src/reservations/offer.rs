//! Offers: what a stay would cost, promised for half an hour.

use protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::booking::Policy;
use crate::{Currency, Date, HotelId, RatePlanId, RoomTypeId, Stay, pricing::TaxAmount};

/// How long a quote is kept, in seconds.
pub const OFFER_SECS: i64 = 30 * 60;

/// What is inside a sealed offer, and becomes part of the reservation: price, taxes and policy to the cent. APIs seal
/// it for clients (`ClusterKey::seal("offers")`) and open it again before they send [`super::Command::Hold`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Where.
    pub hotel: HotelId,
    /// In which rooms.
    pub room_type: RoomTypeId,
    /// At what conditions.
    pub rate_plan: RatePlanId,
    /// The room type's name when it was promised.
    pub room_name: String,
    /// The rate plan's name when it was promised.
    pub plan_name: String,
    /// The hotel's time zone: all its dates and deadlines are in it.
    pub time_zone: String,
    /// Which nights.
    pub stay: Stay,
    /// How many rooms, 1 to [`super::ROOMS_MAX`].
    pub rooms: u32,
    /// How many guests.
    pub guests: u32,
    /// Of all amounts.
    pub currency: Currency,
    /// Each night's price for all rooms together, minor units, in the order of the nights.
    pub nightly: Vec<i64>,
    /// Each tax, rounded once.
    pub taxes: Vec<TaxAmount>,
    /// Σ nightly + taxes that are not included.
    pub total: i64,
    /// What cancelling costs.
    pub policy: Policy,
    /// Until when the quote holds.
    pub expires_at: Timestamp,
}

impl Quote {
    /// The prices with their nights.
    pub fn priced_nights(&self) -> impl Iterator<Item = (Date, i64)> {
        self.stay.nights().zip(self.nightly.iter().copied())
    }

    /// What cancelling after the deadline costs, minor units.
    pub fn penalty(&self) -> i64 {
        crate::pricing::share(self.total, self.policy.penalty_percent)
    }
}

/// One room type at one rate plan, free for the whole stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// To be sealed.
    pub quote: Quote,
    /// Guests that one room takes.
    pub sleeps: u8,
    /// Rooms free on the fullest night.
    pub rooms_left: u32,
}

/// What a hotel offers for a stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offers {
    /// The hotel's time zone.
    pub time_zone: String,
    /// By room type and rate plan, in the hotel's own order; empty when nothing fits or is free.
    pub offers: Vec<Offer>,
}
