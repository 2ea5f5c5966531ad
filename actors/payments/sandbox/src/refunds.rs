//! Refunds: never more than the charge; some fail or are pending, depending on the card.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Fault;

use crate::cards::Behaviour;
use crate::charges::Charge;
use crate::database::{Transaction, now_millis, now_secs, random_id};
use crate::form::Form;
use crate::intents::{self, Intent, Status};
use crate::methods;
use crate::response::{ApiResponse, invalid, invalid_param, not_found};
use crate::webhooks;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefundStatus {
    Pending,
    Succeeded,
    Failed,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Refund {
    pub id: String,
    pub intent: String,
    pub charge: String,
    pub amount: i64,
    pub currency: String,
    pub status: RefundStatus,
    pub reason: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub created: u64,
}

/// The later status of a refund.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct DueChange {
    refund: String,
    status: RefundStatus,
}

/// `POST /v1/refunds`.
pub(crate) fn create(tx: &mut Transaction<'_>, form: &Form, delay: Duration) -> Result<ApiResponse, Fault> {
    let intent = match (form.get("payment_intent"), form.get("charge")) {
        (Some(id), None) => intents::find(tx, id)?,
        (None, Some(id)) => match tx.get::<Charge>(&format!("charge/{id}"))? {
            Some(charge) => intents::find(tx, &charge.intent)?,
            None => None,
        },
        (None, None) | (Some(_), Some(_)) => {
            return Ok(invalid("One of payment_intent and charge is needed."));
        }
    };
    let Some(intent) = intent else { return Ok(not_found(404, "payment_intent", "payment_intent")) };
    let (Status::Succeeded, Some(charge)) = (intent.status, &intent.latest_charge) else {
        return Ok(invalid("This PaymentIntent does not have a successful charge to refund."));
    };
    let left = intent.amount - refunded(tx, &intent.id)?;
    let amount = match form.integer("amount") {
        None => left,
        Some(Ok(amount)) if amount > 0 => amount,
        Some(_) => return Ok(invalid_param("amount", "Invalid positive integer.")),
    };
    if left == 0 {
        let code = "charge_already_refunded";
        let message = "The charge has already been refunded.";
        return Ok(ApiResponse::error(
            400,
            json!({"type": "invalid_request_error", "code": code, "message": message}),
        ));
    }
    if amount > left {
        return Ok(invalid_param("amount", "Refund amount is greater than unrefunded amount on charge."));
    }
    if let Some(refused) = intents::indivisible(amount, &intent.currency) {
        return Ok(refused);
    }
    let behaviour = behaviour(tx, &intent, charge)?;
    let (status, later) = match behaviour {
        Some(Behaviour::RefundFails) => (RefundStatus::Succeeded, Some(RefundStatus::Failed)),
        Some(Behaviour::RefundPends) => (RefundStatus::Pending, Some(RefundStatus::Succeeded)),
        _ => (RefundStatus::Succeeded, None),
    };
    let refund = Refund {
        id: random_id("re_"),
        intent: intent.id.clone(),
        charge: charge.clone(),
        amount,
        currency: intent.currency.clone(),
        status,
        reason: form.get("reason").map(str::to_owned),
        metadata: form.map("metadata"),
        created: now_secs(),
    };
    let sequence = tx.next()?;
    tx.put(&format!("refund/{}", refund.id), &refund);
    tx.put(&format!("refunds-of/{}/{sequence:020}", intent.id), &refund.id);
    if let Some(status) = later {
        let due = now_millis() + u64::try_from(delay.as_millis()).unwrap_or(u64::MAX / 2);
        tx.put(&format!("later/{due:020}/{}", refund.id), &DueChange { refund: refund.id.clone(), status });
    }
    webhooks::enqueue(tx, "refund.created", &to_json(&refund))?;
    Ok(ApiResponse::ok(to_json(&refund)))
}

/// `GET /v1/refunds/{id}`.
pub(crate) fn retrieve(tx: &Transaction<'_>, id: &str) -> Result<ApiResponse, Fault> {
    let refund = tx.get::<Refund>(&format!("refund/{id}"))?;
    Ok(refund.map_or_else(|| not_found(404, "refund", "refund"), |refund| ApiResponse::ok(to_json(&refund))))
}

/// `GET /v1/refunds?payment_intent=`: newest first.
pub(crate) fn list(tx: &Transaction<'_>, form: &Form) -> Result<ApiResponse, Fault> {
    let Some(intent) = form.get("payment_intent") else {
        return Ok(invalid_param("payment_intent", "The sandbox bank lists the refunds of an intent."));
    };
    if intents::find(tx, intent)?.is_none() {
        return Ok(not_found(404, "payment_intent", "payment_intent"));
    }
    let mut refunds = of_intent(tx, intent)?;
    refunds.reverse();
    let limit = form
        .integer("limit")
        .and_then(Result::ok)
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(10);
    let data: Vec<Value> = refunds.iter().take(limit.clamp(1, 100)).map(to_json).collect();
    let has_more = data.len() < refunds.len();
    Ok(ApiResponse::ok(json!({"object": "list", "url": "/v1/refunds", "has_more": has_more, "data": data})))
}

/// Applies the status changes of refunds that are due.
pub(crate) fn apply_due_changes(tx: &mut Transaction<'_>) -> Result<(), Fault> {
    let now = format!("later/{:020}", now_millis());
    for (key, later) in tx.list::<DueChange>("later/", 50)? {
        if key.as_str() > now.as_str() {
            break;
        }
        tx.remove(&key);
        let row = format!("refund/{}", later.refund);
        let Some(mut refund) = tx.get::<Refund>(&row)? else { continue };
        refund.status = later.status;
        tx.put(&row, &refund);
        let kind = if later.status == RefundStatus::Failed { "refund.failed" } else { "refund.updated" };
        webhooks::enqueue(tx, kind, &to_json(&refund))?;
    }
    Ok(())
}

fn of_intent(tx: &Transaction<'_>, intent: &str) -> Result<Vec<Refund>, Fault> {
    let mut refunds = Vec::new();
    for (_, id) in tx.list::<String>(&format!("refunds-of/{intent}/"), 1000)? {
        refunds.extend(tx.get::<Refund>(&format!("refund/{id}"))?);
    }
    Ok(refunds)
}

fn refunded(tx: &Transaction<'_>, intent: &str) -> Result<i64, Fault> {
    let refunds = of_intent(tx, intent)?;
    Ok(refunds
        .iter()
        .filter(|refund| refund.status != RefundStatus::Failed)
        .map(|refund| refund.amount)
        .sum())
}

fn behaviour(tx: &Transaction<'_>, intent: &Intent, charge: &str) -> Result<Option<Behaviour>, Fault> {
    let charge = tx.get::<Charge>(&format!("charge/{charge}"))?;
    let method = charge.map(|charge| charge.payment_method).or_else(|| intent.payment_method.clone());
    let method = match method {
        Some(method) => methods::find(tx, &method)?,
        None => None,
    };
    Ok(method.map(|method| method.card.behaviour))
}

fn to_json(refund: &Refund) -> Value {
    json!({
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "charge": refund.charge,
        "created": refund.created,
        "currency": refund.currency,
        "metadata": refund.metadata,
        "payment_intent": refund.intent,
        "reason": refund.reason,
        "status": match refund.status {
            RefundStatus::Pending => "pending",
            RefundStatus::Succeeded => "succeeded",
            RefundStatus::Failed => "failed",
        },
    })
}
