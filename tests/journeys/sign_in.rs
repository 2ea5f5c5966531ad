//! OAuth 2.0: authorization code with PKCE, refresh token rotation and reuse, revocation, introspection, server metadata.

use serde_json::{Value, json};
use test_support::{Answer, Caller, TestServer};

use crate::{escaped, text};

/// A user who signs in through a public OAuth client.
pub struct Person {
    pub email: String,
    pub password: String,
}

/// How long a refresh token that was exchanged may be sent again.
const REFRESH_GRACE_SECS: u64 = 10;
const BACK: &str = "https://app.example/back";
/// Example values of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

impl Person {
    pub fn new(email: &str, password: &str) -> Self {
        Self { email: email.to_owned(), password: password.to_owned() }
    }

    /// Signs in with a scope, and returns a client with the access token.
    pub async fn signed_in(&self, server: &TestServer, scope: &str) -> Caller {
        let issued = self.try_sign_in(server, scope).await.expect("the password was refused");
        server.anyone().with_token(text(&issued["access_token"]))
    }

    /// The token response, or `None` when the password is refused.
    pub async fn try_sign_in(&self, server: &TestServer, scope: &str) -> Option<Value> {
        let client = public_client(server, scope).await;
        let code = self.code(server, &client, scope).await?;
        Some(exchange(server, &client, &code).await.expect(200).json())
    }

    /// The authorization code in the redirect of the user's browser, or `None` when the password is refused.
    async fn code(&self, server: &TestServer, client: &str, scope: &str) -> Option<String> {
        let anyone = server.anyone();
        let page = anyone.get(&authorize(client, scope)).await.expect(200);
        let cookie = page.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
        let html = page.text();
        let (csrf, request) = (field(&html, "csrf"), field(&html, "request"));
        let form = [
            ("csrf", csrf.as_str()),
            ("request", &request),
            ("decision", "allow"),
            ("email", &self.email),
            ("password", &self.password),
        ];
        let without_cookie = anyone.form("/oauth/authorize", &form).await;
        assert_eq!(without_cookie.status, 400, "a form without the CSRF cookie is refused");
        let decided = anyone.form("/oauth/authorize", &form).header("cookie", &cookie).await;
        if decided.status == 200 {
            assert!(!decided.text().contains(&self.password), "the response must not contain the password");
            return None;
        }
        let location = decided.header("location").to_owned();
        assert!(
            location.starts_with(BACK) && location.contains("state=s-1"),
            "{location} {}",
            decided.text()
        );
        Some(parameter(&location, "code"))
    }
}

fn authorize(client: &str, scope: &str) -> String {
    format!(
        "/oauth/authorize?response_type=code&client_id={client}&redirect_uri={}&scope={}&state=s-1\
         &code_challenge={CHALLENGE}&code_challenge_method=S256",
        escaped(BACK),
        escaped(scope)
    )
}

async fn public_client(server: &TestServer, scope: &str) -> String {
    let body = json!({"name": "An app", "scope": scope, "kind": "public", "redirect_uris": [BACK],
        "grant_types": ["authorization_code", "refresh_token", "device_code"]});
    let made = server.admin().await.post("/v1/clients", &body).await.expect(200).json();
    text(&made["client_id"]).to_owned()
}

async fn exchange(server: &TestServer, client: &str, code: &str) -> Answer {
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    server.anyone().form("/oauth/token", &form).await
}

fn field(html: &str, name: &str) -> String {
    let at = html.find(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no {name} in {html}"));
    let value = &html[at + name.len() + 15..];
    value.split('"').next().unwrap_or_default().replace("&#x2f;", "/").replace("&amp;", "&")
}

fn parameter(address: &str, name: &str) -> String {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let found = query.split('&').find_map(|part| part.strip_prefix(&format!("{name}=")));
    found.unwrap_or_else(|| panic!("no {name} in {address}")).to_owned()
}

async fn register(server: &TestServer, email: &str) -> Person {
    let person = Person::new(email, "a password of some length");
    let body = json!({"email": person.email, "password": person.password, "name": "Somebody"});
    server.anyone().post("/v1/users", &body).await.expect(201);
    person
}

#[tokio::test]
async fn codes_and_refresh_tokens_are_single_use() {
    let server = TestServer::open().await;
    let person = register(&server, "oauth@guest.example").await;
    let scope = "profile reservations:read";
    let client = public_client(&server, scope).await;
    let code = person.code(&server, &client, scope).await.unwrap();

    // An unknown code is refused; a valid code works once.
    let wrong = [
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("code", "ac_made_up"),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    let refused = server.anyone().form("/oauth/token", &wrong).await;
    assert_eq!((refused.status, text(&refused.json()["error"])), (400, "invalid_grant"));
    let issued = exchange(&server, &client, &code).await.expect(200);
    assert!(issued.header("cache-control").contains("no-store"));
    let first = issued.json();
    assert_eq!(
        (text(&first["token_type"]).to_lowercase(), first["expires_in"].as_u64()),
        ("bearer".to_owned(), Some(600))
    );
    let me = server.anyone().with_token(text(&first["access_token"]));
    assert_eq!(me.get("/v1/users/me").await.expect(200).json()["email"], "oauth@guest.example");
    me.get("/v1/payments").await.problem(403, "insufficient-scope");
    let refresh = |token: &str| {
        let form =
            [("grant_type", "refresh_token"), ("client_id", client.as_str()), ("refresh_token", token)];
        server.anyone().form("/oauth/token", &form)
    };
    let second = refresh(text(&first["refresh_token"])).await.expect(200).json();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    server.anyone().with_token(text(&second["access_token"])).get("/v1/users/me").await.expect(200);
    // The first refresh token again, after the grace period for concurrent requests of one client: that means the token was
    // copied, so the whole token family is revoked.
    tokio::time::sleep(std::time::Duration::from_secs(REFRESH_GRACE_SECS + 2)).await;
    let reused = refresh(text(&first["refresh_token"])).await;
    assert_eq!((reused.status, text(&reused.json()["error"])), (400, "invalid_grant"));
    let third = refresh(text(&second["refresh_token"])).await;
    assert_eq!((third.status, text(&third.json()["error"])), (400, "invalid_grant"));
    let late = exchange(&server, &client, &code).await;
    assert_eq!((late.status, text(&late.json()["error"])), (400, "invalid_grant"));
    server.assert_invariants().await;
}

#[tokio::test]
async fn invalid_authorization_requests_are_not_redirected_to_unregistered_uris() {
    let server = TestServer::open().await;
    let client = public_client(&server, "profile").await;
    let anyone = server.anyone();
    let good = authorize(&client, "profile");
    for wrong in [good.replace("app.example", "evil.example"), good.replace(&client, "cli_unknown")] {
        let stayed = anyone.get(&wrong).await;
        assert_eq!((stayed.status, stayed.header("location")), (400, ""), "{wrong}");
    }
    for (wrong, error) in [
        (good.replace("S256", "plain"), "invalid_request"),
        (good.replace("response_type=code", "response_type=token"), "unsupported_response_type"),
        (good.replace("scope=profile", "scope=cluster%3Amanage"), "invalid_scope"),
    ] {
        let redirected = anyone.get(&wrong).await;
        assert!(
            redirected.header("location").starts_with(BACK),
            "{wrong}: {} {}",
            redirected.status,
            redirected.text()
        );
        assert_eq!(parameter(redirected.header("location"), "error"), error);
        assert_eq!(parameter(redirected.header("location"), "state"), "s-1");
    }
    // A wrong password gets no code.
    let person = register(&server, "guessed@guest.example").await;
    let guess = Person::new(&person.email, "not the password");
    assert!(guess.code(&server, &client, "profile").await.is_none());
    // Authorization server metadata (RFC 8414).
    let about = anyone.get("/.well-known/oauth-authorization-server").await.expect(200).json();
    assert_eq!(text(&about["issuer"]), server.url);
    assert_eq!(about["code_challenge_methods_supported"], json!(["S256"]));
    for endpoint in
        ["token_endpoint", "revocation_endpoint", "introspection_endpoint", "device_authorization_endpoint"]
    {
        assert!(text(&about[endpoint]).starts_with(&server.url), "{endpoint}");
    }
}

#[tokio::test]
async fn tokens_are_introspected_and_revoked() {
    let server = TestServer::open().await;
    let (id, secret) = server.new_client("reservations:read", &[]).await;
    let partner = server.sign_in(&id, &secret).await;
    let token = partner.token.clone().unwrap();
    let anyone = server.anyone();
    let with = |path: &str, token: &str| {
        anyone.form(path, &[("token", token), ("client_id", id.as_str()), ("client_secret", secret.as_str())])
    };
    let seen = with("/oauth/introspect", &token).await.expect(200).json();
    assert_eq!((seen["active"].as_bool(), text(&seen["scope"])), (Some(true), "reservations:read"));
    assert_eq!(with("/oauth/introspect", "nonsense").await.expect(200).json(), json!({"active": false}));
    let unauthenticated = anyone.form("/oauth/introspect", &[("token", token.as_str())]).await;
    assert_eq!(unauthenticated.status, 401, "{}", unauthenticated.text());
    with("/oauth/revoke", &token).await.expect(200);
    test_support::eventually("the token to be revoked", || async {
        (partner.get("/v1/reservations").await.status == 401).then_some(())
    })
    .await;
    assert_eq!(with("/oauth/introspect", &token).await.expect(200).json(), json!({"active": false}));
}
