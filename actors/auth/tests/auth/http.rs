//! Whole flows over HTTP, and every error that the RFCs list.

use contract::Principal;
use contracts::auth::{ClientKind, Command, GrantType, NewClient, Query};
use contracts::scope;
use poem::Request;
use poem::http::{Method, StatusCode, header};

use crate::bench::{CALLBACK, CHALLENGE, ISSUER, list, operator, web_client};
use crate::web::{Got, Web, encoded};

/// Of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

const ASK: [(&str, &str); 7] = [
    ("response_type", "code"),
    ("client_id", "web"),
    ("redirect_uri", CALLBACK),
    ("scope", "profile reservations:read"),
    ("state", "x y&z"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

fn ask_with(changes: &[(&str, Option<&str>)]) -> String {
    let mut fields: Vec<(&str, &str)> = ASK.to_vec();
    for (name, value) in changes {
        fields.retain(|(known, _)| known != name);
        fields.extend(value.map(|value| (*name, value)));
    }
    format!("/oauth/authorize?{}", encoded(&fields))
}

async fn page(web: &Web) -> Got {
    let page = web.get(&ask_with(&[])).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    page
}

async fn decide(web: &Web, page: &Got, email: &str, password: &str, decision: &str) -> Got {
    let (csrf, request) = (page.hidden("csrf"), page.hidden("request"));
    let fields = [
        ("csrf", &*csrf),
        ("request", &*request),
        ("email", email),
        ("password", password),
        ("decision", decision),
    ];
    web.post("/oauth/authorize", &fields, &page.cookie()).await
}

async fn code(web: &Web) -> String {
    let page = page(web).await;
    let sent = decide(web, &page, "ann@example.org", "correct", "allow").await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    let query = sent.sent_to(CALLBACK);
    assert_eq!((query["state"].as_str(), query["iss"].as_str()), ("x y&z", ISSUER));
    query["code"].clone()
}

async fn exchange(web: &Web, code: &str) -> Got {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    web.post_basic("/oauth/token", "web:sec_web", &fields).await
}

async fn refresh(web: &Web, token: &str) -> Got {
    web.post_basic(
        "/oauth/token",
        "web:sec_web",
        &[("grant_type", "refresh_token"), ("refresh_token", token)],
    )
    .await
}

async fn introspect(web: &Web, token: &str) -> serde_json::Value {
    let got = web.post_basic("/oauth/introspect", "web:sec_web", &[("token", token)]).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.body);
    got.json()
}

fn unkept(got: &Got) {
    assert_eq!(got.header(header::CACHE_CONTROL), "no-store");
}

#[tokio::test]
async fn the_whole_code_flow() {
    let web = Web::new().await;
    let page = page(&web).await;
    unkept(&page);
    assert!(
        page.body.contains("<strong>Web</strong>") && page.body.contains("See your reservations"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("<script"));
    let policy = page.header(header::CONTENT_SECURITY_POLICY);
    assert!(policy.contains("form-action 'self' https://app.example;"), "{policy}");
    // The policy lets exactly our own style through.
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
    unkept(&got);
    assert_eq!(got.json()["token_type"], "Bearer");
    assert_eq!(got.json()["expires_in"], 600);
    assert_eq!(got.json()["scope"], "profile reservations:read");
    let (access, first) = (got.text("access_token"), got.text("refresh_token"));
    assert!(access.starts_with("v4.public."));
    let said = introspect(&web, &access).await;
    assert_eq!(
        (said["active"].as_bool(), &said["iss"], &said["aud"]),
        (Some(true), &ISSUER.into(), &"auberge".into())
    );
    assert_eq!((&said["client_id"], &said["token_type"]), (&"web".into(), &"Bearer".into()));

    let got = refresh(&web, &first).await;
    let second = got.text("refresh_token");
    assert_ne!(first, second);
    assert_eq!(introspect(&web, &second).await["token_type"], "refresh_token");
    web.house.advance_secs(11);
    let reused = refresh(&web, &first).await;
    assert_eq!((reused.status, reused.text("error")), (StatusCode::BAD_REQUEST, "invalid_grant".into()));
    assert_eq!(refresh(&web, &second).await.text("error"), "invalid_grant");
    assert_eq!(introspect(&web, &access).await, serde_json::json!({"active": false}));
    assert_eq!(web.house.breaches(), Vec::<String>::new());
}

#[tokio::test]
async fn requests_from_strangers_stay_and_others_are_told() {
    let web = Web::new().await;
    // RFC 6749 §4.1.2.1: nobody is sent to a redirect URI that cannot be trusted.
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
        assert!(!got.body.contains("evil") && !got.body.contains("alert(1)"), "nothing is echoed");
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
        unkept(&got);
    }
    let twice = web.get(&format!("{}&scope=profile", ask_with(&[]))).await;
    assert_eq!(twice.sent_to(CALLBACK)["error"], "invalid_request");
    // A client without this grant type.
    let node = web.call_as(&Principal::service("node"));
    let batch = NewClient {
        id: Some("batch".into()),
        grant_types: vec![GrantType::ClientCredentials],
        ..web_client()
    };
    web.house.client().command::<contracts::auth::Auth>(&node, Command::CreateClient(batch)).await.unwrap();
    let got = web.get(&ask_with(&[("client_id", Some("batch"))])).await;
    assert_eq!(got.sent_to(CALLBACK)["error"], "unauthorized_client");
}

#[tokio::test]
async fn no_is_told_and_wrong_passwords_are_not() {
    let web = Web::new().await;
    let shown = page(&web).await;
    let denied = decide(&web, &shown, "", "", "deny").await;
    assert_eq!(denied.sent_to(CALLBACK)["error"], "access_denied");
    for (email, password) in
        [("ann@example.org", "wrong"), ("nobody@example.org", "correct"), ("", ""), ("ann@example.org", "")]
    {
        let again = decide(&web, &shown, email, password, "allow").await;
        assert_eq!((again.status, again.header(header::LOCATION)), (StatusCode::OK, ""), "{email}");
        assert!(again.body.contains("do not match"), "{}", again.body);
        assert!(
            password.is_empty() || !again.body.contains(&format!("value=\"{password}\"")),
            "no password comes back"
        );
    }
    for _ in 0..10 {
        decide(&web, &shown, "ann@example.org", "wrong", "allow").await;
    }
    let limited = decide(&web, &shown, "ann@example.org", "correct", "allow").await;
    assert!(limited.body.contains("Too many failed attempts"), "{}", limited.body);
}

#[tokio::test]
async fn forms_of_other_pages_are_not_taken() {
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
        ("a made-up request", send(&csrf, "v4.local.AAAA", &mine.cookie()).await),
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
        unkept(&got);
        assert!(!got.body.contains("sec_web"));
    }
    // Wrong clients: 401 and how to do better.
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
    // A body that is no form.
    let json = Request::builder()
        .method(Method::POST)
        .uri_str("/oauth/token")
        .content_type("application/json")
        .body("{}");
    let got = web.send(json).await;
    assert_eq!((got.status, got.text("error").as_str()), (StatusCode::BAD_REQUEST, "invalid_request"));
    // After all of that the code is as good as new.
    assert_eq!(exchange(&web, &code).await.status, StatusCode::OK);
    assert_eq!(exchange(&web, &code).await.text("error"), "invalid_grant");
}

#[tokio::test]
async fn clients_in_their_own_name_and_public_ones() {
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
    let spa = NewClient {
        id: Some("spa".into()),
        kind: ClientKind::Public,
        secret_hash: None,
        redirect_uris: list(&["http://127.0.0.1/cb"]),
        grant_types: vec![GrantType::AuthorizationCode],
        ..web_client()
    };
    let node = web.call_as(&Principal::service("node"));
    web.house.client().command::<contracts::auth::Auth>(&node, Command::CreateClient(spa)).await.unwrap();
    // An app on somebody's machine listens wherever it may (RFC 8252 §7.3).
    let target = "http://127.0.0.1:51004/cb";
    let shown = web.get(&ask_with(&[("client_id", Some("spa")), ("redirect_uri", Some(target))])).await;
    let sent = decide(&web, &shown, "ann@example.org", "correct", "allow").await;
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
    assert!(got.json().get("refresh_token").is_none(), "it may not refresh");
    let got = web.post("/oauth/introspect", &[("client_id", "spa"), ("token", "x")], "").await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED, "public clients cannot ask");
}

#[tokio::test]
async fn what_is_revoked_is_void() {
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
    assert_eq!(second.status, StatusCode::OK, "the session goes on");
    assert_eq!(revoke("web:sec_web", &second.text("refresh_token")).await.status, StatusCode::OK);
    assert_eq!(introspect(&web, &second.text("access_token")).await["active"], false);
    assert_eq!(refresh(&web, &second.text("refresh_token")).await.text("error"), "invalid_grant");
}

#[tokio::test]
async fn a_device_is_signed_in_from_elsewhere() {
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
    let shown = web.get(&format!("/oauth/device?user_code={user_code}")).await;
    assert!(shown.body.contains(&user_code), "{}", shown.body);
    let send = async |decision: &str, code: &str, password: &str| {
        let csrf = shown.hidden("csrf");
        let fields = [
            ("csrf", &*csrf),
            ("user_code", code),
            ("decision", decision),
            ("email", "ann@example.org"),
            ("password", password),
        ];
        web.post("/oauth/device", &fields, &shown.cookie()).await
    };
    assert!(send("show", "BBBB-BBBB", "").await.body.contains("no such code"));
    let consent = send("show", &user_code.to_lowercase().replace('-', " "), "").await;
    assert!(consent.body.contains("<strong>Web</strong>"), "{}", consent.body);
    assert!(send("allow", &user_code, "wrong").await.body.contains("do not match"));
    assert!(send("allow", &user_code, "correct").await.body.contains("is signed in"));
    web.house.advance_secs(20);
    let got = poll().await;
    assert_eq!((got.status, got.text("scope")), (StatusCode::OK, "profile".into()));
    let csrf_free = web.post("/oauth/device", &[("user_code", &*user_code), ("decision", "allow")], "").await;
    assert!(csrf_free.body.contains("was not sent from our page"));
}

#[tokio::test]
async fn metadata_and_keys_are_open() {
    let web = Web::new().await;
    let got = web.get("/.well-known/oauth-authorization-server").await;
    let metadata = got.json();
    assert_eq!(metadata["issuer"], ISSUER);
    assert_eq!(metadata["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    for (name, value) in metadata.as_object().unwrap() {
        if name.ends_with("_endpoint") {
            assert!(value.as_str().unwrap().starts_with("https://inn.example/oauth/"), "{name}");
        }
    }
    let got = web.get("/oauth/keys").await;
    let key = &got.json()["keys"][0];
    assert!(
        key["id"].as_str().unwrap().starts_with("k4.pid.")
            && key["key"].as_str().unwrap().starts_with("k4.public.")
    );
    let call = web.call_as(&Principal::service("node"));
    let keys = web.house.client().query::<contracts::auth::Auth>(&call, Query::Keys).await;
    assert!(keys.is_ok());
}

#[tokio::test]
async fn operators_make_list_and_revoke_clients() {
    let web = Web::new().await;
    let body = r#"{"name":"Partner","scope":"reservations:read reservations:write"}"#;
    let guest =
        Principal { subject: "usr_1".into(), scopes: list(&[scope::PROFILE]), ..Principal::default() };
    assert_eq!(web.as_caller(&guest, Method::POST, "/v1/clients", body).await.status, StatusCode::FORBIDDEN);
    assert_eq!(web.get("/v1/clients").await.status, StatusCode::UNAUTHORIZED);
    let made = web.as_caller(&operator(), Method::POST, "/v1/clients", body).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    unkept(&made);
    let (id, secret) = (made.text("client_id"), made.text("client_secret"));
    let who = format!("{id}:{secret}");
    let fields = [("grant_type", "client_credentials")];
    assert_eq!(web.post_basic("/oauth/token", &who, &fields).await.status, StatusCode::OK);
    let one = web.as_caller(&operator(), Method::GET, &format!("/v1/clients/{id}"), "").await;
    assert_eq!(one.json()["grant_types"], serde_json::json!(["client_credentials"]));
    let listed = web.as_caller(&operator(), Method::GET, "/v1/clients?limit=1", "").await;
    assert_eq!(listed.json()["items"].as_array().unwrap().len(), 1);
    let cursor = listed.text("next_cursor");
    let rest =
        web.as_caller(&operator(), Method::GET, &format!("/v1/clients?limit=1&cursor={cursor}"), "").await;
    assert_eq!(
        (rest.json()["items"][0]["client_id"].as_str(), rest.json()["next_cursor"].is_null()),
        (Some("web"), true)
    );
    for got in [&one, &listed] {
        assert!(!got.body.contains("secret"), "{}", got.body);
    }
    let gone = web.as_caller(&operator(), Method::DELETE, &format!("/v1/clients/{id}"), "").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(web.post_basic("/oauth/token", &who, &fields).await.text("error"), "invalid_client");
    assert_eq!(
        web.as_caller(&operator(), Method::GET, "/v1/clients/nobody", "").await.status,
        StatusCode::NOT_FOUND
    );
    for (body, pointer) in [
        (r#"{"name":"P","scope":"root"}"#, "/scope"),
        (r#"{"name":"P","scope":"profile","redirect_uris":["http://a.example/"]}"#, "/redirect_uris/0"),
        (r#"{"name":"P","scope":"profile","kind":"public"}"#, "/grant_types"),
        (r#"{"name":"","scope":"profile"}"#, "/name"),
        (r#"{"scope":"profile"}"#, "/name"),
    ] {
        let got = web.as_caller(&operator(), Method::POST, "/v1/clients", body).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{body}: {}", got.body);
        assert_eq!(got.json()["errors"][0]["pointer"], pointer, "{body}: {}", got.body);
    }
}

#[tokio::test]
async fn the_document_is_one_that_generators_read() {
    let cluster = token::ClusterKey::random();
    let house = group::testing::House::new();
    let face =
        auth::face(house.client(), std::sync::Arc::new(house.clone()), &cluster, ISSUER, Default::default());
    let server = edge::Server::new(edge::Settings::default()).service("auth", "Sign-in", face);
    let document = server.documents().of("auth").unwrap();
    assert_eq!(edge::check_document(document), Vec::<String>::new());
}
