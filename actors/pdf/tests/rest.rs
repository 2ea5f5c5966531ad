//! The REST API, over the real state machine.

use group::NoEffects;
use group::testing::TestServices;
use poem::http::{Method, StatusCode, header};
use poem::{Endpoint, EndpointExt, Request, Response};
use poem_openapi::OpenApiService;
use protocol::Principal;
use serde_json::{Value, json};

struct Edge {
    app: poem::endpoint::BoxEndpoint<'static, Response>,
    token: String,
}

impl Edge {
    fn new() -> Self {
        Self::with_scopes(&["documents", "templates:manage"])
    }

    fn with_scopes(scopes: &[&str]) -> Self {
        let services = TestServices::new();
        services.add(pdf::Pdf, NoEffects);
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let token = services.token(&Principal { subject: "usr_1".into(), scopes, ..Principal::default() });
        let app = OpenApiService::new(pdf::api(services.client(), edge::Cursors::random()), "pdf", "1")
            .map_to_response()
            .boxed();
        Self { app, token }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        if_match: Option<&str>,
        body: Option<Value>,
    ) -> Response {
        let mut request = Request::builder().method(method).uri_str(path);
        if !self.token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        }
        if let Some(tag) = if_match {
            request = request.header(header::IF_MATCH, tag);
        }
        let request = match body {
            Some(body) => request.content_type("application/json").body(body.to_string()),
            None => request.finish(),
        };
        self.app.get_response(request).await
    }
}

async fn json_of(response: Response) -> Value {
    let text = response.into_body().into_string().await.expect("text");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test]
async fn a_template_lives_and_a_document_is_made_of_it() {
    let edge = Edge::new();
    let letter = "/v1/templates/letter";
    let kept = edge.call(Method::PUT, letter, None, Some(json!({"source": "Hello {{ name }}"}))).await;
    assert_eq!(kept.status(), StatusCode::OK);
    assert_eq!(kept.headers()[header::ETAG], "\"1\"");
    let made = json!({"template": "letter", "data": {"name": "Łukasz"}});
    let document = edge.call(Method::POST, "/v1/documents", None, Some(made)).await;
    assert_eq!((document.status(), document.content_type()), (StatusCode::OK, Some("application/pdf")));
    assert!(document.into_body().into_bytes().await.expect("bytes").starts_with(b"%PDF"));
    let found = json_of(edge.call(Method::GET, letter, None, None).await).await;
    assert_eq!((&found["source"], &found["built_in"]), (&json!("Hello {{ name }}"), &json!(false)));
    let list = json_of(edge.call(Method::GET, "/v1/templates?limit=3", None, None).await).await;
    assert_eq!(list["items"].as_array().map(Vec::len), Some(3));
    let rest =
        format!("/v1/templates?limit=3&cursor={}", list["next_cursor"].as_str().expect("another page"));
    let rest = json_of(edge.call(Method::GET, &rest, None, None).await).await;
    assert_eq!((&rest["items"][0]["name"], &rest["next_cursor"]), (&json!("receipt"), &Value::Null));
    let lost = edge.call(Method::PUT, letter, Some("\"9\""), Some(json!({"source": "x"}))).await;
    assert_eq!(lost.status(), StatusCode::PRECONDITION_FAILED);
    let gone = edge.call(Method::DELETE, letter, Some("\"1\""), None).await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    assert_eq!(edge.call(Method::GET, letter, None, None).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn refusals_are_problems_that_name_the_field() {
    let edge = Edge::new();
    for (method, path, body, status, pointer) in [
        (Method::PUT, "/v1/templates/letter", json!({"source": "a\n{{ x ~ y }}"}), 422, "/source"),
        (Method::PUT, "/v1/templates/Letter", json!({"source": "a"}), 400, "/name"),
        (Method::PUT, "/v1/templates/letter", json!({"source": ""}), 400, "/source"),
        (Method::DELETE, "/v1/templates/receipt", Value::Null, 409, ""),
        (Method::DELETE, "/v1/templates/none", Value::Null, 404, ""),
        (Method::POST, "/v1/documents", json!({"template": "none", "data": {}}), 422, "/template"),
        (Method::POST, "/v1/documents", json!({"template": "receipt", "data": {}}), 422, "/data"),
        (Method::POST, "/v1/documents", json!({"template": "receipt"}), 400, "/data"),
        (Method::POST, "/v1/documents", json!({"template": "receipt", "data": []}), 400, "/data"),
    ] {
        let answer = edge.call(method.clone(), path, None, Some(body).filter(|body| !body.is_null())).await;
        assert_eq!(answer.status().as_u16(), status, "{method} {path}");
        let problem = json_of(answer).await;
        if !pointer.is_empty() {
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        }
    }
}

#[tokio::test]
async fn without_a_token_nothing() {
    let edge = Edge { token: String::new(), ..Edge::new() };
    for (method, path) in [
        (Method::GET, "/v1/templates"),
        (Method::GET, "/v1/templates/receipt"),
        (Method::DELETE, "/v1/templates/x"),
    ] {
        assert_eq!(edge.call(method, path, None, None).await.status(), StatusCode::UNAUTHORIZED);
    }
    let made = edge
        .call(Method::POST, "/v1/documents", None, Some(json!({"template": "receipt", "data": {}})))
        .await;
    assert_eq!(made.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn nobody_forges_a_receipt() {
    let edge = Edge::with_scopes(&["documents"]);
    let forged = json!({"template": "receipt", "data": {"number": "R-000001"}});
    let answer = edge.call(Method::POST, "/v1/documents", None, Some(forged)).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let problem = json_of(answer).await;
    assert!(
        problem["detail"].as_str().is_some_and(|detail| detail.contains("templates:manage")),
        "{problem}"
    );
}
