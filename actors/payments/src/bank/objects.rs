//! What the bank answers, as far as we read it: unknown fields are ignored, missing ones are none.

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
    /// An id, or the thing itself where the answer was asked to hold it.
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

/// What comes with 4xx.
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
    /// As the state machine hears of it.
    pub fn seen(&self) -> IntentSnapshot {
        let currency = self.currency.to_ascii_uppercase();
        let amount = |minor: i64| from_bank(minor, &currency).unwrap_or(-1);
        let state = self.state();
        // A server that does not say what it received has received what it was asked for, or nothing.
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

    /// Whether confirming is what it waits for.
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
                code: decline_word(error.code.as_deref(), error.decline_code.as_deref()),
            },
            ("requires_payment_method" | "requires_source", None) => IntentState::Unconfirmed,
            // `processing`, `requires_capture`, and what may be invented: the bank will say more later.
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
    /// How far it is.
    pub fn status(&self) -> RefundStatus {
        match self.status.as_deref() {
            Some("succeeded") | None => RefundStatus::Succeeded,
            Some("failed" | "canceled") => RefundStatus::Failed,
            // `pending`, `requires_action`, and what may be invented.
            Some(_) => RefundStatus::Pending,
        }
    }

    /// Our id of it, as we put it into its metadata.
    pub fn is(&self, refund: &str) -> bool {
        self.metadata.as_ref().and_then(|metadata| metadata.get("refund")).is_some_and(|id| id == refund)
    }
}

/// The word that says most: the issuer's where it has one, else the bank's.
pub(crate) fn decline_word(code: Option<&str>, decline_code: Option<&str>) -> String {
    let specific = decline_code.filter(|code| !code.is_empty() && *code != "generic_decline");
    let word = specific.or(code).unwrap_or("card_declined");
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    // Whatever a server sends, only a word goes on.
    if word.len() <= 64 && word.bytes().all(plain) { word.to_owned() } else { "card_declined".to_owned() }
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
