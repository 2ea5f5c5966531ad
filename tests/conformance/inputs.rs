//! Sends every operation of the OpenAPI document what it does not accept: headers that cannot be read, parameters and
//! members that are not documented or are repeated, and nulls in changes.

use serde_json::{Value, json};
use test_support::{Answer, Caller, RequestBuilder};

use crate::authorization::{Operation, Scene, operations};
use crate::documents::documents;

struct Walk {
    scene: Scene,
    admin: Caller,
    wrong: Vec<String>,
    asked: usize,
}

impl Walk {
    async fn begin() -> Self {
        let scene = Scene::set().await;
        let admin = scene.server.admin().await;
        Self { scene, admin, wrong: Vec::new(), asked: 0 }
    }

    fn request(&self, operation: &Operation, more_query: &str) -> RequestBuilder {
        let mut path = self.scene.put(&operation.path);
        if !more_query.is_empty() {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(more_query);
        }
        self.admin.request(operation.method.clone(), &path)
    }

    fn body(&self, operation: &Operation) -> Option<String> {
        operation.body.as_ref().map(|body| self.scene.put(&body.to_string()))
    }

    /// Expects 400 with an error at `pointer`.
    async fn refused(
        &mut self,
        what: &str,
        operation: &Operation,
        request: RequestBuilder,
        pointer: &str,
        detail: &str,
    ) {
        let answer: Answer = request.await;
        self.asked += 1;
        let problem: Value = serde_json::from_slice(&answer.bytes).unwrap_or_default();
        let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let named = errors.iter().any(|error| {
            error["pointer"] == pointer && error["detail"].as_str().is_some_and(|text| text.contains(detail))
        });
        if answer.status != 400 || !named {
            self.wrong.push(format!("{} {what}: {} {}", operation.name, answer.status, answer.text()));
        }
    }

    async fn end(self, least: usize) {
        assert!(self.wrong.is_empty(), "{} of {}:\n{}", self.wrong.len(), self.asked, self.wrong.join("\n"));
        assert!(self.asked >= least, "only {} requests", self.asked);
        self.scene.server.assert_invariants().await;
    }
}

#[tokio::test]
async fn every_documented_header_is_refused_if_it_cannot_be_read_or_is_repeated() {
    let mut walk = Walk::begin().await;
    for operation in &operations() {
        for parameter in operation.documented["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] != "header" {
                continue;
            }
            let name = parameter["name"].as_str().unwrap();
            let with = |walk: &Walk, values: &[&str]| {
                let request = walk.request(operation, "");
                let request = match walk.body(operation) {
                    Some(body) => request.bytes("application/json", body),
                    None => request,
                };
                values.iter().fold(request, |request, value| request.header(name, value))
            };
            let pointer = format!("/{name}");
            let unreadable = with(&walk, &["rückzahlung-1"]);
            walk.refused("unreadable header", operation, unreadable, &pointer, "not visible ASCII").await;
            let repeated = with(&walk, &["\"1\"", "\"2\""]);
            walk.refused("repeated header", operation, repeated, &pointer, "more than once").await;
        }
    }
    walk.end(30).await;
}

#[tokio::test]
async fn unknown_and_repeated_parameters_and_members_are_refused() {
    let mut walk = Walk::begin().await;
    for operation in &operations() {
        // RFC 6749, 3.1: unknown parameters are ignored.
        if operation.path.starts_with("/oauth/") {
            continue;
        }
        let request = walk.request(operation, "no_such=1");
        walk.refused("unknown parameter", operation, request, "/no_such", "not a known parameter").await;
        for parameter in operation.documented["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "query" {
                let name = parameter["name"].as_str().unwrap();
                let request = walk.request(operation, &format!("{name}=1&{name}=2"));
                let pointer = format!("/{name}");
                walk.refused("repeated parameter", operation, request, &pointer, "more than once").await;
            }
        }
        let Some(body) = walk.body(operation) else { continue };
        let open = body.strip_prefix('{').unwrap();
        let comma = if open == "}" { "" } else { "," };
        let unknown =
            walk.request(operation, "").bytes("application/json", format!("{{\"no_such\":1{comma}{open}"));
        walk.refused("unknown member", operation, unknown, "/no_such", "not a known field").await;
        let twice = format!("{{\"no_such\":1,\"no_such\":2{comma}{open}");
        let repeated = walk.request(operation, "").bytes("application/json", twice);
        walk.refused("repeated member", operation, repeated, "/no_such", "more than once").await;
    }
    walk.end(150).await;
}

/// A schema without its references.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let inner = if schema["allOf"].is_array() { &schema["allOf"][0] } else { schema };
    match inner["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        Some(name) => &document["components"]["schemas"][name],
        None => inner,
    }
}

fn is_nullable(schema: &Value) -> bool {
    let parts = schema["allOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    schema["nullable"] == true || parts.iter().any(|part| part["nullable"] == true)
}

#[tokio::test]
async fn a_null_in_a_change_is_refused_unless_the_member_is_nullable() {
    let (_, text) = documents().into_iter().find(|(name, _)| name == "auberge.json").unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut walk = Walk::begin().await;
    let mut nullable = Vec::new();
    let all = operations();
    let changes =
        all.iter().filter(|operation| operation.method == "PATCH" || operation.name == "setCalendar");
    for operation in changes {
        let schema = &operation.documented["requestBody"]["content"]["application/json"]["schema"];
        let members = resolved(&document, schema)["properties"].as_object().unwrap();
        for (name, member) in members {
            if is_nullable(member) {
                nullable.push(name.as_str());
                continue;
            }
            let body = json!({ name: null }).to_string();
            let request = walk.request(operation, "").bytes("application/json", body);
            let detail = if resolved(&document, schema)["required"]
                .as_array()
                .is_some_and(|all| all.contains(&json!(name)))
            {
                "missing"
            } else {
                "must not be null"
            };
            walk.refused("null", operation, request, &format!("/{name}"), detail).await;
        }
    }
    for expected in ["requests", "email", "season", "rooms"] {
        assert!(nullable.contains(&expected), "`{expected}` can be cleared, and {nullable:?} are nullable");
    }
    walk.end(15).await;
}

#[tokio::test]
async fn a_null_clears_what_is_nullable() {
    let scene = Scene::set().await;
    let admin = scene.server.admin().await;
    let property = scene.put("/v1/properties/HOTEL");
    let room_type = scene.put("/v1/properties/HOTEL/room-types/rmt_00000000000000000000000000");
    let before = admin.get(&property).await.expect(200).json();
    assert!(before["email"].is_string(), "{before}");
    let changed = admin.patch(&property, &json!({ "email": null })).await.expect(200).json();
    assert!(changed.get("email").is_none(), "{changed}");
    assert_eq!(changed["name"], before["name"]);
    let season = json!({ "months": vec![1100; 12], "weekdays": vec![1000; 7] });
    let dear = admin.patch(&room_type, &json!({ "season": season })).await.expect(200).json();
    assert_eq!(dear["room_types"][0]["season"]["months"][0], 1100);
    let flat = admin.patch(&room_type, &json!({ "season": null })).await.expect(200).json();
    assert_eq!(flat["room_types"][0]["season"]["months"][0], 1000);
    let line = test_support::hotel("twice", "Twice", 1).to_string().replacen('{', "{\"name\":\"Once\",", 1);
    let imported = admin
        .request(reqwest::Method::POST, "/v1/properties/import")
        .bytes("application/x-ndjson", line)
        .await;
    let result = &imported.expect(200).json()["items"][0];
    assert_eq!(result["problem"]["errors"][0]["pointer"], "/name", "{result}");
}
