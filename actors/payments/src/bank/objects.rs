//! The objects in the bank's responses, with the fields that are read. Unknown fields are ignored.

use contracts::payments::{IntentSnapshot, IntentState, RefundStatus};
use serde::Deserialize;
use std::collections::BTreeMap;

use super::minor::from_bank;

/// A PaymentIntent.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Intent {
    pub id: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub amount: i64,
    pub amount_received: Option<i64>,
    #[serde(default)]
    pub currency: String,
    pub livemode: Option<bool>,
    pub next_action: Option<NextAction>,
    pub last_payment_error: Option<PaymentError>,
    /// An id, or the object if the request expanded it.
    pub payment_method: Option<serde_json::Value>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct NextAction {
    pub redirect_to_url: Option<RedirectToUrl>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RedirectToUrl {
    pub url: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PaymentMethod {
    pub card: Card,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Card {
    pub brand: Option<String>,
    pub last4: Option<String>,
}

/// Why the last attempt failed.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PaymentError {
    pub code: Option<String>,
    pub decline_code: Option<String>,
}

/// A Refund.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct BankRefund {
    #[serde(default)]
    pub metadata: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub status: Option<String>,
}

/// One page of a list.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct List<T> {
    pub data: Vec<T>,
}

/// The body of an error response.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ErrorBody {
    pub error: ErrorObject,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct ErrorObject {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub code: Option<String>,
    pub decline_code: Option<String>,
    pub message: Option<String>,
    pub payment_intent: Option<Box<Intent>>,
}

impl Intent {
    /// The intent in the form of the state machine.
    pub fn snapshot(&self) -> IntentSnapshot {
        let currency = self.currency.to_ascii_uppercase();
        let amount = |minor: i64| from_bank(minor, &currency).unwrap_or(-1);
        let state = self.state();
        // If a server omits `amount_received`, a success received the full amount.
        let received =
            self.amount_received.unwrap_or(if state == IntentState::Succeeded { self.amount } else { 0 });
        IntentSnapshot {
            intent: self.id.clone(),
            state,
            amount: amount(self.amount),
            received: amount(received),
            livemode: self.livemode.unwrap_or_default(),
            method: self.method(),
            currency,
        }
    }

    /// Whether it waits for confirmation.
    pub fn is_unconfirmed(&self) -> bool {
        self.state() == IntentState::Unconfirmed
    }

    fn state(&self) -> IntentState {
        match (self.status.as_str(), &self.last_payment_error) {
            ("succeeded", _) => IntentState::Succeeded,
            ("canceled", _) => IntentState::Canceled,
            ("requires_action" | "requires_source_action", _) => {
                let redirect = self.next_action.as_ref().and_then(|action| action.redirect_to_url.as_ref());
                IntentState::RequiresAction {
                    redirect_url: redirect.and_then(|redirect| redirect.url.clone()),
                }
            }
            ("requires_confirmation", _) => IntentState::Unconfirmed,
            ("requires_payment_method" | "requires_source", Some(error)) => IntentState::Failed {
                code: decline_code_of(error.code.as_deref(), error.decline_code.as_deref()),
            },
            ("requires_payment_method" | "requires_source", None) => IntentState::Unconfirmed,
            // `processing`, `requires_capture` and unknown statuses: the bank reports more later.
            (_, _) => IntentState::Processing,
        }
    }

    fn method(&self) -> Option<String> {
        let PaymentMethod { card } = PaymentMethod::deserialize(self.payment_method.as_ref()?).ok()?;
        let (brand, last4) = (card.brand?, card.last4?);
        let digits = last4.len() == 4 && last4.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| format!("{} •••• {last4}", brand_name(&brand)))
    }
}

impl BankRefund {
    /// The status.
    pub fn status(&self) -> RefundStatus {
        match self.status.as_deref() {
            Some("succeeded") | None => RefundStatus::Succeeded,
            Some("failed" | "canceled") => RefundStatus::Failed,
            // `pending`, `requires_action` and unknown statuses.
            Some(_) => RefundStatus::Pending,
        }
    }

    /// Whether its metadata has this id of a refund.
    pub fn is(&self, refund: &str) -> bool {
        self.metadata.as_ref().and_then(|metadata| metadata.get("refund")).is_some_and(|id| id == refund)
    }
}

/// The most specific code: the issuer's decline code if there is one, otherwise the bank's code.
pub(crate) fn decline_code_of(code: Option<&str>, decline_code: Option<&str>) -> String {
    let specific = decline_code.filter(|code| !code.is_empty() && *code != "generic_decline");
    let code = specific.or(code).unwrap_or("card_declined");
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    // Anything but a plain code is replaced.
    if code.len() <= 64 && code.bytes().all(plain) { code.to_owned() } else { "card_declined".to_owned() }
}

fn brand_name(brand: &str) -> &str {
    match brand {
        "visa" => "Visa",
        "mastercard" => "Mastercard",
        "amex" | "american_express" => "American Express",
        "discover" => "Discover",
        "diners" | "diners_club" => "Diners Club",
        "jcb" => "JCB",
        "unionpay" => "UnionPay",
        _ => "Card",
    }
}
