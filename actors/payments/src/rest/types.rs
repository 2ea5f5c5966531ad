//! Payments in requests and responses.

use contracts::payments::{self, RefundReason};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use poem_openapi::{Enum, Object};
use rest::{Money, TimelineEntry};
use serde::Serialize;

/// The status of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Waiting for the bank: read the payment again later.
    Processing,
    /// The guest has to open `next_action.redirect_url`.
    RequiresAction,
    Succeeded,
    /// See `failure.code`. Another attempt is allowed.
    Failed,
    PartiallyRefunded,
    Refunded,
}

/// The status of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    Pending,
    Succeeded,
    /// The bank could not refund the money, possibly days after the refund had succeeded. Staff retries it, or pays the
    /// guest in another way.
    Failed,
}

/// Why a payment failed.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
pub struct PaymentFailure {
    /// A stable code: `card_declined`, `insufficient_funds`, `expired_card`, `authentication_expired`, `cancelled`, …
    pub code: String,
}

/// The action that the guest has to take.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
pub struct NextAction {
    /// The page of the guest's bank (3-D Secure). It leads back to the payment's `return_url`.
    pub redirect_url: String,
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
pub struct Refund {
    /// `ref_…`
    pub id: String,
    /// The payment.
    pub payment_id: String,
    /// The amount.
    pub amount: Money,
    /// The status.
    pub status: RefundStatus,
    /// `cancelled`, `too_late`, `bank_mismatch`, or the text entered by staff.
    pub reason: String,
    /// When it was requested.
    pub created_at: edge::Instant,
    /// When it succeeded or failed.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<edge::Instant>,
    /// The refund that replaces this one, which failed.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retried_as: Option<String>,
    /// How staff paid the guest, because the bank could not.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_otherwise: Option<String>,
}

/// Why staff has to act on a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Attention {
    /// A refund failed: retry it, or pay the guest in another way and settle it.
    RefundFailed,
    /// The bank captured something else than was requested, and the refund of all of it has not succeeded yet.
    BankMismatch,
}

/// How a guest was paid in another way.
#[derive(Debug, Clone, Object)]
pub struct RefundSettlement {
    /// For example `Bank transfer of 24 November`.
    #[oai(validator(min_length = 1, max_length = 200))]
    pub note: String,
}

/// A credit note: it reduces what the receipt says was paid. Receipts are never changed.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
pub struct CreditNote {
    /// `CN-000123`, consecutive for each hotel.
    pub number: String,
    /// The refund that it documents.
    pub refund_id: String,
    /// The amount of the refund.
    pub amount: Money,
    /// When it was issued.
    pub issued_at: edge::Instant,
    /// The credit note that this one reverses, because the bank returned the money of the refund.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reverses: Option<String>,
}

impl From<payments::CreditNote> for CreditNote {
    fn from(note: payments::CreditNote) -> Self {
        Self {
            number: note.number,
            refund_id: note.refund.to_string(),
            amount: note.amount.into(),
            issued_at: note.issued_at.into(),
            reverses: note.reverses,
        }
    }
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
pub struct Payment {
    /// `pay_…`
    pub id: String,
    /// The reservation.
    pub reservation_id: String,
    /// The hotel; absent until the amount is known.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hotel_id: Option<String>,
    /// The status.
    pub status: PaymentStatus,
    /// The amount of the reservation; absent until it is known.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// The refunded amount; absent if nothing was refunded.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Money>,
    /// Why it failed.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<PaymentFailure>,
    /// The action that the guest has to take, while `requires_action`.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_action: Option<NextAction>,
    /// The masked card: `Visa •••• 4242`.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// `R-000123`, consecutive for each hotel; present once succeeded.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt_number: Option<String>,
    /// In the order of their creation.
    pub refunds: Vec<Refund>,
    /// The credit notes of the refunds, in the order of their numbers.
    pub credit_notes: Vec<CreditNote>,
    /// Whether no real money moves; absent until the bank has an intent.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<bool>,
    /// When it was created.
    pub created_at: edge::Instant,
    /// When it succeeded.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub succeeded_at: Option<edge::Instant>,
    /// Why staff has to act; empty if nothing is to be done.
    pub attention: Vec<Attention>,
    /// The history.
    pub timeline: Vec<TimelineEntry>,
}

/// A payment to start.
#[derive(Debug, Clone, Object)]
pub struct NewPayment {
    /// The reservation, which determines the amount.
    #[oai(validator(min_length = 1, max_length = 64))]
    pub reservation_id: String,
    /// The bank's id of a card, `pm_…`. Card numbers are sent to the bank only.
    #[oai(validator(min_length = 4, max_length = 255, pattern = "^pm_[A-Za-z0-9_]+$"))]
    pub payment_method: String,
    /// Where the guest returns to after 3-D Secure.
    #[oai(validator(min_length = 8, max_length = 2048, pattern = "^https?://[!-~]+$"))]
    pub return_url: Option<String>,
}

/// A refund to create.
#[derive(Debug, Clone, Object)]
pub struct NewRefund {
    /// The amount; by default all that is left.
    pub amount: Option<RefundAmount>,
    /// The reason, which the guest reads.
    #[oai(validator(max_length = 200))]
    pub reason: Option<String>,
}

/// A number of minor units of the payment's currency, or money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundAmount {
    /// Minor units.
    pub amount: i64,
    /// ISO 4217, where it was said.
    pub currency: Option<String>,
}

impl Type for RefundAmount {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> std::borrow::Cow<'static, str> {
        "RefundAmount".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            description: Some("Minor units of the payment's currency, or money in that currency."),
            any_of: vec![i64::schema_ref(), Money::schema_ref()],
            ..MetaSchema::ANY
        }))
    }

    fn register(registry: &mut Registry) {
        Money::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromJSON for RefundAmount {
    fn parse_from_json(value: Option<serde_json::Value>) -> ParseResult<Self> {
        if let Some(amount) = value.as_ref().and_then(serde_json::Value::as_i64) {
            return Ok(Self { amount, currency: None });
        }
        let money = Money::parse_from_json(value).map_err(ParseError::propagate)?;
        Ok(Self { amount: money.amount, currency: Some(money.currency) })
    }
}

impl ToJSON for RefundAmount {
    fn to_json(&self) -> Option<serde_json::Value> {
        Some(match &self.currency {
            None => self.amount.into(),
            Some(currency) => serde_json::json!({"amount": self.amount, "currency": currency}),
        })
    }
}

impl From<payments::PaymentStatus> for PaymentStatus {
    fn from(status: payments::PaymentStatus) -> Self {
        match status {
            payments::PaymentStatus::Processing => Self::Processing,
            payments::PaymentStatus::RequiresAction => Self::RequiresAction,
            payments::PaymentStatus::Succeeded => Self::Succeeded,
            payments::PaymentStatus::Failed => Self::Failed,
            payments::PaymentStatus::PartiallyRefunded => Self::PartiallyRefunded,
            payments::PaymentStatus::Refunded => Self::Refunded,
        }
    }
}

impl From<payments::Attention> for Attention {
    fn from(attention: payments::Attention) -> Self {
        match attention {
            payments::Attention::RefundFailed => Self::RefundFailed,
            payments::Attention::BankMismatch => Self::BankMismatch,
        }
    }
}

impl From<PaymentStatus> for payments::PaymentStatus {
    fn from(status: PaymentStatus) -> Self {
        match status {
            PaymentStatus::Processing => Self::Processing,
            PaymentStatus::RequiresAction => Self::RequiresAction,
            PaymentStatus::Succeeded => Self::Succeeded,
            PaymentStatus::Failed => Self::Failed,
            PaymentStatus::PartiallyRefunded => Self::PartiallyRefunded,
            PaymentStatus::Refunded => Self::Refunded,
        }
    }
}

impl Refund {
    /// A refund of `payment`.
    pub fn new(payment: contracts::PaymentId, refund: payments::Refund) -> Self {
        Self {
            id: refund.id.to_string(),
            payment_id: payment.to_string(),
            amount: refund.amount.into(),
            status: match refund.status {
                payments::RefundStatus::Pending => RefundStatus::Pending,
                payments::RefundStatus::Succeeded => RefundStatus::Succeeded,
                payments::RefundStatus::Failed => RefundStatus::Failed,
            },
            reason: match refund.reason {
                RefundReason::Cancelled => "cancelled".to_owned(),
                RefundReason::TooLate => "too_late".to_owned(),
                RefundReason::BankMismatch => "bank_mismatch".to_owned(),
                RefundReason::Requested(text) => text,
            },
            created_at: refund.created_at.into(),
            settled_at: refund.settled_at.map(Into::into),
            retried_as: refund.retried_as.map(|refund| refund.to_string()),
            settled_otherwise: refund.settled_otherwise,
        }
    }
}

impl From<payments::Payment> for Payment {
    fn from(payment: payments::Payment) -> Self {
        let id = payment.id;
        let refunded = payment.amount.filter(|_| payment.refunded > 0);
        Self {
            id: id.to_string(),
            reservation_id: payment.reservation.to_string(),
            hotel_id: payment.hotel.map(|hotel| hotel.to_string()),
            status: payment.status.into(),
            amount: payment.amount.map(Into::into),
            refunded: refunded.map(|paid| Money::new(payment.refunded, paid.currency)),
            failure: payment.failure.map(|failure| PaymentFailure { code: failure.code }),
            next_action: payment.redirect_url.map(|redirect_url| NextAction { redirect_url }),
            method: payment.method,
            receipt_number: payment.receipt_number,
            refunds: payment.refunds.into_iter().map(|refund| Refund::new(id, refund)).collect(),
            credit_notes: payment.credit_notes.into_iter().map(CreditNote::from).collect(),
            test: payment.test,
            attention: payment.attention.into_iter().map(Attention::from).collect(),
            created_at: payment.created_at.into(),
            succeeded_at: payment.succeeded_at.map(Into::into),
            timeline: payment.timeline.into_iter().map(|(at, event)| TimelineEntry::new(at, event)).collect(),
        }
    }
}
