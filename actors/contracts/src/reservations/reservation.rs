//! A reservation as it is stored and returned: the quote, the guest and its history.

use protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::admission::AdmissionId;
use super::link::BookingLink;
use super::offer::Quote;
use crate::{
    Currency, Date, HotelId, Money, PaymentId, RatePlanId, ReservationId, RoomTypeId, Stay,
    pricing::TaxAmount,
};

/// The status of a reservation. The first four take rooms, see [`Status::takes_rooms`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    /// Rooms are held for some minutes, unpaid.
    Held,
    /// Paid.
    Confirmed,
    CheckedIn,
    CheckedOut,
    /// The hold ended without payment.
    Expired,
    Cancelled,
    /// Paid, but the guest did not arrive.
    NoShow,
}

impl Status {
    /// All statuses.
    pub const ALL: [Self; 7] = [
        Self::Held,
        Self::Confirmed,
        Self::CheckedIn,
        Self::CheckedOut,
        Self::Expired,
        Self::Cancelled,
        Self::NoShow,
    ];

    /// The name in REST responses and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Confirmed => "confirmed",
            Self::CheckedIn => "checked_in",
            Self::CheckedOut => "checked_out",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::NoShow => "no_show",
        }
    }

    /// Whether a reservation with this status takes rooms.
    pub const fn takes_rooms(self) -> bool {
        match self {
            Self::Held | Self::Confirmed | Self::CheckedIn | Self::CheckedOut => true,
            Self::Expired | Self::Cancelled | Self::NoShow => false,
        }
    }
}

/// The guest who stays.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guest {
    /// 1 to 120 characters.
    pub name: String,
    /// Receives the confirmation.
    pub email: String,
    pub phone: Option<String>,
}

impl std::fmt::Debug for Guest {
    // Personal data is never logged.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guest")
    }
}

/// The cancellation policy of a quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Cancellation is free until this instant; `None`: it is never free.
    pub free_until: Option<Timestamp>,
    /// The cancellation fee after that, in percent of the total, 0 to 100.
    pub penalty_percent: u8,
    /// Guests and partners can cancel until this instant: the end of the check-in day at the hotel. After it only the hotel
    /// can, until check-out.
    pub guest_until: Timestamp,
}

/// Who cancelled a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CancelledBy {
    /// The guest, signed in or with the secret link.
    Guest,
    /// Staff of the hotel or an administrator.
    Hotel,
    /// The OAuth client that made the reservation.
    Partner,
}

impl CancelledBy {
    /// The name in REST responses and in the data of templates.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Hotel => "hotel",
            Self::Partner => "partner",
        }
    }
}

/// The payment of a reservation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaymentState {
    /// No payment is open.
    Unpaid,
    /// A payment is in progress.
    Open(PaymentId),
    Paid {
        payment: PaymentId,
        /// Minor units.
        amount: i64,
    },
}

/// The status of a reservation's refunds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundStatus {
    Pending,
    Succeeded,
    /// The bank could not refund the money, possibly after the refund had succeeded. Staff has to resolve it.
    Failed,
}

impl RefundStatus {
    /// The name in REST responses and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// The state of the refunds of a reservation's payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Minor units: what failed, else what is on its way, else all that was refunded.
    pub amount: i64,
    pub status: RefundStatus,
}

/// An entry of a reservation's timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimelineEvent {
    Held,
    /// The bank accepted the card of a payment that takes longer, which extended the hold.
    HoldExtended,
    PaymentStarted,
    PaymentFailed,
    /// The payment succeeded.
    Confirmed,
    /// The hold ended without payment.
    Expired,
    Cancelled,
    /// A payment succeeded after the hold had ended, and the rooms were taken by others or the hold had been cancelled. It is
    /// refunded.
    PaidTooLate,
    Refunded,
    RefundFailed,
    /// Guest details or special requests were changed.
    Changed,
    CheckedIn,
    CheckedOut,
    NoShow,
    /// Follows [`Self::CheckedOut`] if nights of the stay were left.
    DepartedEarly,
    CheckInUndone,
    CheckOutUndone,
    NoShowUndone,
    /// A payment succeeded after the hold had expired, and the rooms were still free: they were taken again.
    RoomsTakenAgain,
    /// The secret link was replaced: earlier links open nothing.
    LinkReplaced,
}

impl TimelineEvent {
    /// The name in REST responses and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::HoldExtended => "hold_extended",
            Self::PaymentStarted => "payment_started",
            Self::PaymentFailed => "payment_failed",
            Self::Confirmed => "confirmed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::PaidTooLate => "paid_too_late",
            Self::Refunded => "refunded",
            Self::RefundFailed => "refund_failed",
            Self::Changed => "changed",
            Self::CheckedIn => "checked_in",
            Self::CheckedOut => "checked_out",
            Self::NoShow => "no_show",
            Self::DepartedEarly => "departed_early",
            Self::CheckInUndone => "check_in_undone",
            Self::CheckOutUndone => "check_out_undone",
            Self::NoShowUndone => "no_show_undone",
            Self::RoomsTakenAgain => "rooms_taken_again",
            Self::LinkReplaced => "link_replaced",
        }
    }
}

/// A reservation. It is stored in this form: a change of its fields needs a new version of the stored row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reservation {
    /// Contains the hotel's slot.
    pub id: ReservationId,
    /// Grows with each change: the entity tag.
    pub version: u32,
    pub status: Status,
    /// The user (`usr_…`), guest session (`gst_…`) or OAuth client that made it.
    pub owner: String,
    /// Hotel, room type, nights, price, taxes and policy as quoted.
    pub quote: Quote,
    pub guest: Guest,
    /// Special requests of the guest.
    pub requests: Option<String>,
    /// The booker's own reference.
    pub reference: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// When the hold ends; only while the status is [`Status::Held`].
    pub hold_expires_at: Option<Timestamp>,
    /// Whether a payment has already extended the hold, which happens once.
    pub extended: bool,
    pub payment: PaymentState,
    /// The fee of a cancellation or no-show, in minor units.
    pub penalty: i64,
    /// The state of the refunds; `None` if there are none.
    pub refund: Option<Refund>,
    /// The sum of all refunds that have succeeded, in minor units. A refund that fails later lowers it.
    pub refunded: i64,
    /// In the order of time.
    pub timeline: Vec<(Timestamp, TimelineEvent)>,
    /// The local date of check-out; only while the status is [`Status::CheckedOut`]. The nights from this date on are released.
    pub departed_on: Option<Date>,
    /// When the refund of a no-show is sent. Until then the no-show can be undone.
    pub refund_due_at: Option<Timestamp>,
    /// Only while the status is [`Status::Cancelled`].
    pub cancelled_by: Option<CancelledBy>,
    /// The admission of the hold, until the hold is paid or has ended.
    pub admission: Option<AdmissionId>,
    /// The number of the valid secret link, from 1. See [`BookingLink`].
    pub link: u32,
    /// When the guest or the hotel last asked for a new link by mail.
    pub link_sent_at: Option<Timestamp>,
}

impl Reservation {
    pub const fn hotel(&self) -> HotelId {
        self.quote.hotel
    }

    pub const fn room_type(&self) -> RoomTypeId {
        self.quote.room_type
    }

    pub const fn rate_plan(&self) -> RatePlanId {
        self.quote.rate_plan
    }

    pub const fn stay(&self) -> Stay {
        self.quote.stay
    }

    /// The date of departure: earlier than booked after an early check-out.
    pub fn departure(&self) -> Date {
        let booked = self.stay().check_out();
        self.departed_on.map_or(booked, |departed| departed.min(booked))
    }

    /// The nights for which it takes rooms.
    pub fn taken_nights(&self) -> impl Iterator<Item = Date> + use<> {
        let (end, takes_rooms) = (self.departure(), self.status.takes_rooms());
        self.stay().nights().take_while(move |night| takes_rooms && *night < end)
    }

    /// The latest refund. The refund of a no-show is pending until it is sent.
    pub fn latest_refund(&self) -> Option<Refund> {
        if self.refund_due_at.is_some() {
            let amount = (self.paid() - self.refunded - self.penalty).max(0);
            return Some(Refund { amount, status: RefundStatus::Pending });
        }
        self.refund
    }

    /// The valid secret link.
    pub const fn link(&self) -> BookingLink {
        BookingLink { reservation: self.id, number: self.link }
    }

    /// Whether it was ever confirmed: then the guest has had mail with a link.
    pub fn was_confirmed(&self) -> bool {
        self.timeline.iter().any(|(_, event)| *event == TimelineEvent::Confirmed)
    }

    /// The currency of all amounts.
    pub const fn currency(&self) -> Currency {
        self.quote.currency
    }

    /// The total price.
    pub const fn total(&self) -> Money {
        Money::new(self.quote.total, self.quote.currency)
    }

    /// All taxes, whether the nightly prices include them or not.
    pub fn taxes(&self) -> &[TaxAmount] {
        &self.quote.taxes
    }

    /// The amount paid, in minor units.
    pub const fn paid(&self) -> i64 {
        match self.payment {
            PaymentState::Paid { amount, .. } => amount,
            PaymentState::Unpaid | PaymentState::Open(_) => 0,
        }
    }

    /// Whether the guest or partner can cancel at `now`. A hold can be released until it ends.
    pub fn guest_can_cancel_at(&self, now: Timestamp) -> bool {
        match self.status {
            Status::Held => true,
            Status::Confirmed => now <= self.quote.policy.guest_until,
            Status::CheckedIn | Status::CheckedOut | Status::Expired | Status::Cancelled | Status::NoShow => {
                false
            }
        }
    }

    /// When it was cancelled.
    pub fn cancelled_at(&self) -> Option<Timestamp> {
        let event = self.timeline.iter().rfind(|(_, event)| *event == TimelineEvent::Cancelled);
        event.map(|(at, _)| *at)
    }

    /// The fee of a cancellation by the guest at `now`, in minor units: 0 for a hold and until the deadline, then the policy's
    /// share of the total, as [`Quote::penalty`] computes it.
    pub fn penalty_at(&self, now: Timestamp) -> i64 {
        if self.status == Status::Held || self.quote.policy.free_until.is_some_and(|until| now <= until) {
            return 0;
        }
        self.quote.penalty()
    }

    /// The refund of a cancellation by the guest at `now`: 0 if nothing is paid or the guest cannot cancel any more.
    pub fn refund_at(&self, now: Timestamp) -> Money {
        let amount = if self.status == Status::Confirmed && self.guest_can_cancel_at(now) {
            (self.paid() - self.refunded - self.penalty_at(now)).max(0)
        } else {
            0
        };
        Money::new(amount, self.quote.currency)
    }
}
