//! What one takes along: confirmation, receipt, calendar file, and the code that opens the booking elsewhere.

use contracts::ReservationId;
use contracts::payments::{self, Payments};
use contracts::pdf;
use contracts::reservations::PaymentState;
use group::Failure;
use poem::http::header;
use poem::web::Path;
use poem::{Response, handler};

use super::ask;
use crate::qr::svg;
use crate::site::File;
use crate::trouble::Trouble;
use crate::visit::{Fields, Visit};

#[handler]
pub(super) async fn confirmation(
    mut visit: Visit,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Trouble> {
    let opened = ask::open(&mut visit, &id, fields.get("key")).await?;
    let made = visit.site.deps.documents.confirmation(&opened.call, opened.reservation.id).await?;
    Ok(file(made.ok_or(Trouble::NotFound)?, "application/pdf", "inline"))
}

#[handler]
pub(super) async fn calendar(
    mut visit: Visit,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Trouble> {
    let opened = ask::open(&mut visit, &id, fields.get("key")).await?;
    let made = visit.site.deps.documents.calendar(&opened.call, opened.reservation.id).await?;
    Ok(file(made.ok_or(Trouble::NotFound)?, "text/calendar; charset=utf-8", "attachment"))
}

/// The receipt: its data is the business of payments, its making that of pdf.
#[handler]
pub(super) async fn receipt(
    mut visit: Visit,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Trouble> {
    let opened = ask::open(&mut visit, &id, fields.get("key")).await?;
    let PaymentState::Paid { payment, .. } = opened.reservation.payment else {
        return Err(Trouble::NotFound);
    };
    let booking_url = visit.site.link(opened.reservation.id);
    let client = &visit.site.deps.client;
    let query = payments::Query::Receipt { payment, booking_url };
    let (number, data_json) = match client.query::<Payments>(&opened.call, query).await {
        Ok(payments::Answer::Receipt { number, data_json, .. }) => (number, data_json),
        Ok(other) => return Err(Trouble::Broken(format!("payments answered a receipt with {other:?}"))),
        Err(Failure::Refused(_)) => return Err(Trouble::NotFound),
        Err(failure) => return Err(failure.into()),
    };
    let request = pdf::RenderDocument { template: pdf::RECEIPT.to_owned(), data_json };
    let bytes = client.call(&visit.as_ui().await?, request).await?;
    Ok(file(File { name: format!("receipt-{number}.pdf"), bytes }, "application/pdf", "inline"))
}

/// The booking's secret link as a code. Its own key opens it, so that the picture needs no session.
#[handler]
pub(super) async fn qr(visit: Visit, Path(id): Path<String>, fields: Fields) -> Result<Response, Trouble> {
    let id: ReservationId = id.parse().map_err(|_| Trouble::NotFound)?;
    if !visit.site.deps.links.verify(&[&id.to_string()], fields.get("key")) {
        return Err(Trouble::NotFound);
    }
    let drawn = svg(&visit.site.link(id))
        .ok_or_else(|| Trouble::Broken("the link does not fit into a code".into()))?;
    Ok(Response::builder()
        .content_type("image/svg+xml")
        .header(header::CACHE_CONTROL, "private, max-age=86400")
        .body(drawn))
}

fn file(file: File, media_type: &str, disposition: &str) -> Response {
    let name: String =
        file.name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
    Response::builder()
        .content_type(media_type)
        .header(header::CONTENT_DISPOSITION, format!("{disposition}; filename=\"{name}\""))
        .header(header::CACHE_CONTROL, "private, no-store")
        .body(file.bytes)
}
