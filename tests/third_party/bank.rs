//! Payments through a third-party bank (`localstripe`) that supports neither idempotency keys nor 3-D Secure redirects.

use std::process::Command;

use serde_json::{Value, json};
use test_support::{BackgroundProcess, Caller, Stay, TestServer, free_port, tool};

use crate::text;

const KEY: &str = "sk_test_12345";
const PUBLISHABLE_KEY: &str = "pk_test_12345";
const HOOK: &str = "whsec_for_this_test";

/// A running `localstripe`.
struct Bank {
    _directory: tempfile::TempDir,
    process: BackgroundProcess,
    port: u16,
}

impl Bank {
    async fn open() -> Option<Self> {
        let server = tool("localstripe")?;
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut bank =
            Self { process: Self::run(&server, directory.path(), port), _directory: directory, port };
        bank.process.listens(port).await;
        Some(bank)
    }

    fn run(server: &std::path::Path, directory: &std::path::Path, port: u16) -> BackgroundProcess {
        let mut command = Command::new(server);
        // It stores its data in the working directory and in TMPDIR.
        command
            .args(["--port", &port.to_string(), "--from-scratch"])
            .current_dir(directory)
            .env("TMPDIR", directory);
        BackgroundProcess::start(&mut command, &directory.join("bank.log"))
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn card(&self, number: &str) -> String {
        let client = Caller::new(self.url()).with_token(KEY);
        let card = [
            ("type", "card"),
            ("card[number]", number),
            ("card[exp_month]", "12"),
            ("card[exp_year]", "2035"),
            ("card[cvc]", "123"),
        ];
        let made = client.form("/v1/payment_methods", &card).await;
        assert_eq!(made.status, 200, "{}", made.text());
        text(&made.json()["id"]).to_owned()
    }

    /// All payment intents of the bank, newest first.
    async fn intents(&self) -> Vec<Value> {
        let listed =
            Caller::new(self.url()).with_token(KEY).get("/v1/payment_intents?limit=100").await.json();
        listed["data"].as_array().cloned().unwrap_or_default()
    }

    fn server(&self) -> test_support::Plan {
        TestServer::plan()
            .variable("AUBERGE_PAYMENTS__BANK", "stripe")
            .variable("AUBERGE_PAYMENTS__BASE_URL", self.url())
            .variable("AUBERGE_PAYMENTS__SECRET_KEY", KEY)
            .variable("AUBERGE_PAYMENTS__PUBLISHABLE_KEY", PUBLISHABLE_KEY)
            .variable("AUBERGE_PAYMENTS__WEBHOOK_SECRET", HOOK)
    }
}

impl Drop for Bank {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("log of the bank: {}", self.process.log());
        }
    }
}

async fn held(server: &TestServer, partner: &Caller) -> Value {
    let hotel = server.hotel_id("river").await;
    let offer = partner.offer(&hotel, &Stay::from_day(40, 2), "Flexible").await;
    partner.hold(&offer, "stripe@guest.example").await
}

#[tokio::test]
async fn payments_are_declined_charged_and_refunded_at_a_third_party_bank() {
    let Some(bank) = Bank::open().await else { return };
    let server = bank.server().open().await;
    let hook = format!("{}/_config/webhooks/auberge", bank.url());
    let hooked = [("url", format!("{}/v1/webhooks/stripe", server.url)), ("secret", HOOK.to_owned())];
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
    let Some(bank) = Bank::open().await else { return };
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
    let Some(mut bank) = Bank::open().await else { return };
    let server = bank.server().open().await;
    let partner = server.booker().await;
    let held = held(&server, &partner).await;
    let card = bank.card("4242424242424242").await;
    bank.process.kill();
    let payment = partner.pay(&held, &card).await;
    assert_eq!(payment["status"], "processing", "the result is unknown while the bank is down: {payment}");
    // The bank starts again without its data, so the payment method is unknown and the payment fails.
    bank.process = Bank::run(&tool("localstripe").unwrap(), bank._directory.path(), bank.port);
    bank.process.listens(bank.port).await;
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
    let Some(bank) = Bank::open().await else { return };
    let mut server = TestServer::open().await;
    server.stop();
    server.set_variables(&[
        ("AUBERGE_PAYMENTS__BANK", "stripe"),
        ("AUBERGE_PAYMENTS__BASE_URL", &bank.url()),
        ("AUBERGE_PAYMENTS__SECRET_KEY", KEY),
    ]);
    let why = server.try_start().await.expect_err("the server has to refuse a bank without all its keys");
    assert!(why.contains("set `publishable_key`") && why.contains("set `webhook_secret`"), "{why}");
    server.set_variables(&[
        ("AUBERGE_PAYMENTS__BANK", "stripe"),
        ("AUBERGE_PAYMENTS__BASE_URL", &bank.url()),
        ("AUBERGE_PAYMENTS__SECRET_KEY", KEY),
        ("AUBERGE_PAYMENTS__PUBLISHABLE_KEY", PUBLISHABLE_KEY),
        ("AUBERGE_PAYMENTS__WEBHOOK_SECRET", HOOK),
    ]);
    let why = server.try_start().await.expect_err("the server has to refuse another bank");
    assert!(why.contains("created with another bank"), "{why}");
    server.set_variables(&[]);
    server.start().await;
    server.assert_invariants().await;
}
