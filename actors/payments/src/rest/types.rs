//! Payments as the API writes them.

use contracts::payments as words;
use contracts::payments::RefundReason;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use poem_openapi::{Enum, Object};
use rest::{Money, TimelineEntry};
use serde::Serialize;

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Between us and the bank: ask again.
    Processing,
    /// The guest has to go to `next_action.redirect_url`.
    RequiresAction,
    /// The money is here.
    Succeeded,
    /// It came to nothing: `failure.code` says why. Another attempt is allowed.
    Failed,
    /// Some of the money went back.
    PartiallyRefunded,
    /// All of the money went back.
    Refunded,
}

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// The bank has not said yet.
    Pending,
    /// The money is on its way to the guest.
    Succeeded,
    /// The bank could not give it back.
    Failed,
}

/// Why a payment failed.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
pub struct PaymentFailure {
    /// A stable word: `card_declined`, `insufficient_funds`, `expired_card`, `authentication_expired`, …
    pub code: String,
}

/// What the guest has to do.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
pub struct NextAction {
    /// The page of the guest's bank (3-D Secure). It leads back to the payment's `return_url`.
    pub redirect_url: String,
}

/// Money on its way back.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
pub struct Refund {
    /// `ref_…`
    pub id: String,
    /// Of which payment.
    pub payment_id: String,
    /// How much.
    pub amount: Money,
    /// How far it has come.
    pub status: RefundStatus,
    /// `cancelled`, `too_late`, or what staff wrote.
    pub reason: String,
    /// When it was asked for.
    pub created_at: edge::Instant,
    /// When it reached its end.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<edge::Instant>,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
pub struct Payment {
    /// `pay_…`
    pub id: String,
    /// What it pays.
    pub reservation_id: String,
    /// To whom; absent until the reservation has confirmed the amount.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hotel_id: Option<String>,
    /// Where it stands.
    pub status: PaymentStatus,
    /// How much, as the reservation says; absent until it has.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// How much of it went back; absent where nothing did.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Money>,
    /// Why it failed.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<PaymentFailure>,
    /// What the guest has to do, while `requires_action`.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_action: Option<NextAction>,
    /// The card, as far as it may be shown: `Visa •••• 4242`.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Once succeeded: `R-000123`, running without a gap for each hotel.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt_number: Option<String>,
    /// In the order in which they were asked for.
    pub refunds: Vec<Refund>,
    /// Whether no real money moves; absent until the bank has been asked.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<bool>,
    /// When it was started.
    pub created_at: edge::Instant,
    /// When the money came.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub succeeded_at: Option<edge::Instant>,
    /// What happened to it.
    pub timeline: Vec<TimelineEntry>,
}

/// A payment to be started.
#[derive(Debug, Clone, Object)]
pub struct NewPayment {
    /// What is paid. The amount is the reservation's.
    #[oai(validator(min_length = 1, max_length = 64))]
    pub reservation_id: String,
    /// The bank's name for a card, `pm_…`: cards' numbers are given to the bank alone.
    #[oai(validator(min_length = 4, max_length = 255, pattern = "^pm_[A-Za-z0-9_]+$"))]
    pub payment_method: String,
    /// Where the guest comes back to from the page of the guest's bank.
    #[oai(validator(min_length = 8, max_length = 2048, pattern = "^https?://[!-~]+$"))]
    pub return_url: Option<String>,
}

/// A refund to be made.
#[derive(Debug, Clone, Object)]
pub struct NewRefund {
    /// How much; by default all that is left.
    pub amount: Option<RefundAmount>,
    /// Why, for the guest to read.
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

impl From<words::PaymentStatus> for PaymentStatus {
    fn from(status: words::PaymentStatus) -> Self {
        match status {
            words::PaymentStatus::Processing => Self::Processing,
            words::PaymentStatus::RequiresAction => Self::RequiresAction,
            words::PaymentStatus::Succeeded => Self::Succeeded,
            words::PaymentStatus::Failed => Self::Failed,
            words::PaymentStatus::PartiallyRefunded => Self::PartiallyRefunded,
            words::PaymentStatus::Refunded => Self::Refunded,
        }
    }
}

impl From<PaymentStatus> for words::PaymentStatus {
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
    pub fn new(payment: contracts::PaymentId, refund: words::Refund) -> Self {
        Self {
            id: refund.id.to_string(),
            payment_id: payment.to_string(),
            amount: refund.amount.into(),
            status: match refund.status {
                words::RefundStatus::Pending => RefundStatus::Pending,
                words::RefundStatus::Succeeded => RefundStatus::Succeeded,
                words::RefundStatus::Failed => RefundStatus::Failed,
            },
            reason: match refund.reason {
                RefundReason::Cancelled => "cancelled".to_owned(),
                RefundReason::TooLate => "too_late".to_owned(),
                RefundReason::Requested(words) => words,
            },
            created_at: refund.created_at.into(),
            settled_at: refund.settled_at.map(Into::into),
        }
    }
}

impl From<words::Payment> for Payment {
    fn from(payment: words::Payment) -> Self {
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
            test: payment.test,
            created_at: payment.created_at.into(),
            succeeded_at: payment.succeeded_at.map(Into::into),
            timeline: payment.timeline.into_iter().map(|(at, what)| TimelineEntry::new(at, what)).collect(),
        }
    }
}
