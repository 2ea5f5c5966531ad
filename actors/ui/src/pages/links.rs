//! The secret link to a booking: sending a new one, and turning off the old ones.

use contracts::reservations::{Refusal, Reservation, RevokeLinks, SendLink};
use group::Failure;
use poem::web::Path;
use poem::{Response, handler};
use serde_json::{Value, json};

use super::lookup::{self, Visitor};
use crate::context::{Fields, PageContext};
use crate::error::PageError;
use crate::picture;

/// The data of the card on the booking's page. `None` before the first mail with a link.
pub(super) fn card(reservation: &Reservation, visitor: Visitor) -> Option<Value> {
    let text = match visitor {
        Visitor::Owner | Visitor::Bearer => format!(
            "We have sent the private link to {}. If somebody else has it, send yourself a new one: the old one then stops working.",
            reservation.guest.email
        ),
        Visitor::Staff => {
            "The guest has a private link by email, which opens this booking without signing in.".to_owned()
        }
    };
    reservation.was_confirmed().then(|| {
        json!({
            "action": format!("/bookings/{}/links", reservation.id), "text": text,
            // Whoever only has the link would lock themselves out.
            "can_revoke": visitor != Visitor::Bearer,
        })
    })
}

/// Sends a new link, or turns off the old ones, by the name of the button.
#[handler]
pub(super) async fn change(
    mut context: PageContext,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, PageError> {
    context.check_form(&fields)?;
    let opened = lookup::booking(&mut context, &id, "").await?;
    let (reservation, email) = (opened.reservation.id, opened.reservation.guest.email);
    let client = context.site.dependencies.client.clone();
    let (result, text) = match fields.get("do") {
        "send" => (
            client.call(&opened.call, SendLink { reservation, expect: None }).await,
            format!(
                "We have sent a new link to {email}. Links and QR codes from earlier emails no longer work."
            ),
        ),
        "revoke" => (
            client.call(&opened.call, RevokeLinks { reservation, expect: None }).await,
            "Links and QR codes from earlier emails no longer work.".to_owned(),
        ),
        _ => return Err(PageError::BadRequest),
    };
    let (tone, text) = match result {
        // The link with which the visitor came has stopped working too.
        Ok(_) if opened.visitor == Visitor::Bearer => {
            let view = json!({
                "text": text, "links": [{ "href": "/", "label": "Find a hotel" }], "request_id": null,
                "picture": picture::of_city(77, 44.0, 50_000),
            });
            return context.page("message.html", "Check your email", view);
        }
        Ok(_) => ("", text),
        Err(Failure::Refused(Refusal::LinkJustSent { .. })) => (
            "heed",
            format!(
                "We sent a link to {email} less than a minute ago. Please look for it before you send another one."
            ),
        ),
        Err(Failure::Refused(Refusal::WrongStatus { .. })) => {
            ("heed", "We send the link with the confirmation, as soon as the booking is paid.".to_owned())
        }
        Err(Failure::Refused(_)) => return Err(PageError::NoSuchBooking(reservation)),
        Err(failure) => return Err(failure.into()),
    };
    context.flash(tone, text);
    Ok(context.redirect(&format!("/bookings/{reservation}")))
}
