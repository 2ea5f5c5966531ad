//! Cancelling, with the refund shown before.

use contracts::Money;
use contracts::reservations::{self, Refusal, Reservations, Status};
use group::Failure;
use poem::web::Path;
use poem::{Response, handler};
use serde_json::json;

use super::ask::{self, Opened};
use super::hotel::why_not;
use crate::format::{self, money};
use crate::trouble::Trouble;
use crate::view::{Form, Stay};
use crate::visit::{Fields, Visit};

#[handler]
pub(super) async fn sure(
    mut visit: Visit,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Trouble> {
    let opened = ask::open(&mut visit, &id, fields.get("key")).await?;
    page(&mut visit, opened, Form::of(&[])).await
}

#[handler]
pub(super) async fn cancel(
    mut visit: Visit,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Trouble> {
    visit.check_form(&fields)?;
    let opened = ask::open(&mut visit, &id, "").await?;
    let reservation = &opened.reservation;
    // Nobody gives up a room for less than the page said.
    if fields.get("expected") != expected(reservation, visit.now) {
        let mut form = Form::of(&[]);
        form.fail(
            "The refund has changed",
            "A deadline has passed, or something happened meanwhile. Please look at the amount again.",
        );
        return page(&mut visit, opened, form).await;
    }
    let command =
        reservations::Command::Cancel { reservation: reservation.id, expect: Some(reservation.version) };
    let booking = format!("/bookings/{}", reservation.id);
    match visit.site.deps.client.command::<Reservations>(&opened.call, command).await {
        Ok(_) => Ok(visit.redirect(&booking)),
        Err(Failure::Refused(Refusal::Changed)) => {
            visit.flash("heed", "Something about the booking changed meanwhile. Please look at it, and cancel again if you still want to.");
            Ok(visit.redirect(&booking))
        }
        Err(Failure::Refused(refusal)) => {
            let why = why_not(&visit, &refusal);
            visit.flash("failed", why);
            Ok(visit.redirect(&booking))
        }
        Err(failure) => Err(failure.into()),
    }
}

fn expected(reservation: &reservations::Reservation, now: protocol::Timestamp) -> String {
    reservation.refund_at(now).amount.to_string()
}

async fn page(visit: &mut Visit, opened: Opened, form: Form) -> Result<Response, Trouble> {
    let reservation = opened.reservation;
    let booking = format!("/bookings/{}", reservation.id);
    if !matches!(reservation.status, Status::Held | Status::Confirmed) {
        return Ok(visit.redirect(&booking));
    }
    let hotel = ask::hotel(visit, reservation.hotel()).await?;
    let (locale, now) = (visit.locale, visit.now);
    let kept = reservation.penalty_at(now).min(reservation.paid());
    let explanation = match (reservation.status, reservation.quote.policy.free_until) {
        (Status::Held, _) => "Nothing has been charged, and nothing will be.".to_owned(),
        (_, Some(until)) if until > now => format!(
            "Cancelling is free until {} ({} time). The money goes back to the card that paid, at once; banks take up to ten days to show it.",
            format::deadline(locale, until, &hotel.profile.time_zone, now),
            format::zone_city(&hotel.profile.time_zone)
        ),
        (_, Some(until)) => format!(
            "Cancelling was free until {} ({} time).",
            format::deadline(locale, until, &hotel.profile.time_zone, now),
            format::zone_city(&hotel.profile.time_zone)
        ),
        (_, None) => {
            "This rate cannot be cancelled free of charge, as was agreed when you booked.".to_owned()
        }
    };
    let price = |amount| money(locale, Money::new(amount, reservation.currency()));
    let view = json!({
        "stay": Stay::of(&reservation.quote, &hotel, locale, now), "form": form,
        "paid": { "label": "You paid", "amount": price(reservation.paid()) },
        "kept": (kept > 0).then(|| price(kept)), "refund": money(locale, reservation.refund_at(now)),
        "expected": expected(&reservation, now), "explanation": explanation,
        "action": format!("{booking}/cancel"), "back_href": booking,
    });
    visit.form_page("cancel.html", "Cancel this booking?", view)
}
