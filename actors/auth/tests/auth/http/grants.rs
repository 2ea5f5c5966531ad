//! `/oauth/token`, `/oauth/introspect` and `/oauth/revoke`: every grant, and every error that the RFCs list.

use super::*;

#[tokio::test]
async fn every_error_of_the_token_endpoint() {
    let web = Web::new().await;
    let code = code(&web).await;
    let verifier = [("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
    let with = |extra: &[(&'static str, &str)]| -> Vec<(String, String)> {
        extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let wrong_verifier = "a".repeat(43);
    let table = [
        (with(&[]), "invalid_request"),
        (with(&[("grant_type", "password")]), "unsupported_grant_type"),
        (with(&[("grant_type", "implicit")]), "unsupported_grant_type"),
        (with(&[("grant_type", "authorization_code")]), "invalid_request"),
        (with(&[("grant_type", "authorization_code"), ("code", &code)]), "invalid_request"),
        (
            with(&[("grant_type", "authorization_code"), ("code", &code), ("code_verifier", VERIFIER)]),
            "invalid_grant",
        ),
        (
            with(&[("grant_type", "authorization_code"), ("code", "ac_none"), verifier[0], verifier[1]]),
            "invalid_grant",
        ),
        (
            with(&[
                ("grant_type", "authorization_code"),
                ("code", &code),
                verifier[0],
                ("code_verifier", &wrong_verifier),
            ]),
            "invalid_grant",
        ),
        (
            with(&[
                ("grant_type", "authorization_code"),
                ("code", &code),
                verifier[0],
                ("code_verifier", "x"),
            ]),
            "invalid_grant",
        ),
        (with(&[("grant_type", "refresh_token")]), "invalid_request"),
        (with(&[("grant_type", "refresh_token"), ("refresh_token", "rt_none")]), "invalid_grant"),
        (with(&[("grant_type", "client_credentials"), ("scope", "cluster:manage")]), "invalid_scope"),
        (with(&[("grant_type", "client_credentials"), ("grant_type", "refresh_token")]), "invalid_request"),
        (with(&[("grant_type", "urn:ietf:params:oauth:grant-type:device_code")]), "invalid_request"),
    ];
    for (fields, error) in table {
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let got = web.post_basic("/oauth/token", "web:sec_web", &fields).await;
        assert_eq!((got.status, got.text("error").as_str()), (StatusCode::BAD_REQUEST, error), "{fields:?}");
        assert!(got.header(header::CONTENT_TYPE).starts_with("application/json"), "{fields:?}");
        assert_not_cached(&got);
        assert!(!got.body.contains("sec_web"));
    }
    // Failed client authentication: 401 with a `WWW-Authenticate` header.
    let fields = [("grant_type", "client_credentials")];
    for who in ["web:wrong", "nobody:sec_web", "web:", "ui:x"] {
        let got = web.post_basic("/oauth/token", who, &fields).await;
        assert_eq!(
            (got.status, got.text("error").as_str()),
            (StatusCode::UNAUTHORIZED, "invalid_client"),
            "{who}"
        );
        assert!(got.header(header::WWW_AUTHENTICATE).starts_with("Basic"), "{who}");
    }
    assert_eq!(web.post("/oauth/token", &fields, "").await.text("error"), "invalid_client");
    // A body that is not a form.
    let json = Request::builder()
        .method(Method::POST)
        .uri_str("/oauth/token")
        .content_type("application/json")
        .body("{}");
    let got = web.send(json).await;
    assert_eq!((got.status, got.text("error").as_str()), (StatusCode::BAD_REQUEST, "invalid_request"));
    // Failed attempts do not invalidate the code.
    assert_eq!(exchange(&web, &code).await.status, StatusCode::OK);
    assert_eq!(exchange(&web, &code).await.text("error"), "invalid_grant");
}

#[tokio::test]
async fn client_credentials_and_public_clients() {
    let web = Web::new().await;
    let fields = [
        ("grant_type", "client_credentials"),
        ("scope", "profile"),
        ("client_id", "web"),
        ("client_secret", "sec_web"),
    ];
    let got = web.post("/oauth/token", &fields, "").await;
    assert_eq!((got.status, got.text("scope")), (StatusCode::OK, "profile".into()));
    assert!(got.json().get("refresh_token").is_none(), "RFC 6749 §4.4.3");
    let spa = CreateClient {
        id: Some("spa".into()),
        kind: ClientKind::Public,
        secret_hash: None,
        redirect_uris: list(&["http://127.0.0.1/cb"]),
        grant_types: vec![GrantType::AuthorizationCode],
        ..web_client()
    };
    let node = web.call_as(&Principal::service("node"));
    web.services.client().call(&node, spa).await.unwrap();
    // A native app can listen on any port of the loopback interface (RFC 8252 §7.3).
    let target = "http://127.0.0.1:51004/cb";
    let consent = web.get(&ask_with(&[("client_id", Some("spa")), ("redirect_uri", Some(target))])).await;
    let sent = decide(&web, &consent, "ann@example.org", "correct", "allow").await;
    let code = sent.sent_to(target)["code"].clone();
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "spa"),
        ("code", &*code),
        ("redirect_uri", target),
        ("code_verifier", VERIFIER),
    ];
    let got = web.post("/oauth/token", &fields, "").await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.body);
    assert!(got.json().get("refresh_token").is_none(), "the client does not have the refresh grant");
    let got = web.post("/oauth/introspect", &[("client_id", "spa"), ("token", "x")], "").await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED, "public clients cannot introspect tokens");
}

#[tokio::test]
async fn revoked_tokens_are_inactive() {
    let web = Web::new().await;
    let code = code(&web).await;
    let got = exchange(&web, &code).await;
    let (access, token) = (got.text("access_token"), got.text("refresh_token"));
    let revoke =
        async |who: &str, token: &str| web.post_basic("/oauth/revoke", who, &[("token", token)]).await;
    assert_eq!(revoke("web:wrong", &access).await.text("error"), "invalid_client");
    assert_eq!(web.post_basic("/oauth/revoke", "web:sec_web", &[]).await.text("error"), "invalid_request");
    for unknown in ["nonsense", "v4.public.nonsense", "v4.local.x"] {
        assert_eq!(revoke("web:sec_web", unknown).await.status, StatusCode::OK, "{unknown}: RFC 7009 §2.2");
    }
    assert_eq!(introspect(&web, &access).await["active"], true);
    assert_eq!(revoke("web:sec_web", &access).await.status, StatusCode::OK);
    assert_eq!(introspect(&web, &access).await["active"], false);
    let second = refresh(&web, &token).await;
    assert_eq!(second.status, StatusCode::OK, "the session is still active");
    assert_eq!(revoke("web:sec_web", &second.text("refresh_token")).await.status, StatusCode::OK);
    assert_eq!(introspect(&web, &second.text("access_token")).await["active"], false);
    assert_eq!(refresh(&web, &second.text("refresh_token")).await.text("error"), "invalid_grant");
}

#[tokio::test]
async fn a_device_is_approved_in_a_browser() {
    let web = Web::new().await;
    let got = web.post_basic("/oauth/device_authorization", "web:sec_web", &[("scope", "profile")]).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.body);
    let (device_code, user_code) = (got.text("device_code"), got.text("user_code"));
    assert_eq!(got.text("verification_uri"), format!("{ISSUER}/oauth/device"));
    let poll = async || {
        let fields =
            [("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", &*device_code)];
        web.post_basic("/oauth/token", "web:sec_web", &fields).await
    };
    assert_eq!(poll().await.text("error"), "authorization_pending");
    assert_eq!(poll().await.text("error"), "slow_down");
    let code_page = web.get(&format!("/oauth/device?user_code={user_code}")).await;
    assert!(code_page.body.contains(&user_code), "{}", code_page.body);
    let send = async |decision: &str, code: &str, password: &str| {
        let csrf = code_page.hidden("csrf");
        let fields = [
            ("csrf", &*csrf),
            ("user_code", code),
            ("decision", decision),
            ("email", "ann@example.org"),
            ("password", password),
        ];
        web.post("/oauth/device", &fields, &code_page.cookie()).await
    };
    assert!(send("show", "BBBB-BBBB", "").await.body.contains("no such code"));
    let consent = send("show", &user_code.to_lowercase().replace('-', " "), "").await;
    assert!(consent.body.contains("<strong>Web</strong>"), "{}", consent.body);
    assert!(send("allow", &user_code, "wrong").await.body.contains("do not match"));
    assert!(send("allow", &user_code, "correct").await.body.contains("is signed in"));
    web.services.advance_secs(20);
    let got = poll().await;
    assert_eq!((got.status, got.text("scope")), (StatusCode::OK, "profile".into()));
    let csrf_free = web.post("/oauth/device", &[("user_code", &*user_code), ("decision", "allow")], "").await;
    assert!(csrf_free.body.contains("was not sent from our page"));
}
