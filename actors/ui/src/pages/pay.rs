//! Paying for a held booking, for example after a card was declined.

use contracts::payments::Payment;
use contracts::reservations::Status;
use poem::web::Path;
use poem::{Response, handler};
use serde_json::json;

use super::card::{self, Attempt};
use super::checkout::countdown;
use super::lookup::{self, OpenedBooking};
use crate::context::{Fields, PageContext};
use crate::error::PageError;
use crate::view::{Form, Stay};

const FIELDS: [&str; 1] = ["payment_method"];

#[handler]
pub(super) async fn show(
    mut context: PageContext,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, PageError> {
    let opened = lookup::booking(&mut context, &id, fields.get("key")).await?;
    let mut form = Form::of(&FIELDS);
    if fields.get("card") == "refused" {
        fail_bad_card(&mut form);
    }
    page(&mut context, opened, form).await
}

#[handler]
pub(super) async fn pay(
    mut context: PageContext,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, PageError> {
    context.check_form(&fields)?;
    let opened = lookup::booking(&mut context, &id, "").await?;
    let mut form = Form::typed(&FIELDS, &fields);
    let card = match card::token(fields.get("payment_method")) {
        Ok(card) => card,
        Err(why) => {
            form.field_error("payment_method", why);
            return page(&mut context, opened, form).await;
        }
    };
    let booking = format!("/bookings/{}", opened.reservation.id);
    match card::start(&context, &opened.call, &opened.reservation, card, fields.get("once")).await? {
        Attempt::Started => Ok(context.redirect(&format!("{booking}/paying"))),
        Attempt::Paid => Ok(context.redirect(&booking)),
        Attempt::BadCard => {
            fail_bad_card(&mut form);
            page(&mut context, opened, form).await
        }
        Attempt::TooManyCards(what_to_do) => {
            form.fail("Too many cards have been tried", &what_to_do);
            page(&mut context, opened, form).await
        }
        Attempt::TooLate => {
            context.flash("heed", "The hold has expired. Nothing was charged.");
            Ok(context.redirect(&booking))
        }
    }
}

fn fail_bad_card(form: &mut Form) {
    form.fail(
        "The bank does not accept this card",
        "Nothing was charged. We are still holding your room: please use another card.",
    );
}

async fn page(
    context: &mut PageContext,
    opened: OpenedBooking,
    mut form: Form,
) -> Result<Response, PageError> {
    let OpenedBooking { reservation, call, .. } = opened;
    let booking = format!("/bookings/{}", reservation.id);
    if reservation.status != Status::Held {
        return Ok(context.redirect(&booking));
    }
    let latest = card::latest(context, &call, reservation.id).await?;
    // Payments decides whether one is open: the event that it has failed may be on its way to reservations.
    if latest.as_ref().is_some_and(Payment::is_open) {
        return Ok(context.redirect(&format!("{booking}/paying")));
    }
    if form.failure.is_none()
        && let Some(payment) = latest
        && let Some(failure) = &payment.failure
    {
        let (title, text) = card::failure_text(&failure.code);
        form.fail(title, text);
    }
    let hotel = lookup::hotel(context, reservation.hotel()).await?;
    let until = reservation.hold_expires_at.unwrap_or(context.now);
    let view = json!({
        "stay": Stay::of(&reservation.quote, &hotel, context.locale, context.now),
        "guest": { "name": reservation.guest.name, "email": reservation.guest.email },
        "form": form, "once": token::random_secret("once_"), "action": format!("{booking}/pay"),
        "cancel_href": format!("{booking}/cancel"), "bank": card::form(&context.site.dependencies.bank),
        "hold": countdown("Your room is held", until, context.now, "The hold has expired. Nothing was charged."),
    });
    context.form_page("pay.html", "Pay for your booking", view)
}
