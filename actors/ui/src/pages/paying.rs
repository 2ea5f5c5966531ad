//! The page between submitting a payment and its result: waits for the bank, redirects to 3-D Secure, and reloads
//! itself, with or without JavaScript.

use std::time::Duration;

use contracts::ReservationId;
use contracts::payments::{Payment, PaymentStatus};
use contracts::reservations::{GetReservation, Status};
use group::{Call, Failure};
use poem::web::Path;
use poem::{Response, handler};
use serde_json::json;

use super::{card, lookup};
use crate::context::{Fields, PageContext};
use crate::error::PageError;

/// How often the page reloads itself, in seconds.
const RELOAD_SECS: u32 = 3;

/// How often, and at which interval, the reservation is polled until it is confirmed.
const CONFIRMATION_POLLS: u32 = 10;
const CONFIRMATION_POLL_INTERVAL: Duration = Duration::from_millis(100);

#[handler]
pub(super) async fn paying(
    mut context: PageContext,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, PageError> {
    let opened = lookup::booking(&mut context, &id, "").await?;
    let (id, call) = (opened.reservation.id, opened.call);
    let is_back = fields.get("back") == "1";
    let mut payment = card::settled(&context, &call, id, is_processing).await?;
    if is_back
        && let Some(waiting) =
            payment.as_ref().filter(|payment| payment.status == PaymentStatus::RequiresAction)
    {
        card::returned(&context, &call, waiting.id).await?;
        payment = card::settled(&context, &call, id, |payment| payment.is_open()).await?;
    }
    let booking = format!("/bookings/{id}");
    let Some(payment) = payment else { return Ok(context.redirect(&booking)) };
    match payment.status {
        // Also what the bank captured by mistake: it is refunded, and another attempt is allowed.
        _ if payment.failure.is_some() => Ok(context.redirect(&format!("{booking}/pay"))),
        PaymentStatus::Failed => Ok(context.redirect(&format!("{booking}/pay"))),
        PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded => Ok(context.redirect(&booking)),
        // The payment has succeeded. The reservation is confirmed by an event shortly after.
        PaymentStatus::Succeeded if is_still_held(&context, &call, id).await? => {
            wait(&mut context, &format!("{booking}/paying"), 1)
        }
        PaymentStatus::Succeeded => Ok(context.redirect(&booking)),
        PaymentStatus::Processing => wait(&mut context, &format!("{booking}/paying"), RELOAD_SECS),
        PaymentStatus::RequiresAction => match payment.redirect_url.filter(|url| is_web(url)) {
            Some(url) => {
                let again = format!("{booking}/paying?back=1");
                let view = json!({
                    "url": url, "seconds": if is_back { 20 } else { 1 }, "again_href": again,
                    // A guest who has come back may want to use another card: the page only checks the payment again.
                    "refresh": if is_back { again.clone() } else { url.clone() },
                    "action": format!("{booking}/paying/cancel"),
                });
                context.form_page("bank.html", "Confirm the payment at your bank", view)
            }
            None => wait(&mut context, &format!("{booking}/paying?back=1"), RELOAD_SECS),
        },
    }
}

/// Abandons the payment: the guest wants to use another card.
#[handler]
pub(super) async fn cancel(
    mut context: PageContext,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, PageError> {
    context.check_form(&fields)?;
    let opened = lookup::booking(&mut context, &id, "").await?;
    let id = opened.reservation.id;
    let payment = card::abandon(&context, &opened.call, id).await?;
    let booking = format!("/bookings/{id}");
    match payment {
        // The bank has not answered yet, or the card was charged before.
        Some(payment) if payment.failure.is_none() => Ok(context.redirect(&format!("{booking}/paying"))),
        Some(_) | None => Ok(context.redirect(&format!("{booking}/pay"))),
    }
}

fn is_processing(payment: &Payment) -> bool {
    payment.status == PaymentStatus::Processing && payment.failure.is_none()
}

/// Polls the reservation. Returns whether it is still unconfirmed in the end.
async fn is_still_held(context: &PageContext, call: &Call, id: ReservationId) -> Result<bool, PageError> {
    for _ in 0..CONFIRMATION_POLLS {
        match context.site.dependencies.client.call(call, GetReservation { reservation: id }).await {
            Ok(reservation) if reservation.status == Status::Held => {}
            Ok(_) | Err(Failure::Refused(_)) => return Ok(false),
            Err(failure) => return Err(failure.into()),
        }
        tokio::time::sleep(CONFIRMATION_POLL_INTERVAL).await;
    }
    Ok(true)
}

fn wait(context: &mut PageContext, again: &str, seconds: u32) -> Result<Response, PageError> {
    context.page(
        "waiting.html",
        "Processing your payment",
        json!({ "seconds": seconds, "again_href": again }),
    )
}

/// Whether the bank's URL is safe as a redirect target: `http` or `https`, never a script.
fn is_web(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && url.len() <= 2_000
        && url.bytes().all(|byte| byte.is_ascii_graphic())
}
