//! Responses of the whole server, without a socket.

mod support;

use support::{Answer, ask, server};

const TOKEN: (&str, &str) = ("authorization", "Bearer good");
const JSON: (&str, &str) = ("content-type", "application/json");
const SECRET: &str = "tok_4242424242424242";

fn body(change: &str) -> String {
    let mut note = serde_json::json!({
        "title": "A", "card": "pm_visa", "day": "2026-11-23", "author": { "name": "Ann", "ages": [1, 2] },
    });
    if let Some((pointer, value)) = change.split_once('=') {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = note.pointer_mut(parent).unwrap();
        match value {
            "" => drop(parent.as_object_mut().unwrap().remove(name)),
            value => parent[name] = serde_json::from_str(value).unwrap(),
        }
    }
    note.to_string()
}

#[tokio::test]
async fn every_error_is_a_problem_without_input_of_the_client() {
    let server = server().endpoint();
    let good = body("");
    // Request, headers, body; status and type of the answer.
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str);
    let table: &[Row<'_>] = &[
        ("GET /v1/nothing", &[], "", 404, "not-found"),
        ("GET /v1/notes/1/nothing", &[], "", 404, "not-found"),
        ("GET /nothing", &[], "", 404, "not-found"),
        ("GET /nothing", &[("accept", "application/json, text/html")], "", 404, "not-found"),
        ("DELETE /v1/notes/1", &[], "", 405, "method-not-allowed"),
        ("POST /v1/notes", &[JSON], &good, 401, "unauthenticated"),
        ("POST /v1/notes", &[JSON, ("authorization", "Basic eA==")], &good, 401, "unauthenticated"),
        ("GET /v1/notes", &[("authorization", "Bearer")], "", 401, "unauthenticated"),
        ("GET /v1/notes", &[("authorization", "Bearer a b")], "", 401, "unauthenticated"),
        ("POST /v1/notes", &[TOKEN], &good, 415, "unsupported-media-type"),
        ("POST /v1/notes", &[TOKEN, ("content-type", "text/plain")], &good, 415, "unsupported-media-type"),
        (
            "POST /v1/notes",
            &[TOKEN, JSON, ("content-encoding", "gzip")],
            &good,
            415,
            "unsupported-media-type",
        ),
        ("POST /v1/notes", &[TOKEN, JSON], "{\"title\":", 400, "bad-request"),
        ("POST /v1/notes", &[TOKEN, JSON], "tok_4242424242424242", 400, "bad-request"),
        ("POST /v1/notes", &[TOKEN, JSON, ("idempotency-key", "a b")], &good, 400, "invalid-request"),
        ("GET /v1/notes?limit=0", &[], "", 400, "invalid-request"),
        ("GET /v1/notes?limit=tok_4242424242424242", &[], "", 400, "invalid-request"),
        ("GET /v1/notes?day=tok_4242424242424242", &[], "", 400, "invalid-request"),
        ("GET /v1/notes?tone=tok_4242424242424242", &[], "", 400, "invalid-request"),
        ("GET /v1/notes?title=tok_4242424242424242tok_4242424242424242", &[], "", 400, "invalid-request"),
        ("GET /v1/notes?cursor=tok_4242424242424242", &[], "", 400, "bad-cursor"),
        ("GET /v1/notes/panic", &[], "", 500, "internal"),
        ("GET /v1/notes/never", &[], "", 503, "unavailable"),
        ("GET /v1/notes/busy", &[], "", 503, "unavailable"),
        ("GET /v1/notes/scope", &[], "", 403, "insufficient-scope"),
        ("PATCH /v1/notes/1", &[TOKEN, ("if-match", "\"6\"")], "", 412, "precondition-failed"),
        ("PATCH /v1/notes/1", &[TOKEN, ("if-match", "W/\"7\"")], "", 412, "precondition-failed"),
        ("GET /v1/raw", &[], "", 418, "client-error"),
        ("GET /readyz", &[], "", 503, "unavailable"),
    ];
    for (line, headers, body, status, slug) in table {
        let answer = ask(&server, line, headers, body).await;
        assert_eq!(
            (answer.status, answer.slug().as_str()),
            (*status, *slug),
            "{line} {headers:?}: {}",
            answer.text
        );
        assert!(!answer.text.contains(SECRET), "{line}: {}", answer.text);
        let expected = match status {
            401 => answer.header("www-authenticate").starts_with("Bearer realm="),
            405 => answer.header("allow") == "GET, PATCH, HEAD, OPTIONS",
            503 => !answer.header("retry-after").is_empty(),
            _ => true,
        };
        assert!(expected, "{line}: {:?}", answer.headers);
    }
    let large = body(&format!("/title=\"{}\"", "x".repeat(5000)));
    assert_eq!(ask(&server, "POST /v1/notes", &[TOKEN, JSON], &large).await.slug(), "too-large");
    assert_eq!(ask(&server, "POST /v1/raw", &[], &large).await.status, 418, "larger bodies are allowed here");
    assert_eq!(ask(&server, "POST /v1/raw", &[], &large.repeat(2)).await.slug(), "too-large");
}

#[tokio::test]
async fn every_invalid_field_is_reported() {
    let server = server().endpoint();
    for (change, pointers) in [
        ("/title=", &["/title"][..]),
        ("/title=\"\"", &["/title"]),
        ("/title=7", &["/title"]),
        ("/title=\"0123456789012345678901\"", &["/title"]),
        ("/card=\"tok_4242424242424242\"", &["/card"]),
        ("/card={\"number\":\"tok_4242424242424242\"}", &["/card"]),
        ("/day=\"2026-02-30\"", &["/day"]),
        ("/author=", &["/author"]),
        ("/author=null", &["/author"]),
        ("/author/name=\"\"", &["/author/name"]),
        ("/author/ages=[1,\"tok_4242424242424242\",300]", &["/author/ages/1", "/author/ages/2"]),
        ("/author/ages=[1,2,3,4]", &["/author/ages"]),
        ("/tone=\"tok_4242424242424242\"", &["/tone"]),
        ("/author={\"name\":7,\"ages\":{}}", &["/author/name", "/author/ages"]),
        ("/extra=1", &["/extra"]),
        ("/author/extra=1", &["/author/extra"]),
    ] {
        let answer = ask(&server, "POST /v1/notes", &[TOKEN, JSON], &body(change)).await;
        assert_eq!(answer.status, 400, "{change}: {}", answer.text);
        assert_eq!(answer.slug(), "invalid-request", "{change}: {}", answer.text);
        let problem = answer.problem();
        let named: Vec<_> =
            problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].clone()).collect();
        assert_eq!(named, pointers, "{change}: {problem}");
        assert!(!answer.text.contains(SECRET), "{change}: {}", answer.text);
    }
    for (query, pointer, detail) in [
        ("limit=101", "/limit", "must be a number from 1 to 100"),
        ("day=2026-13-01", "/day", "must be a date of the form YYYY-MM-DD"),
        ("title=012345678901234567890", "/title", "must satisfy maxLength(20)"),
        ("tone=loud", "/tone", "not one of the allowed values"),
    ] {
        let answer = ask(&server, &format!("GET /v1/notes?{query}"), &[], "").await;
        assert_eq!(
            answer.problem()["errors"][0],
            serde_json::json!({ "pointer": pointer, "detail": detail }),
            "{query}"
        );
    }
}

#[tokio::test]
async fn refusals_have_their_own_problem_types_and_members() {
    let server = server().endpoint();
    let answer = ask(&server, "POST /v1/notes", &[TOKEN, JSON], &body("/title=\"taken\"")).await;
    assert_eq!((answer.status, answer.slug().as_str()), (409, "title-taken"));
    assert_eq!(answer.problem()["alternatives"], serde_json::json!(["free"]));
    let meaning = ask(&server, "GET /problems/title-taken", &[], "").await;
    assert!(meaning.status == 200 && meaning.text.contains("The title is taken"), "{}", meaning.text);
    assert_eq!(ask(&server, "GET /problems/none-such", &[], "").await.slug(), "not-found");
}

#[tokio::test]
async fn valid_request_ids_are_returned() {
    let server = server().endpoint();
    for (sent, kept) in
        [("abc-123", true), ("a b", false), ("<script>", false), (&"x".repeat(65), false), ("", false)]
    {
        let answer = ask(&server, "GET /v1/notes/request-id", &[("x-request-id", sent)], "").await;
        let id = answer.header("x-request-id");
        assert_eq!(id == sent, kept, "{sent}");
        assert_eq!(answer.json()["id"], id, "the operation gets the same id");
        assert!(!id.is_empty());
    }
}

#[tokio::test]
async fn cursors_continue_a_list_and_altered_ones_are_refused() {
    let server = server().endpoint();
    let mut seen = 0;
    let mut path = "GET /v1/notes?limit=20".to_owned();
    let mut cursors = Vec::new();
    loop {
        let page = ask(&server, &path, &[], "").await.json();
        seen += page["items"].as_array().unwrap().len();
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        cursors.push(cursor.to_owned());
        path = format!("GET /v1/notes?limit=20&cursor={cursor}");
    }
    assert_eq!((seen, cursors.len()), (45, 2));
    for altered in [format!("{}A", cursors[0]), cursors[0][1..].to_owned(), cursors[0].to_lowercase()] {
        let answer = ask(&server, &format!("GET /v1/notes?cursor={altered}"), &[], "").await;
        assert_eq!(answer.slug(), "bad-cursor", "{altered}");
    }
    let other = ask(&server, &format!("GET /v1/notes?title=x&cursor={}", cursors[0]), &[], "").await;
    assert_eq!(other.slug(), "bad-cursor", "another list");
}

#[tokio::test]
async fn etags_make_reads_and_updates_conditional() {
    let server = server().endpoint();
    let first = ask(&server, "GET /v1/notes/1", &[], "").await;
    assert_eq!((first.status, first.header("etag")), (200, "\"7\""));
    let again = ask(&server, "GET /v1/notes/1", &[("if-none-match", "W/\"7\"")], "").await;
    assert_eq!((again.status, again.text.as_str(), again.header("etag")), (304, "", "\"7\""));
    let changed = ask(&server, "PATCH /v1/notes/1", &[TOKEN, ("if-match", "\"7\"")], "").await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"8\""));
    let made = ask(&server, "POST /v1/notes", &[TOKEN, JSON], &body("")).await;
    assert_eq!((made.status, made.header("location"), made.header("etag")), (201, "/v1/notes/1", "\"1\""));
}

#[tokio::test]
async fn head_and_options_are_answered() {
    let server = server().endpoint();
    let (get, head) =
        (ask(&server, "GET /v1/notes", &[], "").await, ask(&server, "HEAD /v1/notes", &[], "").await);
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), get.text.len().to_string());
    let options = ask(&server, "OPTIONS /v1/notes", &[], "").await;
    assert_eq!((options.status, options.header("allow")), (204, "GET, POST, HEAD, OPTIONS"));
}

#[tokio::test]
async fn only_configured_origins_are_allowed() {
    let server = server().endpoint();
    let preflight = |origin: &'static str| [("origin", origin), ("access-control-request-method", "PATCH")];
    let allowed = ask(&server, "OPTIONS /v1/notes/1", &preflight("https://app.example"), "").await;
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (204, "https://app.example"));
    assert!(allowed.header("access-control-allow-methods").contains("PATCH"));
    let foreign = ask(&server, "OPTIONS /v1/notes/1", &preflight("https://evil.example"), "").await;
    assert!(!foreign.headers.contains_key("access-control-allow-origin"));
    let read = ask(&server, "GET /v1/notes", &[("origin", "https://app.example")], "").await;
    assert_eq!(read.header("access-control-allow-origin"), "https://app.example");
    assert!(!read.headers.contains_key("access-control-allow-credentials"));
    // A form of the own site sends its origin, which is not configured, and is accepted.
    let own = ask(&server, "GET /v1/notes", &[("origin", "https://inn.example")], "").await;
    assert_eq!((own.status, own.headers.contains_key("access-control-allow-origin")), (200, false));
}

#[tokio::test]
async fn browsers_get_error_pages_and_other_clients_problems() {
    let server = server().endpoint();
    let browser = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    let page = ask(&server, "GET /nothing", &[browser], "").await;
    assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"));
    assert!(
        page.text.contains("The resource does not exist") && page.text.contains(page.header("x-request-id"))
    );
    assert_eq!(ask(&server, "GET /v1/nothing", &[browser], "").await.slug(), "not-found");
    assert_eq!(ask(&server, "GET /", &[browser], "").await.text, "home");
}

#[tokio::test]
async fn every_response_has_security_headers() {
    let server = server().endpoint();
    for line in ["GET /", "GET /v1/notes", "GET /v1/nothing", "GET /docs", "GET /healthz"] {
        let answer = ask(&server, line, &[], "").await;
        let has = |name: &str, part: &str| {
            assert!(answer.header(name).contains(part), "{line} {name}: {:?}", answer.headers);
        };
        has("x-content-type-options", "nosniff");
        has("content-security-policy", "frame-ancestors 'none'");
        has("strict-transport-security", "max-age=");
        has("referrer-policy", "strict-origin");
        assert!(!answer.header("content-security-policy").contains("script-src 'unsafe-inline'"));
    }
}

#[tokio::test]
async fn responses_of_operations_are_not_stored_by_shared_caches() {
    let server = server().endpoint();
    for (line, expected) in [
        ("GET /v1/notes", "private, no-cache"),
        ("GET /v1/notes/1", "private, no-cache"),
        ("GET /v1/nothing", "no-store"),
    ] {
        assert_eq!(ask(&server, line, &[], "").await.header("cache-control"), expected, "{line}");
    }
}

#[tokio::test]
async fn large_texts_are_compressed_if_the_client_accepts_it() {
    let server = server().endpoint();
    let plain = ask(&server, "GET /v1/notes", &[], "").await;
    assert!(!plain.headers.contains_key("content-encoding"));
    let packed = ask(&server, "GET /v1/notes", &[("accept-encoding", "gzip, br;q=0")], "").await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.text.len() < plain.text.len());
    let small = ask(&server, "GET /v1/notes/1", &[("accept-encoding", "gzip")], "").await;
    assert!(!small.headers.contains_key("content-encoding"));
}

#[tokio::test]
async fn metrics_are_readable_locally_and_with_the_scope() {
    let server = server().endpoint();
    ask(&server, "GET /v1/notes/1", &[], "").await;
    let here = ask(&server, "GET /metrics", &[], "").await;
    assert!(here.text.contains("route=\"/v1/notes/{note_id}\""), "{}", here.text);
    assert!(here.text.contains("http_request_seconds_bucket"));
    let forwarded = ("x-forwarded-for", "192.0.2.1");
    let status = async |headers: &[(&str, &str)]| -> u16 {
        let answer: Answer = ask(&server, "GET /metrics", headers, "").await;
        answer.status
    };
    assert_eq!(status(&[forwarded]).await, 401);
    assert_eq!(status(&[forwarded, ("authorization", "Bearer guest")]).await, 403);
    assert_eq!(status(&[forwarded, ("authorization", "Bearer operator")]).await, 200);
    let remote = ask(&server, "GET /readyz", &[forwarded], "").await;
    assert!(remote.status == 503 && !remote.text.contains("notes/0"), "{}", remote.text);
    assert!(ask(&server, "GET /readyz", &[], "").await.text.contains("notes/0"));
}
