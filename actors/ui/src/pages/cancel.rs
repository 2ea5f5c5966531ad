//! Cancelling a booking. The refund is shown before.

use contracts::Money;
use contracts::reservations::{Cancel, Refusal, Status};
use group::Failure;
use poem::web::Path;
use poem::{Response, handler};
use serde_json::json;

use super::hotel::refusal_text;
use super::lookup::{self, OpenedBooking, Visitor};
use crate::context::{Fields, PageContext};
use crate::error::PageError;
use crate::format::{self, money};
use crate::view::{Form, Stay};

#[handler]
pub(super) async fn show(
    mut context: PageContext,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, PageError> {
    let opened = lookup::booking(&mut context, &id, fields.get("key")).await?;
    page(&mut context, opened, Form::of(&[])).await
}

#[handler]
pub(super) async fn cancel(
    mut context: PageContext,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, PageError> {
    context.check_form(&fields)?;
    let opened = lookup::booking(&mut context, &id, "").await?;
    let reservation = &opened.reservation;
    // The booking is cancelled only if the refund is what the page showed.
    if fields.get("expected") != refund(&opened, context.now).amount.to_string() {
        let mut form = Form::of(&[]);
        form.fail(
            "The refund has changed",
            "A deadline has passed or the booking has changed. Please check the amount again.",
        );
        return page(&mut context, opened, form).await;
    }
    let cancel = Cancel { reservation: reservation.id, expect: Some(reservation.version), penalty: None };
    let booking = format!("/bookings/{}", reservation.id);
    match context.site.dependencies.client.call(&opened.call, cancel).await {
        Ok(_) => Ok(context.redirect(&booking)),
        Err(Failure::Refused(Refusal::Changed)) => {
            context.flash("heed", "The booking has changed in the meantime. Please check it, and cancel again if you still want to.");
            Ok(context.redirect(&booking))
        }
        Err(Failure::Refused(refusal)) => {
            let why = refusal_text(&context, &refusal);
            context.flash("failed", why);
            Ok(context.redirect(&booking))
        }
        Err(failure) => Err(failure.into()),
    }
}

/// What is refunded if this visitor cancels. When the hotel cancels, it keeps nothing.
fn refund(opened: &OpenedBooking, now: protocol::Timestamp) -> Money {
    let reservation = &opened.reservation;
    match opened.visitor {
        Visitor::Owner | Visitor::Bearer => reservation.refund_at(now),
        Visitor::Staff => Money::new(reservation.paid() - reservation.refunded, reservation.currency()),
    }
}

async fn page(context: &mut PageContext, opened: OpenedBooking, form: Form) -> Result<Response, PageError> {
    let by_staff = opened.visitor == Visitor::Staff;
    let refund = refund(&opened, context.now);
    let reservation = opened.reservation;
    let booking = format!("/bookings/{}", reservation.id);
    if !reservation.guest_can_cancel_at(context.now) {
        if reservation.status == Status::Confirmed {
            context
                .flash("heed", "This booking can no longer be cancelled online. Please contact the hotel.");
        }
        return Ok(context.redirect(&booking));
    }
    let hotel = lookup::hotel(context, reservation.hotel()).await?;
    let (locale, now) = (context.locale, context.now);
    let kept = if by_staff { 0 } else { reservation.penalty_at(now).min(reservation.paid()) };
    let policy = reservation.quote.policy;
    let free_until = if policy.penalty_percent == 0 { Some(policy.guest_until) } else { policy.free_until };
    let explanation = match (reservation.status, free_until) {
        (Status::Held, _) => "Nothing has been charged, and cancelling is free.".to_owned(),
        _ if reservation.quote.total == 0 => "Nothing was charged, so there is nothing to refund.".to_owned(),
        _ if by_staff => "You cancel for the hotel, so the guest gets everything back.".to_owned(),
        (_, Some(until)) if until > now => format!(
            "You can cancel free of charge until {} ({} time). We refund the card that was used right away; it can take your bank up to ten days to show it.",
            format::deadline(locale, until, &hotel.profile.time_zone, now),
            format::zone_city(&hotel.profile.time_zone)
        ),
        (_, Some(until)) => format!(
            "You could cancel free of charge until {} ({} time).",
            format::deadline(locale, until, &hotel.profile.time_zone, now),
            format::zone_city(&hotel.profile.time_zone)
        ),
        (_, None) => "This rate cannot be cancelled free of charge.".to_owned(),
    };
    let price = |amount| money(locale, Money::new(amount, reservation.currency()));
    let view = json!({
        "stay": Stay::of(&reservation.quote, &hotel, locale, now), "form": form,
        "paid": { "label": if by_staff { "The guest paid" } else { "You paid" }, "amount": price(reservation.paid()) },
        "kept": (kept > 0).then(|| price(kept)), "refund": money(locale, refund),
        "expected": refund.amount.to_string(), "explanation": explanation,
        "action": format!("{booking}/cancel"), "back_href": booking,
    });
    context.form_page("cancel.html", "Cancel this booking?", view)
}
