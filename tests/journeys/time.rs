//! Expiry of holds and offers. The server's clock is set forward with `faketime`; without it the test is skipped.

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
