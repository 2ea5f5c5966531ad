//! Guests that book, pay and register until the server stops.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use test_support::{Caller, Stay};

use crate::ledger::{Keyed, Shared};
use crate::text;

/// Runs one guest after another until a request has no response.
pub async fn guests(partner: Caller, admin: Caller, hotel: String, lane: usize, ledger: Shared) {
    let mut turn = 0_u64;
    while one(&partner, &admin, &hotel, lane, turn, &ledger).await.is_some() {
        turn += 1;
    }
}

/// One guest. Returns `None` once the server is unavailable.
async fn one(
    partner: &Caller,
    admin: &Caller,
    hotel: &str,
    lane: usize,
    turn: u64,
    ledger: &Shared,
) -> Option<()> {
    let number = next();
    match (lane as u64 + turn) % 4 {
        0 => template(admin, lane, number, ledger).await?,
        1 => user(partner, number, ledger).await?,
        _ => {}
    }
    let nights = Stay::from_day(10 + (number % 400) as i64, 1);
    let offers =
        partner.get(&format!("/v1/hotels/{hotel}/offers?{}", nights.query())).attempt().await.ok()?;
    let offers = served(&offers)?;
    let offer = offers["items"].as_array()?.first()?["offer"].clone();
    let guest = json!({"name": format!("Guest {number}"), "email": format!("guest{number}@guest.example")});
    let held =
        keyed(partner, "/v1/reservations", json!({"offer": offer, "guest": guest}), number, ledger).await?;
    let reservation = text(&held["id"]).to_owned();
    ledger.lock().unwrap().reservations.push(reservation.clone());
    if number.is_multiple_of(2) {
        let method = if number.is_multiple_of(10) { "pm_card_chargeDeclined" } else { "pm_card_visa" };
        let body = json!({"reservation_id": reservation, "payment_method": method});
        let payment = keyed(partner, "/v1/payments", body, number, ledger).await?;
        if payment["status"] == "succeeded" {
            ledger.lock().unwrap().payments.insert(text(&payment["id"]).to_owned(), reservation);
        }
    }
    Some(())
}

async fn template(admin: &Caller, lane: usize, number: u64, ledger: &Shared) -> Option<()> {
    let (name, source) = (format!("lane-{lane}"), format!("# Edition {number}"));
    if let Some((_, sent)) = ledger.lock().unwrap().templates.get_mut(&name) {
        sent.push(source.clone());
    }
    let put = admin.put(&format!("/v1/templates/{name}"), &json!({"source": source})).attempt().await.ok()?;
    served(&put)?;
    ledger.lock().unwrap().templates.insert(name, (source, Vec::new()));
    Some(())
}

async fn user(partner: &Caller, number: u64, ledger: &Shared) -> Option<()> {
    let email = format!("user{number}@guest.example");
    let body = json!({"email": email, "password": "a long enough password", "name": "A user"});
    let made = partner.signed_out().post("/v1/users", &body).attempt().await.ok()?;
    if made.status != 429 {
        served(&made)?;
        ledger.lock().unwrap().users.push(email);
    }
    Some(())
}

/// Sends a request under a new idempotency key, recorded in the ledger before it is sent.
async fn keyed(
    partner: &Caller,
    path: &'static str,
    body: Value,
    number: u64,
    ledger: &Shared,
) -> Option<Value> {
    let key = format!("{}-{number}", path.rsplit('/').next().unwrap_or_default());
    let at = {
        let mut ledger = ledger.lock().unwrap();
        ledger.keyed.push(Keyed { path, key: key.clone(), body: body.clone(), id: None });
        ledger.keyed.len() - 1
    };
    let answer = partner.post(path, &body).key(&key).attempt().await.ok()?;
    let made = served(&answer)?;
    ledger.lock().unwrap().keyed[at].id = Some(text(&made["id"]).to_owned());
    Some(made)
}

/// The body of a successful response; `None` for 503, which is allowed while the server stops. Panics on any other status.
fn served(answer: &test_support::Answer) -> Option<Value> {
    if answer.status == 503 {
        return None;
    }
    assert!(
        (200..300).contains(&answer.status),
        "{} answered {}: {}",
        answer.request_line,
        answer.status,
        answer.text()
    );
    Some(answer.json())
}

/// The next unique number.
fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
