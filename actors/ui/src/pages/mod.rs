//! The pages, one file each, and their routes.

mod account;
mod admission;
mod booking;
mod bookings;
mod cancel;
mod card;
mod checkout;
mod error_page;
mod files;
mod home;
mod hotel;
mod links;
mod lookup;
mod pay;
mod paying;
mod pictures;
mod reset;
mod results;
mod search;
mod sign_in;
mod sign_up;
mod verify;

use std::sync::Arc;

use poem::endpoint::BoxEndpoint;
use poem::middleware::AddData;
use poem::{Endpoint, EndpointExt, IntoResponse, Request, Response, Route, get, post};

use crate::context::PageContext;
use crate::site::Site;

pub use error_page::error_page;

/// All pages, for `edge::Server::pages`. Errors are rendered as pages.
pub fn routes(site: Arc<Site>) -> BoxEndpoint<'static, Response> {
    let assets = site.assets.clone().endpoint();
    let route = Route::new()
        .at("/", get(home::home))
        .at("/complete", get(home::complete))
        .at("/search", get(results::results))
        .at("/hotels/:hotel", get(hotel::show))
        .at("/checkout", get(checkout::without_offer).post(checkout::show))
        .at("/checkout/book", get(checkout::without_offer).post(checkout::book))
        .at("/bookings", get(bookings::bookings))
        .at("/bookings/:reservation", get(booking::show))
        .at("/bookings/:reservation/pay", get(pay::show).post(pay::pay))
        .at("/bookings/:reservation/paying", get(paying::paying))
        .at("/bookings/:reservation/paying/cancel", post(paying::cancel))
        .at("/bookings/:reservation/cancel", get(cancel::show).post(cancel::cancel))
        .at("/bookings/:reservation/links", post(links::change))
        .at("/bookings/:reservation/confirmation.pdf", get(files::confirmation))
        .at("/bookings/:reservation/receipt.pdf", get(files::receipt))
        .at("/bookings/:reservation/credit-notes/:document", get(files::credit_note))
        .at("/bookings/:reservation/calendar.ics", get(files::calendar))
        .at("/bookings/:reservation/qr.svg", get(files::qr))
        .at("/b/:reservation/:tag", get(booking::short))
        .at("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .at("/sign-out", post(sign_in::sign_out))
        .at("/sign-up", get(sign_up::show).post(sign_up::sign_up))
        .at("/verify-email", get(verify::show).post(verify::verify))
        .at("/verify-email/resend", post(verify::resend))
        .at("/password-reset", get(reset::show).post(reset::send_link))
        .at("/reset-password", get(reset::choose).post(reset::reset))
        .at("/account", get(account::show).post(account::save))
        .at("/account/email", post(account::change_email))
        .at("/account/close", post(account::close))
        .at("/pictures/skyline.svg", get(pictures::skyline))
        .at("/pictures/hotels/:hotel", get(pictures::hotel))
        .at("/pictures/cities/:city", get(pictures::city))
        .at("/favicon.ico", get(pictures::icon))
        .at("/robots.txt", get(pictures::robots))
        .nest("/assets", assets)
        .with(AddData::new(Arc::clone(&site)));
    let with_error_pages = route.around(move |route, request: Request| {
        let site = Arc::clone(&site);
        async move {
            let context = PageContext::of(&site, &request);
            match route.call(request).await {
                Ok(response) => Ok::<_, poem::Error>(response.into_response()),
                Err(error) => Ok(error_page::page(context, error).await),
            }
        }
    });
    with_error_pages.map_to_response().boxed()
}
