//! Consent pages: one template, no scripts.

use std::sync::LazyLock;

use data_encoding::BASE64;
use poem::http::StatusCode;
use render::Renderer;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::redirect::BrowserResponse;

const TEMPLATE: &str = include_str!("../../templates/consent.html");
const STYLE: &str = include_str!("../../templates/consent.css");

/// The hash of the style sheet as a CSP source. The policy permits no other styles.
pub(super) static STYLE_HASH: LazyLock<String> =
    LazyLock::new(|| format!("sha256-{}", BASE64.encode(&Sha256::digest(STYLE.as_bytes()))));

/// The compiled template.
///
/// # Panics
/// When it does not compile.
pub(super) fn renderer() -> Renderer {
    Renderer::builtin(&[("consent.html", TEMPLATE)]).expect("the template of this crate compiles")
}

/// The data of the template.
#[derive(Debug, Clone, Serialize, Default)]
pub(super) struct Page {
    /// The heading.
    pub title: String,
    /// An error or a result.
    pub message: Option<String>,
    pub is_error: bool,
    pub form: Option<FormData>,
}

/// The form of the template.
#[derive(Debug, Clone, Serialize, Default)]
pub(super) struct FormData {
    pub action: String,
    /// The client's name, or `None` on the page with the user code alone.
    pub client_name: Option<String>,
    /// Descriptions of the requested scopes.
    pub scopes: Vec<String>,
    /// The sealed authorization request.
    pub request: Option<String>,
    /// The user code as typed.
    pub user_code: Option<String>,
    /// The form token.
    pub csrf: String,
    /// The address as typed.
    pub email: String,
}

#[derive(Serialize)]
struct TemplateData<'a> {
    page: &'a Page,
    style: &'static str,
}

/// Renders a page. A failing template is a bug; the response is then a generic error page.
pub(super) fn render(
    renderer: &Renderer,
    status: StatusCode,
    page: &Page,
    form_action: Option<String>,
    cookie: Option<String>,
) -> BrowserResponse {
    match renderer.render("consent.html", &TemplateData { page, style: STYLE }) {
        Ok(html) => BrowserResponse::Page { status, html, form_action, cookie },
        Err(error) => {
            tracing::error!(%error, "failed to render the consent page");
            let html = "<!doctype html><title>Error</title><p>Something went wrong.".to_owned();
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            BrowserResponse::Page { status, html, form_action: None, cookie: None }
        }
    }
}

/// Renders a page with a message and no form.
pub(super) fn notice(renderer: &Renderer, status: StatusCode, title: &str, message: &str) -> BrowserResponse {
    let is_error = status != StatusCode::OK;
    let page = Page { title: title.to_owned(), message: Some(message.to_owned()), is_error, form: None };
    render(renderer, status, &page, None, None)
}
