//! Charges: every attempt to charge a card, successful or not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Fault;

use crate::cards::Decline;
use crate::database::{Transaction, now_secs, random_id};
use crate::form::Form;
use crate::intents::Intent;
use crate::response::{ApiResponse, not_found};

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
    tx: &mut Transaction<'_>,
    intent: &Intent,
    method: &str,
    decline: Option<Decline>,
) -> Result<Charge, Fault> {
    let charge = Charge {
        id: random_id("ch_"),
        intent: intent.id.clone(),
        amount: intent.amount,
        currency: intent.currency.clone(),
        payment_method: method.to_owned(),
        decline,
        metadata: intent.metadata.clone(),
        created: now_secs(),
    };
    tx.put(&format!("charge/{}", charge.id), &charge);
    let sequence = tx.next()?;
    tx.put(&format!("charges-of/{}/{sequence:020}", intent.id), &charge.id);
    Ok(charge)
}

/// `GET /v1/charges/{id}`.
pub(crate) fn retrieve(tx: &Transaction<'_>, id: &str) -> Result<ApiResponse, Fault> {
    let charge = tx.get::<Charge>(&format!("charge/{id}"))?;
    Ok(charge.map_or_else(|| not_found(404, "charge", "charge"), |charge| ApiResponse::ok(to_json(&charge))))
}

/// `GET /v1/charges?payment_intent=`: newest first.
pub(crate) fn list(tx: &Transaction<'_>, form: &Form) -> Result<ApiResponse, Fault> {
    let mut charges = Vec::new();
    let prefix =
        form.get("payment_intent").map_or_else(|| "charges-of/".to_owned(), |id| format!("charges-of/{id}/"));
    for (_, id) in tx.list::<String>(&prefix, 1000)? {
        charges.extend(tx.get::<Charge>(&format!("charge/{id}"))?);
    }
    charges.reverse();
    let data: Vec<Value> = charges.iter().map(to_json).collect();
    Ok(ApiResponse::ok(json!({"object": "list", "url": "/v1/charges", "has_more": false, "data": data})))
}

pub(crate) fn to_json(charge: &Charge) -> Value {
    let failure = charge.decline.map(Decline::error_fields);
    json!({
        "id": charge.id,
        "object": "charge",
        "amount": charge.amount,
        "captured": failure.is_none(),
        "created": charge.created,
        "currency": charge.currency,
        "failure_code": failure.map(|(code, _, _)| code),
        "failure_message": failure.map(|(_, _, message)| message),
        "livemode": false,
        "metadata": charge.metadata,
        "paid": failure.is_none(),
        "payment_intent": charge.intent,
        "payment_method": charge.payment_method,
        "status": if failure.is_none() { "succeeded" } else { "failed" },
    })
}
