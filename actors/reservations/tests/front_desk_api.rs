//! Restrictions at booking and the front desk, over REST.

#[path = "common/mod.rs"]
mod common;
#[path = "common/services.rs"]
mod services;

use common::{administrator, client, payments, staff};
use contracts::reservations::PaymentSucceeded;
use contracts::{Date, HotelId, Money, PaymentId, ReservationId};
use protocol::Principal;
use serde_json::{Value, json};
use services::{TestApi, test_api};

fn hotel() -> HotelId {
    HotelId::of_reference("grand")
}

/// A hotel of two doubles and one family room.
async fn opened() -> TestApi {
    let api = test_api(false);
    let plans = json!([{"name": "Saver", "amount": 10000, "cancellation": {"free_until_hours": null, "penalty_percent": 40}}]);
    let line = json!({"reference": "grand", "name": "Grand Hotel", "city": "München", "country": "DE", "address": "Am Fluss 1",
        "latitude": 48.1, "longitude": 11.6, "time_zone": "UTC", "stars": 4, "description": "By the river.",
        "amenities": ["wifi"], "currency": "EUR", "taxes": [], "email": "desk@grand.example", "room_types": [
            {"name": "Double", "sleeps": 2, "rooms": 2, "rate_plans": plans},
            {"name": "Family", "sleeps": 4, "rooms": 1, "rate_plans": plans}]});
    let imported =
        api.send(&administrator(), "POST", "/v1/properties/import", Some(line.to_string()), &[]).await;
    assert_eq!((imported.status, &imported.json["created"]), (200, &json!(1)), "{}", imported.text);
    api
}

/// The offers from `after` days after today on, the doubles first.
async fn offers(api: &TestApi, after: i32, nights: i32) -> Vec<Value> {
    let from = today(api).plus_days(after);
    let to = from.plus_days(nights);
    let path = format!("/v1/hotels/{}/offers?check_in={from}&check_out={to}&guests=2&rooms=1", hotel());
    let found = api.get(&Principal::anonymous(), &path).await;
    assert_eq!(found.status, 200, "{}", found.text);
    found.json["items"].as_array().unwrap().clone()
}

fn today(api: &TestApi) -> Date {
    Date(i32::try_from(api.services.now().seconds() / 86_400).unwrap())
}

fn booking(offer: &Value) -> Value {
    json!({"offer": offer["offer"], "guest": {"name": "Ada Lovelace", "email": "ada@guest.example"}})
}

#[tokio::test]
async fn a_restriction_since_the_offer_is_a_conflict_with_alternatives() {
    let (api, partner) = (opened().await, client("partner"));
    let double = &offers(&api, 5, 2).await[0];
    let night = today(&api).plus_days(5);
    let calendar = format!(
        "/v1/properties/{}/room-types/{}/calendar",
        hotel(),
        double["room_type_id"].as_str().unwrap()
    );
    let set = async |field: &str, value: Value| {
        let body = json!({"from": night.to_string(), "to": night.to_string(), field: value});
        let changed = api.send(&staff(hotel()), "PUT", &calendar, Some(body.to_string()), &[]).await;
        assert!(changed.status < 300, "{}", changed.text);
    };
    for (field, value, kind, member, expected) in [
        ("stop_sell", json!(true), "stop-sell", "night", json!(night.to_string())),
        ("closed_to_arrival", json!(true), "stay-restricted", "restriction", json!("closed_to_arrival")),
        ("min_stay", json!(3), "stay-restricted", "min_stay", json!(3)),
    ] {
        set(field, value).await;
        let refused = api.post(&partner, "/v1/reservations", booking(double)).await;
        assert_eq!((refused.status, &refused.json["type"]), (409, &json!(format!("/problems/{kind}"))));
        assert_eq!(refused.json[member], expected, "{}", refused.text);
        // What the hotel still sells can be booked at once.
        let alternative = &refused.json["alternatives"][0];
        assert_eq!(alternative["room_type_name"], "Family", "{}", refused.text);
        let held = api.post(&partner, "/v1/reservations", booking(alternative)).await;
        assert_eq!(held.status, 201, "{}", held.text);
        let cancel = format!("/v1/reservations/{}/cancel", held.json["id"].as_str().unwrap());
        assert_eq!(api.post(&partner, &cancel, Value::Null).await.status, 200);
        set(field, if field == "min_stay" { json!(0) } else { json!(false) }).await;
    }
    assert_eq!(api.post(&partner, "/v1/reservations", booking(double)).await.status, 201);
}

/// A paid reservation from today on.
async fn paid(api: &TestApi, nights: i32) -> String {
    let offer = &offers(api, 0, nights).await[0];
    let held = api.post(&client("partner"), "/v1/reservations", booking(offer)).await;
    let id = held.json["id"].as_str().unwrap().to_owned();
    let (reservation, payment) = (id.parse::<ReservationId>().unwrap(), PaymentId(7));
    let amount = Money::new(held.json["total"]["amount"].as_i64().unwrap(), "EUR".parse().unwrap());
    let call = group::Call::bearer(api.services.token(&payments()), std::time::Duration::from_secs(5));
    let request = PaymentSucceeded { reservation, payment, amount };
    api.services.client().call(&call, request).await.unwrap();
    api.services.settle().await;
    id
}

#[tokio::test]
async fn the_front_desk_undoes_its_last_action() {
    let (api, clerk, partner) = (opened().await, staff(hotel()), client("partner"));
    let id = paid(&api, 3).await;
    let path = |action: &str| format!("/v1/reservations/{id}/{action}");
    let post = async |action: &str| api.send(&clerk, "POST", &path(action), None, &[]).await;
    let undo = async |action: &str, tag: Option<&str>| {
        let headers: Vec<_> = tag.map(|tag| ("If-Match", tag)).into_iter().collect();
        api.send(&clerk, "DELETE", &path(action), None, &headers).await
    };
    let arrived = post("check-in").await;
    assert_eq!((arrived.status, &arrived.json["status"]), (200, &json!("checked_in")), "{}", arrived.text);
    let departed = post("check-out").await;
    assert_eq!(departed.json["departed_on"], json!(today(&api).to_string()), "{}", departed.text);
    assert_eq!(
        (&departed.json["check_out"], &departed.json["refund"]),
        (&arrived.json["check_out"], &Value::Null)
    );
    assert_eq!(departed.json["timeline"].as_array().unwrap().last().unwrap()["what"], "departed_early");
    // Guests and partners cannot undo it, and neither can staff who saw another version.
    assert_eq!(api.send(&partner, "DELETE", &path("check-out"), None, &[]).await.status, 403);
    let stale = undo("check-out", arrived.etag.as_deref()).await;
    assert_eq!((stale.status, &stale.json["type"]), (412, &json!("/problems/precondition-failed")));
    let undone = undo("check-out", departed.etag.as_deref()).await;
    assert_eq!((undone.status, &undone.json["status"]), (200, &json!("checked_in")), "{}", undone.text);
    assert_eq!(undone.json["departed_on"], Value::Null);
    assert!(undone.etag > departed.etag);
    // Repeating it changes nothing; what was not done is not undone.
    assert_eq!(undo("check-out", None).await.json, undone.json);
    let wrong = undo("no-show", None).await;
    assert_eq!((wrong.status, &wrong.json["type"]), (409, &json!("/problems/wrong-status")));
    // Others book the nights that a second early departure releases.
    post("check-out").await;
    let nights = &offers(&api, 1, 1).await[0];
    assert_eq!(nights["rooms_left"], 2);
    for _ in 0..2 {
        assert_eq!(api.post(&partner, "/v1/reservations", booking(nights)).await.status, 201);
    }
    let sold = undo("check-out", None).await;
    assert_eq!((sold.status, &sold.json["type"]), (409, &json!("/problems/sold-out")), "{}", sold.text);
    assert_eq!(sold.json["night"], json!(today(&api).plus_days(1).to_string()));
    let late = post("check-in").await;
    assert_eq!(late.json["type"], "/problems/wrong-status");
    api.services.advance_secs(86_400);
    let next_day = undo("check-out", None).await;
    assert_eq!((next_day.status, &next_day.json["type"]), (409, &json!("/problems/wrong-day")));
    assert_eq!(api.services.violations(), [] as [String; 0]);
}

#[tokio::test]
async fn a_check_in_at_the_wrong_time_says_when_it_is_possible() {
    let (api, clerk) = (opened().await, staff(hotel()));
    let id = paid(&api, 1).await;
    let first = today(&api);
    api.services.advance_secs(2 * 86_400);
    let late = api.send(&clerk, "POST", &format!("/v1/reservations/{id}/check-in"), None, &[]).await;
    assert_eq!((late.status, &late.json["type"]), (409, &json!("/problems/wrong-day")), "{}", late.text);
    assert_eq!(late.json["from"], json!(format!("{first} 00:00")));
    assert_eq!(late.json["until"], json!(format!("{} 11:00", first.plus_days(1))));
}
