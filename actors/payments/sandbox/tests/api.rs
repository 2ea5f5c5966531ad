//! The sandbox bank over HTTP, as Stripe's documentation describes it.

use std::sync::Arc;
use std::time::Duration;

use sandbox_bank::{Options, Running, Sandbox};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct TestBank {
    bank: Running,
    http: reqwest::Client,
}

async fn start(dir: &std::path::Path) -> TestBank {
    let options = Options { refund_delay: Duration::from_millis(20), ..Options::new(dir) };
    let bank = Sandbox::start(options).await.expect("the bank opens");
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");
    TestBank { bank, http }
}

impl TestBank {
    async fn post(&self, path: &str, key: Option<&str>, form: &[(&str, &str)]) -> (u16, Value) {
        let request = self
            .http
            .post(format!("{}{path}", self.bank.base_url))
            .bearer_auth(&self.bank.secret_key)
            .form(form);
        read(key.into_iter().fold(request, |request, key| request.header("Idempotency-Key", key))).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        read(self.http.get(format!("{}{path}", self.bank.base_url)).bearer_auth(&self.bank.secret_key)).await
    }

    async fn intent(&self, method: &str) -> String {
        let (_, intent) = self
            .post(
                "/v1/payment_intents",
                None,
                &[("amount", "1000"), ("currency", "eur"), ("payment_method", method)],
            )
            .await;
        intent["id"].as_str().unwrap_or_else(|| panic!("{intent}")).to_owned()
    }

    async fn confirm(&self, intent: &str) -> (u16, Value) {
        self.post(
            &format!("/v1/payment_intents/{intent}/confirm"),
            None,
            &[("return_url", "https://shop.example/?a=1#end")],
        )
        .await
    }
}

async fn read(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("a response");
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.expect("a body")).unwrap_or(Value::Null))
}

#[tokio::test]
async fn amounts_follow_the_rules_of_their_currency() {
    let dir = tempfile::tempdir().expect("a directory");
    let client = start(dir.path()).await;
    let bank = &client;
    let pay = |amount: &'static str, currency: &'static str| {
        let form =
            [("amount", amount), ("currency", currency), ("payment_method", "pm_card_threeDSecure2Required")];
        async move { bank.post("/v1/payment_intents", None, &form).await }
    };
    for (amount, currency, status) in [
        ("94763", "kwd", 400),
        ("94760", "kwd", 200),
        ("150", "isk", 400),
        ("100", "isk", 200),
        ("5", "mga", 200),
    ] {
        let (found, body) = pay(amount, currency).await;
        assert_eq!(found, status, "{amount} {currency}: {body}");
        assert_eq!(status == 400, body["error"]["param"] == "amount", "{body}");
    }
    let (_, intent) = pay("94760", "kwd").await;
    let (_, intent) = client.confirm(intent["id"].as_str().expect("an id")).await;
    let page = intent["next_action"]["redirect_to_url"]["url"].as_str().expect("a page");
    let page = client.http.get(page).send().await.expect("a page").text().await.expect("text");
    assert!(page.contains("94.760 KWD"), "{page}");
}

#[tokio::test]
async fn an_intent_is_created_confirmed_and_charged_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let client = start(dir.path()).await;
    let form = [
        ("amount", "1000"),
        ("currency", "EUR"),
        ("payment_method", "pm_card_visa"),
        ("metadata[order]", "7"),
    ];
    let (status, made) = client.post("/v1/payment_intents", None, &form).await;
    assert_eq!(
        (status, &made["status"], &made["metadata"]["order"]),
        (200, &"requires_confirmation".into(), &"7".into())
    );
    let id = made["id"].as_str().expect("an id");
    let (status, paid) = client.confirm(id).await;
    assert_eq!((status, &paid["status"], &paid["amount_received"]), (200, &"succeeded".into(), &1000.into()));
    let (status, again) = client.confirm(id).await;
    assert_eq!((status, &again["error"]["code"]), (400, &"payment_intent_unexpected_state".into()));
    let (status, late) = client.post(&format!("/v1/payment_intents/{id}/cancel"), None, &[]).await;
    assert_eq!((status, &late["error"]["code"]), (400, &"payment_intent_unexpected_state".into()));
    let (_, charges) = client.get(&format!("/v1/charges?payment_intent={id}")).await;
    assert_eq!(charges["data"].as_array().map(Vec::len), Some(1));
    let (_, found) = client.get(&format!("/v1/payment_intents/{id}?expand[]=payment_method")).await;
    assert_eq!(found["payment_method"]["card"]["last4"], "4242");
}

#[tokio::test]
async fn invalid_requests_are_rejected() {
    let dir = tempfile::tempdir().expect("a directory");
    let client = start(dir.path()).await;
    for (form, status) in [
        (vec![("currency", "eur")], 400),
        (vec![("amount", "x"), ("currency", "eur")], 400),
        (vec![("amount", "0"), ("currency", "eur")], 400),
        (vec![("amount", "100000000"), ("currency", "eur")], 400),
        (vec![("amount", "1"), ("currency", "euro")], 400),
        (vec![("amount", "1"), ("currency", "eur"), ("payment_method", "pm_nobody")], 400),
        (vec![("amount", "1"), ("currency", "eur"), ("capture_method", "manual")], 400),
    ] {
        assert_eq!(client.post("/v1/payment_intents", None, &form).await.0, status, "{form:?}");
    }
    for path in
        ["/v1/payment_intents/pi_nobody", "/v1/refunds/re_x", "/v1/charges/ch_x", "/v1/customers", "/"]
    {
        assert_eq!(client.get(path).await.0, 404, "{path}");
    }
    for key in ["", "sk_test_wrong", &client.bank.publishable_key] {
        let request = client.http.get(format!("{}/v1/charges", client.bank.base_url)).bearer_auth(key);
        assert_eq!(read(request).await.0, 401);
    }
    let basic = client
        .http
        .get(format!("{}/v1/charges", client.bank.base_url))
        .basic_auth(&client.bank.secret_key, None::<&str>);
    assert_eq!(read(basic).await.0, 200);
    let not_here =
        Options { addr: "0.0.0.0:0".parse().expect("an address"), ..Options::new(dir.path().join("x")) };
    assert!(Sandbox::start(not_here).await.is_err());
}

#[tokio::test]
async fn an_idempotency_key_returns_the_stored_response_after_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut client = start(dir.path()).await;
    let form = [
        ("amount", "1000"),
        ("currency", "eur"),
        ("payment_method", "pm_card_chargeDeclined"),
        ("confirm", "true"),
    ];
    let (status, first) = client.post("/v1/payment_intents", Some("k1"), &form).await;
    assert_eq!((status, &first["error"]["decline_code"]), (402, &"generic_decline".into()));
    let other = [("amount", "1001"), ("currency", "eur")];
    let (status, refused) = client.post("/v1/payment_intents", Some("k1"), &other).await;
    assert_eq!((status, &refused["error"]["type"]), (400, &"idempotency_error".into()));
    let (base, secret) = (client.bank.base_url.clone(), client.bank.secret_key.clone());
    client.bank.stop().await;
    client = start(dir.path()).await;
    assert_eq!(
        (&client.bank.base_url, &client.bank.secret_key),
        (&base, &secret),
        "the address and the keys stay"
    );
    assert_eq!(client.post("/v1/payment_intents", Some("k1"), &form).await, (402, first));
    assert_eq!(client.get("/v1/charges").await.1["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn card_numbers_are_tokenised_and_not_stored() {
    let dir = tempfile::tempdir().expect("a directory");
    let client = start(dir.path()).await;
    let url = format!("{}/v1/payment_methods", client.bank.base_url);
    let preflight = client.http.request(reqwest::Method::OPTIONS, &url).send().await.expect("a response");
    assert_eq!(
        (preflight.status().as_u16(), &preflight.headers()["access-control-allow-origin"]),
        (204, &"*".parse().expect("a header"))
    );
    let tokenise = async |number: &str, year: &str, cvc: &str| {
        let card = [
            ("type", "card"),
            ("card[number]", number),
            ("card[exp_month]", "12"),
            ("card[exp_year]", year),
            ("card[cvc]", cvc),
        ];
        let response = client
            .http
            .post(&url)
            .bearer_auth(&client.bank.publishable_key)
            .form(&card)
            .send()
            .await
            .expect("a response");
        assert!(response.headers().contains_key("access-control-allow-origin"));
        let status = response.status().as_u16();
        (status, serde_json::from_slice::<Value>(&response.bytes().await.expect("a body")).expect("JSON"))
    };
    for (number, year, cvc, code) in [
        ("4242424242424241", "2040", "123", "incorrect_number"),
        ("", "2040", "123", "incorrect_number"),
        ("4242424242424242", "2020", "123", "invalid_expiry_year"),
        ("4242424242424242", "2040", "12", "invalid_cvc"),
    ] {
        let (status, error) = tokenise(number, year, cvc).await;
        assert_eq!((status, error["error"]["code"].as_str()), (402, Some(code)));
    }
    let (status, method) = tokenise("4000 0000 0000 9995", "40", "123").await;
    assert_eq!((status, method["card"]["last4"].as_str()), (200, Some("9995")));
    let intent = client.intent(method["id"].as_str().expect("an id")).await;
    assert_eq!(client.confirm(&intent).await.1["error"]["decline_code"], "insufficient_funds");
    client.bank.stop().await;
    for file in std::fs::read_dir(dir.path()).expect("the store") {
        let path = file.expect("a file").path();
        if path.is_file() {
            let bytes = std::fs::read(&path).expect("a file");
            assert!(!bytes.windows(16).any(|window| window == b"4000000000009995"), "{path:?}");
        }
    }
}

#[tokio::test]
async fn the_3ds_page_redirects_to_the_return_url() {
    let dir = tempfile::tempdir().expect("a directory");
    let client = start(dir.path()).await;
    for (outcome, status, word) in
        [("complete", "succeeded", "succeeded"), ("fail", "requires_payment_method", "failed")]
    {
        let intent = client.intent("pm_card_threeDSecure2Required").await;
        let (code, waiting) = client.confirm(&intent).await;
        assert_eq!((code, &waiting["status"]), (200, &"requires_action".into()));
        let page = waiting["next_action"]["redirect_to_url"]["url"].as_str().expect("a page").to_owned();
        let wrong = format!("{page}x");
        assert_eq!(client.http.get(&wrong).send().await.expect("a response").status().as_u16(), 404);
        let response =
            client.http.post(&page).form(&[("outcome", outcome)]).send().await.expect("a response");
        let location = response.headers()["location"].to_str().expect("text");
        assert_eq!(
            location,
            format!("https://shop.example/?a=1&payment_intent={intent}&redirect_status={word}#end")
        );
        assert_eq!(client.get(&format!("/v1/payment_intents/{intent}")).await.1["status"], status);
    }
}

#[tokio::test]
async fn refunds_never_exceed_the_charge() {
    let dir = tempfile::tempdir().expect("a directory");
    let client = start(dir.path()).await;
    let intent = client.intent("pm_card_visa").await;
    let refund = async |amount: &str| {
        client.post("/v1/refunds", None, &[("payment_intent", &intent), ("amount", amount)]).await
    };
    assert_eq!(refund("1").await.0, 400, "nothing is charged yet");
    client.confirm(&intent).await;
    for (amount, status) in
        [("1001", 400), ("0", 400), ("-1", 400), ("400", 200), ("601", 400), ("600", 200), ("1", 400)]
    {
        assert_eq!(refund(amount).await.0, status, "{amount}");
    }
    let (_, list) = client.get(&format!("/v1/refunds?payment_intent={intent}&limit=1")).await;
    assert_eq!((&list["data"][0]["amount"], &list["has_more"]), (&600.into(), &true.into()));
}

#[tokio::test]
async fn events_are_signed_and_retried_until_accepted() {
    let dir = tempfile::tempdir().expect("a directory");
    let client = start(dir.path()).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    client.bank.send_webhooks_to(format!("http://{addr}/hook"));
    let received = Arc::new(tokio::sync::Mutex::new(Vec::<String>::new()));
    let keep = Arc::clone(&received);
    let receiver = tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let mut request = Vec::new();
            let mut part = [0; 4096];
            while !String::from_utf8_lossy(&request).contains("\"type\":") {
                let read = socket.read(&mut part).await.expect("bytes");
                request.extend_from_slice(&part[..read]);
            }
            let mut received = keep.lock().await;
            received.push(String::from_utf8_lossy(&request).into_owned());
            // The first delivery is rejected.
            let status = if received.len() == 1 { "500 No" } else { "200 OK" };
            let response = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            socket.write_all(response.as_bytes()).await.expect("sent");
        }
    });
    let intent = client.intent("pm_card_visa").await;
    for _ in 0..100 {
        if received.lock().await.len() >= 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    receiver.abort();
    let received = received.lock().await;
    let id = |request: &String| request.split("\"id\":\"evt_").nth(1).map(|rest| rest[..24].to_owned());
    assert!(received.len() >= 2 && id(&received[0]) == id(&received[1]), "{received:?}");
    assert!(received[0].contains(&intent) && received[0].to_lowercase().contains("stripe-signature: t="));
}
