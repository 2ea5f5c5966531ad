//! Webhook requests that the bank has not signed.

use test_support::TestServer;

#[tokio::test]
async fn a_webhook_without_the_banks_signature_is_refused() {
    let server = TestServer::open().await;
    let event = r#"{"id":"evt_1","object":"event","type":"payment_intent.succeeded","data":{"object":{"id":"pi_1"}}}"#;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for signature in
        ["", "nonsense", &format!("t={now},v1={}", "ab".repeat(32)), &format!("t={now}"), "t=1,v1=00"]
    {
        let request = server.anyone().request(reqwest::Method::POST, "/v1/webhooks/stripe");
        let response = request.header("stripe-signature", signature).bytes("application/json", event).await;
        assert_eq!(response.status, 400, "{signature}: {}", response.text());
        assert_eq!(response.header("content-type"), "application/problem+json");
    }
    let unsigned = server.anyone().request(reqwest::Method::POST, "/v1/webhooks/stripe");
    assert_eq!(unsigned.bytes("application/json", event).await.status, 400);
    server.assert_invariants().await;
}
