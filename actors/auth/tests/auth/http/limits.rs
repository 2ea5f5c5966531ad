//! Limits of attempts, rotation of secrets and keys over HTTP.

use super::*;
use crate::bench::svc;

const CREDENTIALS: [(&str, &str); 1] = [("grant_type", "client_credentials")];

#[tokio::test]
async fn the_right_secret_is_accepted_whatever_others_tried() {
    let web = Web::new().await;
    let mut statuses = Vec::new();
    for guess in 0..25 {
        let who = format!("web:guess{guess}");
        statuses.push(web.post_basic("/oauth/token", &who, &CREDENTIALS).await.status.as_u16());
    }
    assert_eq!(statuses[..20], [401; 20]);
    assert_eq!(statuses[20..], [429; 5], "beyond the limit");
    let refused = web.post_basic("/oauth/token", "web:guess", &CREDENTIALS).await;
    assert_eq!((refused.text("error"), refused.header(header::RETRY_AFTER)), ("slow_down".into(), "2"));
    assert_eq!(web.post_basic("/oauth/token", "web:sec_web", &CREDENTIALS).await.status, StatusCode::OK);
}

#[tokio::test]
async fn wrong_codes_of_devices_do_not_delay_sign_ins() {
    let web = Web::new().await;
    let code_page = web.get("/oauth/device").await;
    let csrf = code_page.hidden("csrf");
    let show = async |code: &str| {
        let fields = [("csrf", &*csrf), ("user_code", code), ("decision", "show")];
        web.post("/oauth/device", &fields, &code_page.cookie()).await
    };
    for _ in 0..10 {
        assert!(show("BBBB-BBBB").await.body.contains("no such code"));
    }
    let limited = show("BBBB-BBBB").await;
    assert!(
        limited.body.contains("Too many wrong codes. Please try again in 3 seconds."),
        "{}",
        limited.body
    );
    let consent = page(&web).await;
    let sent = decide(&web, &consent, "ann@example.org", "correct", "allow").await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    let got = web.post_basic("/oauth/device_authorization", "web:sec_web", &[("scope", "profile")]).await;
    web.services.advance_secs(3);
    assert!(show(&got.text("user_code")).await.body.contains("<strong>Web</strong>"), "the delay is short");
}

#[tokio::test]
async fn failed_sign_ins_delay_the_same_address_only_and_not_for_long() {
    let web = Web::new().await;
    let consent = page(&web).await;
    for _ in 0..5 {
        let wrong = decide(&web, &consent, "ann@example.org", "wrong", "allow").await;
        assert!(wrong.body.contains("do not match"), "{}", wrong.body);
    }
    let early = decide(&web, &consent, "ann@example.org", "correct", "allow").await;
    assert!(early.body.contains("Please try again in 3 seconds."), "{}", early.body);
    web.services.advance_secs(2);
    let sent = decide(&web, &consent, "ann@example.org", "correct", "allow").await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
}

#[tokio::test]
async fn all_edges_of_a_cluster_count_together() {
    let web = Web::new().await;
    let edges = [web.another_edge(), web.another_edge(), web];
    let mut limited = 0;
    for guess in 0..24 {
        let got = edges[guess % 3].post_basic("/oauth/token", "web:guess", &CREDENTIALS).await;
        limited += usize::from(got.status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(limited, 4);
}

#[tokio::test]
async fn secrets_are_rotated_with_an_overlap() {
    let web = Web::new().await;
    let rotate = async |caller: &Principal, id: &str, body: &str| {
        web.as_caller(caller, Method::POST, &format!("/v1/clients/{id}/secret"), body).await
    };
    let reader = Principal { scopes: list(&[scope::CLUSTER_READ]), ..operator() };
    assert_eq!(rotate(&reader, "web", "{}").await.status, StatusCode::FORBIDDEN);
    let rotated = rotate(&operator(), "web", "").await;
    assert_eq!(rotated.status, StatusCode::OK, "{}", rotated.body);
    assert_not_cached(&rotated);
    assert!(rotated.json()["client"]["previous_secret_expires_at"].is_string(), "{}", rotated.body);
    let new = format!("web:{}", rotated.text("client_secret"));
    for who in [new.as_str(), "web:sec_web"] {
        assert_eq!(web.post_basic("/oauth/token", who, &CREDENTIALS).await.status, StatusCode::OK, "{who}");
    }
    // A node does the same for the administrator who has lost the secret.
    let recovered = rotate(&svc("node"), "web", r#"{"overlap_secs":0}"#).await;
    let newest = format!("web:{}", recovered.text("client_secret"));
    for (who, status) in [(new.as_str(), 401), ("web:sec_web", 401), (newest.as_str(), 200)] {
        assert_eq!(web.post_basic("/oauth/token", who, &CREDENTIALS).await.status.as_u16(), status, "{who}");
    }
    for (id, body, status) in
        [("nobody", "{}", 404), ("web", r#"{"overlap_secs":2592001}"#, 400), ("web", "[]", 400)]
    {
        assert_eq!(rotate(&operator(), id, body).await.status.as_u16(), status, "{id} {body}");
    }
}

#[tokio::test]
async fn signing_keys_are_rotated_and_withdrawn() {
    let web = Web::new().await;
    let guest = Principal { subject: "usr_1".into(), scopes: list(&["profile"]), ..Principal::default() };
    for method in [Method::GET, Method::POST] {
        let refused = web.as_caller(&guest, method, "/v1/keys", "").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    let operator = Principal { scopes: list(&[scope::CLUSTER_READ, scope::CLUSTER_MANAGE]), ..operator() };
    let listed = web.as_caller(&operator, Method::GET, "/v1/keys", "").await.json();
    let only = listed["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed}");
    let last = web.as_caller(&operator, Method::DELETE, &format!("/v1/keys/{only}"), "").await;
    assert_eq!((last.status.as_u16(), last.text("type")), (409, "/problems/last-key".to_owned()));
    let unknown = web.as_caller(&operator, Method::DELETE, "/v1/keys/k4.pid.none", "").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    web.services.client().call(&web.call_as(&operator), contracts::auth::RotateKeys).await.unwrap();
    web.services.settle().await;
    let keys = web.as_caller(&operator, Method::GET, "/v1/keys", "").await.json();
    assert_eq!(keys["items"].as_array().map(Vec::len), Some(2), "{keys}");
    web.services.advance_secs(61);
    let gone = web.as_caller(&operator, Method::DELETE, &format!("/v1/keys/{only}"), "").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.body);
}
