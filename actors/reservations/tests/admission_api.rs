//! Admission of holds over REST.

#[path = "common/mod.rs"]
mod common;
#[path = "common/services.rs"]
mod services;

use common::{administrator, client, user};
use contracts::HotelId;
use protocol::Principal;
use serde_json::{Value, json};
use services::{Answered, TestApi, test_api};

/// A hotel of 40 doubles.
async fn opened() -> (TestApi, Value) {
    let api = test_api(false);
    let line = json!({"reference": "grand", "name": "Grand Hotel", "city": "München", "country": "DE", "address": "Am Fluss 1",
        "latitude": 48.1, "longitude": 11.6, "time_zone": "UTC", "stars": 4, "description": "By the river.",
        "amenities": ["wifi"], "currency": "EUR", "taxes": [], "room_types": [{"name": "Double", "sleeps": 2, "rooms": 40,
            "rate_plans": [{"name": "Saver", "amount": 10000, "cancellation": {"free_until_hours": null, "penalty_percent": 40}}]}]});
    let imported =
        api.send(&administrator(), "POST", "/v1/properties/import", Some(line.to_string()), &[]).await;
    assert_eq!((imported.status, &imported.json["created"]), (200, &json!(1)), "{}", imported.text);
    let offer = offer(&api, 1).await;
    (api, offer)
}

async fn offer(api: &TestApi, rooms: u32) -> Value {
    let hotel = HotelId::of_reference("grand");
    let path = format!(
        "/v1/hotels/{hotel}/offers?check_in=2026-12-24&check_out=2026-12-26&guests={rooms}&rooms={rooms}"
    );
    let offers = api.get(&Principal::anonymous(), &path).await;
    assert_eq!(offers.status, 200, "{}", offers.text);
    offers.json["items"][0]["offer"].clone()
}

async fn book(api: &TestApi, caller: &Principal, offer: &Value, key: &str) -> Answered {
    let body =
        json!({"offer": offer, "guest": {"name": "Ada Lovelace", "email": "ada@guest.example"}}).to_string();
    api.send(caller, "POST", "/v1/reservations", Some(body), &[("Idempotency-Key", key)]).await
}

#[tokio::test]
async fn users_behind_one_address_hold_few_rooms_and_wait_then() {
    let (api, offer) = opened().await;
    let name = |number: u32| user(&number.to_string());
    let mut first = None;
    for number in 0..10 {
        let held = book(&api, &name(number), &offer, "key-1").await;
        assert_eq!(held.status, 201, "{number}: {}", held.text);
        first.get_or_insert(held.json["id"].clone());
    }
    for (number, waits) in [(10, "60"), (11, "60")] {
        let refused = book(&api, &name(number), &offer, "key-1").await;
        assert_eq!((refused.status, &refused.json["type"]), (429, &json!("/problems/rate-limited")));
        assert_eq!(refused.retry_after.as_deref(), Some(waits), "{}", refused.text);
    }
    // A repeated request gets its first reply.
    assert_eq!(book(&api, &name(0), &offer, "key-1").await.json["id"], first.unwrap());
    // Who has waited and is refused again waits longer; the refusal is not bound to the idempotency key.
    api.services.advance_secs(60);
    assert_eq!(book(&api, &name(10), &offer, "key-1").await.retry_after.as_deref(), Some("120"));
    api.services.advance_secs(25 * 60);
    let late = book(&api, &name(10), &offer, "key-1").await;
    assert_eq!(late.status, 201, "{}", late.text);
    // Partners are not limited by address.
    assert_eq!(book(&api, &client("partner"), &offer, "key-1").await.status, 201);
    api.services.settle().await;
    assert_eq!(api.services.violations(), [] as [String; 0]);
}

#[tokio::test]
async fn refused_holds_do_not_count_and_paid_or_cancelled_ones_free_their_owner() {
    let (api, one) = opened().await;
    let ann = user("ann");
    let group = offer(&api, 11).await;
    let refused = book(&api, &ann, &group, "group").await;
    assert_eq!(
        (refused.status, &refused.json["type"]),
        (409, &json!("/problems/too-many-holds")),
        "{}",
        refused.text
    );
    assert_eq!(refused.json["limit"], 10);
    // All rooms are taken by a partner: what the user tries meanwhile does not count.
    let partner = client("partner");
    let all = offer(&api, 40).await;
    let taken = book(&api, &partner, &all, "all").await;
    assert_eq!(taken.status, 201, "{}", taken.text);
    for attempt in 0..30 {
        let sold_out = book(&api, &ann, &one, &format!("sold-out-{attempt}")).await;
        assert_eq!((sold_out.status, &sold_out.json["type"]), (409, &json!("/problems/sold-out")));
    }
    let cancel = |id: &Value| format!("/v1/reservations/{}/cancel", id.as_str().unwrap());
    api.post(&partner, &cancel(&taken.json["id"]), Value::Null).await;
    let mut held = Vec::new();
    for number in 0..5 {
        let found = book(&api, &ann, &one, &format!("key-{number}")).await;
        assert_eq!(found.status, 201, "{}", found.text);
        held.push(found.json["id"].clone());
    }
    let sixth = book(&api, &ann, &one, "key-5").await;
    assert_eq!((sixth.status, &sixth.json["limit"]), (409, &json!(5)), "{}", sixth.text);
    assert_eq!(api.post(&ann, &cancel(&held[0]), Value::Null).await.status, 200);
    api.services.settle().await;
    // The same request is accepted now.
    let again = book(&api, &ann, &one, "key-5").await;
    assert_eq!(again.status, 201, "{}", again.text);
    api.services.settle().await;
    assert_eq!(api.services.violations(), [] as [String; 0]);
}
