//! What documents and mails say of a reservation, as data for templates: the PDF's, and our mails'.

use contracts::reservations::{Reservation, link_path};
use contracts::{HotelProfile, ReservationId};
use protocol::Timestamp;
use render::{DateStyle, format_instant, format_money};
use serde_json::{Value, json};
use token::LinkKey;

/// Where guests find their bookings, and whether any of it is real.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The public address, such as `https://auberge.example`; never a request's own.
    pub public_url: String,
    /// `cluster_key.links("booking-link")`.
    pub links: LinkKey,
    /// Whether the bank is the sandbox: then every page, mail and document says TEST.
    pub sandbox: bool,
}

impl Desk {
    /// The secret link to a reservation. Whoever has it may see and cancel it: for the guest's eyes only.
    pub fn secret_link(&self, reservation: ReservationId) -> String {
        let tag = self.links.tag(&[&reservation.to_string()]);
        format!("{}{}", self.root(), link_path(reservation, &tag))
    }

    /// The same page without the secret: for those who sign in.
    pub fn plain_link(&self, reservation: ReservationId) -> String {
        format!("{}/bookings/{reservation}", self.root())
    }

    /// Whether papers about this hotel say TEST.
    pub fn is_test(&self, hotel: &HotelProfile) -> bool {
        self.sandbox || hotel.demo
    }

    /// The host of the public address, for names that look like mail addresses.
    pub fn host(&self) -> &str {
        let host = self.root().split_once("://").map_or(self.root(), |(_, rest)| rest);
        let host = host.split(['/', ':']).next().unwrap_or_default();
        if host.is_empty() { "localhost" } else { host }
    }

    fn root(&self) -> &str {
        self.public_url.trim_end_matches('/')
    }
}

/// All that templates may say. `link` is the address of the booking's page.
pub fn data(
    desk: &Desk,
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
    let refund = reservation
        .refund
        .map(|refund| json!({"amount": refund.amount, "currency": currency, "status": refund.status.word()}));
    json!({
        "hotel": {
            "name": hotel.name, "address": hotel.address, "city": hotel.city, "country": hotel.country,
            // Empty rather than null: stored templates join them.
            "phone": "", "email": hotel.email.as_deref().unwrap_or_default(),
        },
        "booking": {
            "number": reservation.id.to_string(), "url": link, "status": reservation.status.word(),
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
        "cancellation": {"text": cancellation(reservation, &hotel.time_zone)},
        "time_zone": hotel.time_zone,
        "test": desk.is_test(hotel),
        "issued_at": instant(now),
    })
}

/// The policy in a sentence or two.
fn cancellation(reservation: &Reservation, zone: &str) -> String {
    let quote = &reservation.quote;
    let percent = quote.policy.penalty_percent;
    let amount =
        format_money(quote.penalty(), quote.currency.code()).unwrap_or_else(|| quote.penalty().to_string());
    let until = quote
        .policy
        .free_until
        .map(|until| format_instant(&until.millis().to_string(), zone, DateStyle::Long));
    match until {
        _ if percent == 0 => "You can cancel free of charge at any time before check-in.".to_owned(),
        Some(Ok(until)) => {
            format!(
                "You can cancel free of charge until {until}. After that, {amount} ({percent} % of the total) is kept."
            )
        }
        Some(Err(_)) | None => {
            format!("Cancelling is not free at any time: {amount} ({percent} % of the total) is kept.")
        }
    }
}

fn instant(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}
