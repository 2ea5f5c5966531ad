//! `/oauth/authorize`: requests, decisions and errors.

use super::*;

#[tokio::test]
async fn the_whole_code_flow() {
    let web = Web::new().await;
    let page = page(&web).await;
    assert_not_cached(&page);
    assert!(
        page.body.contains("<strong>Web</strong>") && page.body.contains("See your reservations"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("<script"));
    let policy = page.header(header::CONTENT_SECURITY_POLICY);
    assert!(policy.contains("form-action 'self' https://app.example;"), "{policy}");
    // The policy allows exactly our style sheet.
    let style = page.body.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).unwrap();
    let hash = data_encoding::BASE64.encode(&<sha2::Sha256 as sha2::Digest>::digest(style.as_bytes()));
    assert!(policy.contains(&format!("style-src 'sha256-{hash}'")), "{policy}");
    let cookie = page.header(header::SET_COOKIE);
    for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/oauth"] {
        assert!(cookie.contains(part), "{cookie}");
    }

    let code = code(&web).await;
    let got = exchange(&web, &code).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.body);
    assert_not_cached(&got);
    assert_eq!(got.json()["token_type"], "Bearer");
    assert_eq!(got.json()["expires_in"], 600);
    assert_eq!(got.json()["scope"], "profile reservations:read");
    let (access, first) = (got.text("access_token"), got.text("refresh_token"));
    assert!(access.starts_with("v4.public."));
    let response = introspect(&web, &access).await;
    assert_eq!(
        (response["active"].as_bool(), &response["iss"], &response["aud"]),
        (Some(true), &ISSUER.into(), &"auberge".into())
    );
    assert_eq!((&response["client_id"], &response["token_type"]), (&"web".into(), &"Bearer".into()));

    let got = refresh(&web, &first).await;
    let second = got.text("refresh_token");
    assert_ne!(first, second);
    assert_eq!(introspect(&web, &second).await["token_type"], "refresh_token");
    web.services.advance_secs(11);
    let reused = refresh(&web, &first).await;
    assert_eq!((reused.status, reused.text("error")), (StatusCode::BAD_REQUEST, "invalid_grant".into()));
    assert_eq!(refresh(&web, &second).await.text("error"), "invalid_grant");
    assert_eq!(introspect(&web, &access).await, serde_json::json!({"active": false}));
    assert_eq!(web.services.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn errors_are_redirected_only_to_registered_redirect_uris() {
    let web = Web::new().await;
    // RFC 6749 §4.1.2.1: no redirect to a redirect URI that is not trusted.
    for changes in [
        vec![("client_id", None)],
        vec![("client_id", Some("nobody"))],
        vec![("redirect_uri", Some("https://evil.example/cb"))],
        vec![("redirect_uri", Some("https://app.example/cb/"))],
        vec![("redirect_uri", Some("javascript:alert(1)"))],
    ] {
        let got = web.get(&ask_with(&changes)).await;
        assert_eq!((got.status, got.header(header::LOCATION)), (StatusCode::BAD_REQUEST, ""), "{changes:?}");
        assert!(got.header(header::CONTENT_TYPE).starts_with("text/html"), "{changes:?}: {}", got.body);
        assert!(!got.body.contains("evil") && !got.body.contains("alert(1)"), "parameters are not echoed");
    }
    let long = "s".repeat(2049);
    for (changes, error) in [
        (vec![("response_type", None)], "invalid_request"),
        (vec![("response_type", Some("token"))], "unsupported_response_type"),
        (vec![("code_challenge", None)], "invalid_request"),
        (vec![("code_challenge", Some("short"))], "invalid_request"),
        (vec![("code_challenge_method", None)], "invalid_request"),
        (vec![("code_challenge_method", Some("plain"))], "invalid_request"),
        (vec![("scope", Some("cluster:manage"))], "invalid_scope"),
        (vec![("scope", Some("nonsense"))], "invalid_scope"),
        (vec![("state", Some(long.as_str()))], "invalid_request"),
    ] {
        let got = web.get(&ask_with(&changes)).await;
        assert_eq!(got.status, StatusCode::FOUND, "{changes:?}");
        let query = got.sent_to(CALLBACK);
        assert_eq!((query["error"].as_str(), query["iss"].as_str()), (error, ISSUER), "{changes:?}");
        assert_eq!(
            query.contains_key("state"),
            error != "invalid_request" || changes[0].0 != "state",
            "{changes:?}"
        );
        assert_not_cached(&got);
    }
    let twice = web.get(&format!("{}&scope=profile", ask_with(&[]))).await;
    assert_eq!(twice.sent_to(CALLBACK)["error"], "invalid_request");
    // A client without this grant type.
    let node = web.call_as(&Principal::service("node"));
    let batch = CreateClient {
        id: Some("batch".into()),
        grant_types: vec![GrantType::ClientCredentials],
        ..web_client()
    };
    web.services.client().call(&node, batch).await.unwrap();
    let got = web.get(&ask_with(&[("client_id", Some("batch"))])).await;
    assert_eq!(got.sent_to(CALLBACK)["error"], "unauthorized_client");
}

#[tokio::test]
async fn a_denial_is_redirected_and_a_wrong_password_is_not() {
    let web = Web::new().await;
    let consent = page(&web).await;
    let denied = decide(&web, &consent, "", "", "deny").await;
    assert_eq!(denied.sent_to(CALLBACK)["error"], "access_denied");
    for (email, password) in
        [("ann@example.org", "wrong"), ("nobody@example.org", "correct"), ("", ""), ("ann@example.org", "")]
    {
        let again = decide(&web, &consent, email, password, "allow").await;
        assert_eq!((again.status, again.header(header::LOCATION)), (StatusCode::OK, ""), "{email}");
        assert!(again.body.contains("do not match"), "{}", again.body);
        assert!(
            password.is_empty() || !again.body.contains(&format!("value=\"{password}\"")),
            "the page does not contain the password"
        );
    }
    for _ in 0..10 {
        decide(&web, &consent, "ann@example.org", "wrong", "allow").await;
    }
    let limited = decide(&web, &consent, "ann@example.org", "correct", "allow").await;
    assert!(limited.body.contains("Too many failed attempts"), "{}", limited.body);
}

#[tokio::test]
async fn forms_from_other_sites_or_sessions_are_refused() {
    let web = Web::new().await;
    let (mine, other) = (page(&web).await, page(&web).await);
    let (csrf, request) = (mine.hidden("csrf"), mine.hidden("request"));
    let send = async |csrf: &str, request: &str, cookie: &str| {
        let fields = [
            ("csrf", csrf),
            ("request", request),
            ("email", "ann@example.org"),
            ("password", "correct"),
            ("decision", "allow"),
        ];
        web.post("/oauth/authorize", &fields, cookie).await
    };
    for (what, got) in [
        ("no cookie", send(&csrf, &request, "").await),
        ("another browser", send(&csrf, &request, &other.cookie()).await),
        ("no token", send("", &request, &mine.cookie()).await),
        ("another's token", send(&other.hidden("csrf"), &request, &mine.cookie()).await),
        ("a forged request", send(&csrf, "v4.local.AAAA", &mine.cookie()).await),
        ("no request", send(&csrf, "", &mine.cookie()).await),
    ] {
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{what}: {}", got.body);
    }
    let fields = encoded(&[
        ("csrf", &csrf),
        ("request", &request),
        ("email", "ann@example.org"),
        ("password", "correct"),
        ("decision", "allow"),
    ]);
    let from_elsewhere = Request::builder()
        .method(Method::POST)
        .uri_str("/oauth/authorize")
        .content_type("application/x-www-form-urlencoded")
        .header("cookie", mine.cookie())
        .header("origin", "https://evil.example")
        .body(fields);
    assert_eq!(web.send(from_elsewhere).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(send(&csrf, &request, &mine.cookie()).await.status, StatusCode::SEE_OTHER);
}
