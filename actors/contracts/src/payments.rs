//! What may be said to `payments`: the billing database and the bank.

use protocol::{Access, Contract, Route, Slot, Timestamp, codec};
use serde::{Deserialize, Serialize};

use crate::{Date, HotelId, Money, PaymentId, RefundId, ReservationId, scope};

/// The contract.
#[derive(Debug, Clone, Copy)]
pub struct Payments;

/// What reservations says of a reservation that somebody wants to pay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payable {
    /// What is owed: never the client's word.
    pub amount: Money,
    /// To whom.
    pub hotel: HotelId,
    /// The hotel's name, for the receipt.
    pub hotel_name: String,
    /// The hotel's address, for the receipt.
    pub hotel_address: String,
    /// Its city and country, for the receipt.
    pub hotel_city: String,
    /// Its time zone, for dates on the receipt.
    pub time_zone: String,
    /// Who stays, for the receipt and the mail.
    pub guest_name: String,
    /// Where the receipt goes.
    pub guest_email: String,
    /// What was booked: `2 × Double room, Flexible`.
    pub room: String,
    /// First night.
    pub check_in: Date,
    /// Day of departure.
    pub check_out: Date,
    /// Price lines for the receipt: text, minor units.
    pub lines: Vec<(String, i64)>,
    /// Taxes for the receipt.
    pub taxes: Vec<crate::pricing::TaxAmount>,
}

/// Why a reservation cannot be paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotPayable {
    /// There is none.
    NoSuchReservation,
    /// It is not held any more (expired, cancelled), or confirmed already.
    NotHeld,
    /// Another payment is open.
    PaymentOpen,
}

/// Why money goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundReason {
    /// The guest cancelled, and the policy gives this back.
    Cancelled,
    /// The money came when the hold was gone.
    TooLate,
    /// Somebody of the hotel or an administrator said so.
    Requested(String),
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaymentStatus {
    /// Between us, reservations and the bank.
    Processing,
    /// The guest has to go to [`Payment::redirect_url`] (3-D Secure).
    RequiresAction,
    /// The money is here.
    Succeeded,
    /// It came to nothing; another attempt is allowed.
    Failed,
    /// Some of the money went back.
    PartiallyRefunded,
    /// All of the money went back.
    Refunded,
}

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundStatus {
    /// The bank has not said yet.
    Pending,
    /// The money is on its way to the guest.
    Succeeded,
    /// The bank could not give it back: somebody has to look.
    Failed,
}

/// Which bank a store's payments are with. A store never changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BankMode {
    /// The sandbox bank: no money moves.
    Sandbox,
    /// A bank that speaks Stripe's API, with a test key: no money moves.
    Test,
    /// Real money.
    Live,
}

impl BankMode {
    /// Whether pages, mails and documents say TEST.
    pub const fn is_test(self) -> bool {
        match self {
            Self::Sandbox | Self::Test => true,
            Self::Live => false,
        }
    }
}

/// Why a payment failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable word: the bank's decline code (`card_declined`, `insufficient_funds`, `expired_card`, …), or one of
    /// ours: `reservation_not_found`, `reservation_not_held`, `reservation_payment_open`, `amount_changed`,
    /// `authentication_required`, `authentication_expired`, `bank_unavailable`, `bank_refused`, `bank_mismatch`.
    pub code: String,
}

/// Money on its way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Ours, not the bank's.
    pub id: RefundId,
    /// How much.
    pub amount: Money,
    /// Why.
    pub reason: RefundReason,
    /// How far it has come.
    pub status: RefundStatus,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it reached its end.
    pub settled_at: Option<Timestamp>,
}

/// A payment, as those see it who may.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// What it pays.
    pub reservation: ReservationId,
    /// To whom; none until reservations has answered.
    pub hotel: Option<HotelId>,
    /// Where it stands.
    pub status: PaymentStatus,
    /// How much is paid; none until reservations has answered.
    pub amount: Option<Money>,
    /// Minor units that went back.
    pub refunded: i64,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Where the guest has to go while [`PaymentStatus::RequiresAction`].
    pub redirect_url: Option<String>,
    /// As far as it may be shown: `Visa •••• 4242`.
    pub method: Option<String>,
    /// Once succeeded: `R-000123`, running without a gap for each hotel.
    pub receipt_number: Option<String>,
    /// In the order in which they were asked for.
    pub refunds: Vec<Refund>,
    /// When it was started.
    pub created_at: Timestamp,
    /// When the money came.
    pub succeeded_at: Option<Timestamp>,
    /// Whether no real money moves; none until the bank has been asked.
    pub test: Option<bool>,
    /// What happened when, as stable words: `started`, `quoted`, `known_to_bank`, `requires_action`, `bank_processing`,
    /// `succeeded`, `failed`, `refund_started`, `refund_succeeded`, `refund_failed`, `paid_twice`.
    pub timeline: Vec<(Timestamp, String)>,
    /// Counts changes: the entity tag.
    pub version: u64,
}

/// What the bank says of an intent, retrieved from it by us: never a webhook's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntentSnapshot {
    /// The bank's id of it.
    pub intent: String,
    /// How far it has come.
    pub state: IntentState,
    /// Minor units asked for.
    pub amount: i64,
    /// Three capital letters.
    pub currency: String,
    /// Minor units received.
    pub received: i64,
    /// Whether real money moves.
    pub livemode: bool,
    /// As far as it may be shown: `Visa •••• 4242`.
    pub method: Option<String>,
}

/// How far an intent has come at the bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntentState {
    /// Made, not confirmed.
    Unconfirmed,
    /// The guest has to go there.
    RequiresAction {
        /// The page of the guest's bank.
        redirect_url: Option<String>,
    },
    /// The bank is at it.
    Processing,
    /// The money is there.
    Succeeded,
    /// Declined or given up; why, as a stable word.
    Failed {
        /// The decline code.
        code: String,
    },
    /// Cancelled, by us as a rule.
    Canceled,
}

/// What an effect learnt from the bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BankReport {
    /// An unconfirmed intent was made; recorded before it is confirmed.
    IntentCreated {
        /// The bank's id of it.
        intent: String,
        /// With which bank.
        mode: BankMode,
    },
    /// What the bank says of the intent.
    Intent(IntentSnapshot),
    /// No intent came to be, and none will.
    NoIntent {
        /// Why, as a stable word.
        code: String,
    },
    /// What the bank says of a refund.
    Refund {
        /// Ours.
        refund: RefundId,
        /// How far it has come.
        status: RefundStatus,
    },
}

/// What changes payments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// From reservations: the answer to [`crate::reservations::Command::OpenPayment`].
    Quoted {
        /// Which payment.
        payment: PaymentId,
        /// What is owed, or why nothing can be paid.
        answer: Result<Payable, NotPayable>,
    },
    /// From reservations: give money back, of a payment that succeeded.
    Refund {
        /// Which payment.
        payment: PaymentId,
        /// The reservation that it paid.
        reservation: ReservationId,
        /// How much; at most what is left of the payment.
        amount: Money,
        /// Why.
        reason: RefundReason,
    },
    /// Somebody wants to pay. Whoever passes this on has asked reservations, in the caller's name, whether the caller
    /// may; the amount that is charged comes from reservations.
    Start {
        /// What is paid.
        reservation: ReservationId,
        /// `pm_…`: the bank's name for a card that the bank alone has seen.
        payment_method: String,
        /// Where the guest comes back to after 3-D Secure: `https://…` (or `http://…` on loopback).
        return_url: String,
        /// The total that the payer was shown, if any. When reservations wants another sum, nothing is charged.
        expected_amount: Option<Money>,
    },
    /// Staff of the hotel or an administrator gives money back.
    RequestRefund {
        /// Of which payment.
        payment: PaymentId,
        /// Minor units of the payment's currency; none: all that is left.
        amount: Option<i64>,
        /// In words for people.
        reason: String,
    },
    /// From the API, once a webhook's signature was verified: the bank says that something moved. It is asked then.
    BankEvent {
        /// The bank's id of the event.
        event: String,
        /// The bank's word for what happened: `payment_intent.succeeded`, …
        kind: String,
        /// Which payment, as the intent's metadata says; none when it says nothing that we know.
        payment: Option<PaymentId>,
        /// The bank's id of the intent, where the event has one.
        intent: Option<String>,
    },
    /// From our own effects: what the bank said.
    BankReported {
        /// Of which payment.
        payment: PaymentId,
        /// What.
        report: BankReport,
    },
    /// The guest is back from 3-D Secure: ask the bank now rather than soon. Harmless at any time.
    Returned {
        /// Which payment.
        payment: PaymentId,
    },
}

/// What a command that was obeyed answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Noted.
    Done,
    /// A payment is under way: ask for it until it leaves [`PaymentStatus::Processing`].
    Started(PaymentId),
    /// A refund is under way.
    RefundStarted(RefundId),
    /// The event's intent is not known (yet): it was put aside.
    Parked,
}

/// The domain's "no".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// There is none, or none that the caller may see.
    #[error("no such payment")]
    NoSuchPayment,
    /// A payment of the reservation is open.
    #[error("another payment of this reservation is open")]
    PaymentOpen(PaymentId),
    /// The reservation is paid.
    #[error("this reservation is paid already")]
    AlreadyPaid(PaymentId),
    /// A field does not hold what it should.
    #[error("`{field}`: {why}")]
    BadField {
        /// Its name.
        field: String,
        /// What is wrong.
        why: String,
    },
    /// Only a payment that succeeded can be refunded.
    #[error("only a payment that succeeded can be refunded")]
    NotRefundable,
    /// More than is left of the payment.
    #[error("more than is left of the payment")]
    MoreThanLeft {
        /// Minor units.
        left: i64,
    },
    /// There is a receipt only once the money is here.
    #[error("there is no receipt before the payment has succeeded")]
    NoReceipt,
}

/// Where a page of a list ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PaymentCursor {
    /// When the last payment of the page was started.
    pub created_at: Timestamp,
    /// Its id.
    pub payment: PaymentId,
}

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Query {
    /// One payment.
    Payment(PaymentId),
    /// The payments of one reservation, newest first.
    OfReservation(ReservationId),
    /// The payments that the caller may see, newest first: one's own, those of the hotels that one works for, or all
    /// for an administrator. Every shard answers one page; the asker merges by [`PaymentCursor`], descending.
    Payments {
        /// Only of this hotel.
        hotel: Option<HotelId>,
        /// Only those that stand there.
        status: Option<PaymentStatus>,
        /// Only those that come after this one.
        after: Option<PaymentCursor>,
        /// At most 101.
        limit: u32,
    },
    /// The data of the receipt, for the template `receipt` of the pdf service.
    Receipt {
        /// Of which payment.
        payment: PaymentId,
        /// What the receipt links to; empty for nothing.
        booking_url: String,
    },
    /// With which bank the store's payments are; from every shard.
    BankMode,
}

/// What a query finds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// A payment.
    Payment(Box<Payment>),
    /// Payments.
    Payments(Vec<Payment>),
    /// A receipt.
    Receipt {
        /// Its number: `R-000123`.
        number: String,
        /// JSON for the template.
        data_json: String,
        /// To whom it goes.
        guest_name: String,
        /// Where it goes.
        guest_email: String,
    },
    /// The bank that was used first; none before the first payment.
    BankMode(Option<BankMode>),
}

impl Contract for Payments {
    const SERVICE: &'static str = "payments";
    type Command = Command;
    type Reply = Reply;
    type Refusal = Refusal;
    type Query = Query;
    type Answer = Answer;

    fn route_command(command: &Command) -> Route {
        match command {
            Command::Quoted { payment, .. }
            | Command::Refund { payment, .. }
            | Command::RequestRefund { payment, .. }
            | Command::BankReported { payment, .. }
            | Command::Returned { payment }
            | Command::BankEvent { payment: Some(payment), .. } => Route::Slot(payment.slot()),
            Command::Start { reservation, .. } => Route::Slot(reservation.slot()),
            // Nobody's: any shard will do, if it is the same for every delivery of the event.
            Command::BankEvent { payment: None, event, .. } => {
                Route::Slot(Slot::of(codec::hash128(&[event.as_bytes()])))
            }
        }
    }

    fn route_query(query: &Query) -> Route {
        match query {
            Query::Payment(payment) | Query::Receipt { payment, .. } => Route::Slot(payment.slot()),
            Query::OfReservation(reservation) => Route::Slot(reservation.slot()),
            Query::Payments { .. } | Query::BankMode => Route::AllShards,
        }
    }

    fn command_access(command: &Command) -> Access {
        match command {
            Command::Quoted { .. } | Command::Refund { .. } => Access::services(&["reservations"]),
            Command::Start { .. } | Command::Returned { .. } => {
                Access::scopes(&[scope::PAYMENTS_WRITE]).or_services(&["ui"])
            }
            Command::RequestRefund { .. } => Access::scopes(&[scope::HOTEL_MANAGE, scope::CLUSTER_MANAGE]),
            Command::BankEvent { .. } | Command::BankReported { .. } => Access::services(&["payments"]),
        }
    }

    fn query_access(query: &Query) -> Access {
        match query {
            Query::Payment(_) | Query::OfReservation(_) | Query::Payments { .. } | Query::Receipt { .. } => {
                Access::scopes(&[
                    scope::PAYMENTS_READ,
                    scope::PAYMENTS_WRITE,
                    scope::HOTEL_MANAGE,
                    scope::CLUSTER_MANAGE,
                ])
                .or_services(&["ui", "payments", "reservations"])
            }
            Query::BankMode => {
                Access::scopes(&[scope::CLUSTER_READ, scope::CLUSTER_MANAGE]).or_services(&["ui", "payments"])
            }
        }
    }
}
