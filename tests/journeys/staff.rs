//! Hotel staff: rates, inventory, arrivals and imports.

use serde_json::json;
use test_support::{Stay, TestServer, day};

use crate::text;

#[tokio::test]
async fn staff_set_rates_and_inventory_and_list_arrivals() {
    let server = TestServer::open().await;
    let river = server.hotel_id("river").await;
    let (id, secret) = server.new_client("hotel:manage reservations:read", &[&river]).await;
    let (staff, partner) = (server.sign_in(&id, &secret).await, server.booker().await);
    let property = staff.get(&format!("/v1/properties/{river}")).await.expect(200).json();
    let room_type = property["room_types"][0].clone();
    let calendar = format!("/v1/properties/{river}/room-types/{}/calendar", text(&room_type["id"]));
    let flexible =
        room_type["rate_plans"].as_array().unwrap().iter().find(|plan| plan["name"] == "Flexible").unwrap();

    // The price goes up for a week. An offer from before keeps its price.
    let stay = Stay::from_day(80, 2);
    let before = partner.offers(&river, &stay).await;
    let promised = before.iter().find(|offer| offer["rate_plan_name"] == "Flexible").unwrap().clone();
    let change = json!({"from": day(80), "to": day(87), "rooms": 3,
        "prices": [{"rate_plan_id": flexible["id"], "amount": 25000}]});
    staff.put(&calendar, &change).await.expect(204);
    let after = partner.offers(&river, &stay).await;
    let dearer = after.iter().find(|offer| offer["rate_plan_name"] == "Flexible").unwrap();
    assert_eq!((&dearer["rooms_left"], dearer["nightly"][0]["amount"].as_i64()), (&json!(3), Some(25000)));
    let held = partner.hold(text(&promised["offer"]), "price@guest.example").await;
    assert_eq!(held["total"], promised["total"], "the reservation has the price of the offer");

    // The inventory cannot be set below the rooms that are taken, but sales can be stopped.
    let refused = staff.put(&calendar, &json!({"from": day(80), "to": day(81), "rooms": 0})).await;
    let problem = refused.problem(409, "inventory-below-taken");
    assert_eq!((&problem["night"], &problem["taken"]), (&json!(day(80)), &json!(1)));
    staff.put(&calendar, &json!({"from": day(80), "to": day(87), "stop_sell": true})).await.expect(204);
    let body = json!({"offer": promised["offer"], "guest": {"name": "A", "email": "a@guest.example"}});
    partner.post("/v1/reservations", &body).await.problem(409, "stop-sell");

    // The arrivals list contains a reservation once it is confirmed.
    let arrivals = format!("/v1/properties/{river}/arrivals?date={}", day(80));
    assert_eq!(staff.get(&arrivals).await.expect(200).json()["items"], json!([]));
    partner.pay(&held, "pm_card_visa").await;
    partner.once(&held, "confirmed").await;
    assert_eq!(staff.get(&arrivals).await.expect(200).json()["items"][0]["id"], held["id"]);
    let check_in = format!("/v1/reservations/{}/check-in", text(&held["id"]));
    staff.post(&check_in, &json!({})).await.problem(409, "wrong-day");
    partner.post(&check_in, &json!({})).await.problem(403, "insufficient-scope");
    server.wait_until_outboxes_empty().await;
    server.assert_invariants().await;
}

#[tokio::test]
async fn an_import_can_be_repeated_and_reports_invalid_lines() {
    let server = TestServer::plan().hotels(vec![]).open().await;
    let file = server.path().join("import.jsonl");
    let good = test_support::hotel("one", "One", 5);
    let mut nameless = test_support::hotel("two", "", 5);
    nameless["currency"] = json!("ZZZ");
    std::fs::write(
        &file,
        format!("{good}\n{nameless}\n{{broken\n\n{}\n", test_support::hotel("three", "Three", 2)),
    )
    .unwrap();
    let path = file.to_string_lossy().into_owned();
    let ran = server.operate(&["import", "hotels", &path]);
    assert!(ran.out.contains("2 created, 0 updated, 0 unchanged, 2 failed"), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("line 2:") && ran.err.contains("line 3:"), "{}", ran.err);
    assert_eq!(ran.code, Some(1));
    std::fs::write(&file, format!("{good}\n{}\n", test_support::hotel("three", "Three, renamed", 2)))
        .unwrap();
    let done = server.operate(&["import", "hotels", &path]).done();
    assert!(done.contains("0 created, 1 updated, 1 unchanged"), "{done}");
    // Fewer rooms than are held: the error names the night.
    let partner = server.booker().await;
    let hotel = server.hotel_id("three").await;
    for guest in ["a", "b"] {
        let offer = partner.offer(&hotel, &Stay::from_day(20, 1), "Flexible").await;
        partner.hold(&offer, &format!("{guest}@guest.example")).await;
    }
    std::fs::write(&file, format!("{}\n", test_support::hotel("three", "Three", 1))).unwrap();
    let ran = server.operate(&["import", "hotels", &path]);
    assert!(ran.code == Some(1) && ran.err.contains(&day(20)), "{}{}", ran.out, ran.err);
    server.assert_invariants().await;
}
