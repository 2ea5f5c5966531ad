//! A test browser with one cookie, and checks for every page.

use std::sync::Arc;

use poem::endpoint::BoxEndpoint;
use poem::http::{StatusCode, header};
use poem::{Endpoint, Request, Response};

use crate::services::{self, SampleServices};

pub const URL: &str = "https://inn.example";

/// A browser with one cookie.
pub struct Browser {
    pub pages: BoxEndpoint<'static, Response>,
    pub cookie: Option<String>,
    pub language: &'static str,
}

/// A response.
pub struct Seen {
    pub status: StatusCode,
    pub location: String,
    pub body: String,
    pub headers: poem::http::HeaderMap,
}

impl Browser {
    pub fn at(services: &Arc<SampleServices>) -> Self {
        let site = ui::Site::new(services::dependencies(services, URL)).expect("templates compile");
        Self { pages: ui::routes(Arc::new(site)), cookie: None, language: "en-GB" }
    }

    pub async fn send(&mut self, request: poem::RequestBuilder, body: String) -> Seen {
        let mut request = request.header("accept-language", self.language);
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let request: Request = request.body(body);
        let mut response = self.pages.call(request).await.expect("failures are pages");
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let text = cookie.to_str().unwrap();
            assert!(
                text.contains("HttpOnly") && text.contains("SameSite=Lax") && text.contains("Secure"),
                "{text}"
            );
            self.cookie = Some(text.split(';').next().unwrap().to_owned());
        }
        let headers = response.headers().clone();
        let location =
            headers.get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default();
        let bytes = response.take_body().into_bytes().await.unwrap();
        Seen {
            status: response.status(),
            location,
            body: String::from_utf8_lossy(&bytes).into_owned(),
            headers,
        }
    }

    pub async fn get(&mut self, path: &str) -> Seen {
        self.send(Request::builder().method(poem::http::Method::GET).uri_str(path), String::new()).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let body = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", escape(value)))
            .collect::<Vec<_>>()
            .join("&");
        let request = Request::builder()
            .method(poem::http::Method::POST)
            .uri_str(path)
            .content_type("application/x-www-form-urlencoded");
        self.send(request, body).await
    }
}

pub fn escape(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

impl Seen {
    /// The value of a hidden field.
    pub fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let at = self.body.find(&start).unwrap_or_else(|| panic!("no field {name} in {}", self.body))
            + start.len();
        self.body[at..].split('"').next().unwrap().replace("&amp;", "&")
    }

    pub fn has(&self, text: &str) -> bool {
        self.body.contains(text)
    }
}

/// Checks that every page must pass: balanced tags, labels, unique ids, form tokens, content security policy.
pub fn assert_well_formed(seen: &Seen, path: &str) {
    let body = &seen.body;
    assert!(body.starts_with("<!doctype html>"), "{path}");
    for forbidden in ["<script>", " style=", "<style", " onclick=", "javascript:", "{{", "{%"] {
        assert!(!body.contains(forbidden), "{forbidden} on {path}");
    }
    for tag in [
        "main", "form", "section", "article", "table", "aside", "dl", "ul", "ol", "div", "svg", "a", "p",
        "span", "h1", "h2", "h3", "fieldset", "select",
    ] {
        let open = body.matches(&format!("<{tag}>")).count() + body.matches(&format!("<{tag} ")).count();
        assert_eq!(open, body.matches(&format!("</{tag}>")).count(), "<{tag}> on {path}");
    }
    assert_eq!(body.matches("<h1").count(), 1, "one headline on {path}");
    for image in body.split("<img ").skip(1) {
        assert!(image.split('>').next().unwrap().contains("alt="), "an image without alt on {path}");
    }
    let mut ids: Vec<_> = body.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "duplicate id on {path}");
    for label in body.split("<label for=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(ids.contains(&label), "a label without input ({label}) on {path}");
    }
    // A form that changes state contains a token. The checkout of an offer has no side effects.
    for form in body.split("<form ").skip(1).map(|form| form.split("</form>").next().unwrap()) {
        let changes_state = form.contains("method=\"post\"") && !form.contains("action=\"/checkout\" ");
        assert!(
            !changes_state
                || form.contains("name=\"csrf\" value=\"") && !form.contains("name=\"csrf\" value=\"\""),
            "{path}: {form}"
        );
    }
    let policy = seen.headers.get(header::CONTENT_SECURITY_POLICY).expect("a policy").to_str().unwrap();
    assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"), "{policy}");
}
