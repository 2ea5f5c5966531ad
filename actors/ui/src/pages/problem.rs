//! Pages for what went wrong: they say what it is, whose fault it is, and where to go from there.

use edge::Problem;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use serde_json::{Value, json};

use super::search::escape;
use crate::picture;
use crate::site::Site;
use crate::trouble::Trouble;
use crate::visit::Visit;

/// The page of a handler's failure.
pub(super) fn page(mut visit: Visit, error: poem::Error) -> Response {
    let plain = plain(&error);
    let mut trouble = error.downcast_ref::<Trouble>().unwrap_or(&plain);
    let away = Trouble::Unavailable(group::Unavailable::new(group::Why::NoLeader));
    if let Trouble::SignIn(path) = trouble {
        if path.is_empty() && visit.session.user.is_none() {
            // Nobody is signed in, so it was our own token that was not taken: that passes.
            trouble = &away;
        } else if path.is_empty() {
            visit.forget_user();
            visit.flash("heed", "You were signed out. Please sign in again.");
            return visit.redirect("/sign-in");
        }
    }
    if let Trouble::SignIn(path) = trouble {
        return visit.redirect(&format!("/sign-in?next={}", escape(path)));
    }
    if let Trouble::Broken(why) = trouble {
        tracing::error!(request_id = visit.request_id(), why, "a page broke");
    }
    let (status, title, text) = trouble.words();
    let ours = (status >= 500).then(|| visit.request_id().to_owned());
    let made = visit.page("message.html", title, view(text, ours.as_deref(), status == 404));
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = made.unwrap_or_else(|_| status.into_response());
    response.set_status(status);
    if let Trouble::Unavailable(unavailable) = trouble {
        response.headers_mut().insert(header::RETRY_AFTER, unavailable.retry_after_secs.into());
    }
    if let Trouble::TooMany(seconds) = trouble {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
    }
    response
}

/// What Poem's own errors mean to a guest.
fn plain(error: &poem::Error) -> Trouble {
    match error.status() {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Trouble::NotFound,
        status if status.is_client_error() => Trouble::Bad,
        _ => Trouble::Broken(error.to_string()),
    }
}

fn view(text: &str, request_id: Option<&str>, is_lost: bool) -> Value {
    let mut links = vec![json!({ "href": "/", "label": "Find a hotel" })];
    if is_lost || request_id.is_some() {
        links.push(json!({ "href": "/bookings", "label": "My bookings" }));
    }
    json!({ "text": text, "links": links, "request_id": request_id, "picture": picture::of_city(404, 52.0, 8_000) })
}

/// For `edge::Server::error_page`: a failure outside of these pages, as one of them.
pub fn error_page(site: &Site, problem: &Problem, request_id: &str) -> String {
    let trouble = match problem.status().as_u16() {
        404 | 405 => Trouble::NotFound,
        429 => Trouble::TooMany(60),
        503 | 504 => Trouble::Unavailable(group::Unavailable::new(group::Why::Overloaded)),
        400..500 => Trouble::Bad,
        _ => Trouble::Broken(String::new()),
    };
    let (status, title, text) = trouble.words();
    let mut view = view(text, (status >= 500).then_some(request_id), status == 404);
    view["page"] = json!({
        "title": title, "lang": "en", "here": "", "csrf": "", "flash": null, "signed_in": false,
        "test": site.deps.bank.test, "indexed": false,
    });
    site.renderer.render("message.html", &view).unwrap_or_else(|_| title.to_owned())
}
