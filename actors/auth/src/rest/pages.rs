//! The pages that people see: one template, no script. Whoever wants them prettier changes the template alone.

use std::sync::LazyLock;

use data_encoding::BASE64;
use poem::http::StatusCode;
use render::Renderer;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::redirect::BrowserAnswer;

const TEMPLATE: &str = include_str!("../../templates/consent.html");
const STYLE: &str = include_str!("../../templates/consent.css");

/// The style sheet's hash, as a policy names it: the one piece of style that the page may have.
pub(super) static STYLE_HASH: LazyLock<String> =
    LazyLock::new(|| format!("sha256-{}", BASE64.encode(&Sha256::digest(STYLE.as_bytes()))));

/// The compiled template.
///
/// # Panics
/// When it does not compile.
pub(super) fn renderer() -> Renderer {
    Renderer::builtin(&[("consent.html", TEMPLATE)]).expect("the template of this crate compiles")
}

/// What the template shows.
#[derive(Debug, Clone, Serialize, Default)]
pub(super) struct Page {
    /// The heading.
    pub title: String,
    /// What went wrong, or what was done.
    pub message: Option<String>,
    /// Whether `message` is bad news.
    pub is_error: bool,
    /// The form, if there is anything to decide.
    pub form: Option<FormData>,
}

/// The form of the template.
#[derive(Debug, Clone, Serialize, Default)]
pub(super) struct FormData {
    /// Where it is sent.
    pub action: String,
    /// The client's name; none on the page that asks for a device's code.
    pub client_name: Option<String>,
    /// What is asked for, in words.
    pub scopes: Vec<String>,
    /// The sealed request.
    pub request: Option<String>,
    /// A device's code, as typed so far.
    pub user_code: Option<String>,
    /// Proof that the form is ours.
    pub csrf: String,
    /// The address as typed before.
    pub email: String,
}

#[derive(Serialize)]
struct Shown<'a> {
    page: &'a Page,
    style: &'static str,
}

/// Renders a page. A template that fails is a mistake in the program: the person is told that something went wrong.
pub(super) fn show(
    renderer: &Renderer,
    status: StatusCode,
    page: &Page,
    leads_to: Option<String>,
    cookie: Option<String>,
) -> BrowserAnswer {
    match renderer.render("consent.html", &Shown { page, style: STYLE }) {
        Ok(html) => BrowserAnswer::Page { status, html, leads_to, cookie },
        Err(error) => {
            tracing::error!(%error, "the consent page cannot be rendered");
            let html = "<!doctype html><title>Error</title><p>Something went wrong.".to_owned();
            BrowserAnswer::Page {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                html,
                leads_to: None,
                cookie: None,
            }
        }
    }
}

/// A page that only says something.
pub(super) fn notice(renderer: &Renderer, status: StatusCode, title: &str, message: &str) -> BrowserAnswer {
    let is_error = status != StatusCode::OK;
    let page = Page { title: title.to_owned(), message: Some(message.to_owned()), is_error, form: None };
    show(renderer, status, &page, None, None)
}
