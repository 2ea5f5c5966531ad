//! Payments with a server that nobody here wrote and that speaks Stripe's API, such as `localstripe`. Ignored unless
//! asked for: `AUBERGE_TEST_STRIPE_URL=http://127.0.0.1:8420 cargo test -p payments --test foreign -- --ignored`.

mod common;

use common::*;
use contracts::payments::*;
use payments::BankSettings;
use serde_json::Value;

fn url() -> String {
    std::env::var("AUBERGE_TEST_STRIPE_URL").expect("AUBERGE_TEST_STRIPE_URL says where the server is")
}

/// What the bank calls a card.
async fn method(number: &str) -> String {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let card = [
        ("card[number]", number),
        ("card[exp_month]", "12"),
        ("card[exp_year]", "2035"),
        ("card[cvc]", "123"),
        ("type", "card"),
    ];
    let answer = http
        .post(format!("{}/v1/payment_methods", url()))
        .bearer_auth("sk_test_12345")
        .form(&card)
        .send()
        .await;
    let body = answer.expect("an answer").bytes().await.expect("a body");
    let method: Value = serde_json::from_slice(&body).expect("JSON");
    method["id"].as_str().unwrap_or_else(|| panic!("{method}")).to_owned()
}

#[tokio::test]
#[ignore = "needs a server"]
async fn another_server_charges_declines_and_refunds() {
    let settings =
        BankSettings { base_url: url(), secret_key: "sk_test_12345".into(), sandbox: false, timeout: None };
    let world = World::with(tempfile::tempdir().expect("a directory"), settings);
    let reservation = world.hold(1, euros(900));
    for (number, code) in
        [("4000000000000341", "card_declined"), ("4000000000003220", "authentication_required")]
    {
        let payment = world.pay(reservation, &method(number).await).await;
        assert_eq!(payment.failure.map(|failure| failure.code).as_deref(), Some(code), "{number}");
    }
    let unknown = world.pay(reservation, "pm_nobody").await;
    assert_eq!(unknown.failure.map(|failure| failure.code).as_deref(), Some("invalid_payment_method"));
    let payment = world.pay(reservation, &method("4242424242424242").await).await;
    assert_eq!(
        (payment.status, payment.method.as_deref()),
        (PaymentStatus::Succeeded, Some("Visa •••• 4242"))
    );
    assert_eq!(payment.test, Some(true));
    let request = Command::RequestRefund { payment: payment.id, amount: Some(200), reason: "Noise".into() };
    world.house.client().command::<Payments>(&world.call(&admin()), request).await.expect("begun");
    world.house.settle().await;
    let payment = world.payment(payment.id).await;
    assert_eq!((payment.status, payment.refunded), (PaymentStatus::PartiallyRefunded, 200));
    assert_eq!(world.house.breaches(), Vec::<String>::new());
}
