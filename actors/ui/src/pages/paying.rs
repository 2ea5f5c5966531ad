//! Between the button and the answer: the bank is asked, or asks the guest (3-D Secure), and this page goes on by
//! itself, with scripts or without.

use std::time::Duration;

use contracts::ReservationId;
use contracts::payments::PaymentStatus;
use contracts::reservations::{Answer, Query, Reservations, Status};
use group::{Call, Failure};
use poem::web::Path;
use poem::{Response, handler};
use serde_json::json;

use super::{ask, card};
use crate::trouble::Trouble;
use crate::visit::{Fields, Visit};

/// How often the page looks again by itself, in seconds.
const AGAIN_SECS: u32 = 3;

/// How often it is asked whether the reservation has heard of its money, and in what steps.
const HEAR_TIMES: u32 = 10;
const HEAR_EVERY: Duration = Duration::from_millis(100);

#[handler]
pub(super) async fn paying(
    mut visit: Visit,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Trouble> {
    let opened = ask::open(&mut visit, &id, "").await?;
    let (id, call) = (opened.reservation.id, opened.call);
    let is_back = fields.get("back") == "1";
    let mut payment = card::settled(&visit, &call, id, |status| status == PaymentStatus::Processing).await?;
    if is_back
        && let Some(waiting) =
            payment.as_ref().filter(|payment| payment.status == PaymentStatus::RequiresAction)
    {
        card::returned(&visit, &call, waiting.id).await?;
        let waits = |status| matches!(status, PaymentStatus::Processing | PaymentStatus::RequiresAction);
        payment = card::settled(&visit, &call, id, waits).await?;
    }
    let booking = format!("/bookings/{id}");
    let Some(payment) = payment else { return Ok(visit.redirect(&booking)) };
    match payment.status {
        PaymentStatus::Failed => Ok(visit.redirect(&format!("{booking}/pay"))),
        PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded => Ok(visit.redirect(&booking)),
        // The money is here; the reservation hears of it a moment later.
        PaymentStatus::Succeeded if is_still_held(&visit, &call, id).await? => {
            wait(&mut visit, &format!("{booking}/paying"), 1)
        }
        PaymentStatus::Succeeded => Ok(visit.redirect(&booking)),
        PaymentStatus::Processing => wait(&mut visit, &format!("{booking}/paying"), AGAIN_SECS),
        PaymentStatus::RequiresAction => match payment.redirect_url.filter(|url| is_web(url)) {
            Some(url) => {
                let view = json!({ "url": url, "seconds": if is_back { 20 } else { 1 }, "again_href": format!("{booking}/paying?back=1") });
                visit.page("bank.html", "Over to your bank", view)
            }
            None => wait(&mut visit, &format!("{booking}/paying?back=1"), AGAIN_SECS),
        },
    }
}

/// Whether the reservation has not heard of its money after a little while.
async fn is_still_held(visit: &Visit, call: &Call, id: ReservationId) -> Result<bool, Trouble> {
    for _ in 0..HEAR_TIMES {
        match visit.site.deps.client.query::<Reservations>(call, Query::Reservation(id)).await {
            Ok(Answer::Reservation(reservation)) if reservation.status == Status::Held => {}
            Ok(_) | Err(Failure::Refused(_)) => return Ok(false),
            Err(failure) => return Err(failure.into()),
        }
        tokio::time::sleep(HEAR_EVERY).await;
    }
    Ok(true)
}

fn wait(visit: &mut Visit, again: &str, seconds: u32) -> Result<Response, Trouble> {
    visit.page("waiting.html", "Asking the bank", json!({ "seconds": seconds, "again_href": again }))
}

/// An address that a browser may be sent to: the bank's word, but never a script.
fn is_web(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && url.len() <= 2_000
        && url.bytes().all(|byte| byte.is_ascii_graphic())
}
