//! Pages and static files.

mod support;

use edge::assets::Assets;
use poem::endpoint::make_sync;
use poem::http::{StatusCode, header};
use poem::{IntoResponse, Response, Route};
use support::ask;

fn assets() -> Assets {
    Assets::new("/assets").file("app.css", &b"body{}"[..]).file("fonts/inter.woff2", vec![0, 1, 2])
}

fn server() -> edge::Server {
    let consent = make_sync(|_| {
        let policy = edge::policy_with_form_actions(&[
            "https://client.example/cb?x=1",
            "javascript:alert(1)",
            "https://a b",
        ]);
        Response::builder()
            .content_type("text/html")
            .header(header::CONTENT_SECURITY_POLICY, policy)
            .body("consent")
    });
    let own_error = make_sync(|_| {
        let sorry =
            Response::builder().status(StatusCode::NOT_FOUND).content_type("text/html; charset=utf-8");
        sorry.body("no such hotel here")
    });
    let pages = Route::new()
        .at("/hotels/:hotel", make_sync(|_| "hotel"))
        .at("/consent", consent)
        .at("/gone", own_error)
        .at("/broken", make_sync(|_| -> Response { panic!("a page that panics") }))
        .nest("/assets", assets().endpoint());
    let token = make_sync(|_| {
        let refused = Response::builder().status(StatusCode::BAD_REQUEST).content_type("application/json");
        refused.body("{\"error\":\"invalid_grant\"}")
    });
    let basic =
        make_sync(|_| StatusCode::UNAUTHORIZED.with_header("WWW-Authenticate", "Basic").into_response());
    edge::Server::new(edge::Settings::default())
        .pages(pages)
        .error_page(|problem, _| problem.kind().title.to_owned())
        .route("/oauth/token", token)
        .route("/oauth/introspect", basic)
}

const BROWSER: (&str, &str) = ("accept", "text/html");

#[tokio::test]
async fn files_are_immutable_under_their_hash_and_revalidated_under_their_name() {
    let (server, assets) = (server().endpoint(), assets());
    let url = assets.url("app.css");
    assert!(url.starts_with("/assets/app.") && url.ends_with(".css") && url != "/assets/app.css", "{url}");
    let hashed = ask(&server, &format!("GET {url}"), &[], "").await;
    assert_eq!((hashed.status, hashed.text.as_str()), (200, "body{}"));
    assert!(hashed.header("cache-control").contains("immutable"));
    assert_eq!(hashed.header("content-type"), "text/css; charset=utf-8");
    let plain = ask(&server, "GET /assets/app.css", &[], "").await;
    assert!(!plain.header("cache-control").contains("immutable"));
    let again = ask(&server, "GET /assets/app.css", &[("if-none-match", plain.header("etag"))], "").await;
    assert_eq!(again.status, 304);
    let font = ask(&server, &format!("HEAD {}", assets.url("fonts/inter.woff2")), &[], "").await;
    assert_eq!(
        (font.status, font.header("content-type"), font.header("content-length")),
        (200, "font/woff2", "3")
    );
    assert_eq!(ask(&server, "GET /assets/none.css", &[], "").await.slug(), "not-found");
    assert_eq!(ask(&server, "GET /assets/../Cargo.toml", &[], "").await.slug(), "not-found");
    let posted = ask(&server, "POST /assets/app.css", &[], "").await;
    assert_eq!((posted.slug().as_str(), posted.header("allow")), ("method-not-allowed", "GET, HEAD"));
}

#[tokio::test]
async fn pages_may_render_their_own_errors_and_panics_get_an_error_page() {
    let server = server().endpoint();
    assert_eq!(ask(&server, "GET /gone", &[BROWSER], "").await.text, "no such hotel here");
    assert_eq!(ask(&server, "GET /gone", &[], "").await.slug(), "not-found", "not a browser");
    let broken = ask(&server, "GET /broken", &[BROWSER], "").await;
    assert_eq!((broken.status, broken.text.as_str()), (500, "Internal server error"));
}

#[tokio::test]
async fn a_form_may_redirect_to_named_sites_only() {
    let server = server().endpoint();
    let policy =
        ask(&server, "GET /consent", &[BROWSER], "").await.header("content-security-policy").to_owned();
    assert!(policy.contains("form-action 'self' https://client.example;"), "{policy}");
}

#[tokio::test]
async fn oauth_errors_keep_their_format_and_challenges_are_kept() {
    let server = server().endpoint();
    let refused = ask(&server, "POST /oauth/token", &[], "grant_type=x").await;
    assert_eq!((refused.status, refused.text.as_str()), (400, "{\"error\":\"invalid_grant\"}"));
    let challenged = ask(&server, "POST /oauth/introspect", &[], "x=y").await;
    assert_eq!(
        (challenged.slug().as_str(), challenged.header("www-authenticate")),
        ("unauthenticated", "Basic")
    );
}

#[tokio::test]
async fn metrics_are_labelled_by_path_templates_and_not_by_paths() {
    let server = server().endpoint();
    for path in ["/hotels/grand", "/hotels/ritz", "/wp-login.php", "/v1/secret"] {
        ask(&server, &format!("GET {path}"), &[], "").await;
    }
    let metrics = ask(&server, "GET /metrics", &[], "").await.text;
    assert!(metrics.contains("route=\"/hotels/:hotel\""), "{metrics}");
    assert!(metrics.contains("route=\"(none)\""), "{metrics}");
    for typed in ["grand", "wp-login", "secret", "poem-rest"] {
        assert!(!metrics.contains(typed), "{typed}: {metrics}");
    }
}
