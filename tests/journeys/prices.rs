//! Prices that are the same everywhere, stays for nothing, and room types that are renamed.

use serde_json::{Value, json};
use test_support::{Stay, TestServer, hotel};

use crate::text;

/// A hotel in Kuwait, whose prices have a digit that cards are not charged.
fn dinar() -> Value {
    let mut dinar = hotel("dinar", "Dar Salmiya", 5);
    (dinar["city"], dinar["country"]) = (json!("Kuwait City"), json!("KW"));
    (dinar["latitude"], dinar["longitude"]) = (json!(29.369), json!(47.978));
    (dinar["time_zone"], dinar["currency"]) = (json!("Asia/Kuwait"), json!("KWD"));
    dinar["taxes"] = json!([{"name": "Service", "percent": 10, "included": true},
        {"name": "Municipality", "percent": 5, "included": true}]);
    dinar["room_types"][0]["rate_plans"][0]["amount"] = json!(94_763);
    dinar
}

#[tokio::test]
async fn an_amount_with_three_decimals_is_the_same_in_search_offer_payment_and_refund() {
    let server = TestServer::plan().hotels(vec![dinar()]).open().await;
    let partner = server.booker().await;
    let (id, stay) = (server.hotel_id("dinar").await, Stay::from_day(40, 1));
    let found =
        partner.get(&format!("/v1/hotels?city=Kuwait%20City&{}", stay.query())).await.expect(200).json();
    let offers = partner.offers(&id, &stay).await;
    let offer = offers.iter().find(|offer| offer["rate_plan_name"] == "Flexible").unwrap();
    let total = json!({"amount": 94_760, "currency": "KWD"});
    assert_eq!(offer["total"], total);
    // 94.760 contains 10 % and 5 % of its net price.
    assert_eq!((&offer["taxes"][0]["amount"], &offer["taxes"][1]["amount"]), (&json!(8_240), &json!(4_120)));
    let cheapest = offers.iter().map(|offer| offer["total"]["amount"].as_i64().unwrap()).min();
    assert_eq!(found["items"][0]["total"]["amount"].as_i64(), cheapest);
    let held = partner.hold(text(&offer["offer"]), "kwd@guest.example").await;
    assert_eq!(held["total"], total);
    let body = json!({"reservation_id": held["id"], "payment_method": "pm_card_threeDSecure2Required",
        "return_url": format!("{}/back", server.url)});
    let payment = partner.post("/v1/payments", &body).await.expect(201).json();
    assert_eq!(payment["amount"], total, "{payment}");
    let page = text(&payment["next_action"]["redirect_url"]).to_owned();
    let shown = server.anyone().get(&page).await;
    assert!(shown.text().contains("94.760 KWD"), "{}", shown.text());
    assert_eq!(server.anyone().form(&page, &[("outcome", "complete")]).await.status, 303);
    partner.once(&held, "confirmed").await;
    // A part that cards are not refunded is refused with the reason.
    let (client, secret) = server.new_client("hotel:manage payments:read", &[&id]).await;
    let staff = server.sign_in(&client, &secret).await;
    let refunds = format!("/v1/payments/{}/refunds", text(&payment["id"]));
    let refused = staff.post(&refunds, &json!({"amount": {"amount": 5, "currency": "KWD"}})).await;
    assert!(refused.text().contains("multiple of 10 minor units"), "{} {}", refused.status, refused.text());
    let refund =
        staff.post(&refunds, &json!({"amount": {"amount": 10, "currency": "KWD"}})).await.expect(201);
    assert_eq!(refund.json()["status"], "succeeded", "{}", refund.text());
    server.wait_until_outboxes_empty().await;
    server.assert_invariants().await;
}

#[tokio::test]
async fn a_stay_for_nothing_is_confirmed_without_a_payment() {
    let mut free = hotel("free", "Gościniec", 5);
    free["room_types"][0]["rate_plans"][0]["amount"] = json!(0);
    let server = TestServer::plan().hotels(vec![free]).open().await;
    let partner = server.booker().await;
    let id = server.hotel_id("free").await;
    let offer = partner.offer(&id, &Stay::from_day(40, 2), "Flexible").await;
    let booked = partner.hold(&offer, "free@guest.example").await;
    assert_eq!((&booked["status"], &booked["total"]["amount"]), (&json!("confirmed"), &json!(0)), "{booked}");
    let body = json!({"reservation_id": booked["id"], "payment_method": "pm_card_visa"});
    let refused = partner.post("/v1/payments", &body).await.problem(409, "not-payable");
    assert!(text(&refused["detail"]).contains("confirmed without a payment"), "{refused}");
    let pdf = format!("/v1/reservations/{}/confirmation.pdf", text(&booked["id"]));
    partner.get(&pdf).await.expect(200);
    server.wait_until_outboxes_empty().await;
    let cancel = format!("/v1/reservations/{}/cancel", text(&booked["id"]));
    let cancelled = partner.post(&cancel, &json!({})).await.expect(200).json();
    assert_eq!(cancelled["status"], "cancelled", "{cancelled}");
    server.wait_until_outboxes_empty().await;
    server.assert_invariants().await;
}

#[tokio::test]
async fn an_import_that_renames_a_room_type_brings_no_new_rooms() {
    let mut inn = hotel("inn", "Karczma", 1);
    inn["room_types"][0]["reference"] = json!("dbl");
    inn["room_types"][0]["rate_plans"][0]["reference"] = json!("flex");
    let server = TestServer::plan().hotels(vec![inn.clone()]).open().await;
    let partner = server.booker().await;
    let (id, stay) = (server.hotel_id("inn").await, Stay::from_day(40, 1));
    let held = partner.hold(&partner.offer(&id, &stay, "Flexible").await, "one@guest.example").await;
    inn["room_types"][0]["name"] = json!("Deluxe");
    inn["room_types"][0]["rate_plans"][0]["name"] = json!("Best price");
    let file = server.path().join("renamed.jsonl");
    std::fs::write(&file, format!("{inn}\n")).unwrap();
    let done = server.operate(&["import", "hotels", &file.to_string_lossy()]).done();
    assert!(done.contains("0 created, 1 updated"), "{done}");
    assert_eq!(partner.offers(&id, &stay).await, Vec::<Value>::new(), "the only room is held");
    let later = partner.offers(&id, &Stay::from_day(41, 1)).await;
    assert_eq!(
        (&later[0]["room_type_id"], &later[0]["room_type_name"]),
        (&held["room_type_id"], &json!("Deluxe"))
    );
    assert_eq!(later[0]["rate_plan_id"], held["rate_plan_id"]);
    // In another currency it would have reservations in both.
    inn["currency"] = json!("EUR");
    std::fs::write(&file, format!("{inn}\n")).unwrap();
    let ran = server.operate(&["import", "hotels", &file.to_string_lossy()]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.err.contains("the currency stays PLN") || ran.err.contains("The currency stays PLN"),
        "{}",
        ran.err
    );
    server.assert_invariants().await;
}
