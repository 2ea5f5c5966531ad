//! PaymentIntents: `requires_payment_method` → `requires_confirmation` → `requires_action` → `succeeded`, or `canceled`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Fault;

use crate::cards::{Behaviour, Decline};
use crate::charges;
use crate::currencies;
use crate::database::{Transaction, now_secs, random_id};
use crate::form::Form;
use crate::methods::{self, Method};
use crate::response::{ApiResponse, invalid, invalid_param, not_found};
use crate::webhooks;

/// The bank's largest amount: eight digits.
const AMOUNT_MAX: i64 = 99_999_999;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Succeeded,
    Canceled,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

/// Why the last attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PaymentFailure {
    Declined(Decline),
    NotAuthenticated,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    pub status: Status,
    pub metadata: BTreeMap<String, String>,
    pub description: Option<String>,
    pub payment_method: Option<String>,
    pub client_secret: String,
    pub latest_charge: Option<String>,
    pub return_url: Option<String>,
    /// Part of the URL of the 3-D Secure page.
    pub action: Option<String>,
    #[serde(rename = "trouble")]
    pub failure: Option<PaymentFailure>,
    pub created: u64,
    pub canceled_at: Option<u64>,
}

/// `POST /v1/payment_intents`.
pub(crate) fn create(tx: &mut Transaction<'_>, form: &Form, base: &str) -> Result<ApiResponse, Fault> {
    let Some(Ok(amount)) = form.integer("amount") else {
        return Ok(invalid_param("amount", "Missing required param, or not an integer: amount."));
    };
    if !(1..=AMOUNT_MAX).contains(&amount) {
        return Ok(invalid_param("amount", "This amount is too small or too large."));
    }
    let currency = form.get("currency").unwrap_or_default().to_ascii_lowercase();
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Ok(invalid_param("currency", "Invalid currency."));
    }
    if let Some(refused) = indivisible(amount, &currency) {
        return Ok(refused);
    }
    if form.get("capture_method").is_some_and(|method| !method.starts_with("automatic")) {
        return Ok(invalid_param("capture_method", "The sandbox bank captures by itself only."));
    }
    let payment_method = form.get("payment_method");
    if let Some(id) = payment_method
        && methods::find(tx, id)?.is_none()
    {
        return Ok(not_found(400, "PaymentMethod", "payment_method"));
    }
    let id = random_id("pi_");
    let status =
        if payment_method.is_some() { Status::RequiresConfirmation } else { Status::RequiresPaymentMethod };
    let mut intent = Intent {
        client_secret: random_id(&format!("{id}_secret_")),
        id,
        amount,
        currency,
        status,
        metadata: form.map("metadata"),
        description: form.get("description").map(str::to_owned),
        payment_method: payment_method.map(str::to_owned),
        latest_charge: None,
        return_url: None,
        action: None,
        failure: None,
        created: now_secs(),
        canceled_at: None,
    };
    webhooks::enqueue(tx, "payment_intent.created", &to_json(&intent, base))?;
    if form.get("confirm") == Some("true") {
        return confirm_now(tx, &mut intent, form, base);
    }
    save(tx, &intent);
    response(tx, &intent, form, base)
}

/// The error for an amount that is not charged or refunded in this currency.
pub(crate) fn indivisible(amount: i64, currency: &str) -> Option<ApiResponse> {
    let increment = currencies::increment(currency);
    let message = format!("Amounts in {} must be evenly divisible by {increment}.", currency.to_uppercase());
    (amount % increment != 0).then(|| invalid_param("amount", &message))
}

/// `POST /v1/payment_intents/{id}/confirm`.
pub(crate) fn confirm(
    tx: &mut Transaction<'_>,
    id: &str,
    form: &Form,
    base: &str,
) -> Result<ApiResponse, Fault> {
    let Some(mut intent) = find(tx, id)? else { return Ok(not_found(404, "payment_intent", "intent")) };
    if let Some(method) = form.get("payment_method") {
        if methods::find(tx, method)?.is_none() {
            return Ok(not_found(400, "PaymentMethod", "payment_method"));
        }
        if intent.status == Status::RequiresPaymentMethod {
            intent.status = Status::RequiresConfirmation;
        }
        intent.payment_method = Some(method.to_owned());
    }
    if intent.status != Status::RequiresConfirmation {
        return Ok(unexpected(&intent, "confirm", base));
    }
    confirm_now(tx, &mut intent, form, base)
}

/// `GET /v1/payment_intents/{id}`.
pub(crate) fn retrieve(
    tx: &Transaction<'_>,
    id: &str,
    form: &Form,
    base: &str,
) -> Result<ApiResponse, Fault> {
    match find(tx, id)? {
        Some(intent) => response(tx, &intent, form, base),
        None => Ok(not_found(404, "payment_intent", "intent")),
    }
}

/// `POST /v1/payment_intents/{id}/cancel`.
pub(crate) fn cancel(
    tx: &mut Transaction<'_>,
    id: &str,
    form: &Form,
    base: &str,
) -> Result<ApiResponse, Fault> {
    let Some(mut intent) = find(tx, id)? else { return Ok(not_found(404, "payment_intent", "intent")) };
    match intent.status {
        Status::RequiresPaymentMethod | Status::RequiresConfirmation | Status::RequiresAction => {}
        Status::Succeeded | Status::Canceled => return Ok(unexpected(&intent, "cancel", base)),
    }
    intent.status = Status::Canceled;
    intent.action = None;
    intent.canceled_at = Some(now_secs());
    save(tx, &intent);
    webhooks::enqueue(tx, "payment_intent.canceled", &to_json(&intent, base))?;
    response(tx, &intent, form, base)
}

/// The result of 3-D Secure. `None` if the intent does not require it.
pub(crate) fn authenticated(
    tx: &mut Transaction<'_>,
    id: &str,
    action: &str,
    success: bool,
    base: &str,
) -> Result<Option<Intent>, Fault> {
    let Some(mut intent) = awaiting(tx, id, action)? else { return Ok(None) };
    let method = match &intent.payment_method {
        Some(method) => methods::find(tx, method)?,
        None => None,
    };
    let Some(method) = method else { return Ok(None) };
    intent.action = None;
    if success {
        let decline = match method.card.behaviour {
            Behaviour::AuthenticatesThen(decline) | Behaviour::Declined(decline) => Some(decline),
            Behaviour::Pays | Behaviour::Authenticates | Behaviour::RefundFails | Behaviour::RefundPends => {
                None
            }
        };
        charge(tx, &mut intent, &method, decline, base)?;
    } else {
        fail(tx, &mut intent, PaymentFailure::NotAuthenticated, base)?;
    }
    save(tx, &intent);
    Ok(Some(intent))
}

/// The intent of a 3-D Secure page.
pub(crate) fn awaiting(tx: &Transaction<'_>, id: &str, action: &str) -> Result<Option<Intent>, Fault> {
    let intent = find(tx, id)?;
    Ok(intent
        .filter(|intent| intent.status == Status::RequiresAction && intent.action.as_deref() == Some(action)))
}

pub(crate) fn find(tx: &Transaction<'_>, id: &str) -> Result<Option<Intent>, Fault> {
    tx.get(&format!("intent/{id}"))
}

fn save(tx: &mut Transaction<'_>, intent: &Intent) {
    tx.put(&format!("intent/{}", intent.id), intent);
}

fn confirm_now(
    tx: &mut Transaction<'_>,
    intent: &mut Intent,
    form: &Form,
    base: &str,
) -> Result<ApiResponse, Fault> {
    let method = match &intent.payment_method {
        Some(method) => methods::find(tx, method)?,
        None => None,
    };
    let Some(method) = method else {
        return Ok(invalid("You cannot confirm this PaymentIntent: it has no payment method."));
    };
    if let Some(url) = form.get("return_url") {
        intent.return_url = Some(url.to_owned());
    }
    intent.failure = None;
    match method.card.behaviour {
        Behaviour::Pays | Behaviour::RefundFails | Behaviour::RefundPends => {
            charge(tx, intent, &method, None, base)?;
        }
        Behaviour::Declined(decline) => charge(tx, intent, &method, Some(decline), base)?,
        Behaviour::Authenticates | Behaviour::AuthenticatesThen(_) => {
            intent.status = Status::RequiresAction;
            intent.action = Some(random_id(""));
            webhooks::enqueue(tx, "payment_intent.requires_action", &to_json(intent, base))?;
        }
    }
    save(tx, intent);
    match intent.failure {
        Some(failure) => Ok(ApiResponse::error(402, error_json(failure, Some(&to_json(intent, base))))),
        None => response(tx, intent, form, base),
    }
}

fn charge(
    tx: &mut Transaction<'_>,
    intent: &mut Intent,
    method: &Method,
    decline: Option<Decline>,
    base: &str,
) -> Result<(), Fault> {
    let charge = charges::attempt(tx, intent, &method.id, decline)?;
    intent.latest_charge = Some(charge.id.clone());
    if let Some(decline) = decline {
        webhooks::enqueue(tx, "charge.failed", &charges::to_json(&charge))?;
        return fail(tx, intent, PaymentFailure::Declined(decline), base);
    }
    intent.status = Status::Succeeded;
    webhooks::enqueue(tx, "charge.succeeded", &charges::to_json(&charge))?;
    webhooks::enqueue(tx, "payment_intent.succeeded", &to_json(intent, base))
}

fn fail(
    tx: &mut Transaction<'_>,
    intent: &mut Intent,
    failure: PaymentFailure,
    base: &str,
) -> Result<(), Fault> {
    intent.status = Status::RequiresPaymentMethod;
    intent.payment_method = None;
    intent.failure = Some(failure);
    webhooks::enqueue(tx, "payment_intent.payment_failed", &to_json(intent, base))
}

fn response(tx: &Transaction<'_>, intent: &Intent, form: &Form, base: &str) -> Result<ApiResponse, Fault> {
    let mut value = to_json(intent, base);
    if form.lists("expand", "payment_method")
        && let Some(id) = &intent.payment_method
        && let Some(method) = methods::find(tx, id)?
    {
        value["payment_method"] = methods::to_json(&method);
    }
    if form.lists("expand", "latest_charge")
        && let Some(id) = &intent.latest_charge
        && let Some(charge) = tx.get(&format!("charge/{id}"))?
    {
        value["latest_charge"] = charges::to_json(&charge);
    }
    Ok(ApiResponse::ok(value))
}

fn unexpected(intent: &Intent, operation: &str, base: &str) -> ApiResponse {
    let message = format!(
        "You cannot {operation} this PaymentIntent because it has a status of {}.",
        intent.status.as_str()
    );
    let body = json!({
        "type": "invalid_request_error",
        "code": "payment_intent_unexpected_state",
        "message": message,
        "payment_intent": to_json(intent, base),
    });
    ApiResponse::error(400, body)
}

fn error_json(failure: PaymentFailure, intent: Option<&Value>) -> Value {
    let mut error = match failure {
        PaymentFailure::Declined(decline) => {
            let (code, decline_code, message) = decline.error_fields();
            json!({"type": "card_error", "code": code, "decline_code": decline_code, "message": message})
        }
        PaymentFailure::NotAuthenticated => json!({
            "type": "invalid_request_error",
            "code": "payment_intent_authentication_failure",
            "message": "The provided PaymentMethod has failed authentication.",
        }),
    };
    if let Some(intent) = intent {
        error["payment_intent"] = intent.clone();
    }
    error
}

/// The object in responses.
pub(crate) fn to_json(intent: &Intent, base: &str) -> Value {
    let action = intent.action.as_ref().map(|action| match &intent.return_url {
        Some(return_url) => json!({
            "type": "redirect_to_url",
            "redirect_to_url": {"url": format!("{base}/3ds/{}/{action}", intent.id), "return_url": return_url},
        }),
        None => json!({"type": "use_stripe_sdk", "use_stripe_sdk": {}}),
    });
    json!({
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": 0,
        "amount_received": if intent.status == Status::Succeeded { intent.amount } else { 0 },
        "canceled_at": intent.canceled_at,
        "cancellation_reason": null,
        "capture_method": "automatic",
        "client_secret": intent.client_secret,
        "confirmation_method": "automatic",
        "created": intent.created,
        "currency": intent.currency,
        "customer": null,
        "description": intent.description,
        "last_payment_error": intent.failure.map(|failure| error_json(failure, None)),
        "latest_charge": intent.latest_charge,
        "livemode": false,
        "metadata": intent.metadata,
        "next_action": action,
        "payment_method": intent.payment_method,
        "payment_method_types": ["card"],
        "status": intent.status.as_str(),
    })
}
