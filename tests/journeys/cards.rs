//! Declined cards, 3-D Secure authentication, and idempotency keys.

use serde_json::{Value, json};
use test_support::{Caller, Stay, TestServer};

use crate::text;

async fn held(server: &TestServer, partner: &Caller, email: &str) -> Value {
    let hotel = server.hotel_id("river").await;
    let offer = partner.offer(&hotel, &Stay::from_day(25, 1), "Flexible").await;
    partner.hold(&offer, email).await
}

/// Waits until a payment is no longer processing or waiting for the guest, and returns it.
async fn settled(partner: &Caller, payment: &Value) -> Value {
    let path = format!("/v1/payments/{}", text(&payment["id"]));
    test_support::eventually("the payment to complete", || async {
        let found = partner.get(&path).await.expect(200).json();
        let open = ["processing", "requires_action"].contains(&text(&found["status"]));
        (!open).then_some(found)
    })
    .await
}

#[tokio::test]
async fn a_reservation_can_be_paid_after_declined_cards() {
    let server = TestServer::open().await;
    let partner = server.booker().await;
    let held = held(&server, &partner, "second@guest.example").await;
    for (method, code) in [
        ("pm_card_chargeDeclined", "card_declined"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
    ] {
        let payment = partner.pay(&held, method).await;
        assert_eq!(
            (text(&payment["status"]), text(&payment["failure"]["code"])),
            ("failed", code),
            "{method}"
        );
        let path = format!("/v1/payments/{}/receipt.pdf", text(&payment["id"]));
        assert!(partner.get(&path).await.status >= 400, "a failed payment has no receipt");
    }
    test_support::eventually("the reservation to accept another payment", || async {
        let payment = partner.post("/v1/payments", &pay(&held, "pm_card_visa")).await;
        (payment.status == 201).then_some(())
    })
    .await;
    partner.once(&held, "confirmed").await;
    partner.post("/v1/payments", &pay(&held, "pm_card_visa")).await.problem(409, "not-payable");
    let paid =
        partner.get(&format!("/v1/payments?reservation_id={}", text(&held["id"]))).await.expect(200).json();
    let stands: Vec<&str> =
        paid["items"].as_array().unwrap().iter().map(|one| text(&one["status"])).collect();
    assert_eq!(stands, ["succeeded", "failed", "failed", "failed"], "newest first");
    server.wait_until_outboxes_empty().await;
    server.assert_invariants().await;
}

fn pay(reservation: &Value, method: &str) -> Value {
    json!({"reservation_id": reservation["id"], "payment_method": method})
}

#[tokio::test]
async fn three_d_secure_redirects_the_guest_and_completes_or_fails() {
    let server = TestServer::open().await;
    let partner = server.booker().await;
    for (outcome, status, after) in [("complete", "succeeded", "confirmed"), ("fail", "failed", "held")] {
        let held = held(&server, &partner, "secure@guest.example").await;
        let mut body = pay(&held, "pm_card_threeDSecure2Required");
        body["return_url"] = json!(format!("{}/bookings?from=bank", server.url));
        let payment = partner.post("/v1/payments", &body).await.expect(201).json();
        assert_eq!(payment["status"], "requires_action", "{payment}");
        let page = text(&payment["next_action"]["redirect_url"]).to_owned();
        // The requests that the guest's browser sends.
        let shown = server.anyone().get(&page).await;
        assert!(shown.status == 200 && shown.text().contains("TEST"), "{}", shown.text());
        let back = server.anyone().form(&page, &[("outcome", outcome)]).await;
        assert_eq!(back.status, 303, "{}", back.text());
        assert!(back.header("location").starts_with(&format!("{}/bookings?from=bank&", server.url)));
        assert_eq!(text(&settled(&partner, &payment).await["status"]), status);
        partner.once(&held, after).await;
    }
    server.wait_until_outboxes_empty().await;
    server.assert_invariants().await;
}

#[tokio::test]
async fn a_repeat_with_the_same_key_gets_the_same_response() {
    let server = TestServer::open().await;
    let partner = server.booker().await;
    let hotel = server.hotel_id("river").await;
    let offer = partner.offer(&hotel, &Stay::from_day(60, 1), "Flexible").await;
    let body = json!({"offer": offer, "guest": {"name": "Twice", "email": "twice@guest.example"}});
    let first = partner.post("/v1/reservations", &body).key("order-7").await.expect(201);
    let second = partner.post("/v1/reservations", &body).key("order-7").await.expect(201);
    assert_eq!(first.json()["id"], second.json()["id"]);
    let mut other = body.clone();
    other["guest"]["name"] = json!("Somebody else");
    partner.post("/v1/reservations", &other).key("order-7").await.problem(409, "idempotency-key-reused");
    // Keys are scoped to the client, and authorization is checked before a stored response is replayed.
    let neighbour = server.booker().await;
    let theirs = neighbour.post("/v1/reservations", &body).key("order-7").await.expect(201);
    assert_ne!(theirs.json()["id"], first.json()["id"]);
    partner.signed_out().post("/v1/reservations", &body).key("order-7").await.problem(401, "unauthenticated");

    let reservation = first.json();
    let paid = partner
        .post("/v1/payments", &pay(&reservation, "pm_card_visa"))
        .key("pay-7")
        .await
        .expect(201)
        .json();
    let again = partner
        .post("/v1/payments", &pay(&reservation, "pm_card_visa"))
        .key("pay-7")
        .await
        .expect(201)
        .json();
    assert_eq!(paid["id"], again["id"]);
    partner
        .post("/v1/payments", &pay(&reservation, "pm_card_mastercard"))
        .key("pay-7")
        .await
        .problem(409, "idempotency-key-reused");
    // Keys survive a restart.
    let mut server = server;
    server.stop();
    server.start().await;
    let third = partner.post("/v1/reservations", &body).key("order-7").await.expect(201);
    assert_eq!(third.json()["id"], reservation["id"]);
    let paid_again = partner
        .post("/v1/payments", &pay(&reservation, "pm_card_visa"))
        .key("pay-7")
        .await
        .expect(201)
        .json();
    assert_eq!(paid["id"], paid_again["id"]);
    // A refusal is stored like any response: cancelling frees the room, but the same key still gets `sold-out`.
    let attic = server.hotel_id("attic").await;
    let offer = partner.offer(&attic, &Stay::from_day(60, 1), "Flexible").await;
    let taken = partner.hold(&offer, "first@guest.example").await;
    let late = json!({"offer": offer, "guest": {"name": "Late", "email": "late@guest.example"}});
    partner.post("/v1/reservations", &late).key("late").await.problem(409, "sold-out");
    partner.post(&format!("/v1/reservations/{}/cancel", text(&taken["id"])), &json!({})).await.expect(200);
    partner.post("/v1/reservations", &late).key("late").await.problem(409, "sold-out");
    partner.post("/v1/reservations", &late).key("later").await.expect(201);
    server.wait_until_outboxes_empty().await;
    server.assert_invariants().await;
}
