//! The trees of the store: key, value and meaning.

use contracts::payments::{BankMode, Failure, Payable, RefundReason, RefundStatus};
use contracts::{HotelId, Money, PaymentId, RefundId, ReservationId};
use group::Tree;
use protocol::Timestamp;
use serde::{Deserialize, Serialize};

/// All payments.
pub(crate) const PAYMENTS: Tree<PaymentId, Record> = Tree::new(32, "payments");
/// The payments of a reservation, in the order of their creation.
pub(crate) const OF_RESERVATION: Tree<(ReservationId, PaymentId), ()> =
    Tree::new(33, "payments of a reservation");
/// The payment of a reservation that is open or has succeeded. A second one is refused.
pub(crate) const CURRENT: Tree<ReservationId, PaymentId> = Tree::new(34, "current payment");
/// All payments by creation time, for administrators. All keys begin with [`ALL`].
pub(crate) const BY_TIME: Tree<(u8, Timestamp, PaymentId), ()> = Tree::new(35, "payments by time");
/// The prefix of the keys of [`BY_TIME`].
pub(crate) const ALL: u8 = 0;
/// The payments of an owner, by creation time.
pub(crate) const BY_OWNER: Tree<(String, Timestamp, PaymentId), ()> = Tree::new(36, "payments by owner");
/// The payments to a hotel, by creation time, once reservations has returned the amount.
pub(crate) const BY_HOTEL: Tree<(HotelId, Timestamp, PaymentId), ()> = Tree::new(37, "payments by hotel");
/// The payment of a receipt number.
pub(crate) const RECEIPTS: Tree<(HotelId, u64), PaymentId> = Tree::new(38, "receipts");
/// The last receipt number of a hotel.
pub(crate) const LAST_RECEIPT: Tree<HotelId, u64> = Tree::new(39, "last receipt of a hotel");
/// The payment of a credit note's number.
pub(crate) const CREDIT_NOTES: Tree<(HotelId, u64), PaymentId> = Tree::new(48, "credit notes");
/// The last credit note's number of a hotel.
pub(crate) const LAST_CREDIT_NOTE: Tree<HotelId, u64> = Tree::new(49, "last credit note of a hotel");
/// Under key 0: the kind of bank of this store, set with the first intent and never changed.
pub(crate) const BANK: Tree<u8, BankMode> = Tree::new(40, "bank");
/// Bank events about unknown intents, for operators: time, the bank's id of the event. Bounded by [`limits::PARKED_MAX`].
pub(crate) const PARKED: Tree<(Timestamp, String), Parked> = Tree::new(41, "parked events");
/// Under key 0: the number of rows in [`PARKED`].
pub(crate) const PARKED_COUNT: Tree<u8, u32> = Tree::new(42, "parked events, counted");

/// The payments that need the attention of staff, by creation time. All keys begin with [`ALL`].
pub(crate) const ATTENTION: Tree<(u8, Timestamp, PaymentId), ()> = Tree::new(50, "payments for staff");

/// The cards that were tried lately, by the hash of a guest or of an address; only in the shard of [`protocol::Route::SINGLE`].
pub(crate) const ATTEMPTS: Tree<u128, AttemptsRow> = Tree::new(51, "card attempts");

/// See [`ATTEMPTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AttemptsRow {
    pub count: u32,
    /// When counting starts anew.
    pub until: Timestamp,
}

/// The limits of the service.
pub mod limits {
    /// The time limit of an open payment, in seconds.
    pub const PAY_WITHIN_SECS: i64 = 20 * 60;
    /// The pause before the first retrieval of an open payment, in seconds. It doubles each time.
    pub const RECHECK_SECS: i64 = 15;
    /// The longest pause between two retrievals, in seconds.
    pub const RECHECK_SECS_MAX: i64 = 3600;
    /// The most refunds of one payment, failed ones included: the bank lists as many on one page.
    pub const REFUNDS_MAX: usize = 100;
    /// The number of refunds after which staff cannot start another one. The rest is left for cancellations.
    pub const STAFF_REFUNDS_MAX: usize = 90;
    /// When a refund that succeeded is retrieved again, in days after its success: it can fail later, and the event that
    /// reports this may be lost.
    pub const REFUND_RECHECK_DAYS: [i64; 3] = [1, 7, 30];
    /// The most entries of a timeline; later ones are dropped.
    pub const TIMELINE_MAX: usize = 300;
    /// The most parked events in each shard; the oldest is removed for a new one.
    pub const PARKED_MAX: u32 = 1000;
    /// The most payments of one reservation, failed ones included.
    pub const ATTEMPTS_MAX: usize = 10;
    /// The time in which the cards that a guest or an address tries are counted, in seconds.
    pub const ATTEMPTS_SECS: i64 = 3600;
    /// The longest payment method id, in characters.
    pub const PAYMENT_METHOD_CHARS_MAX: usize = 255;
    /// The longest return URL, in bytes.
    pub const RETURN_URL_BYTES_MAX: usize = 2048;
    /// The longest reason of a refund, or note about it, in characters.
    pub const REASON_CHARS_MAX: usize = 200;
    /// The most rows that are scanned for one page of a list.
    pub const ROWS_SCANNED_MAX: usize = 50_000;
}

/// A payment as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub id: PaymentId,
    pub reservation: ReservationId,
    /// The user, OAuth client or guest session that started it.
    pub owner: String,
    /// `pm_…`, the bank's id of a card.
    pub payment_method: String,
    pub return_url: String,
    /// The total that the payer saw.
    pub expected_amount: Option<Money>,
    /// What reservations returned.
    pub payable: Option<Payable>,
    pub stage: Stage,
    /// The bank's id of the intent, recorded before the intent is confirmed.
    pub intent: Option<String>,
    pub mode: Option<BankMode>,
    pub redirect_url: Option<String>,
    pub failure: Option<Failure>,
    pub method: Option<String>,
    /// The captured amount in minor units; 0 until the bank has captured it.
    pub captured: i64,
    pub receipt: Option<u64>,
    pub refunds: Vec<RefundRow>,
    /// Whether the payment succeeded although another payment of the reservation had taken its place. It is refunded in full.
    pub surplus: bool,
    /// Whether a [`crate::Effect::Check`] is in progress.
    pub checking: bool,
    /// Whether another retrieval follows the one in progress, because of an event.
    pub check_again: bool,
    /// The number of scheduled retrievals, for the backoff.
    pub rechecks: u32,
    pub created_at: Timestamp,
    pub succeeded_at: Option<Timestamp>,
    pub timeline: Vec<(Timestamp, TimelineEvent)>,
    pub version: u64,
    /// In the order of their numbers.
    pub credit_notes: Vec<CreditNoteRow>,
    /// The failure code that the payment gets once its intent is cancelled at the bank: the guest has abandoned it, or its
    /// hold has ended.
    pub cancelling: Option<String>,
    /// What the bank captured, if it is not what was requested.
    pub mismatch: Option<Money>,
}

/// The stage of a payment; more detailed than its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// Waiting for reservations to return the amount.
    Quoting,
    /// The bank creates an intent.
    Creating,
    /// The bank confirms the intent.
    Confirming,
    /// The guest has to authenticate (3-D Secure).
    Action,
    /// The bank is processing.
    Waiting,
    Succeeded,
    Failed,
    /// The bank captured another amount, another currency, or in another mode than was requested. All of it is refunded, and
    /// another payment is allowed.
    Mismatched,
}

impl Stage {
    /// Whether it may still succeed.
    pub fn is_open(self) -> bool {
        match self {
            Self::Quoting | Self::Creating | Self::Confirming | Self::Action | Self::Waiting => true,
            Self::Succeeded | Self::Failed | Self::Mismatched => false,
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
    /// The number of scheduled retrievals, for the backoff.
    pub rechecks: u32,
    /// The refund that replaces this one, which failed.
    pub retried_as: Option<RefundId>,
    /// How staff paid the guest, if the bank could not. The bank's reports do not count any more then.
    pub settled_otherwise: Option<String>,
}

/// A credit note as it is stored. It is never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CreditNoteRow {
    pub number: u64,
    pub refund: RefundId,
    /// Minor units of the payment's currency.
    pub amount: i64,
    pub issued_at: Timestamp,
    /// The number of the credit note that this one reverses.
    pub reverses: Option<u64>,
}

/// An entry of a payment's timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum TimelineEvent {
    Started,
    Quoted,
    IntentRecorded,
    ActionRequired,
    BankProcessing,
    Succeeded {
        receipt: u64,
    },
    Failed {
        code: String,
    },
    RefundStarted {
        amount: Money,
    },
    RefundSucceeded {
        amount: Money,
    },
    RefundFailed {
        amount: Money,
    },
    /// The payment succeeded after another one had taken its place.
    Surplus,
    /// The intent is to be cancelled at the bank.
    CancelRequested,
    /// The bank captured something else than was requested.
    Mismatched {
        amount: Money,
    },
    /// Staff paid the guest in another way.
    RefundSettledOtherwise {
        amount: Money,
    },
}

/// A bank event about an unknown intent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parked {
    pub kind: String,
    pub intent: Option<String>,
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
            Self::CancelRequested => "cancel_requested",
            Self::Mismatched { .. } => "bank_mismatch",
            Self::RefundSettledOtherwise { .. } => "refund_settled_otherwise",
        })
    }
}

/// The receipt number in its printed form.
pub(crate) fn receipt_number(number: u64) -> String {
    format!("R-{number:06}")
}

/// The number of a credit note in its printed form.
pub(crate) fn credit_note_number(number: u64) -> String {
    format!("CN-{number:06}")
}

#[cfg(test)]
mod tests {
    use contracts::payments::PaymentStatus;
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
                owner: "cli_partner".into(),
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
                retried_as: Some(RefundId(5)),
                settled_otherwise: Some("Bank transfer".into()),
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
            credit_notes: vec![CreditNoteRow {
                number: 1,
                refund: RefundId(4),
                amount: 5,
                issued_at: Timestamp(2),
                reverses: Some(8),
            }],
            cancelling: Some("cancelled".into()),
            mismatch: Some(money(99)),
        }
    }

    /// The golden bytes were written by the first version. `REWRITE_GOLDENS` renews them, which breaks every existing store.
    #[test]
    fn stored_payments_are_still_read() {
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
    fn the_status_follows_from_the_refunds() {
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
