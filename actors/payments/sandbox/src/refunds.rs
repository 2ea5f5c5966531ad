//! Refunds: never more than the charge; some fail or are pending, depending on the card.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Fault;

use crate::answer::{Answer, invalid, invalid_param, missing};
use crate::books::{Entry, fresh, now_millis, now_secs};
use crate::cards::Behaviour;
use crate::charges::Charge;
use crate::form::Form;
use crate::hooks;
use crate::intents::{self, Intent, Status};
use crate::methods;

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
struct Later {
    refund: String,
    status: RefundStatus,
}

/// `POST /v1/refunds`.
pub(crate) fn create(entry: &mut Entry<'_>, form: &Form, delay: Duration) -> Result<Answer, Fault> {
    let intent = match (form.get("payment_intent"), form.get("charge")) {
        (Some(id), None) => intents::find(entry, id)?,
        (None, Some(id)) => match entry.get::<Charge>(&format!("charge/{id}"))? {
            Some(charge) => intents::find(entry, &charge.intent)?,
            None => None,
        },
        (None, None) | (Some(_), Some(_)) => {
            return Ok(invalid("One of payment_intent and charge is needed."));
        }
    };
    let Some(intent) = intent else { return Ok(missing(404, "payment_intent", "payment_intent")) };
    let (Status::Succeeded, Some(charge)) = (intent.status, &intent.latest_charge) else {
        return Ok(invalid("This PaymentIntent does not have a successful charge to refund."));
    };
    let left = intent.amount - refunded(entry, &intent.id)?;
    let amount = match form.integer("amount") {
        None => left,
        Some(Ok(amount)) if amount > 0 => amount,
        Some(_) => return Ok(invalid_param("amount", "Invalid positive integer.")),
    };
    if left == 0 {
        let code = "charge_already_refunded";
        let message = "The charge has already been refunded.";
        return Ok(Answer::error(
            400,
            json!({"type": "invalid_request_error", "code": code, "message": message}),
        ));
    }
    if amount > left {
        return Ok(invalid_param("amount", "Refund amount is greater than unrefunded amount on charge."));
    }
    let behaviour = behaviour(entry, &intent, charge)?;
    let (status, later) = match behaviour {
        Some(Behaviour::RefundFails) => (RefundStatus::Succeeded, Some(RefundStatus::Failed)),
        Some(Behaviour::RefundPends) => (RefundStatus::Pending, Some(RefundStatus::Succeeded)),
        _ => (RefundStatus::Succeeded, None),
    };
    let refund = Refund {
        id: fresh("re_"),
        intent: intent.id.clone(),
        charge: charge.clone(),
        amount,
        currency: intent.currency.clone(),
        status,
        reason: form.get("reason").map(str::to_owned),
        metadata: form.map("metadata"),
        created: now_secs(),
    };
    let sequence = entry.next()?;
    entry.put(&format!("refund/{}", refund.id), &refund);
    entry.put(&format!("refunds-of/{}/{sequence:020}", intent.id), &refund.id);
    if let Some(status) = later {
        let due = now_millis() + u64::try_from(delay.as_millis()).unwrap_or(u64::MAX / 2);
        entry.put(&format!("later/{due:020}/{}", refund.id), &Later { refund: refund.id.clone(), status });
    }
    hooks::announce(entry, "refund.created", &to_json(&refund))?;
    Ok(Answer::ok(to_json(&refund)))
}

/// `GET /v1/refunds/{id}`.
pub(crate) fn retrieve(entry: &Entry<'_>, id: &str) -> Result<Answer, Fault> {
    let refund = entry.get::<Refund>(&format!("refund/{id}"))?;
    Ok(refund.map_or_else(|| missing(404, "refund", "refund"), |refund| Answer::ok(to_json(&refund))))
}

/// `GET /v1/refunds?payment_intent=`: newest first.
pub(crate) fn list(entry: &Entry<'_>, form: &Form) -> Result<Answer, Fault> {
    let Some(intent) = form.get("payment_intent") else {
        return Ok(invalid_param("payment_intent", "The sandbox bank lists the refunds of an intent."));
    };
    if intents::find(entry, intent)?.is_none() {
        return Ok(missing(404, "payment_intent", "payment_intent"));
    }
    let mut refunds = of_intent(entry, intent)?;
    refunds.reverse();
    let limit = form
        .integer("limit")
        .and_then(Result::ok)
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(10);
    let data: Vec<Value> = refunds.iter().take(limit.clamp(1, 100)).map(to_json).collect();
    let has_more = data.len() < refunds.len();
    Ok(Answer::ok(json!({"object": "list", "url": "/v1/refunds", "has_more": has_more, "data": data})))
}

/// Applies the status changes of refunds that are due.
pub(crate) fn ripen(entry: &mut Entry<'_>) -> Result<(), Fault> {
    let now = format!("later/{:020}", now_millis());
    for (key, later) in entry.list::<Later>("later/", 50)? {
        if key.as_str() > now.as_str() {
            break;
        }
        entry.remove(&key);
        let row = format!("refund/{}", later.refund);
        let Some(mut refund) = entry.get::<Refund>(&row)? else { continue };
        refund.status = later.status;
        entry.put(&row, &refund);
        let kind = if later.status == RefundStatus::Failed { "refund.failed" } else { "refund.updated" };
        hooks::announce(entry, kind, &to_json(&refund))?;
    }
    Ok(())
}

fn of_intent(entry: &Entry<'_>, intent: &str) -> Result<Vec<Refund>, Fault> {
    let mut refunds = Vec::new();
    for (_, id) in entry.list::<String>(&format!("refunds-of/{intent}/"), 1000)? {
        refunds.extend(entry.get::<Refund>(&format!("refund/{id}"))?);
    }
    Ok(refunds)
}

fn refunded(entry: &Entry<'_>, intent: &str) -> Result<i64, Fault> {
    let refunds = of_intent(entry, intent)?;
    Ok(refunds
        .iter()
        .filter(|refund| refund.status != RefundStatus::Failed)
        .map(|refund| refund.amount)
        .sum())
}

fn behaviour(entry: &Entry<'_>, intent: &Intent, charge: &str) -> Result<Option<Behaviour>, Fault> {
    let charge = entry.get::<Charge>(&format!("charge/{charge}"))?;
    let method = charge.map(|charge| charge.payment_method).or_else(|| intent.payment_method.clone());
    let method = match method {
        Some(method) => methods::find(entry, &method)?,
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
