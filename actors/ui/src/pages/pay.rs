//! Paying for what is held already: after a card was declined, or later the same quarter of an hour.

use contracts::reservations::{PaymentState, Status};
use poem::web::Path;
use poem::{Response, handler};
use serde_json::json;

use super::ask::{self, Opened};
use super::card::{self, Attempt};
use super::checkout::hold;
use crate::trouble::Trouble;
use crate::view::{Form, Stay};
use crate::visit::{Fields, Visit};

const FIELDS: [&str; 1] = ["payment_method"];

#[handler]
pub(super) async fn show(
    mut visit: Visit,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Trouble> {
    let opened = ask::open(&mut visit, &id, fields.get("key")).await?;
    let mut form = Form::of(&FIELDS);
    if fields.get("card") == "refused" {
        form.fail(
            "The bank does not know this card",
            "Nothing was charged. Your room is held: please use another card.",
        );
    }
    page(&mut visit, opened, form).await
}

#[handler]
pub(super) async fn pay(
    mut visit: Visit,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Trouble> {
    visit.check_form(&fields)?;
    let opened = ask::open(&mut visit, &id, "").await?;
    let mut form = Form::typed(&FIELDS, &fields);
    let card = match card::token(fields.get("payment_method")) {
        Ok(card) => card,
        Err(why) => {
            form.wrong("payment_method", why);
            return page(&mut visit, opened, form).await;
        }
    };
    let booking = format!("/bookings/{}", opened.reservation.id);
    match card::start(&visit, &opened.call, &opened.reservation, card, fields.get("once")).await? {
        Attempt::Started => Ok(visit.redirect(&format!("{booking}/paying"))),
        Attempt::Paid => Ok(visit.redirect(&booking)),
        Attempt::BadCard => {
            form.fail(
                "The bank does not know this card",
                "Nothing was charged. Your room is held: please use another card.",
            );
            page(&mut visit, opened, form).await
        }
        Attempt::TooLate => {
            visit.flash("heed", "The hold has run out, and nothing was charged.");
            Ok(visit.redirect(&booking))
        }
    }
}

async fn page(visit: &mut Visit, opened: Opened, mut form: Form) -> Result<Response, Trouble> {
    let Opened { reservation, call } = opened;
    let booking = format!("/bookings/{}", reservation.id);
    if reservation.status != Status::Held {
        return Ok(visit.redirect(&booking));
    }
    if matches!(reservation.payment, PaymentState::Open(_)) {
        return Ok(visit.redirect(&format!("{booking}/paying")));
    }
    if form.failure.is_none()
        && let Some(payment) = card::latest(visit, &call, reservation.id).await?
        && let Some(failure) = &payment.failure
    {
        let (title, text) = card::failure_words(&failure.code);
        form.fail(title, text);
    }
    let hotel = ask::hotel(visit, reservation.hotel()).await?;
    let until = reservation.hold_expires_at.unwrap_or(visit.now);
    let view = json!({
        "stay": Stay::of(&reservation.quote, &hotel, visit.locale, visit.now),
        "guest": { "name": reservation.guest.name, "email": reservation.guest.email },
        "form": form, "once": token::random_secret("once_"), "action": format!("{booking}/pay"),
        "cancel_href": format!("{booking}/cancel"), "bank": card::form(&visit.site.deps.bank),
        "hold": hold("Your room is held", until, visit.now, "The hold has run out. Nothing was charged."),
    });
    visit.form_page("pay.html", "Pay for your booking", view)
}
