//! A reservation as it is stored and shown: what was promised, to whom, and what has become of it.

use protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::offer::Quote;
use crate::{
    Currency, HotelId, Money, PaymentId, RatePlanId, ReservationId, RoomTypeId, Stay, pricing::TaxAmount,
};

/// Where a reservation is in its life. Rooms are taken in the first four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    /// Rooms are set aside for some minutes, unpaid.
    Held,
    /// Paid.
    Confirmed,
    /// The guest is in the house.
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

impl Status {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Held,
        Self::Confirmed,
        Self::CheckedIn,
        Self::CheckedOut,
        Self::Expired,
        Self::Cancelled,
        Self::NoShow,
    ];

    /// As REST and the pages write it.
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

    /// Whether rooms are taken for it.
    pub const fn takes_rooms(self) -> bool {
        match self {
            Self::Held | Self::Confirmed | Self::CheckedIn | Self::CheckedOut => true,
            Self::Expired | Self::Cancelled | Self::NoShow => false,
        }
    }
}

/// Who stays.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guest {
    /// As on the door list; 1 to 120 characters.
    pub name: String,
    /// Where the confirmation goes.
    pub email: String,
    /// To be called at.
    pub phone: Option<String>,
}

impl std::fmt::Debug for Guest {
    // Names and addresses never reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guest")
    }
}

/// What cancelling costs, as it was promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Until this instant it is free; none: never.
    pub free_until: Option<Timestamp>,
    /// Percent of the total that is kept afterwards, 0 to 100.
    pub penalty_percent: u8,
}

/// What is known of the money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaymentState {
    /// Nobody is paying.
    Unpaid,
    /// A payment is under way.
    Open(PaymentId),
    /// The money is there.
    Paid {
        /// By which payment.
        payment: PaymentId,
        /// Minor units.
        amount: i64,
    },
}

/// Whether money has gone back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundStatus {
    /// On its way.
    Pending,
    /// Done.
    Succeeded,
    /// Somebody has to look.
    Failed,
}

impl RefundStatus {
    /// As REST and the pages write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// Money that goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Minor units.
    pub amount: i64,
    /// How far it got.
    pub status: RefundStatus,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimelineEvent {
    /// Rooms were set aside.
    Held,
    /// A payment was started, and the hold extended.
    HoldExtended,
    /// A payment was started.
    PaymentStarted,
    /// It came to nothing.
    PaymentFailed,
    /// It was paid.
    Confirmed,
    /// Nobody paid in time.
    Expired,
    /// Called off.
    Cancelled,
    /// Money came when the rooms were gone; it goes back.
    PaidTooLate,
    /// Money went back.
    Refunded,
    /// Money could not be given back.
    RefundFailed,
    /// Guest details or requests were changed.
    Changed,
    /// The guest arrived.
    CheckedIn,
    /// The guest left.
    CheckedOut,
    /// Nobody came.
    NoShow,
}

impl TimelineEvent {
    /// As REST and the pages write it.
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
        }
    }
}

/// A reservation. Stored as it is here, so that it only ever changes by a new version beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reservation {
    /// Its id; the hotel's slot is in it.
    pub id: ReservationId,
    /// Grows with each change: the ETag.
    pub version: u32,
    /// Where it is in its life.
    pub status: Status,
    /// Whose things these are: `usr_…`, `gst_…`, or a client's id.
    pub owner: String,
    /// What was promised: hotel, room type, nights, price, taxes and policy.
    pub quote: Quote,
    /// Who stays.
    pub guest: Guest,
    /// Wishes, in the guest's words.
    pub requests: Option<String>,
    /// The maker's own name for it.
    pub reference: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When the hold ends; only while held.
    pub hold_expires_at: Option<Timestamp>,
    /// Whether a payment has extended the hold already.
    pub extended: bool,
    /// What is known of the money.
    pub payment: PaymentState,
    /// Minor units that cancelling (or not coming) cost.
    pub penalty: i64,
    /// What goes or went back last.
    pub refund: Option<Refund>,
    /// Minor units that have gone back altogether.
    pub refunded: i64,
    /// What happened, in order.
    pub timeline: Vec<(Timestamp, TimelineEvent)>,
}

impl Reservation {
    /// The hotel.
    pub const fn hotel(&self) -> HotelId {
        self.quote.hotel
    }

    /// The room type.
    pub const fn room_type(&self) -> RoomTypeId {
        self.quote.room_type
    }

    /// The rate plan.
    pub const fn rate_plan(&self) -> RatePlanId {
        self.quote.rate_plan
    }

    /// The nights.
    pub const fn stay(&self) -> Stay {
        self.quote.stay
    }

    /// Of all its amounts.
    pub const fn currency(&self) -> Currency {
        self.quote.currency
    }

    /// What all of it costs.
    pub const fn total(&self) -> Money {
        Money::new(self.quote.total, self.quote.currency)
    }

    /// Taxes, included ones too.
    pub fn taxes(&self) -> &[TaxAmount] {
        &self.quote.taxes
    }

    /// Minor units paid; 0 when nothing was.
    pub const fn paid(&self) -> i64 {
        match self.payment {
            PaymentState::Paid { amount, .. } => amount,
            PaymentState::Unpaid | PaymentState::Open(_) => 0,
        }
    }

    /// What is kept if it is cancelled at `now`, minor units: nothing of a hold, nothing until the deadline, then the
    /// promised share of the total, rounded half up.
    pub fn penalty_at(&self, now: Timestamp) -> i64 {
        if self.status == Status::Held || self.quote.policy.free_until.is_some_and(|until| now <= until) {
            return 0;
        }
        crate::pricing::share(self.quote.total, self.quote.policy.penalty_percent)
    }

    /// What goes back if it is cancelled at `now`: 0 when nothing is paid or it cannot be cancelled any more.
    pub fn refund_at(&self, now: Timestamp) -> Money {
        let amount = match self.status {
            Status::Confirmed => (self.paid() - self.refunded - self.penalty_at(now)).max(0),
            Status::Held
            | Status::CheckedIn
            | Status::CheckedOut
            | Status::Expired
            | Status::Cancelled
            | Status::NoShow => 0,
        };
        Money::new(amount, self.quote.currency)
    }
}
