//! Whole flows over HTTP, and every error that the RFCs list.

mod authorize;
mod grants;
mod limits;
mod open;

use contracts::auth::{ClientKind, CreateClient, GrantType, ListKeys};
use contracts::scope;
use poem::Request;
use poem::http::{Method, StatusCode, header};
use protocol::Principal;

use crate::bench::{CALLBACK, CHALLENGE, ISSUER, list, operator, web_client};
use crate::web::{Got, Web, encoded};

/// The code verifier of RFC 7636, appendix B.
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

fn assert_not_cached(got: &Got) {
    assert_eq!(got.header(header::CACHE_CONTROL), "no-store");
}
