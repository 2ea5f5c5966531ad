//! Why `reservations` refuses a request.

use serde::{Deserialize, Serialize};

use super::offer::Restriction;
use super::{CancelledBy, LocalHour, Status};
use crate::payments::NotPayable;
use crate::{Currency, Date};
use protocol::Timestamp;

/// A refusal: a decision of the service, replicated like a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The reservation does not exist, or the caller may not see it.
    #[error("no such reservation")]
    NoSuchReservation,
    #[error("no such hotel")]
    NoSuchHotel,
    #[error("no such room type")]
    NoSuchRoomType,
    #[error("no such rate plan")]
    NoSuchRatePlan,
    /// `night` is the first night without enough rooms.
    #[error("not enough rooms are left on {night}")]
    SoldOut { night: Date },
    /// `night` is the first night that is closed for sale.
    #[error("the hotel does not sell these rooms on {night}")]
    StopSell { night: Date },
    /// The hotel, the room type or the rate plan is off sale.
    #[error("this is not on sale any more")]
    Inactive,
    #[error("the offer has expired")]
    OfferExpired,
    /// The check-in date is in the past. `today` is the hotel's local date.
    #[error("the stay begins in the past: it is {today} at the hotel")]
    InThePast { today: Date },
    /// The stay ends after `last`, the last departure date that is sold.
    #[error("nights are sold until {last} only")]
    BeyondHorizon { last: Date },
    #[error("at most {limit} unpaid reservations at a time")]
    TooManyHolds { limit: u32 },
    /// A field is invalid. `field` is the last segment of its JSON pointer.
    #[error("{field}: {why}")]
    Invalid { field: String, why: String },
    /// The version is not the expected one.
    #[error("it was changed meanwhile")]
    Changed,
    #[error("a reservation that is {} does not allow this", status.as_str())]
    WrongStatus { status: Status },
    /// An action of an earlier day. `today` is the hotel's local date.
    #[error("this can be undone on the same day only: it is {today} at the hotel")]
    WrongDay { today: Date },
    #[error("it cannot be paid now")]
    NotPayable(NotPayable),
    /// The caller is not staff of this hotel and no administrator.
    #[error("not one of your hotels")]
    NotYourHotel,
    #[error("a hotel with this reference exists")]
    ReferenceTaken,
    /// The inventory would be less than the rooms that are held and sold. `night` is the first such night.
    #[error("{taken} of the rooms {room_type} are held or sold on {night}: {rooms} would be too few")]
    InventoryBelowTaken {
        /// The room type's name.
        room_type: String,
        night: Date,
        /// Rooms that are held and sold.
        taken: u32,
        /// The inventory that was requested.
        rooms: u32,
    },
    /// The hotel does not accept this arrival, departure or length of stay.
    #[error("{restriction}")]
    Restricted { restriction: Restriction },
    /// The front desk may do this only between two times at the hotel; without `until` at any time after `from`.
    #[error("{}", possible(*from, *until))]
    NotNow { from: LocalHour, until: Option<LocalHour> },
    /// The reservation could be cancelled until `until`.
    #[error("the reservation can no longer be cancelled")]
    TooLateToCancel {
        until: Timestamp,
        /// Who asked for it: the hotel has more time than guests and partners.
        by: CancelledBy,
    },
    /// More rooms than visitors may hold unpaid at a time.
    #[error("visitors hold at most {limit} rooms unpaid: book fewer rooms, or ask the hotel")]
    TooManyRooms { limit: u32 },
    /// The hold has no admission.
    #[error("the hold is not admitted")]
    NotAdmitted,
    /// The hotel's currency cannot change.
    #[error("the currency stays {currency} as long as {used}")]
    CurrencyInUse {
        /// The stored currency.
        currency: Currency,
        used: CurrencyUse,
    },
    /// The secret link was valid once. It was replaced or turned off.
    #[error("this link was replaced or turned off: use the link in the latest mail about the booking")]
    LinkReplaced,
    /// The caller may see the reservation, but does not have the guest's rights.
    #[error("only the guest and the owner of the reservation get its link")]
    NotTheGuest,
    /// A new link was mailed less than a minute ago.
    #[error("a new link was sent less than a minute ago: try again in {wait_secs} seconds")]
    LinkJustSent { wait_secs: u32 },
}

/// Why a currency is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum CurrencyUse {
    #[error("rooms are on sale: take the hotel off sale first")]
    OnSale,
    /// `night` is the first one from today on.
    #[error("the calendar has prices, first on {night}: remove them first")]
    Calendar { night: Date },
    /// `night` is the first one from yesterday on.
    #[error("rooms are held or sold, first on {night}")]
    Reserved { night: Date },
}

fn possible(from: LocalHour, until: Option<LocalHour>) -> String {
    match until {
        Some(until) => format!("this is possible from {from} to {until}, the hotel's local time"),
        None => format!("this is possible from {from} on, the hotel's local time"),
    }
}
