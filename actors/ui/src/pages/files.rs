//! Files of a booking: confirmation, receipt, calendar file and QR code.

use contracts::ReservationId;
use contracts::payments::{GetCreditNote, GetReceipt, ListReservationPayments, Payment};
use contracts::pdf;
use contracts::reservations::{GetReservationByLink, PaymentState};
use group::Failure;
use poem::http::header;
use poem::web::Path;
use poem::{Response, handler};

use super::lookup;
use crate::context::{Fields, PageContext};
use crate::error::PageError;
use crate::qr::svg;
use crate::site::File;

#[handler]
pub(super) async fn confirmation(
    mut context: PageContext,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, PageError> {
    let opened = lookup::booking(&mut context, &id, fields.get("key")).await?;
    let made = context.site.dependencies.documents.confirmation(&opened.call, opened.reservation.id).await?;
    Ok(file(made.ok_or(PageError::NotFound)?, "application/pdf", "inline"))
}

#[handler]
pub(super) async fn calendar(
    mut context: PageContext,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, PageError> {
    let opened = lookup::booking(&mut context, &id, fields.get("key")).await?;
    let made = context.site.dependencies.documents.calendar(&opened.call, opened.reservation.id).await?;
    Ok(file(made.ok_or(PageError::NotFound)?, "text/calendar; charset=utf-8", "attachment"))
}

/// The receipt: `payments` supplies its data, `pdf` renders it.
#[handler]
pub(super) async fn receipt(
    mut context: PageContext,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, PageError> {
    let opened = lookup::booking(&mut context, &id, fields.get("key")).await?;
    let PaymentState::Paid { payment, .. } = opened.reservation.payment else {
        return Err(PageError::NotFound);
    };
    let booking_url = opened.url(&context.site);
    let client = &context.site.dependencies.client;
    let receipt = match client.call(&opened.call, GetReceipt { payment, booking_url }).await {
        Ok(receipt) => receipt,
        Err(Failure::Refused(_)) => return Err(PageError::NotFound),
        Err(failure) => return Err(failure.into()),
    };
    let request = pdf::RenderDocument { template: pdf::RECEIPT.to_owned(), data_json: receipt.data_json };
    let bytes = client.call(&context.as_ui().await?, request).await?;
    Ok(file(File { name: format!("receipt-{}.pdf", receipt.number), bytes }, "application/pdf", "inline"))
}

/// A credit note of one of the booking's payments.
#[handler]
pub(super) async fn credit_note(
    mut context: PageContext,
    Path((id, document)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, PageError> {
    let number = document.strip_suffix(".pdf").ok_or(PageError::NotFound)?;
    let opened = lookup::booking(&mut context, &id, fields.get("key")).await?;
    let client = &context.site.dependencies.client;
    let reservation = opened.reservation.id;
    let payments = client.call(&opened.call, ListReservationPayments { reservation }).await?;
    let has_note = |payment: &&Payment| payment.credit_notes.iter().any(|note| note.number == number);
    let payment = payments.iter().find(has_note).ok_or(PageError::NotFound)?.id;
    let request =
        GetCreditNote { payment, number: number.to_owned(), booking_url: opened.url(&context.site) };
    let note = client.call(&opened.call, request).await?;
    let request = pdf::RenderDocument { template: pdf::CREDIT_NOTE.to_owned(), data_json: note.data_json };
    let bytes = client.call(&context.as_ui().await?, request).await?;
    Ok(file(File { name: format!("credit-note-{number}.pdf"), bytes }, "application/pdf", "inline"))
}

/// The QR code of the booking's secret link. The key in the URL authorizes it, so that the image needs no session.
#[handler]
pub(super) async fn qr(
    context: PageContext,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, PageError> {
    let reservation: ReservationId = id.parse().map_err(|_| PageError::NotFound)?;
    let request = GetReservationByLink { reservation, tag: fields.get("key").to_owned() };
    let found = match context.site.dependencies.client.call(&context.anonymous(), request).await {
        Ok(found) => found,
        Err(Failure::Refused(_)) => return Err(PageError::NotFound),
        Err(failure) => return Err(failure.into()),
    };
    let drawn = svg(&context.site.secret_link(found.link()))
        .ok_or_else(|| PageError::Internal("the link is too long for a QR code".into()))?;
    Ok(Response::builder()
        .content_type("image/svg+xml")
        .header(header::CACHE_CONTROL, "private, no-store")
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
