//! Payments through a third-party bank (`localstripe`) that supports neither idempotency keys nor 3-D Secure redirects.

use serde_json::{Value, json};
use test_support::{Caller, Stay, StripeServer, TestServer};

use crate::text;

async fn held(server: &TestServer, partner: &Caller) -> Value {
    let hotel = server.hotel_id("river").await;
    let offer = partner.offer(&hotel, &Stay::from_day(40, 2), "Flexible").await;
    partner.hold(&offer, "stripe@guest.example").await
}

#[tokio::test]
async fn payments_are_declined_charged_and_refunded_at_a_third_party_bank() {
    let Some(bank) = StripeServer::open().await else { return };
    let server = bank.server().open().await;
    let hook = format!("{}/_config/webhooks/auberge", bank.url());
    let hooked = [
        ("url", format!("{}/v1/webhooks/stripe", server.url)),
        ("secret", StripeServer::WEBHOOK_SECRET.to_owned()),
    ];
    let hooked: Vec<(&str, &str)> = hooked.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(Caller::new("").form(&hook, &hooked).await.status, 200);

    let partner = server.booker().await;
    let first = held(&server, &partner).await;
    // A declined card, a card that requires a 3-D Secure page, which this bank does not have, and then a valid card.
    for (number, code) in
        [("4000000000000341", "card_declined"), ("4000000000003220", "authentication_required")]
    {
        let payment = partner.pay(&first, &bank.card(number).await).await;
        assert_eq!(
            (text(&payment["status"]), text(&payment["failure"]["code"])),
            ("failed", code),
            "{payment}"
        );
        server.wait_until_outboxes_empty().await;
    }
    let payment = partner.pay(&first, &bank.card("4242424242424242").await).await;
    assert_eq!(payment["status"], "succeeded", "{payment}");
    let confirmed = partner.once(&first, "confirmed").await;
    assert_eq!(confirmed["paid"], first["total"]);
    let charged: Vec<Value> =
        bank.intents().await.into_iter().filter(|intent| intent["status"] == "succeeded").collect();
    assert_eq!(charged.len(), 1, "the booking is charged once");
    assert_eq!((&charged[0]["amount"], text(&charged[0]["currency"])), (&first["total"]["amount"], "pln"));

    // Staff refund a part; then the guest cancels, and the rest is refunded.
    let some = json!({"amount": {"amount": 500, "currency": "PLN"}, "reason": "Noise at night"});
    let path = format!("/v1/payments/{}", text(&payment["id"]));
    let staff = server.admin().await;
    let refund = staff.post(&format!("{path}/refunds"), &some).await.expect(201).json();
    assert_eq!(refund["amount"]["amount"], 500);
    server.wait_until_outboxes_empty().await;
    let partly = partner.get(&path).await.expect(200).json();
    assert_eq!((text(&partly["status"]), &partly["refunded"]["amount"]), ("partially_refunded", &json!(500)));
    let cancel = format!("/v1/reservations/{}/cancel", text(&first["id"]));
    partner.post(&cancel, &json!({})).await.expect(200);
    server.wait_until_outboxes_empty().await;
    let whole = partner.get(&path).await.expect(200).json();
    assert_eq!((text(&whole["status"]), &whole["refunded"]), ("refunded", &first["total"]), "{whole}");
    server.mail("stripe@guest.example", "Refund").await;
    server.assert_invariants().await;
}

#[tokio::test]
async fn a_crash_during_a_charge_charges_once() {
    let Some(bank) = StripeServer::open().await else { return };
    let mut server = bank.server().open().await;
    let (id, secret) =
        server.new_client("reservations:read reservations:write payments:read payments:write", &[]).await;
    let card = bank.card("4242424242424242").await;
    for round in 0..6_u64 {
        let partner = server.sign_in(&id, &secret).await;
        let held = held(&server, &partner).await;
        let body = json!({"reservation_id": held["id"], "payment_method": card});
        let key = format!("crash-{round}");
        let request = tokio::spawn({
            let (partner, body, key) = (partner.clone(), body.clone(), key.clone());
            async move { partner.post("/v1/payments", &body).key(&key).attempt().await.is_ok() }
        });
        tokio::time::sleep(std::time::Duration::from_millis(5 + round * 9)).await;
        server.kill();
        let _ = request.await;
        server.start().await;
        // The bank has no idempotency keys, so the server has to look for an existing charge before it repeats the request.
        let partner = server.sign_in(&id, &secret).await;
        let paid = partner.post("/v1/payments", &body).key(&key).await.expect(201).json();
        partner.once(&held, "confirmed").await;
        server.wait_until_outboxes_empty().await;
        let mine =
            |intent: &&Value| intent["amount"] == paid["amount"]["amount"] && intent["status"] == "succeeded";
        let charged = bank.intents().await.iter().filter(mine).count();
        assert_eq!(charged as u64, round + 1, "round {round}: each booking is charged once");
    }
    server.assert_invariants().await;
}

#[tokio::test]
async fn a_payment_is_resolved_after_the_bank_was_down() {
    let Some(mut bank) = StripeServer::open().await else { return };
    let server = bank.server().open().await;
    let partner = server.booker().await;
    let held = held(&server, &partner).await;
    let card = bank.card("4242424242424242").await;
    bank.kill();
    let payment = partner.pay(&held, &card).await;
    assert_eq!(payment["status"], "processing", "the result is unknown while the bank is down: {payment}");
    // The bank starts again without its data, so the payment method is unknown and the payment fails.
    bank.start().await;
    let path = format!("/v1/payments/{}", text(&payment["id"]));
    let ended = test_support::eventually("the payment to complete", || async {
        let found = partner.get(&path).await.expect(200).json();
        (found["status"] != "processing").then_some(found)
    })
    .await;
    assert_eq!(ended["status"], "failed", "{ended}");
    // Another attempt, with a card that exists at the bank.
    let card = bank.card("4242424242424242").await;
    test_support::eventually("another payment to succeed", || async {
        let body = json!({"reservation_id": held["id"], "payment_method": card});
        let answer = partner.post("/v1/payments", &body).await;
        (answer.status == 201 && answer.json()["status"] == "succeeded").then_some(())
    })
    .await;
    partner.once(&held, "confirmed").await;
    server.wait_until_outboxes_empty().await;
    server.assert_invariants().await;
}

#[tokio::test]
async fn a_store_refuses_another_bank() {
    let Some(bank) = StripeServer::open().await else { return };
    let mut server = TestServer::open().await;
    server.stop();
    server.set_variables(&[
        ("AUBERGE_PAYMENTS__BANK", "stripe"),
        ("AUBERGE_PAYMENTS__BASE_URL", &bank.url()),
        ("AUBERGE_PAYMENTS__SECRET_KEY", StripeServer::SECRET_KEY),
    ]);
    let why = server.try_start().await.expect_err("the server has to refuse a bank without all its keys");
    assert!(why.contains("set `publishable_key`") && why.contains("set `webhook_secret`"), "{why}");
    server.set_variables(&[
        ("AUBERGE_PAYMENTS__BANK", "stripe"),
        ("AUBERGE_PAYMENTS__BASE_URL", &bank.url()),
        ("AUBERGE_PAYMENTS__SECRET_KEY", StripeServer::SECRET_KEY),
        ("AUBERGE_PAYMENTS__PUBLISHABLE_KEY", StripeServer::PUBLISHABLE_KEY),
        ("AUBERGE_PAYMENTS__WEBHOOK_SECRET", StripeServer::WEBHOOK_SECRET),
    ]);
    let why = server.try_start().await.expect_err("the server has to refuse another bank");
    assert!(why.contains("created with another bank"), "{why}");
    server.set_variables(&[]);
    server.start().await;
    server.assert_invariants().await;
}
