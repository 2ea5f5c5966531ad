//! Error pages.

use contracts::reservations::booking_path;
use edge::Problem;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use serde_json::{Value, json};

use super::search::escape;
use crate::context::PageContext;
use crate::error::PageError;
use crate::picture;
use crate::site::Site;

/// The page for a failed handler.
pub(super) async fn page(mut context: PageContext, error: poem::Error) -> Response {
    let signed_out = matches!(
        error.downcast_ref::<PageError>(),
        Some(PageError::SignInRequired(path)) if path.is_empty()
    );
    if signed_out && context.session.user.is_some() {
        context.end_visit().await;
        context.flash("heed", "You have been signed out. Please sign in again.");
        return context.redirect("/sign-in");
    }
    let other = from_poem(&error);
    let mut page_error = error.downcast_ref::<PageError>().unwrap_or(&other);
    let unavailable = PageError::Unavailable(group::Unavailable::new(group::Why::NoLeader));
    if signed_out {
        // No user is signed in, so the UI's own service token was rejected. This is retryable.
        page_error = &unavailable;
    }
    if let PageError::SignInRequired(path) = page_error {
        return context.redirect(&format!("/sign-in?next={}", escape(path)));
    }
    if let PageError::Internal(why) = page_error {
        tracing::error!(request_id = context.request_id(), why, "failed to build a page");
    }
    let (status, title, text) = page_error.message();
    let request_id = (status >= 500).then(|| context.request_id().to_owned());
    let mut view = view(text, request_id.as_deref(), matches!(status, 404 | 410));
    if let PageError::NoSuchBooking(id) = page_error
        && context.session.user.is_none()
    {
        let href = format!("/sign-in?next={}", escape(&booking_path(*id)));
        view["links"] =
            json!([{ "href": href, "label": "Sign in" }, { "href": "/bookings", "label": "My bookings" }]);
    }
    let page = context.page("message.html", title, view);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = page.unwrap_or_else(|_| status.into_response());
    response.set_status(status);
    if let PageError::Unavailable(unavailable) = page_error {
        response.headers_mut().insert(header::RETRY_AFTER, unavailable.retry_after_secs.into());
    }
    if let PageError::TooManyRequests(seconds) = page_error {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
    }
    response
}

/// The page error for an error of Poem.
fn from_poem(error: &poem::Error) -> PageError {
    match error.status() {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => PageError::NotFound,
        status if status.is_client_error() => PageError::BadRequest,
        _ => PageError::Internal(error.to_string()),
    }
}

fn view(text: &str, request_id: Option<&str>, is_not_found: bool) -> Value {
    let mut links = vec![json!({ "href": "/", "label": "Find a hotel" })];
    if is_not_found || request_id.is_some() {
        links.push(json!({ "href": "/bookings", "label": "My bookings" }));
    }
    json!({ "text": text, "links": links, "request_id": request_id, "picture": picture::of_city(404, 52.0, 8_000) })
}

/// For `edge::Server::error_page`: renders an error that occurred outside the pages.
pub fn error_page(site: &Site, problem: &Problem, request_id: &str) -> String {
    let page_error = match problem.status().as_u16() {
        404 | 405 => PageError::NotFound,
        429 => PageError::TooManyRequests(60),
        503 | 504 => PageError::Unavailable(group::Unavailable::new(group::Why::Overloaded)),
        400..500 => PageError::BadRequest,
        _ => PageError::Internal(String::new()),
    };
    let (status, title, text) = page_error.message();
    let mut view = view(text, (status >= 500).then_some(request_id), status == 404);
    view["page"] = json!({
        "title": title, "lang": "en", "here": "", "csrf": "", "flash": null, "signed_in": false,
        "test": site.dependencies.bank.test, "indexed": false,
    });
    site.renderer.render("message.html", &view).unwrap_or_else(|_| title.to_owned())
}
