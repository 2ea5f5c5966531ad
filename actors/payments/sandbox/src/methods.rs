//! PaymentMethods: creates an id for a card. The card number is not stored.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Fault;

use crate::cards::Card;
use crate::database::{Transaction, now_secs, random_id};
use crate::form::Form;
use crate::response::{ApiResponse, invalid_param, not_found};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Method {
    pub id: String,
    pub card: Card,
    pub exp_month: u32,
    pub exp_year: u32,
    pub created: u64,
}

/// `POST /v1/payment_methods`, from a page, with the publishable key.
pub(crate) fn create(tx: &mut Transaction<'_>, form: &Form) -> Result<ApiResponse, Fault> {
    if form.get("type") != Some("card") {
        return Ok(invalid_param("type", "The sandbox bank knows cards only."));
    }
    let number: String =
        form.get("card[number]").unwrap_or_default().chars().filter(|c| !" -".contains(*c)).collect();
    let Some(card) = Card::of_number(&number) else {
        return Ok(wrong("incorrect_number", "number", "Your card number is incorrect."));
    };
    let month = form.get("card[exp_month]").and_then(|month| month.parse().ok()).unwrap_or(0);
    if !(1..=12).contains(&month) {
        return Ok(wrong("invalid_expiry_month", "exp_month", "Your card's expiration month is invalid."));
    }
    let year = form.get("card[exp_year]").and_then(|year| year.parse().ok()).unwrap_or(0);
    let year = if year < 100 { year + 2000 } else { year };
    let (this_year, this_month) = today();
    if year > this_year + 50 || (year, month) < (this_year, this_month) {
        return Ok(wrong("invalid_expiry_year", "exp_year", "Your card's expiration year is invalid."));
    }
    let cvc = form.get("card[cvc]").unwrap_or_default();
    let digits = if card.brand == "amex" { 3..=4 } else { 3..=3 };
    if !digits.contains(&cvc.len()) || !cvc.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(wrong("invalid_cvc", "cvc", "Your card's security code is invalid."));
    }
    let method = Method { id: random_id("pm_"), card, exp_month: month, exp_year: year, created: now_secs() };
    tx.put(&format!("method/{}", method.id), &method);
    Ok(ApiResponse::ok(to_json(&method)))
}

/// `GET /v1/payment_methods/{id}`.
pub(crate) fn retrieve(tx: &Transaction<'_>, id: &str) -> Result<ApiResponse, Fault> {
    Ok(find(tx, id)?.map_or_else(
        || not_found(404, "PaymentMethod", "payment_method"),
        |method| ApiResponse::ok(to_json(&method)),
    ))
}

/// A stored payment method, or a documented token.
pub(crate) fn find(tx: &Transaction<'_>, id: &str) -> Result<Option<Method>, Fault> {
    if let Some(card) = Card::of_token(id) {
        let (year, _) = today();
        return Ok(Some(Method {
            id: id.to_owned(),
            card,
            exp_month: 12,
            exp_year: year + 3,
            created: now_secs(),
        }));
    }
    tx.get(&format!("method/{id}"))
}

pub(crate) fn to_json(method: &Method) -> Value {
    json!({
        "id": method.id,
        "object": "payment_method",
        "type": "card",
        "billing_details": {"name": null, "email": null},
        "card": {
            "brand": method.card.brand,
            "last4": method.card.last4,
            "exp_month": method.exp_month,
            "exp_year": method.exp_year,
            "funding": "credit",
        },
        "created": method.created,
        "customer": null,
        "livemode": false,
        "metadata": {},
    })
}

fn wrong(code: &str, param: &str, message: &str) -> ApiResponse {
    ApiResponse::error(402, json!({"type": "card_error", "code": code, "param": param, "message": message}))
}

/// The year and month of this day in UTC, by the civil calendar (Howard Hinnant, "chrono-compatible low-level date
/// algorithms").
fn today() -> (u32, u32) {
    let days = now_secs() / 86_400 + 719_468;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = days / 146_097 * 400 + year_of_era + u64::from(month <= 2);
    (u32::try_from(year).unwrap_or(u32::MAX), u32::try_from(month).unwrap_or(1))
}
