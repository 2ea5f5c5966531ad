//! The REST API over HTTP: bodies, refusals, and webhooks of the bank.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use contracts::ReservationId;
use hmac::{Hmac, Mac};
use payments::WebhookSecret;
use payments::rest::{ApiSettings, api};
use poem::listener::{Acceptor, Listener, TcpListener};
use poem_openapi::OpenApiService;
use protocol::{Principal, Timestamp};
use serde_json::{Value, json};
use sha2::Sha256;

/// The world, served, with its outboxes worked off all the time.
struct Served {
    world: World,
    url: String,
    http: reqwest::Client,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl Served {
    async fn new() -> Self {
        let world = World::new().await;
        let settings = ApiSettings {
            credentials: Arc::new(world.services.clone()),
            webhook_secret: Some(WebhookSecret::new(world.bank().webhook_secret.clone())),
            public_url: "https://auberge.example".into(),
            booking_url: Arc::new(booking_url),
            cursors: edge::Cursors::random(),
            card_limits: edge::rate_limit::CardLimits {
                addresses: token::ClusterKey::random().links("card-attempts"),
                visitor_max: 12,
                address_max: 60,
            },
        };
        let api = OpenApiService::new(api(world.services.client(), settings), "Payments", "1");
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a port");
        let addr = acceptor.local_addr().remove(0).as_socket_addr().copied().expect("an address");
        let server = tokio::spawn(async move {
            poem::Server::new_with_acceptor(acceptor).run(api).await.expect("served");
        });
        let services = world.services.clone();
        let worker = tokio::spawn(async move {
            loop {
                services.settle().await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { world, url: format!("http://{addr}"), http, tasks: vec![server, worker] }
    }

    async fn send(
        &self,
        who: &Principal,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> (u16, Value) {
        let method = method.parse().expect("a method");
        let request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(self.world.services.token(who));
        let request = key.into_iter().fold(request, |request, key| request.header("Idempotency-Key", key));
        let request = body.into_iter().fold(request, |request, body| {
            request.header("Content-Type", "application/json").body(body.to_string())
        });
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.expect("a body");
        (
            status,
            serde_json::from_slice(&bytes)
                .unwrap_or(Value::String(String::from_utf8_lossy(&bytes).into_owned())),
        )
    }

    async fn pay(&self, reservation: ReservationId, card: &str, key: Option<&str>) -> (u16, Value) {
        let body = json!({"reservation_id": reservation.to_string(), "payment_method": card});
        self.send(&guest(), "POST", "/v1/payments", key, Some(body)).await
    }

    /// Posts an event as a bank would; the status.
    async fn event(&self, secret: &str, secs_ago: i64, body: &str) -> u16 {
        let at = Timestamp::wall_clock().seconds() - secs_ago;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
        mac.update(format!("{at}.{body}").as_bytes());
        let tag = data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes());
        let request = self
            .http
            .post(format!("{}/v1/webhooks/stripe", self.url))
            .header("Stripe-Signature", format!("t={at},v1={tag}"));
        request
            .header("Content-Type", "application/json")
            .body(body.to_owned())
            .send()
            .await
            .expect("an answer")
            .status()
            .as_u16()
    }
}

fn is(problem: &Value, kind: &str) -> bool {
    problem["type"].as_str().is_some_and(|is| is.ends_with(kind))
}

#[tokio::test]
async fn a_payment_is_made_refunded_and_has_a_receipt() {
    let served = Served::new().await;
    let reservation = served.world.hold(1, euros(10_700));
    let (status, payment) = served.pay(reservation, "pm_card_visa", None).await;
    assert_eq!((status, &payment["status"]), (201, &json!("succeeded")), "{payment}");
    assert_eq!(payment["amount"], json!({"amount": 10_700, "currency": "EUR"}));
    assert_eq!((&payment["receipt_number"], &payment["test"]), (&json!("R-000001"), &json!(true)));
    let path = format!("/v1/payments/{}", payment["id"].as_str().expect("an id"));

    let (status, again) = served.send(&guest(), "GET", &path, None, None).await;
    assert_eq!((status, &again["id"]), (200, &payment["id"]));
    assert_eq!(served.send(&stranger(), "GET", &path, None, None).await.0, 404);
    assert_eq!(served.send(&guest(), "GET", "/v1/payments/pay_nonsense", None, None).await.0, 404);
    let (status, list) = served.send(&guest(), "GET", "/v1/payments?limit=1", None, None).await;
    assert_eq!(
        (status, list["items"].as_array().map(Vec::len), &list["next_cursor"]),
        (200, Some(1), &Value::Null),
        "{list}"
    );
    assert_eq!(served.send(&stranger(), "GET", "/v1/payments", None, None).await.1["items"], json!([]));
    let by_reservation = format!("/v1/payments?reservation_id={reservation}&status=succeeded");
    assert_eq!(
        served.send(&guest(), "GET", &by_reservation, None, None).await.1["items"][0]["id"],
        payment["id"]
    );

    let (status, receipt) = served.send(&guest(), "GET", &format!("{path}/receipt.pdf"), None, None).await;
    let receipt = receipt.as_str().expect("a file").to_owned();
    assert!(
        status == 200 && receipt.starts_with("%PDF receipt") && receipt.contains("R-000001"),
        "{receipt}"
    );
    // A token that may only read gets the link for those who sign in.
    assert!(receipt.contains(&format!("https://auberge.example/r/{reservation}\"")), "{receipt}");
    let mut owner = guest();
    owner.scopes.push("reservations:write".to_owned());
    for (who, has_secret) in [(owner, true), (staff(hotel()), false), (admin(), false)] {
        let (_, receipt) = served.send(&who, "GET", &format!("{path}/receipt.pdf"), None, None).await;
        let receipt = receipt.as_str().expect("a file");
        assert_eq!(receipt.contains("key=secret-1"), has_secret, "{}: {receipt}", who.subject);
    }

    let refunds = format!("{path}/refunds");
    assert_eq!(served.send(&guest(), "POST", &refunds, None, Some(json!({}))).await.0, 403);
    let other = staff(contracts::HotelId::of_reference("other"));
    assert_eq!(served.send(&other, "POST", &refunds, None, Some(json!({}))).await.0, 404);
    let dollars = json!({"amount": {"amount": 1, "currency": "USD"}});
    assert_eq!(served.send(&admin(), "POST", &refunds, None, Some(dollars)).await.0, 422);
    let much = json!({"amount": 10_701});
    let (_, problem) = served.send(&admin(), "POST", &refunds, None, Some(much)).await;
    assert!(is(&problem, "refund-too-large"), "{problem}");
    let some = json!({"amount": {"amount": 700, "currency": "EUR"}, "reason": "Noise"});
    let (status, refund) =
        served.send(&staff(hotel()), "POST", &refunds, Some("refund-key-1"), Some(some.clone())).await;
    assert_eq!(
        (status, &refund["status"], &refund["reason"]),
        (201, &json!("succeeded"), &json!("Noise")),
        "{refund}"
    );
    let (_, replayed) =
        served.send(&staff(hotel()), "POST", &refunds, Some("refund-key-1"), Some(some)).await;
    assert_eq!(replayed["id"], refund["id"]);
    let (_, payment) = served.send(&guest(), "GET", &path, None, None).await;
    assert_eq!(
        (&payment["status"], &payment["refunded"]["amount"]),
        (&json!("partially_refunded"), &json!(700))
    );
    // The receipt is as it was, and the refund has a credit note.
    let (status, again) = served.send(&guest(), "GET", &format!("{path}/receipt.pdf"), None, None).await;
    assert_eq!((status, again.as_str()), (200, Some(receipt.as_str())));
    let notes = format!("{path}/credit-notes");
    let (status, listed) = served.send(&guest(), "GET", &notes, None, None).await;
    assert_eq!((status, listed["items"].as_array().map(Vec::len)), (200, Some(1)), "{listed}");
    let note = &listed["items"][0];
    assert_eq!((&note["number"], &note["refund_id"]), (&json!("CN-000001"), &refund["id"]));
    assert_eq!((&note["amount"], &payment["credit_notes"]), (&refund["amount"], &listed["items"]));
    let document = format!("{notes}/CN-000001/credit-note.pdf");
    let (status, text) = served.send(&guest(), "GET", &document, None, None).await;
    let text = text.as_str().expect("a file");
    assert!(status == 200 && text.starts_with("%PDF credit-note"), "{text}");
    assert!(text.contains("R-000001") && text.contains("Noise"), "{text}");
    for (who, path, expect) in [
        (&stranger(), &document, 404),
        (&stranger(), &notes, 404),
        (&other, &document, 404),
        (&guest(), &format!("{notes}/CN-000002/credit-note.pdf"), 404),
    ] {
        assert_eq!(served.send(who, "GET", path, None, None).await.0, expect, "{path}");
    }
    let mailed = || {
        let mails = served.world.mails();
        mails.into_values().find(|mail| mail.contains("credit-note-CN-000001.pdf"))
    };
    let mut mail = mailed();
    for _ in 0..200 {
        if mail.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
        mail = mailed();
    }
    assert!(
        mail.is_some_and(|mail| mail.contains("Refund from Hotel Grand")),
        "{:?}",
        served.world.mails().keys()
    );
}

#[tokio::test]
async fn an_unpayable_reservation_is_refused_and_a_declined_card_is_a_payment() {
    let served = Served::new().await;
    let reservation = served.world.hold(1, euros(900));
    let (status, failed) = served.pay(reservation, "pm_card_chargeDeclined", None).await;
    assert_eq!(
        (status, &failed["status"], &failed["failure"]["code"]),
        (201, &json!("failed"), &json!("card_declined"))
    );
    let body = json!({"reservation_id": reservation.to_string(), "payment_method": "pm_card_visa"});
    assert_eq!(served.send(&stranger(), "POST", "/v1/payments", None, Some(body)).await.0, 404);
    let (status, action) = served.pay(reservation, "pm_card_threeDSecure2Required", None).await;
    assert_eq!((status, &action["status"]), (201, &json!("requires_action")));
    assert!(
        action["next_action"]["redirect_url"].as_str().is_some_and(|url| url.contains("/3ds/pi_")),
        "{action}"
    );
    let (status, open) = served.pay(reservation, "pm_card_visa", None).await;
    assert!(status == 409 && is(&open, "payment-open"), "{open}");
    assert_eq!(served.pay(contracts::ReservationId(7), "pm_card_visa", None).await.0, 409);
    for (field, body) in [
        ("/reservation_id", json!({"reservation_id": "rsv_1", "payment_method": "pm_card_visa"})),
        (
            "/payment_method",
            json!({"reservation_id": reservation.to_string(), "payment_method": "4242424242424242"}),
        ),
    ] {
        let (status, problem) = served.send(&guest(), "POST", "/v1/payments", None, Some(body)).await;
        assert_eq!(status, 400, "{field}: {problem}");
        assert!(!problem.to_string().contains("4242"), "{problem}");
    }
}

#[tokio::test]
async fn an_idempotency_key_makes_one_payment_and_returns_the_same_reply() {
    let served = Served::new().await;
    let reservation = served.world.hold(1, euros(900));
    let (status, first) = served.pay(reservation, "pm_card_visa", Some("payment-key-1")).await;
    assert_eq!(status, 201, "{first}");
    // The reservation is confirmed and not payable any more; the retry returns the first reply.
    let (status, again) = served.pay(reservation, "pm_card_visa", Some("payment-key-1")).await;
    assert_eq!((status, &again["id"]), (201, &first["id"]), "{again}");
    assert_eq!(served.pay(reservation, "pm_card_amex", Some("payment-key-1")).await.0, 409);
    let (status, other) = served.pay(reservation, "pm_card_visa", Some("payment-key-2")).await;
    assert!(status == 409 && is(&other, "already-paid"), "{other}");
    assert_eq!(served.world.charged().await, 1);
}

#[tokio::test]
async fn webhooks_complete_a_payment_if_their_signature_is_valid() {
    let served = Served::new().await;
    let bank = served.world.bank();
    bank.send_webhooks_to(format!("{}/v1/webhooks/stripe", served.url));
    bank.faults().double_webhooks(true);
    bank.faults().hold_webhooks(true);
    let (_, payment) =
        served.pay(served.world.hold(1, euros(900)), "pm_card_threeDSecure2Required", None).await;
    let url = payment["next_action"]["redirect_url"].as_str().expect("a page");
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");
    http.post(url).form(&[("outcome", "complete")]).send().await.expect("an answer");
    let path = format!("/v1/payments/{}", payment["id"].as_str().expect("an id"));
    assert_eq!(served.send(&guest(), "GET", &path, None, None).await.1["status"], "requires_action");

    // Forged, replayed or malformed events are refused.
    let event = json!({"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object":
        {"object": "payment_intent", "id": "pi_x", "metadata": {"payment": payment["id"]}}}})
    .to_string();
    assert_eq!(served.event("whsec_wrong", 0, &event).await, 400);
    assert_eq!(served.event(&bank.webhook_secret, 301, &event).await, 400);
    assert_eq!(served.event(&bank.webhook_secret, -301, &event).await, 400);
    assert_eq!(served.event(&bank.webhook_secret, 0, "{}").await, 400);
    let bare = served.http.post(format!("{}/v1/webhooks/stripe", served.url)).body(event.clone());
    assert_eq!(bare.send().await.expect("an answer").status(), 400);
    // A valid event about an unknown intent is parked, with 200.
    assert_eq!(served.event(&bank.webhook_secret, 10, &event).await, 200);
    assert_eq!(served.send(&guest(), "GET", &path, None, None).await.1["status"], "requires_action");

    bank.faults().hold_webhooks(false);
    bank.faults().double_webhooks(true);
    let mut status = Value::Null;
    for _ in 0..200 {
        status = served.send(&guest(), "GET", &path, None, None).await.1["status"].clone();
        if status == "succeeded" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(status, "succeeded");
    assert_eq!(served.world.charged().await, 1);
    assert_eq!(served.world.services.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn an_open_payment_is_cancelled_and_another_card_pays_at_once() {
    let served = Served::new().await;
    let reservation = served.world.hold(1, euros(900));
    let (_, open) = served.pay(reservation, "pm_card_threeDSecure2Required", None).await;
    let id = open["id"].as_str().expect("an id").to_owned();
    let (status, problem) = served.pay(reservation, "pm_card_visa", None).await;
    assert!(status == 409 && is(&problem, "payment-open"), "{problem}");
    assert_eq!(problem["payment_id"], open["id"], "the problem names the open payment: {problem}");
    let cancel = format!("/v1/payments/{id}/cancel");
    assert_eq!(served.send(&stranger(), "POST", &cancel, None, None).await.0, 404);
    let (status, cancelled) = served.send(&guest(), "POST", &cancel, None, None).await;
    assert_eq!(
        (status, &cancelled["status"], &cancelled["failure"]["code"]),
        (200, &json!("failed"), &json!("cancelled")),
        "{cancelled}"
    );
    // The page at the bank does not charge any more.
    let page = open["next_action"]["redirect_url"].as_str().expect("a page");
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let gone = http.post(page).form(&[("outcome", "complete")]).send().await.expect("an answer");
    assert_eq!(gone.status(), 404);
    let (status, paid) = served.pay(reservation, "pm_card_visa", None).await;
    assert_eq!((status, &paid["status"]), (201, &json!("succeeded")), "{paid}");
    let path = format!("/v1/payments/{}/cancel", paid["id"].as_str().expect("an id"));
    let (status, problem) = served.send(&guest(), "POST", &path, None, None).await;
    assert!(status == 409 && is(&problem, "already-paid"), "{problem}");
    assert_eq!(served.world.charged().await, 1);
    assert_eq!(served.world.services.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_refund_that_fails_later_is_listed_retried_and_settled() {
    let served = Served::new().await;
    let bank = served.world.bank();
    bank.send_webhooks_to(format!("{}/v1/webhooks/stripe", served.url));
    let reservation = served.world.hold(1, euros(900));
    let (_, payment) = served.pay(reservation, "pm_card_refundFail", None).await;
    let path = format!("/v1/payments/{}", payment["id"].as_str().expect("an id"));
    let (status, refund) =
        served.send(&admin(), "POST", &format!("{path}/refunds"), None, Some(json!({}))).await;
    assert_eq!((status, &refund["status"]), (201, &json!("succeeded")), "{refund}");
    let listed = async || {
        let list = "/v1/payments?needs_attention=true";
        served.send(&staff(hotel()), "GET", list, None, None).await.1["items"].clone()
    };
    let wait_until_listed = async || {
        for _ in 0..200 {
            if listed().await.as_array().is_some_and(|items| !items.is_empty()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the refund that failed is not listed");
    };
    wait_until_listed().await;
    let (_, found) = served.send(&guest(), "GET", &path, None, None).await;
    assert_eq!((&found["status"], &found["attention"]), (&json!("succeeded"), &json!(["refund_failed"])));
    assert_eq!(found["refunds"][0]["status"], "failed");
    let of = |refund: &Value| format!("{path}/refunds/{}", refund["id"].as_str().expect("an id"));
    let retry = format!("{}/retry", of(&refund));
    assert_eq!(served.send(&guest(), "POST", &retry, None, None).await.0, 403);
    let (status, second) = served.send(&staff(hotel()), "POST", &retry, None, None).await;
    assert_eq!(status, 201, "{second}");
    let (_, again) = served.send(&staff(hotel()), "POST", &retry, None, None).await;
    assert_eq!(again["id"], second["id"]);
    // The card does not take refunds: staff pays in another way.
    wait_until_listed().await;
    let settle = format!("{}/settle", of(&second));
    let note = json!({"note": "Bank transfer of 24 November"});
    let replaced = format!("{}/settle", of(&refund));
    let (status, problem) = served.send(&admin(), "POST", &replaced, None, Some(note.clone())).await;
    assert!(status == 409 && is(&problem, "refund-not-failed"), "replaced by another: {problem}");
    let (status, settled) = served.send(&admin(), "POST", &settle, None, Some(note)).await;
    assert_eq!((status, &settled["status"]), (200, &json!("refunded")), "{settled}");
    assert_eq!(settled["refunds"][1]["settled_otherwise"], "Bank transfer of 24 November");
    assert_eq!(listed().await, json!([]));
    assert_eq!(served.world.services.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn cards_that_a_guest_tries_are_limited() {
    let served = Served::new().await;
    for n in 0..4 {
        let reservation = served.world.hold(n, euros(900));
        for _ in 0..3 {
            assert_eq!(served.pay(reservation, "pm_card_chargeDeclined", None).await.0, 201);
        }
    }
    let reservation = served.world.hold(9, euros(900));
    let (status, problem) = served.pay(reservation, "pm_card_visa", None).await;
    assert!(status == 429 && is(&problem, "rate-limited"), "{problem}");
    assert_eq!(served.world.charged().await, 0);
}
