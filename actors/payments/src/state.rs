//! Every tree of the store: key, value, meaning.

use contracts::payments::{
    BankMode, Failure, Payable, Payment, PaymentStatus, Refund, RefundReason, RefundStatus,
};
use contracts::{HotelId, Money, PaymentId, RefundId, ReservationId, scope};
use group::Tree;
use protocol::{Principal, Timestamp};
use serde::{Deserialize, Serialize};

/// Each payment that was ever started.
pub(crate) const PAYMENTS: Tree<PaymentId, Record> = Tree::new(32, "payments");
/// The payments of a reservation, in the order in which they were started.
pub(crate) const OF_RESERVATION: Tree<(ReservationId, PaymentId), ()> =
    Tree::new(33, "payments of a reservation");
/// The one payment of a reservation that is open or has succeeded: what makes a second one a refusal.
pub(crate) const CURRENT: Tree<ReservationId, PaymentId> = Tree::new(34, "current payment");
/// All payments by the time at which they were started, for administrators' lists; all keys begin with [`ALL`].
pub(crate) const BY_TIME: Tree<(u8, Timestamp, PaymentId), ()> = Tree::new(35, "payments by time");
/// What the keys of [`BY_TIME`] begin with.
pub(crate) const ALL: u8 = 0;
/// The payments that somebody started, by time.
pub(crate) const BY_OWNER: Tree<(String, Timestamp, PaymentId), ()> = Tree::new(36, "payments by owner");
/// The payments to a hotel, by time; from when reservations has answered.
pub(crate) const BY_HOTEL: Tree<(HotelId, Timestamp, PaymentId), ()> = Tree::new(37, "payments by hotel");
/// Which payment a receipt's number belongs to.
pub(crate) const RECEIPTS: Tree<(HotelId, u64), PaymentId> = Tree::new(38, "receipts");
/// The last receipt number that a hotel has given out.
pub(crate) const LAST_RECEIPT: Tree<HotelId, u64> = Tree::new(39, "last receipt of a hotel");
/// Under key 0: the bank that this store is with, from its first intent on, for ever.
pub(crate) const BANK: Tree<u8, BankMode> = Tree::new(40, "bank");
/// Events of the bank about intents that we do not know: the bank's id of the event, and what it said. Kept for
/// operators, and bounded.
pub(crate) const PARKED: Tree<(Timestamp, String), Parked> = Tree::new(41, "parked events");
/// Under key 0: how many rows [`PARKED`] has.
pub(crate) const PARKED_COUNT: Tree<u8, u32> = Tree::new(42, "parked events, counted");

/// Bounds, in one place.
pub mod limits {
    /// From the start of a payment until it is given up when the guest does nothing, in seconds.
    pub const PAY_WITHIN_SECS: i64 = 20 * 60;
    /// Until the bank is asked for the first time what became of an open payment, in seconds; doubles each time.
    pub const RECHECK_SECS: i64 = 15;
    /// The longest pause between two questions, in seconds.
    pub const RECHECK_SECS_MAX: i64 = 3600;
    /// Attempts at refunds of one payment.
    pub const REFUNDS_MAX: usize = 100;
    /// Entries of a timeline; later ones are dropped.
    pub const TIMELINE_MAX: usize = 300;
    /// Events put aside per shard; the oldest gives way.
    pub const PARKED_MAX: u32 = 1000;
    /// Payments of one reservation, failed ones included.
    pub const ATTEMPTS_MAX: usize = 50;
    /// Characters of a payment method's name.
    pub const PAYMENT_METHOD_CHARS_MAX: usize = 255;
    /// Bytes of a return address.
    pub const RETURN_URL_BYTES_MAX: usize = 2048;
    /// Characters of a refund's reason.
    pub const REASON_CHARS_MAX: usize = 200;
    /// Rows looked at for one page of a list.
    pub const ROWS_LOOKED_AT_MAX: usize = 50_000;
}

/// A payment as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub id: PaymentId,
    pub reservation: ReservationId,
    /// Who started it: a user, a client, or a guest's session.
    pub owner: String,
    /// `pm_…`: no card number.
    pub payment_method: String,
    pub return_url: String,
    /// What the payer was shown.
    pub expected_amount: Option<Money>,
    /// What reservations answered.
    pub payable: Option<Payable>,
    pub stage: Stage,
    /// The bank's id, recorded before it is confirmed.
    pub intent: Option<String>,
    pub mode: Option<BankMode>,
    pub redirect_url: Option<String>,
    pub failure: Option<Failure>,
    pub method: Option<String>,
    /// Minor units that the bank took; 0 until it did.
    pub captured: i64,
    pub receipt: Option<u64>,
    pub refunds: Vec<RefundRow>,
    /// Money that came although another payment of the reservation had succeeded: given back, and not counted as one.
    pub surplus: bool,
    /// Whether a [`crate::Effect::Check`] is under way; events that come meanwhile ask for another.
    pub checking: bool,
    pub check_again: bool,
    /// How often the bank was asked, for the pause until the next time.
    pub rechecks: u32,
    pub created_at: Timestamp,
    pub succeeded_at: Option<Timestamp>,
    pub timeline: Vec<(Timestamp, TimelineEvent)>,
    pub version: u64,
}

/// How far a payment is, finer than its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// Reservations is asked what is owed.
    Quoting,
    /// The bank is asked for an intent.
    Creating,
    /// The bank is asked to confirm it.
    Confirming,
    /// The guest has to act.
    Action,
    /// The bank takes its time.
    Waiting,
    /// The money is here.
    Succeeded,
    /// It came to nothing.
    Failed,
}

impl Stage {
    /// Whether it may still succeed.
    pub fn is_open(self) -> bool {
        match self {
            Self::Quoting | Self::Creating | Self::Confirming | Self::Action | Self::Waiting => true,
            Self::Succeeded | Self::Failed => false,
        }
    }
}

/// A refund as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RefundRow {
    pub id: RefundId,
    /// Minor units of the payment's currency.
    pub amount: i64,
    pub reason: RefundReason,
    pub status: RefundStatus,
    pub created_at: Timestamp,
    pub settled_at: Option<Timestamp>,
    /// How often the bank was asked.
    pub rechecks: u32,
}

/// An entry of a payment's timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum TimelineEvent {
    Started,
    Quoted,
    IntentRecorded,
    ActionRequired,
    BankProcessing,
    Succeeded { receipt: u64 },
    Failed { code: String },
    RefundStarted { amount: Money },
    RefundSucceeded { amount: Money },
    RefundFailed { amount: Money },
    Surplus,
}

/// What the bank said of something that we do not know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parked {
    pub kind: String,
    pub intent: Option<String>,
}

impl Record {
    pub fn hotel(&self) -> Option<HotelId> {
        self.payable.as_ref().map(|payable| payable.hotel)
    }

    pub fn amount(&self) -> Option<Money> {
        self.payable.as_ref().map(|payable| payable.amount)
    }

    /// Minor units that went back or are going to, unless the bank could not.
    pub fn refunds_total(&self) -> i64 {
        self.refunds
            .iter()
            .filter(|refund| refund.status != RefundStatus::Failed)
            .map(|refund| refund.amount)
            .sum()
    }

    /// Minor units that went back.
    pub fn refunded(&self) -> i64 {
        self.refunds
            .iter()
            .filter(|refund| refund.status == RefundStatus::Succeeded)
            .map(|refund| refund.amount)
            .sum()
    }

    /// Minor units that can still be refunded.
    pub fn left(&self) -> i64 {
        self.captured - self.refunds_total()
    }

    pub fn status(&self) -> PaymentStatus {
        match self.stage {
            Stage::Quoting | Stage::Creating | Stage::Confirming | Stage::Waiting => {
                PaymentStatus::Processing
            }
            Stage::Action => PaymentStatus::RequiresAction,
            Stage::Failed => PaymentStatus::Failed,
            Stage::Succeeded => match self.refunded() {
                0 => PaymentStatus::Succeeded,
                refunded if refunded < self.captured => PaymentStatus::PartiallyRefunded,
                _ => PaymentStatus::Refunded,
            },
        }
    }

    /// Notes what happened; counts as a change.
    pub fn happened(&mut self, now: Timestamp, what: TimelineEvent) {
        self.version += 1;
        if self.timeline.len() < limits::TIMELINE_MAX {
            self.timeline.push((now, what));
        }
    }

    /// As those see it who may.
    pub fn to_payment(&self) -> Payment {
        let currency = self.amount().map(|amount| amount.currency);
        Payment {
            id: self.id,
            reservation: self.reservation,
            hotel: self.hotel(),
            status: self.status(),
            amount: self.amount(),
            refunded: self.refunded(),
            failure: self.failure.clone(),
            redirect_url: self.redirect_url.clone(),
            method: self.method.clone(),
            receipt_number: self.receipt.map(receipt_number),
            refunds: currency.map_or_else(Vec::new, |currency| {
                self.refunds.iter().map(|refund| refund.to_refund(currency)).collect()
            }),
            created_at: self.created_at,
            succeeded_at: self.succeeded_at,
            test: self.mode.map(BankMode::is_test),
            timeline: self.timeline.iter().map(|(at, what)| (*at, what.to_string())).collect(),
            version: self.version,
        }
    }

    /// Whether `caller` may see it: who started it, staff of the hotel, administrators; and services that have made
    /// sure themselves that somebody may, acting for nobody.
    pub fn is_visible_to(&self, caller: &Principal) -> bool {
        let owns = !caller.is_anonymous() && caller.effective_subject() == self.owner;
        let trusted = caller.as_service().is_some() && caller.on_behalf_of.is_none();
        owns || trusted || administers(caller) || self.hotel().is_some_and(|hotel| works_for(caller, hotel))
    }
}

impl RefundRow {
    pub fn to_refund(&self, currency: contracts::Currency) -> Refund {
        Refund {
            id: self.id,
            amount: Money::new(self.amount, currency),
            reason: self.reason.clone(),
            status: self.status,
            created_at: self.created_at,
            settled_at: self.settled_at,
        }
    }
}

impl std::fmt::Display for TimelineEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Started => "started",
            Self::Quoted => "quoted",
            Self::IntentRecorded => "known_to_bank",
            Self::ActionRequired => "requires_action",
            Self::BankProcessing => "bank_processing",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::RefundStarted { .. } => "refund_started",
            Self::RefundSucceeded { .. } => "refund_succeeded",
            Self::RefundFailed { .. } => "refund_failed",
            Self::Surplus => "paid_twice",
        })
    }
}

/// As receipts show it.
pub(crate) fn receipt_number(number: u64) -> String {
    format!("R-{number:06}")
}

/// Whether `caller` administers everything.
pub(crate) fn administers(caller: &Principal) -> bool {
    caller.has_scope(scope::CLUSTER_MANAGE)
        || caller.has_scope(scope::HOTEL_MANAGE) && caller.resources.is_empty()
}

/// Whether `caller` is bound to `hotel` as staff.
pub(crate) fn works_for(caller: &Principal, hotel: HotelId) -> bool {
    caller.has_scope(scope::HOTEL_MANAGE) && caller.resources.contains(&hotel.to_string())
}

#[cfg(test)]
mod tests {
    use contracts::pricing::TaxAmount;
    use contracts::{Currency, Date};
    use protocol::codec;

    use super::*;

    /// A payment with something in every field.
    fn sample() -> Record {
        let money = |amount| Money::new(amount, Currency::EUR);
        Record {
            id: PaymentId(1),
            reservation: ReservationId(2),
            owner: "usr_1".into(),
            payment_method: "pm_card_visa".into(),
            return_url: "https://hotel.example".into(),
            expected_amount: Some(money(100)),
            payable: Some(Payable {
                amount: money(100),
                hotel: HotelId(3),
                hotel_name: "Grand".into(),
                hotel_address: "Main Street 1".into(),
                hotel_city: "Munich, DE".into(),
                time_zone: "Europe/Berlin".into(),
                guest_name: "A".into(),
                guest_email: "a@b.example".into(),
                room: "Double".into(),
                check_in: Date(1),
                check_out: Date(2),
                lines: vec![("1 night".into(), 100)],
                taxes: vec![TaxAmount { name: "VAT".into(), amount: 7, included: true }],
            }),
            stage: Stage::Succeeded,
            intent: Some("pi_1".into()),
            mode: Some(BankMode::Sandbox),
            redirect_url: Some("https://bank.example".into()),
            failure: Some(Failure { code: "card_declined".into() }),
            method: Some("Visa •••• 4242".into()),
            captured: 100,
            receipt: Some(1),
            refunds: vec![RefundRow {
                id: RefundId(4),
                amount: 5,
                reason: RefundReason::Requested("Noise".into()),
                status: RefundStatus::Succeeded,
                created_at: Timestamp(1),
                settled_at: Some(Timestamp(2)),
                rechecks: 1,
            }],
            surplus: true,
            checking: true,
            check_again: true,
            rechecks: 2,
            created_at: Timestamp(3),
            succeeded_at: Some(Timestamp(4)),
            timeline: vec![
                (Timestamp(5), TimelineEvent::Succeeded { receipt: 1 }),
                (Timestamp(6), TimelineEvent::Surplus),
            ],
            version: 7,
        }
    }

    /// Written by the first version; `REWRITE_GOLDENS` rewrites it, which breaks every store there is.
    #[test]
    fn yesterdays_payments_are_still_read() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/record.hex");
        if std::env::var_os("REWRITE_GOLDENS").is_some() {
            let hex = data_encoding::HEXLOWER.encode(&codec::encode(&sample()));
            std::fs::write(path, hex + "\n").expect("a file");
        }
        let golden = std::fs::read_to_string(path).expect("the golden file");
        let bytes = data_encoding::HEXLOWER.decode(golden.trim().as_bytes()).expect("hex");
        assert_eq!(codec::decode::<Record>(&bytes), Ok(sample()));
    }

    #[test]
    fn refunds_make_the_status() {
        for (status, amount, expect) in [
            (RefundStatus::Pending, 100, PaymentStatus::Succeeded),
            (RefundStatus::Failed, 100, PaymentStatus::Succeeded),
            (RefundStatus::Succeeded, 99, PaymentStatus::PartiallyRefunded),
            (RefundStatus::Succeeded, 100, PaymentStatus::Refunded),
        ] {
            let mut record = sample();
            (record.refunds[0].status, record.refunds[0].amount) = (status, amount);
            assert_eq!(record.status(), expect, "{status:?} {amount}");
            assert_eq!(record.left(), if status == RefundStatus::Failed { 100 } else { 100 - amount });
        }
    }
}
