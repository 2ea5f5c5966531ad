//! The REST API, with the service and test doubles of the others behind it.

#[path = "common/mod.rs"]
mod common;
#[path = "common/services.rs"]
mod services;

use common::{administrator, client, payments, staff, user};
use contracts::reservations::{BookingLink, PaymentSucceeded};
use contracts::{HotelId, Money, PaymentId, ReservationId};
use protocol::Principal;
use serde_json::{Value, json};
use services::{Answered, TestApi, test_api};

const STAY: &str = "check_in=2026-12-24&check_out=2026-12-26";

fn line() -> Value {
    json!({"reference": "grand", "name": "Grand Hotel", "city": "München", "country": "DE", "address": "Am Fluss 1",
        "latitude": 48.1, "longitude": 11.6, "time_zone": "Europe/Berlin", "stars": 4, "description": "By the river.",
        "amenities": ["wifi"], "currency": "EUR", "taxes": [{"name": "City tax", "percent": 5, "included": false}],
        "email": "desk@grand.example", "room_types": [{"name": "Double", "sleeps": 2, "rooms": 2, "rate_plans": [
            {"name": "Flexible", "amount": 10000, "cancellation": {"free_until_hours": 24, "penalty_percent": 80}},
            {"name": "Saver", "amount": 9000, "cancellation": {"free_until_hours": null, "penalty_percent": 100}}]}]})
}

async fn opened(sandbox: bool) -> TestApi {
    let api = test_api(sandbox);
    let imported =
        api.send(&administrator(), "POST", "/v1/properties/import", Some(line().to_string()), &[]).await;
    assert_eq!((imported.status, &imported.json["created"]), (200, &json!(1)), "{}", imported.text);
    api
}

fn hotel() -> HotelId {
    HotelId::of_reference("grand")
}

async fn offer(api: &TestApi) -> Value {
    let path = format!("/v1/hotels/{}/offers?{STAY}&guests=2&rooms=1", hotel());
    let offers = api.get(&Principal::anonymous(), &path).await;
    assert_eq!(offers.status, 200, "{}", offers.text);
    offers.json["items"][0].clone()
}

fn booking(offer: &Value) -> Value {
    json!({"offer": offer["offer"], "guest": {"name": "Łukasz Żółć", "email": "guest@example.org"},
        "requests": "Quiet, please.", "reference": "R-1"})
}

async fn book(api: &TestApi, caller: &Principal) -> Answered {
    let offer = offer(api).await;
    api.post(caller, "/v1/reservations", booking(&offer)).await
}

async fn pay(api: &TestApi, id: &str) {
    let (reservation, payment) = (id.parse::<ReservationId>().unwrap(), PaymentId(1));
    let amount = Money::new(21_000, "EUR".parse().unwrap());
    let call = group::Call::bearer(api.services.token(&payments()), std::time::Duration::from_secs(5));
    let request = PaymentSucceeded { reservation, payment, amount };
    api.services.client().call(&call, request).await.unwrap();
    api.services.settle().await;
}

#[tokio::test]
async fn an_offer_becomes_a_reservation() {
    let api = opened(false).await;
    let offer = offer(&api).await;
    assert_eq!(
        offer["nightly"],
        json!([{"date": "2026-12-24", "amount": 10000}, {"date": "2026-12-25", "amount": 10000}])
    );
    assert_eq!(offer["taxes"], json!([{"name": "City tax", "amount": 1000, "included": false}]));
    assert_eq!(offer["total"], json!({"amount": 21000, "currency": "EUR"}));
    assert_eq!(
        offer["cancellation"],
        json!({"free_until": "2026-12-23T14:00:00Z", "penalty": {"amount": 16800, "currency": "EUR"},
            "cancellable_until": "2026-12-24T22:59:59.999Z"})
    );
    assert_eq!(
        (&offer["time_zone"], &offer["rooms_left"], &offer["sleeps"]),
        (&json!("Europe/Berlin"), &json!(2), &json!(2))
    );
    assert!(offer["offer"].as_str().unwrap().starts_with("v4.local."));
    let ann = user("ann");
    let made = api.post(&ann, "/v1/reservations", booking(&offer)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json["id"].as_str().unwrap();
    assert_eq!(made.location, Some(format!("/v1/reservations/{id}")));
    for (field, expected) in [
        ("status", json!("held")),
        ("hotel_id", json!(hotel().to_string())),
        ("check_in", json!("2026-12-24")),
        ("check_out", json!("2026-12-26")),
        ("rooms", json!(1)),
        ("guests", json!(2)),
        ("total", json!({"amount": 21000, "currency": "EUR"})),
        ("refund_if_cancelled_now", json!({"amount": 0, "currency": "EUR"})),
        ("reference", json!("R-1")),
    ] {
        assert_eq!(made.json[field], expected, "{field}");
    }
    assert_eq!(made.json["timeline"][0]["what"], "held");
    let path = format!("/v1/reservations/{id}");
    let read = api.get(&ann, &path).await;
    assert_eq!((read.status, &read.etag, &read.json), (200, &made.etag, &made.json));
    let listed = api.get(&ann, "/v1/reservations?status=held&reference=R-1").await;
    assert_eq!(listed.json, json!({"items": [made.json], "next_cursor": null}));
    // A change requires the current version.
    let tag = made.etag.unwrap();
    let change = json!({"guest": {"phone": "+48 123"}, "requests": null}).to_string();
    let changed = api.send(&ann, "PATCH", &path, Some(change.clone()), &[("If-Match", &tag)]).await;
    assert_eq!(
        (changed.status, &changed.json["guest"]["phone"]),
        (200, &json!("+48 123")),
        "{}",
        changed.text
    );
    assert_eq!(
        (&changed.json["guest"]["name"], &changed.json["requests"]),
        (&json!("Łukasz Żółć"), &Value::Null)
    );
    let lost = api.send(&ann, "PATCH", &path, Some(change), &[("If-Match", &tag)]).await;
    assert_eq!((lost.status, &lost.json["type"]), (412, &json!("/problems/precondition-failed")));
    api.services.settle().await;
    assert_eq!(api.services.violations(), [] as [String; 0]);
}

#[tokio::test]
async fn a_retry_under_the_same_key_returns_the_first_reply_even_after_the_offer_has_expired() {
    let api = opened(false).await;
    let offer = offer(&api).await;
    let ann = user("ann");
    let send = |body: Value| {
        api.send(
            &ann,
            "POST",
            "/v1/reservations",
            Some(body.to_string()),
            &[("Idempotency-Key", "key-12345678")],
        )
    };
    let first = send(booking(&offer)).await;
    api.services.advance_secs(1801);
    let again = send(booking(&offer)).await;
    assert_eq!((again.status, again.json["id"].clone()), (201, first.json["id"].clone()));
    let mut other = booking(&offer);
    other["reference"] = json!("R-2");
    let other = send(other).await;
    assert_eq!((other.status, &other.json["type"]), (409, &json!("/problems/idempotency-key-reused")));
    // Without the key the offer has expired, and the problem contains a fresh one.
    let late = api.post(&ann, "/v1/reservations", booking(&offer)).await;
    assert_eq!((late.status, &late.json["type"]), (410, &json!("/problems/offer-expired")), "{}", late.text);
    let fresh = api.post(&ann, "/v1/reservations", booking(&late.json["fresh_offer"])).await;
    assert_eq!(fresh.status, 201, "{}", fresh.text);
    assert_eq!(late.json["offer"], late.json["fresh_offer"]["offer"]);
}

#[tokio::test]
async fn refusals_are_returned_as_problems() {
    let api = opened(false).await;
    let (ann, bob) = (user("ann"), user("bob"));
    let offer = offer(&api).await;
    let held = book(&api, &ann).await.json["id"].as_str().unwrap().to_owned();
    book(&api, &ann).await;
    let sold_out = api.post(&ann, "/v1/reservations", booking(&offer)).await;
    assert_eq!((sold_out.status, &sold_out.json["type"]), (409, &json!("/problems/sold-out")));
    assert_eq!((&sold_out.json["night"], &sold_out.json["alternatives"]), (&json!("2026-12-24"), &json!([])));
    let with = |field: &str, value: Value| {
        let mut body = booking(&offer);
        *body.pointer_mut(field).unwrap() = value;
        body
    };
    let table = [
        (
            &Principal::anonymous(),
            "POST",
            "/v1/reservations".to_owned(),
            booking(&offer),
            401,
            "unauthenticated",
        ),
        (
            &ann,
            "POST",
            "/v1/reservations".into(),
            with("/offer", json!("v4.local.nonsense")),
            400,
            "invalid-request",
        ),
        (
            &ann,
            "POST",
            "/v1/reservations".into(),
            with("/guest/email", json!("nobody")),
            400,
            "invalid-request",
        ),
        (
            &ann,
            "POST",
            "/v1/reservations".into(),
            with("/requests", json!("a\u{7}b")),
            400,
            "invalid-request",
        ),
        (&ann, "POST", "/v1/reservations".into(), with("/reference", json!(" ")), 400, "invalid-request"),
        (&staff(hotel()), "POST", "/v1/reservations".into(), booking(&offer), 403, "insufficient-scope"),
        (&bob, "GET", format!("/v1/reservations/{held}"), Value::Null, 404, "not-found"),
        (&bob, "POST", format!("/v1/reservations/{held}/cancel"), Value::Null, 404, "not-found"),
        (&bob, "GET", format!("/v1/reservations/{held}/confirmation.pdf"), Value::Null, 404, "not-found"),
        (&bob, "GET", format!("/v1/reservations/{held}/calendar.ics"), Value::Null, 404, "not-found"),
        (
            &Principal::anonymous(),
            "GET",
            format!("/v1/reservations/{held}"),
            Value::Null,
            401,
            "unauthenticated",
        ),
        (
            &Principal::anonymous(),
            "GET",
            format!("/v1/reservations/{held}?key=guess"),
            Value::Null,
            404,
            "not-found",
        ),
        (&ann, "GET", "/v1/reservations/rsv_1".into(), Value::Null, 404, "not-found"),
        (&ann, "GET", format!("/v1/properties/{}", hotel()), Value::Null, 403, "insufficient-scope"),
        (
            &ann,
            "GET",
            "/v1/hotels/htl_1/offers?check_in=2026-12-24&check_out=2026-12-25".into(),
            Value::Null,
            404,
            "not-found",
        ),
        (
            &ann,
            "GET",
            format!("/v1/hotels/{}/offers?check_in=2026-12-24&check_out=2026-12-24", hotel()),
            Value::Null,
            422,
            "unprocessable",
        ),
        (
            &ann,
            "GET",
            format!("/v1/hotels/{}/offers?check_in=2020-12-24&check_out=2020-12-26", hotel()),
            Value::Null,
            422,
            "unprocessable",
        ),
        (&ann, "GET", format!("/v1/reservations?hotel_id={}", hotel()), Value::Null, 403, "forbidden"),
        (&ann, "GET", "/v1/reservations?status=lost".into(), Value::Null, 400, "invalid-request"),
    ];
    for (caller, method, path, body, status, kind) in table {
        let body = Some(body).filter(|body| !body.is_null()).map(|body| body.to_string());
        let answered = api.send(caller, method, &path, body, &[]).await;
        assert_eq!(answered.status, status, "{method} {path}: {}", answered.text);
        assert_eq!(
            answered.json["type"],
            json!(format!("/problems/{kind}")),
            "{method} {path}: {}",
            answered.text
        );
        assert_eq!(answered.kind, "application/problem+json");
    }
}

#[tokio::test]
async fn a_paid_booking_is_mailed_rendered_and_cancelled() {
    let api = opened(true).await;
    let ann = client("partner");
    let held = book(&api, &ann).await;
    let id = held.json["id"].as_str().unwrap().to_owned();
    pay(&api, &id).await;
    let mails = api.mails();
    assert_eq!(mails.len(), 2, "{:?}", mails.iter().map(|(name, _)| name).collect::<Vec<_>>());
    let mail = |part: &str| mails.iter().find(|(name, _)| name.contains(part)).unwrap().1.clone();
    let (guest, hotel) = (mail("confirmed"), mail("new-booking"));
    if std::env::var_os("SHOW_MAILS").is_some() {
        println!("{guest}\n{hotel}");
    }
    for part in [
        "guest@example.org",
        "application/pdf",
        "text/calendar",
        "multipart/alternative",
        "text/html",
        "TEST",
        "Auto-Submitted",
    ] {
        assert!(guest.contains(part), "{part}");
    }
    assert!(guest.contains(&format!("<confirmed.{id}@inn.example>")));
    assert!(hotel.contains("<desk@grand.example>"));
    // The hotel's mail does not contain the secret link.
    assert!(!hotel.contains("key="));
    let number = 1;
    let link = api.links.secret_link(BookingLink { reservation: id.parse().unwrap(), number });
    let key = link.rsplit_once("key=").unwrap().1.to_owned();
    assert_eq!(link, format!("https://inn.example/bookings/{id}?key={key}"));
    let by_link = api.get(&Principal::anonymous(), &format!("/v1/reservations/{id}?key={key}")).await;
    assert_eq!((by_link.status, &by_link.json["status"]), (200, &json!("confirmed")));
    let pdf = api.get(&ann, &format!("/v1/reservations/{id}/confirmation.pdf")).await;
    assert_eq!((pdf.status, pdf.kind.as_str()), (200, "application/pdf"));
    let data: Value = serde_json::from_str(pdf.text.strip_prefix("%PDF ").unwrap()).unwrap();
    assert_eq!(data["booking"]["url"], json!(link));
    assert_eq!(data["hotel"]["email"], "desk@grand.example");
    assert_eq!(
        data["cancellation"]["text"],
        "You can cancel free of charge until Wednesday, 23 December 2026, 15:00 CET. After that, the cancellation fee is €168.00 (80 % of the total). Cancellation is possible until Thursday, 24 December 2026, 23:59 CET."
    );
    let calendar = api.get(&ann, &format!("/v1/reservations/{id}/calendar.ics")).await;
    assert_eq!(calendar.status, 200);
    for part in ["DTSTART:20261224T140000Z", "DTEND:20261226T100000Z", "STATUS:CONFIRMED"] {
        assert!(calendar.text.contains(part), "{part} in {}", calendar.text);
    }
    assert!(!calendar.text.contains("key="));
    if std::env::var_os("SHOW_MAILS").is_some() {
        println!("{}", calendar.text);
    }
    let cancelled = api.send(&ann, "POST", &format!("/v1/reservations/{id}/cancel"), None, &[]).await;
    assert_eq!(
        (cancelled.status, &cancelled.json["status"]),
        (200, &json!("cancelled")),
        "{}",
        cancelled.text
    );
    assert_eq!(
        cancelled.json["refund"],
        json!({"amount": {"amount": 21000, "currency": "EUR"}, "status": "pending"})
    );
    assert_eq!(
        (&cancelled.json["cancelled_by"], &cancelled.json["penalty"]),
        (&json!("partner"), &Value::Null)
    );
    api.services.settle().await;
    assert_eq!(api.mails().len(), 4);
    let mail = |part: &str| api.mails().into_iter().find(|(name, _)| name.contains(part)).unwrap().1;
    assert!(mail("cancelled").contains("has been cancelled by the partner with whom you"));
    assert!(mail("cancellation").contains("cancelled by the booking partner"));
    // The document of a cancelled booking offers nothing any more.
    let pdf = api.get(&ann, &format!("/v1/reservations/{id}/confirmation.pdf")).await;
    let data: Value = serde_json::from_str(pdf.text.strip_prefix("%PDF ").unwrap()).unwrap();
    assert_eq!(
        (&data["booking"]["status"], &data["cancellation"]["open"]),
        (&json!("cancelled"), &json!(false))
    );
    assert_eq!(
        data["cancellation"]["text"],
        "This booking was cancelled by the booking partner on Monday, 23 November 2026, 13:00 CET. There is no cancellation fee. A refund of €210.00 to the original payment method is in progress."
    );
    assert_eq!(api.services.violations(), [] as [String; 0]);
}

#[tokio::test]
async fn the_hotel_cancels_with_a_fee_of_its_own_and_guests_only_until_the_check_in_day_is_over() {
    let api = opened(false).await;
    let (ann, clerk) = (user("ann"), staff(hotel()));
    let mut ids = Vec::new();
    for _ in 0..2 {
        let id = book(&api, &ann).await.json["id"].as_str().unwrap().to_owned();
        pay(&api, &id).await;
        ids.push(id);
    }
    let path = |id: &str| format!("/v1/reservations/{id}/cancel");
    let euros = |amount: i64| json!({"penalty": {"amount": amount, "currency": "EUR"}});
    let table = [
        (&ann, euros(0), 422, "unprocessable", "/penalty"),
        (&clerk, euros(21_001), 422, "unprocessable", "/penalty"),
        (
            &clerk,
            json!({"penalty": {"amount": 1, "currency": "USD"}}),
            422,
            "unprocessable",
            "/penalty/currency",
        ),
        (
            &clerk,
            json!({"penalty": {"amount": 1, "currency": "XQQ"}}),
            400,
            "invalid-request",
            "/penalty/currency",
        ),
        (&clerk, json!({"penalty": 5}), 400, "invalid-request", "/penalty"),
        (&clerk, json!({"fee": 5}), 400, "invalid-request", "/fee"),
    ];
    for (caller, body, status, kind, pointer) in table {
        let refused = api.post(caller, &path(&ids[0]), body).await;
        assert_eq!(
            (refused.status, &refused.json["type"]),
            (status, &json!(format!("/problems/{kind}"))),
            "{}",
            refused.text
        );
        assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{}", refused.text);
    }
    // Between the end of the check-in day and check-out.
    let days = api.services.now().seconds();
    let check_in_day_ends = "2026-12-24T23:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second();
    api.services.advance_secs(check_in_day_ends - days);
    let read = api.get(&ann, &format!("/v1/reservations/{}", ids[0])).await;
    assert_eq!(read.json["cancellation"]["cancellable_until"], "2026-12-24T22:59:59.999Z");
    let late = api.send(&ann, "POST", &path(&ids[0]), None, &[]).await;
    assert_eq!(
        (late.status, &late.json["type"]),
        (409, &json!("/problems/cancellation-closed")),
        "{}",
        late.text
    );
    assert_eq!(late.json["cancellable_until"], "2026-12-24T22:59:59.999Z");
    assert!(late.json["detail"].as_str().unwrap().contains("contact the hotel"), "{}", late.text);
    let overdue = format!("/v1/properties/{}/overdue-arrivals?date=2026-12-25", hotel());
    assert_eq!(api.get(&clerk, &overdue).await.json["items"].as_array().map(Vec::len), Some(2));
    let cancelled = api.post(&clerk, &path(&ids[0]), euros(1_000)).await;
    assert_eq!(
        (cancelled.status, &cancelled.json["cancelled_by"], &cancelled.json["penalty"]["amount"]),
        (200, &json!("hotel"), &json!(1_000)),
        "{}",
        cancelled.text
    );
    assert_eq!(cancelled.json["refund"]["amount"]["amount"], 20_000);
    api.services.settle().await;
    let mails = api.mails();
    let mail = mails.iter().find(|(name, _)| name.contains("cancelled")).unwrap();
    assert!(mail.1.contains("has cancelled your booking"), "{}", mail.1);
    // After check-out the hotel refunds the payment instead.
    api.services.advance_secs(2 * 86_400);
    let over = api.post(&clerk, &path(&ids[1]), json!({})).await;
    assert_eq!((over.status, &over.json["type"]), (409, &json!("/problems/cancellation-closed")));
    assert!(over.json["detail"].as_str().unwrap().contains("refund its payment"), "{}", over.text);
    assert_eq!(api.services.violations(), [] as [String; 0]);
}

#[tokio::test]
async fn staff_imports_and_changes_hotels() {
    let api = opened(false).await;
    let admin = administrator();
    let mut other = line();
    other["reference"] = json!("petit");
    let mut broken = line();
    broken["reference"] = json!("broken");
    broken["room_types"][0]["sleeps"] = json!(0);
    let lines = format!("{}\n\n{}\nnonsense\n{}\n{}", line(), other, broken, other);
    let imported = api.send(&admin, "POST", "/v1/properties/import", Some(lines), &[]).await;
    let results: Vec<_> = imported.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["line"].as_u64().unwrap(), item["status"].as_str().unwrap()))
        .collect();
    assert_eq!(results, [(1, "unchanged"), (3, "created"), (4, "failed"), (5, "failed"), (6, "failed")]);
    assert_eq!(imported.json["items"][3]["problem"]["errors"][0]["pointer"], "/room_types/0/sleeps");
    let clerk = staff(hotel());
    let foreign = api.send(&clerk, "POST", "/v1/properties/import", Some(other.to_string()), &[]).await;
    assert_eq!(foreign.json["items"][0]["problem"]["status"], 403);
    let path = format!("/v1/properties/{}", hotel());
    let read = api.get(&clerk, &path).await;
    assert_eq!((read.status, &read.json["name"]), (200, &json!("Grand Hotel")));
    let etag = read.etag.unwrap();
    let room = read.json["room_types"][0].clone();
    let change = json!({"name": "Grander Hotel", "amenities": ["spa", "wifi"]}).to_string();
    let changed = api.send(&clerk, "PATCH", &path, Some(change.clone()), &[("If-Match", &etag)]).await;
    assert_eq!(
        (changed.status, &changed.json["name"], &changed.json["room_types"][0]),
        (200, &json!("Grander Hotel"), &room)
    );
    let lost = api.send(&clerk, "PATCH", &path, Some(change), &[("If-Match", &etag)]).await;
    assert_eq!(lost.status, 412);
    let rooms = format!("{path}/room-types");
    let suite = json!({"name": "Suite", "sleeps": 4, "rooms": 1, "rate_plans": [
        {"name": "Flexible", "amount": 40000, "cancellation": {"free_until_hours": 48, "penalty_percent": 50}}]});
    let added = api.post(&clerk, &rooms, suite.clone()).await;
    assert_eq!(
        (added.status, added.json["room_types"].as_array().unwrap().len()),
        (201, 2),
        "{}",
        added.text
    );
    assert_eq!(api.post(&clerk, &rooms, suite).await.status, 422);
    let double = format!("{rooms}/{}", room["id"].as_str().unwrap());
    let renamed =
        api.send(&clerk, "PATCH", &double, Some(json!({"name": "Twin", "rooms": 3}).to_string()), &[]).await;
    assert_eq!(renamed.status, 200, "{}", renamed.text);
    assert_eq!(
        (&renamed.json["room_types"][0]["id"], &renamed.json["room_types"][0]["rooms"]),
        (&room["id"], &json!(3))
    );
    assert_eq!(renamed.json["room_types"][0]["rate_plans"], room["rate_plans"]);
    let calendar = format!("{double}/calendar");
    let set = json!({"from": "2026-12-24", "to": "2026-12-31", "rooms": 9, "prices": [
        {"rate_plan_id": room["rate_plans"][0]["id"], "amount": 15000}]});
    let set = api.send(&clerk, "PUT", &calendar, Some(set.to_string()), &[]).await;
    assert_eq!(set.status, 204, "{}", set.text);
    let nights = api.get(&clerk, &format!("{calendar}?from=2026-12-31&to=2027-01-01")).await;
    let prices = |index: usize| nights.json["items"][index]["prices"][0]["amount"].clone();
    assert_eq!(
        (prices(0), prices(1), &nights.json["items"][0]["rooms"]),
        (json!(15000), json!(10000), &json!(9))
    );
    let listed = api.get(&admin, "/v1/properties?limit=1").await;
    let next = listed.json["next_cursor"].as_str().unwrap();
    let rest = api.get(&admin, &format!("/v1/properties?limit=1&cursor={next}")).await;
    assert_eq!((rest.json["items"].as_array().unwrap().len(), &rest.json["next_cursor"]), (1, &Value::Null));
    assert_eq!(api.get(&clerk, &format!("{path}/arrivals?date=2026-12-24")).await.json["items"], json!([]));
    assert_eq!(api.services.violations(), [] as [String; 0]);
}

#[tokio::test]
async fn room_types_keep_their_identity_over_patches_and_imports() {
    let api = opened(false).await;
    let clerk = staff(hotel());
    let path = format!("/v1/properties/{}", hotel());
    let rooms = format!("{path}/room-types");
    let suite = json!({"reference": "suite", "name": "Suite", "sleeps": 4, "rooms": 1, "rate_plans": [
        {"reference": "flex", "name": "Flexible", "amount": 40000,
         "cancellation": {"free_until_hours": 48, "penalty_percent": 50}}]});
    let add = |body: Value| {
        api.send(&clerk, "POST", &rooms, Some(body.to_string()), &[("Idempotency-Key", "suite-12345678")])
    };
    let added = add(suite.clone()).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let created = added.json["room_types"][1].clone();
    assert_eq!((&created["reference"], &created["name"]), (&json!("suite"), &json!("Suite")));
    // A retry returns the first reply, and does not find its own room type in the way.
    let again = add(suite.clone()).await;
    assert_eq!((again.status, &again.json), (201, &added.json), "{}", again.text);
    let taken = api
        .post(
            &clerk,
            &rooms,
            json!({"reference": "suite", "name": "Other", "sleeps": 1, "rooms": 1,
        "rate_plans": suite["rate_plans"]}),
        )
        .await;
    assert_eq!(
        (taken.status, &taken.json["errors"][0]["pointer"]),
        (422, &json!("/reference")),
        "{}",
        taken.text
    );

    // Staff renames it and gives the double a reference. An import with the references finds both under any name.
    let one = format!("{rooms}/{}", created["id"].as_str().unwrap());
    let renamed =
        api.send(&clerk, "PATCH", &one, Some(json!({"name": "Junior suite"}).to_string()), &[]).await;
    assert_eq!(renamed.status, 200, "{}", renamed.text);
    let double = renamed.json["room_types"][0].clone();
    let two = format!("{rooms}/{}", double["id"].as_str().unwrap());
    let referenced = json!({"reference": "double", "rate_plans": [
        {"reference": "flex", "name": "Flexible", "amount": 11000,
         "cancellation": {"free_until_hours": 24, "penalty_percent": 80}}]});
    let referenced = api.send(&clerk, "PATCH", &two, Some(referenced.to_string()), &[]).await;
    assert_eq!(referenced.status, 200, "{}", referenced.text);
    let stored = &referenced.json["room_types"][0];
    assert_eq!((&stored["reference"], &stored["id"]), (&json!("double"), &double["id"]));
    assert_eq!(stored["rate_plans"][0]["id"], double["rate_plans"][0]["id"], "found by its name");
    assert_eq!(stored["rate_plans"][1]["active"], json!(false), "not named any more");
    let clash = api.send(&clerk, "PATCH", &two, Some(json!({"reference": "suite"}).to_string()), &[]).await;
    assert_eq!((clash.status, &clash.json["errors"][0]["pointer"]), (422, &json!("/reference")));
    let clash = api.send(&clerk, "PATCH", &two, Some(json!({"name": "Junior suite"}).to_string()), &[]).await;
    assert_eq!((clash.status, &clash.json["errors"][0]["pointer"]), (422, &json!("/name")), "{}", clash.text);
    let mut import = line();
    let mut royal = suite.clone();
    royal["name"] = json!("Royal suite");
    let mut deluxe = import["room_types"][0].clone();
    (deluxe["reference"], deluxe["name"]) = (json!("double"), json!("Deluxe"));
    import["room_types"] = json!([royal, deluxe]);
    let imported = api.send(&clerk, "POST", "/v1/properties/import", Some(import.to_string()), &[]).await;
    assert_eq!(imported.json["items"][0]["status"], "updated", "{}", imported.text);
    let read = api.get(&clerk, &path).await.json;
    let found: Vec<_> =
        read["room_types"].as_array().unwrap().iter().map(|room| (&room["id"], &room["name"])).collect();
    assert_eq!(found, [(&created["id"], &json!("Royal suite")), (&double["id"], &json!("Deluxe"))]);

    // Many retired room types and rate plans do not lock the property.
    for round in 0..55 {
        let mut import = line();
        import["room_types"][0]["name"] = json!(format!("Room {round}"));
        import["room_types"][0]["rate_plans"][0]["name"] = json!(format!("Rate {round}"));
        let imported = api.send(&clerk, "POST", "/v1/properties/import", Some(import.to_string()), &[]).await;
        assert_eq!(imported.json["items"][0]["status"], "updated", "{}", imported.text);
    }
    let changed = api.send(&clerk, "PATCH", &path, Some(json!({"stars": 3}).to_string()), &[]).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let last = changed.json["room_types"][0].clone();
    let last = format!("{rooms}/{}", last["id"].as_str().unwrap());
    let changed =
        api.send(&clerk, "PATCH", &last, Some(json!({"name": "Twin", "rooms": 3}).to_string()), &[]).await;
    assert_eq!(
        (changed.status, &changed.json["room_types"][0]["name"]),
        (200, &json!("Twin")),
        "{}",
        changed.text
    );

    // The currency stays as long as there are prices in it.
    let mut import = line();
    import["currency"] = json!("USD");
    let refused = api.send(&clerk, "POST", "/v1/properties/import", Some(import.to_string()), &[]).await;
    let problem = &refused.json["items"][0]["problem"];
    assert_eq!((&problem["type"], &problem["status"]), (&json!("/problems/currency-in-use"), &json!(409)));
    assert_eq!(problem["errors"][0]["pointer"], "/currency");
    let off = api.send(&clerk, "PATCH", &path, Some(json!({"active": false}).to_string()), &[]).await;
    assert_eq!(off.status, 200, "{}", off.text);
    let imported = api.send(&clerk, "POST", "/v1/properties/import", Some(import.to_string()), &[]).await;
    assert_eq!(imported.json["items"][0]["status"], "updated", "{}", imported.text);
    assert_eq!(api.services.violations(), [] as [String; 0]);
}

#[tokio::test]
async fn a_stay_for_nothing_is_confirmed_with_mails_and_a_confirmation() {
    let api = opened(false).await;
    let mut import = line();
    import["room_types"][0]["rate_plans"][0]["amount"] = json!(0);
    let imported =
        api.send(&administrator(), "POST", "/v1/properties/import", Some(import.to_string()), &[]).await;
    assert_eq!(imported.json["updated"], 1, "{}", imported.text);
    let booked = book(&api, &client("partner")).await;
    assert_eq!((booked.status, &booked.json["status"]), (201, &json!("confirmed")), "{}", booked.text);
    assert_eq!((&booked.json["total"]["amount"], &booked.json["hold_expires_at"]), (&json!(0), &Value::Null));
    api.services.settle().await;
    let mails = api.mails();
    let mail = |part: &str| mails.iter().find(|(name, _)| name.contains(part)).unwrap().1.clone();
    assert!(mail("new-booking").contains("There is nothing to pay."), "{}", mail("new-booking"));
    assert!(!mail("new-booking").contains("paid in full"));
    let confirmed = mail("confirmed");
    assert!(
        confirmed.contains("You can cancel free of charge until") && !confirmed.contains("cancellation fee")
    );
    let id = booked.json["id"].as_str().unwrap();
    let cancelled = api.post(&client("partner"), &format!("/v1/reservations/{id}/cancel"), json!({})).await;
    assert_eq!(
        (cancelled.status, &cancelled.json["status"]),
        (200, &json!("cancelled")),
        "{}",
        cancelled.text
    );
    assert_eq!(cancelled.json["refund"], Value::Null);
    assert_eq!(api.services.violations(), [] as [String; 0]);
}

#[test]
fn the_openapi_document_has_every_operation() {
    let key = token::ClusterKey::random();
    let services = group::testing::TestServices::new();
    let links = reservations::BookingLinks {
        public_url: "https://inn.example".into(),
        key: key.links("booking-link"),
        sandbox: false,
    };
    let api = reservations::api(
        services.client(),
        std::sync::Arc::new(services.clone()),
        key.seal("offers"),
        links,
        key.links("client-address"),
        edge::Cursors::random(),
    );
    let document: Value =
        serde_json::from_str(&poem_openapi::OpenApiService::new(api, "Reservations", "1").spec()).unwrap();
    let mut operations = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations.push(format!("{method} {path}"));
            assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{path}");
        }
    }
    let expected = [
        "delete /v1/reservations/{reservation_id}/check-in",
        "delete /v1/reservations/{reservation_id}/check-out",
        "delete /v1/reservations/{reservation_id}/links",
        "delete /v1/reservations/{reservation_id}/no-show",
        "get /v1/hotels/{hotel_id}/offers",
        "get /v1/properties",
        "get /v1/properties/{property_id}",
        "get /v1/properties/{property_id}/arrivals",
        "get /v1/properties/{property_id}/departures",
        "get /v1/properties/{property_id}/in-house",
        "get /v1/properties/{property_id}/overdue-arrivals",
        "get /v1/properties/{property_id}/room-types/{room_type_id}/calendar",
        "get /v1/reservations",
        "get /v1/reservations/{reservation_id}",
        "get /v1/reservations/{reservation_id}/calendar.ics",
        "get /v1/reservations/{reservation_id}/confirmation.pdf",
        "patch /v1/properties/{property_id}",
        "patch /v1/properties/{property_id}/room-types/{room_type_id}",
        "patch /v1/reservations/{reservation_id}",
        "post /v1/properties",
        "post /v1/properties/import",
        "post /v1/properties/{property_id}/room-types",
        "post /v1/reservations",
        "post /v1/reservations/{reservation_id}/cancel",
        "post /v1/reservations/{reservation_id}/check-in",
        "post /v1/reservations/{reservation_id}/check-out",
        "post /v1/reservations/{reservation_id}/links",
        "post /v1/reservations/{reservation_id}/no-show",
        "put /v1/properties/{property_id}/room-types/{room_type_id}/calendar",
    ];
    operations.sort();
    assert_eq!(operations, expected);
    let import = &document["paths"]["/v1/properties/import"]["post"]["requestBody"]["content"];
    assert!(import["application/x-ndjson"].is_object(), "{import}");
}
