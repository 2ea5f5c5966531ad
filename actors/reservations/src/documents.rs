//! The data for templates of mails and PDF documents about a reservation.

use contracts::pdf::{self, RenderDocument};
use contracts::reservations::{CancelledBy, GetGuestContact, Reservation};
use contracts::{HotelProfile, ReservationId};
use group::{Call, Client, Failure, Unavailable};
use protocol::Timestamp;
use serde_json::{Value, json};

use crate::booking_links::BookingLinks;
use crate::cancellation_text;

/// The link to a reservation for a reader of its documents: the secret link for whoever has the guest's rights, and
/// otherwise the link without the secret. `call` is the reader's.
///
/// # Errors
/// When the service is unavailable.
pub async fn link_for(
    client: &Client,
    call: &Call,
    links: &BookingLinks,
    reservation: ReservationId,
) -> Result<String, Unavailable> {
    match client.call(call, GetGuestContact { reservation }).await {
        Ok(contact) => Ok(links.secret_link(contact.link)),
        Err(Failure::Unavailable(unavailable)) => Err(unavailable),
        Err(
            Failure::Refused(_) | Failure::Unauthenticated(_) | Failure::Forbidden(_) | Failure::KeyReused,
        ) => Ok(links.plain_link(reservation)),
    }
}

/// Renders the confirmation as PDF. `call` is in the name of `reservations`; the caller has verified that the recipient may
/// see the reservation, and `link` is what [`link_for`] returned for the recipient.
///
/// # Errors
/// What pdf refuses, or that it is unavailable.
pub async fn confirmation_pdf(
    client: &Client,
    call: &Call,
    links: &BookingLinks,
    reservation: &Reservation,
    hotel: &HotelProfile,
    link: &str,
) -> Result<Vec<u8>, Failure<pdf::Refusal>> {
    let data = data(links, reservation, hotel, link, Timestamp::wall_clock());
    render_confirmation(client, call, &data).await
}

pub(crate) async fn render_confirmation(
    client: &Client,
    call: &Call,
    data: &Value,
) -> Result<Vec<u8>, Failure<pdf::Refusal>> {
    let request = RenderDocument { template: pdf::CONFIRMATION.to_owned(), data_json: data.to_string() };
    client.call(call, request).await
}

/// Everything that a template can use. `link` is the address of the booking's page.
pub fn data(
    links: &BookingLinks,
    reservation: &Reservation,
    hotel: &HotelProfile,
    link: &str,
    now: Timestamp,
) -> Value {
    let quote = &reservation.quote;
    let (stay, currency) = (quote.stay, quote.currency.code());
    let lines: Vec<_> = quote
        .priced_nights()
        .map(|(night, amount)| json!({"date": night.to_string(), "amount": amount}))
        .collect();
    let taxes: Vec<_> = quote
        .taxes
        .iter()
        .map(|tax| json!({"name": tax.name, "amount": tax.amount, "included": tax.included}))
        .collect();
    let refund = reservation.latest_refund().map(
        |refund| json!({"amount": refund.amount, "currency": currency, "status": refund.status.as_str()}),
    );
    json!({
        "hotel": {
            "name": hotel.name, "address": hotel.address, "city": hotel.city, "country": hotel.country,
            // Empty strings rather than null, because stored templates concatenate them.
            "phone": "", "email": hotel.email.as_deref().unwrap_or_default(),
        },
        "booking": {
            "number": reservation.id.to_string(), "url": link, "status": reservation.status.as_str(),
            "guest_name": reservation.guest.name,
            "guest_phone": reservation.guest.phone.as_deref().unwrap_or_default(),
            "guest_email": reservation.guest.email, "room_type": quote.room_name,
            "rate_plan": quote.plan_name, "rooms": quote.rooms, "guests": quote.guests,
            "check_in": stay.check_in().to_string(), "check_out": stay.check_out().to_string(),
            "nights": stay.length(),
            "requests": reservation.requests.as_deref().unwrap_or_default(),
            "reference": reservation.reference.as_deref().unwrap_or_default(),
        },
        "lines": lines,
        "taxes": taxes,
        "total": {"amount": quote.total, "currency": currency},
        "penalty": {"amount": reservation.penalty, "currency": currency},
        "refund": refund,
        "cancellation": {
            "text": cancellation_text::text(reservation, hotel, now),
            "open": reservation.guest_can_cancel_at(now),
            "by": reservation.cancelled_by.map_or("", CancelledBy::as_str),
        },
        "time_zone": hotel.time_zone,
        "test": links.is_test(hotel),
        "issued_at": instant(now),
    })
}

fn instant(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}
