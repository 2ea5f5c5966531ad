//! Charges: every attempt to charge a card, successful or not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Fault;

use crate::answer::{Answer, missing};
use crate::books::{Entry, fresh, now_secs};
use crate::cards::Decline;
use crate::form::Form;
use crate::intents::Intent;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Charge {
    pub id: String,
    pub intent: String,
    pub amount: i64,
    pub currency: String,
    pub payment_method: String,
    pub decline: Option<Decline>,
    pub metadata: BTreeMap<String, String>,
    pub created: u64,
}

/// Charges the card of `intent`.
pub(crate) fn attempt(
    entry: &mut Entry<'_>,
    intent: &Intent,
    method: &str,
    decline: Option<Decline>,
) -> Result<Charge, Fault> {
    let charge = Charge {
        id: fresh("ch_"),
        intent: intent.id.clone(),
        amount: intent.amount,
        currency: intent.currency.clone(),
        payment_method: method.to_owned(),
        decline,
        metadata: intent.metadata.clone(),
        created: now_secs(),
    };
    entry.put(&format!("charge/{}", charge.id), &charge);
    let sequence = entry.next()?;
    entry.put(&format!("charges-of/{}/{sequence:020}", intent.id), &charge.id);
    Ok(charge)
}

/// `GET /v1/charges/{id}`.
pub(crate) fn retrieve(entry: &Entry<'_>, id: &str) -> Result<Answer, Fault> {
    let charge = entry.get::<Charge>(&format!("charge/{id}"))?;
    Ok(charge.map_or_else(|| missing(404, "charge", "charge"), |charge| Answer::ok(to_json(&charge))))
}

/// `GET /v1/charges?payment_intent=`: newest first.
pub(crate) fn list(entry: &Entry<'_>, form: &Form) -> Result<Answer, Fault> {
    let mut charges = Vec::new();
    let prefix =
        form.get("payment_intent").map_or_else(|| "charges-of/".to_owned(), |id| format!("charges-of/{id}/"));
    for (_, id) in entry.list::<String>(&prefix, 1000)? {
        charges.extend(entry.get::<Charge>(&format!("charge/{id}"))?);
    }
    charges.reverse();
    let data: Vec<Value> = charges.iter().map(to_json).collect();
    Ok(Answer::ok(json!({"object": "list", "url": "/v1/charges", "has_more": false, "data": data})))
}

pub(crate) fn to_json(charge: &Charge) -> Value {
    let words = charge.decline.map(Decline::words);
    json!({
        "id": charge.id,
        "object": "charge",
        "amount": charge.amount,
        "captured": words.is_none(),
        "created": charge.created,
        "currency": charge.currency,
        "failure_code": words.map(|(code, _, _)| code),
        "failure_message": words.map(|(_, _, message)| message),
        "livemode": false,
        "metadata": charge.metadata,
        "paid": words.is_none(),
        "payment_intent": charge.intent,
        "payment_method": charge.payment_method,
        "status": if words.is_none() { "succeeded" } else { "failed" },
    })
}
