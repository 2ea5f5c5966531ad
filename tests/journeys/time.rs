//! Expiry of holds and offers, and the end of stays. The server's clock is set forward with `faketime`; without it the test is skipped.

use serde_json::json;
use test_support::{Stay, TestServer};

use crate::text;

/// The library that shifts the clock of a process, in the directory of the Debian package.
fn faketime() -> Option<String> {
    let places = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
        .map(|machine| format!("/usr/lib/{machine}/faketime/libfaketime.so.1"));
    let found = places.into_iter().find(|place| std::path::Path::new(place).is_file());
    if found.is_none() {
        test_support::tool("faketime");
    }
    found
}

#[tokio::test]
async fn holds_and_offers_expire() {
    let Some(library) = faketime() else { return };
    let mut server = TestServer::open().await;
    let (id, secret) =
        server.new_client("reservations:read reservations:write payments:write payments:read", &[]).await;
    let partner = server.sign_in(&id, &secret).await;
    let (attic, stay) = (server.hotel_id("attic").await, Stay::from_day(45, 1));
    let offer = partner.offer(&attic, &stay, "Flexible").await;
    let held = partner.hold(&offer, "slow@guest.example").await;
    assert!(partner.offers(&attic, &stay).await.is_empty());

    // After 20 minutes the hold has expired: the room is free, and the reservation cannot be paid.
    server.stop();
    let shift = |by: &'static str| {
        vec![
            ("LD_PRELOAD", library.clone()),
            ("FAKETIME", by.to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    };
    let set = |server: &mut TestServer, by| {
        let shifted = shift(by);
        let shifted: Vec<(&str, &str)> =
            shifted.iter().map(|(name, value)| (*name, value.as_str())).collect();
        server.set_variables(&shifted);
    };
    set(&mut server, "+20m");
    server.start().await;
    let partner = server.sign_in(&id, &secret).await;
    let expired = partner.once(&held, "expired").await;
    assert_eq!(expired["timeline"].as_array().unwrap().last().unwrap()["what"], "expired");
    assert_eq!(partner.offers(&attic, &stay).await[0]["rooms_left"], 1);
    let pay = json!({"reservation_id": held["id"], "payment_method": "pm_card_visa"});
    partner.post("/v1/payments", &pay).await.problem(409, "not-payable");
    // The offer is valid for 30 minutes, also after its hold has expired.
    let second = partner.hold(&offer, "quick@guest.example").await;
    assert_eq!(second["total"], held["total"]);
    partner.post(&format!("/v1/reservations/{}/cancel", text(&second["id"])), &json!({})).await.expect(200);

    // After 70 minutes the offer has expired, and the refusal contains a new offer.
    server.stop();
    set(&mut server, "+70m");
    server.start().await;
    let partner = server.sign_in(&id, &secret).await;
    let body = json!({"offer": offer, "guest": {"name": "A", "email": "a@guest.example"}});
    let gone = partner.post("/v1/reservations", &body).await.problem(410, "offer-expired");
    partner.hold(text(&gone["offer"]), "fresh@guest.example").await;
    server.assert_invariants().await;
}

#[tokio::test]
async fn a_stay_that_is_over_cannot_be_cancelled() {
    let Some(library) = faketime() else { return };
    let mut server = TestServer::open().await;
    let river = server.hotel_id("river").await;
    let (id, secret) =
        server.new_client("reservations:read reservations:write payments:write payments:read", &[]).await;
    let (staff_id, staff_secret) =
        server.new_client("hotel:manage reservations:read reservations:write", &[&river]).await;
    let partner = server.sign_in(&id, &secret).await;
    let offer = partner.offer(&river, &Stay::from_day(2, 3), "Flexible").await;
    let held = partner.hold(&offer, "over@guest.example").await;
    partner.pay(&held, "pm_card_visa").await;
    partner.once(&held, "confirmed").await;
    let mail = server.mail("over@guest.example", "is confirmed").await;
    server.wait_until_outboxes_empty().await;
    let reservation = format!("/v1/reservations/{}", text(&held["id"]));
    let link = mail.link(&format!("{}/bookings/{}?key=", server.url, text(&held["id"]))).unwrap();
    let page = format!("{reservation}?key={}", link.rsplit('=').next().unwrap());

    // During the stay only the hotel can cancel.
    let jump = async |server: &mut TestServer, by: &str| {
        server.stop();
        server.set_variables(&[
            ("LD_PRELOAD", &library),
            ("FAKETIME", by),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]);
        server.start().await;
    };
    jump(&mut server, "+4d").await;
    let partner = server.sign_in(&id, &secret).await;
    let found = partner.reservation(&held).await;
    assert_eq!(
        (text(&found["status"]), &found["refund_if_cancelled_now"]["amount"]),
        ("confirmed", &json!(0))
    );
    let cancel = format!("{reservation}/cancel");
    partner.post(&cancel, &json!({})).await.problem(409, "cancellation-closed");
    let shown = server.anyone().get(&page).await.expect(200).json();
    assert_eq!(
        (text(&shown["status"]), &shown["refund_if_cancelled_now"]["amount"]),
        ("confirmed", &json!(0))
    );

    // After the stay nobody can, until staff records what happened.
    jump(&mut server, "+9d").await;
    let (partner, staff) =
        (server.sign_in(&id, &secret).await, server.sign_in(&staff_id, &staff_secret).await);
    for caller in [&partner, &staff] {
        caller.post(&cancel, &json!({})).await.problem(409, "cancellation-closed");
    }
    let today = test_support::day(9);
    let overdue = format!("/v1/properties/{river}/overdue-arrivals?date={today}");
    assert_eq!(staff.get(&overdue).await.expect(200).json()["items"][0]["id"], held["id"]);
    staff.post(&format!("{reservation}/check-out"), &json!({})).await.expect(200);
    assert_eq!(staff.get(&overdue).await.expect(200).json()["items"], json!([]));
    let refused = partner.post(&cancel, &json!({})).await.problem(409, "wrong-status");
    assert_eq!(refused["reservation_status"], "checked_out");
    server.wait_until_outboxes_empty().await;
    server.assert_invariants().await;
}
