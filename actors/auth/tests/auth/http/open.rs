//! Public endpoints, and the client API for operators.

use super::*;

#[tokio::test]
async fn metadata_and_keys_are_public() {
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
    let keys = web.services.client().call(&call, ListKeys).await;
    assert!(keys.is_ok());
}

#[tokio::test]
async fn operators_create_list_and_revoke_clients() {
    let web = Web::new().await;
    let body = r#"{"name":"Partner","scope":"reservations:read reservations:write"}"#;
    let guest =
        Principal { subject: "usr_1".into(), scopes: list(&[scope::PROFILE]), ..Principal::default() };
    assert_eq!(web.as_caller(&guest, Method::POST, "/v1/clients", body).await.status, StatusCode::FORBIDDEN);
    assert_eq!(web.get("/v1/clients").await.status, StatusCode::UNAUTHORIZED);
    let made = web.as_caller(&operator(), Method::POST, "/v1/clients", body).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert_not_cached(&made);
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
async fn the_openapi_document_passes_the_lint() {
    let cluster = token::ClusterKey::random();
    let services = group::testing::TestServices::new();
    let api = auth::api(
        services.client(),
        std::sync::Arc::new(services.clone()),
        &cluster,
        ISSUER,
        rest::attempts::AttemptLimits::in_memory(),
        edge::Cursors::random(),
    );
    let server = edge::Server::new(edge::Settings::default()).service("auth", "Sign-in", api);
    let document = server.documents().of("auth").unwrap();
    assert_eq!(edge::lint_document(document), Vec::<String>::new());
}
