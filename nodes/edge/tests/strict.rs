//! Whatever of a request cannot be read, is repeated or is not known, is refused by name.

mod support;

use serde_json::{Value, json};
use support::{ask, server};

const TOKEN: (&str, &str) = ("authorization", "Bearer good");
const JSON: (&str, &str) = ("content-type", "application/json");

/// The pointers and details of a problem.
fn errors(problem: &Value) -> Vec<(&str, &str)> {
    let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors.iter().filter_map(|error| error["pointer"].as_str().zip(error["detail"].as_str())).collect()
}

fn note() -> Value {
    json!({ "title": "A", "card": "pm_visa", "day": "2026-11-23", "author": { "name": "Ann", "ages": [1] } })
}

/// The headers of a request that is good except for `bad`, and its body.
fn spoiled<'a>(line: &str, bad: &[(&'a str, &'a str)], body: &'a str) -> (Vec<(&'a str, &'a str)>, &'a str) {
    let named = |name: &str| bad.iter().any(|(other, _)| *other == name);
    let mut headers: Vec<_> = [TOKEN, JSON].into_iter().filter(|(name, _)| !named(name)).collect();
    headers.extend(bad);
    (headers, if line.starts_with("GET") { "" } else { body })
}

#[tokio::test]
async fn a_header_that_cannot_be_read_is_refused_and_not_ignored() {
    let server = server().endpoint();
    let note = note().to_string();
    for (line, name, pointer) in [
        ("POST /v1/notes", "idempotency-key", "/Idempotency-Key"),
        ("PATCH /v1/notes/1", "if-match", "/If-Match"),
        ("GET /v1/notes", "authorization", "/Authorization"),
        ("GET /v1/notes", "x-forwarded-for", "/X-Forwarded-For"),
        ("GET /v1/notes", "forwarded", "/Forwarded"),
        ("GET /v1/notes", "origin", "/Origin"),
        ("GET /v1/notes", "last-event-id", "/Last-Event-Id"),
        ("GET /", "sec-fetch-site", "/Sec-Fetch-Site"),
        ("GET /", "host", "/Host"),
        ("POST /v1/notes", "content-type", "/Content-Type"),
        ("POST /v1/notes", "content-encoding", "/Content-Encoding"),
    ] {
        let bad = [(name, "rückzahlung-1")];
        let (headers, body) = spoiled(line, &bad, &note);
        let answer = ask(&server, line, &headers, body).await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.text);
        let problem = answer.problem();
        let expected = [(pointer, "contains characters that are not visible ASCII")];
        assert_eq!(errors(&problem), expected, "{name}");
    }
    let ignored =
        ["accept", "accept-language", "accept-encoding", "cookie", "user-agent", "if-none-match", "x-other"];
    for name in ignored {
        let answer = ask(&server, "GET /v1/notes", &[(name, "rückzahlung-1")], "").await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_header_that_is_given_twice_is_refused() {
    let server = server().endpoint();
    let note = note().to_string();
    for (line, name, one, two) in [
        ("POST /v1/notes", "idempotency-key", "a", "b"),
        ("PATCH /v1/notes/1", "if-match", "\"7\"", "\"6\""),
        ("GET /v1/notes", "authorization", "Bearer good", "Bearer bad"),
        ("GET /v1/notes", "host", "inn.example", "other.example"),
        ("POST /v1/notes", "content-type", "application/json", "text/plain"),
        ("GET /", "sec-fetch-site", "same-origin", "cross-site"),
    ] {
        let bad = [(name, one), (name, two)];
        let (headers, body) = spoiled(line, &bad, &note);
        let answer = ask(&server, line, &headers, body).await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.text);
        assert_eq!(errors(&answer.problem())[0].1, "given more than once", "{name}");
    }
    for host in ["inn.example/path", "a b", "user@inn.example", "", "inn.example, other.example"] {
        let answer = ask(&server, "GET /v1/notes", &[("host", host)], "").await;
        assert_eq!((answer.status, answer.slug().as_str()), (400, "bad-request"), "{host}");
    }
    for host in ["inn.example", "inn.example:8080", "[::1]:8080", "127.0.0.1"] {
        assert_eq!(ask(&server, "GET /v1/notes", &[("host", host)], "").await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn heads_are_limited_in_size() {
    let server = server().endpoint();
    let long = "x".repeat(40_000);
    let answer = ask(&server, "GET /v1/notes", &[("x-long", &long)], "").await;
    assert_eq!((answer.status, answer.slug().as_str()), (431, "headers-too-large"));
    let names: Vec<String> = (0..101).map(|number| format!("x-{number}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(ask(&server, "GET /v1/notes", &many, "").await.slug(), "headers-too-large");
    assert_eq!(ask(&server, "GET /v1/notes", &many[..99], "").await.status, 200);
    let line = format!("GET /v1/notes?title={}", "x".repeat(17_000));
    assert_eq!(ask(&server, &line, &[], "").await.slug(), "uri-too-long");
    let answer = ask(&server, "GET /v1/notes", &[("expect", "200-ok")], "").await;
    assert_eq!((answer.status, answer.slug().as_str()), (417, "expectation-failed"));
    assert_eq!(ask(&server, "GET /v1/notes", &[("expect", "100-Continue")], "").await.status, 200);
}

#[tokio::test]
async fn unknown_and_repeated_query_parameters_are_refused_together() {
    let server = server().endpoint();
    let line = "GET /v1/notes?limit=5&titel=A&limit=6&utm_source=x&titel=B&title=%FF&4242%204242=1";
    let answer = ask(&server, line, &[], "").await;
    assert_eq!((answer.status, answer.slug().as_str()), (400, "invalid-request"));
    let problem = answer.problem();
    let expected = [
        ("/titel", "not a known parameter"),
        ("/limit", "given more than once"),
        ("/utm_source", "not a known parameter"),
        ("/title", "not UTF-8 text"),
        ("", "a member is not a known parameter"),
    ];
    assert_eq!(errors(&problem), expected);
    let none = ask(&server, "GET /v1/notes/1?x=1", &[], "").await;
    assert_eq!(none.status, 400, "an operation without parameters");
    // 401 has precedence, and pages ignore what campaigns append to links.
    assert_eq!(ask(&server, "POST /v1/notes?x=1", &[JSON], "{}").await.status, 401);
    assert_eq!(ask(&server, "GET /?utm_source=x&utm_source=y", &[], "").await.status, 200);
}

#[tokio::test]
async fn unknown_and_repeated_members_of_a_body_are_refused_together() {
    let server = server().endpoint();
    let body = r#"{"title":"A","card":"pm_visa","day":"2026-11-23","titel":"B","title":"C",
        "author":{"name":"Ann","ages":[1],"agent":"x","name":"Bob"},"4242 4242":1}"#;
    let answer = ask(&server, "POST /v1/notes", &[TOKEN, JSON], body).await;
    assert_eq!((answer.status, answer.slug().as_str()), (400, "invalid-request"), "{}", answer.text);
    let problem = answer.problem();
    let mut found = errors(&problem);
    found.sort_unstable();
    let expected = [
        ("", "a member is not a known field"),
        ("/author/agent", "not a known field"),
        ("/author/name", "given more than once"),
        ("/titel", "not a known field"),
        ("/title", "given more than once"),
    ];
    assert_eq!(found, expected);
    assert!(!answer.text.contains("4242"), "{}", answer.text);
}

#[tokio::test]
async fn a_null_in_a_change_clears_or_is_refused() {
    let server = server().endpoint();
    let change = async |body: &str| {
        let answer = ask(&server, "PATCH /v1/wall", &[JSON], body).await;
        (answer.status, answer.json())
    };
    let (status, answer) = change(r#"{"owner":null,"frame":{"colour":null}}"#).await;
    assert_eq!(status, 200, "{answer}");
    let read = "WallChange { name: None, owner: Null, frame: Some(FrameChange { width: None, colour: Null }), notes: None }";
    assert_eq!(answer["change"], read);
    let (status, answer) = change("{}").await;
    assert!(status == 200 && answer["change"].as_str().unwrap().contains("owner: Undefined"), "{answer}");
    let (status, answer) = change(r#"{"name":null,"frame":{"width":null},"notes":null}"#).await;
    let refused = "must not be null: omit it to leave it unchanged";
    assert_eq!(status, 400);
    assert_eq!(errors(&answer), [("/name", refused), ("/frame/width", refused), ("/notes", refused)]);
    // The items of an array are whole values: there, a null is an absent member.
    let mut whole = note();
    whole["tone"] = Value::Null;
    let (status, answer) = change(&json!({ "notes": [whole] }).to_string()).await;
    assert_eq!(status, 200, "{answer}");
    let patch = [("content-type", "application/merge-patch+json")];
    assert_eq!(ask(&server, "PATCH /v1/wall", &patch, r#"{"owner":"Ann"}"#).await.status, 200);
}

#[tokio::test]
async fn a_body_in_another_format_is_415() {
    let server = server().endpoint();
    let body = note().to_string();
    for (content_type, status) in [
        ("application/json", 201),
        ("Application/JSON; charset=UTF-8", 201),
        ("application/json;charset=\"utf-8\"", 201),
        ("application/vnd.notes+json", 201),
        ("application/json; charset=utf-16", 415),
        ("application/json, text/plain", 415),
        ("application/+json", 415),
        ("json", 415),
        (";", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=", 415),
    ] {
        let answer = ask(&server, "POST /v1/notes", &[TOKEN, ("content-type", content_type)], &body).await;
        assert_eq!(answer.status, status, "{content_type}: {}", answer.text);
    }
}
