//! What the leader does outside: mails to guests and hotels, with the confirmation's PDF and a calendar file.

use std::time::Duration;

use contracts::pdf;
use contracts::reservations::{Answer, Command, Query, Refusal, Reservation};
use contracts::{HotelId, HotelProfile, ReservationId};
use group::{Call, EffectContext, Effects, Failure, Outcome};
use mail::{Address, Attachment, Mailer, Message, SendError};
use protocol::Timestamp;
use render::Renderer;

use crate::booking_links::BookingLinks;
use crate::documents;
use crate::{Effect, Occasion, Recipient, Reservations, ics};

type Contract = contracts::reservations::Reservations;

/// How long one attempt may take, without the mail server.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Why a mail does not go.
enum Halt {
    /// Not now.
    Retry(String),
    /// Not before somebody has looked.
    Poison(String),
}

const TEMPLATES: &[(&str, &str)] = &[
    ("layout.html", include_str!("../templates/layout.html")),
    ("booking.html", include_str!("../templates/booking.html")),
    ("booking.txt", include_str!("../templates/booking.txt")),
    ("confirmed.html", include_str!("../templates/confirmed.html")),
    ("confirmed.txt", include_str!("../templates/confirmed.txt")),
    ("cancelled.html", include_str!("../templates/cancelled.html")),
    ("cancelled.txt", include_str!("../templates/cancelled.txt")),
    ("hotel_confirmed.txt", include_str!("../templates/hotel_confirmed.txt")),
    ("hotel_cancelled.txt", include_str!("../templates/hotel_cancelled.txt")),
];

/// Takes mails out.
#[derive(Debug)]
pub struct ReservationEffects {
    links: BookingLinks,
    from: Address,
    mailer: Mailer,
    templates: Renderer,
}

impl ReservationEffects {
    /// With what links and banners need, whom mails are from, and the way out.
    ///
    /// # Panics
    /// When a template of ours does not compile: tests see to that.
    pub fn new(links: BookingLinks, from: Address, mailer: Mailer) -> Self {
        let templates = Renderer::builtin(TEMPLATES).expect("our templates compile");
        Self { links, from, mailer, templates }
    }

    /// The mail about an occasion; none when the hotel wants none.
    ///
    /// # Errors
    /// Why it cannot be written, or not now.
    async fn write(
        &self,
        context: &EffectContext,
        call: &Call,
        reservation: &Reservation,
        hotel: &HotelProfile,
        occasion: Occasion,
        to: Recipient,
    ) -> Result<Option<Message>, Halt> {
        let (name, email) = match (to, &hotel.email) {
            (Recipient::Guest, _) => (&reservation.guest.name, &reservation.guest.email),
            (Recipient::Hotel, Some(email)) => (&hotel.name, email),
            (Recipient::Hotel, None) => return Ok(None),
        };
        let poison = |why: &str| Halt::Poison(why.to_owned());
        let to_address = Address::new(name.clone(), email.clone())
            .map_err(|_| poison("the recipient has no usable address"))?;
        let link = match to {
            Recipient::Guest => self.links.secret_link(reservation.id),
            Recipient::Hotel => self.links.plain_link(reservation.id),
        };
        let data = documents::data(&self.links, reservation, hotel, &link, reservation.updated_at);
        let render =
            |name: &str| self.templates.render(name, &data).map_err(|error| Halt::Poison(error.to_string()));
        let (word, html, text) = match (occasion, to) {
            (Occasion::Confirmed, Recipient::Guest) => {
                ("confirmed", render("confirmed.html")?, render("confirmed.txt")?)
            }
            (Occasion::Cancelled, Recipient::Guest) => {
                ("cancelled", render("cancelled.html")?, render("cancelled.txt")?)
            }
            (Occasion::Confirmed, Recipient::Hotel) => {
                ("new-booking", String::new(), render("hotel_confirmed.txt")?)
            }
            (Occasion::Cancelled, Recipient::Hotel) => {
                ("cancellation", String::new(), render("hotel_cancelled.txt")?)
            }
        };
        let mut attachments = Vec::new();
        if to == Recipient::Guest {
            if occasion == Occasion::Confirmed {
                let bytes = document(context, call, data.to_string()).await?;
                let name = format!("{}.pdf", reservation.id);
                attachments.push(Attachment { name, content_type: "application/pdf".into(), bytes });
            }
            let bytes = ics::file(&self.links, reservation, hotel).into_bytes();
            let content_type = "text/calendar; charset=utf-8; method=PUBLISH".into();
            attachments.push(Attachment { name: format!("{}.ics", reservation.id), content_type, bytes });
        }
        let reply_to = match to {
            Recipient::Guest => {
                hotel.email.as_ref().and_then(|email| Address::new(hotel.name.clone(), email.clone()).ok())
            }
            Recipient::Hotel => None,
        };
        Ok(Some(Message {
            to: to_address,
            cc: Vec::new(),
            from: self.from.clone(),
            reply_to,
            subject: self.subject(reservation, hotel, occasion, to),
            text,
            html,
            attachments,
            message_id: format!("{word}.{}@{}", reservation.id, self.links.host()),
        }))
    }

    fn subject(
        &self,
        reservation: &Reservation,
        hotel: &HotelProfile,
        occasion: Occasion,
        to: Recipient,
    ) -> String {
        let test = if self.links.is_test(hotel) { "TEST – " } else { "" };
        let (stay, name) = (reservation.stay(), &hotel.name);
        match (occasion, to) {
            (Occasion::Confirmed, Recipient::Guest) => format!("{test}Your stay at {name} is confirmed"),
            (Occasion::Cancelled, Recipient::Guest) => format!("{test}Your stay at {name} is cancelled"),
            (Occasion::Confirmed, Recipient::Hotel) => {
                format!("{test}New booking: {} to {}", stay.check_in(), stay.check_out())
            }
            (Occasion::Cancelled, Recipient::Hotel) => {
                format!("{test}Cancelled: {} to {}", stay.check_in(), stay.check_out())
            }
        }
    }
}

impl Effects<Reservations> for ReservationEffects {
    async fn perform(&self, context: &EffectContext, effect: Effect) -> Outcome<Command> {
        let Effect::Mail { reservation, occasion, to } = effect;
        match self.mail(context, reservation, occasion, to).await {
            Ok(()) => Outcome::Done,
            Err(Halt::Retry(why)) => Outcome::Retry(why),
            Err(Halt::Poison(why)) => Outcome::Poison(why),
        }
    }
}

impl ReservationEffects {
    async fn mail(
        &self,
        context: &EffectContext,
        id: ReservationId,
        occasion: Occasion,
        to: Recipient,
    ) -> Result<(), Halt> {
        let call = context.call(TIMEOUT).await.map_err(|unavailable| Halt::Retry(unavailable.to_string()))?;
        let reservation = reservation(context, &call, id).await?;
        let hotel = hotel(context, &call, reservation.hotel()).await?;
        let Some(message) = self.write(context, &call, &reservation, &hotel, occasion, to).await? else {
            return Ok(());
        };
        self.mailer.send(&message).await.map_err(|error| match error {
            SendError::Permanent(why) => Halt::Poison(why),
            SendError::Transient(why) => Halt::Retry(why),
        })
    }
}

async fn reservation(context: &EffectContext, call: &Call, id: ReservationId) -> Result<Reservation, Halt> {
    match context.client.query::<Contract>(call, Query::Reservation(id)).await.map_err(failed)? {
        Answer::Reservation(found) => Ok(*found),
        other => Err(unexpected(&other)),
    }
}

async fn hotel(context: &EffectContext, call: &Call, id: HotelId) -> Result<HotelProfile, Halt> {
    match context.client.query::<Contract>(call, Query::ManagedHotel(id)).await.map_err(failed)? {
        Answer::ManagedHotel(found) => Ok(found.hotel),
        other => Err(unexpected(&other)),
    }
}

async fn document(context: &EffectContext, call: &Call, data_json: String) -> Result<Vec<u8>, Halt> {
    let request = pdf::RenderDocument { template: pdf::CONFIRMATION.to_owned(), data_json };
    match context.client.call(call, request).await {
        Ok(bytes) => Ok(bytes),
        // Somebody stored a template that does not fit: an operator mends it and retries.
        Err(Failure::Refused(refusal)) => {
            Err(Halt::Poison(format!("the confirmation's template: {refusal}")))
        }
        Err(failure) => Err(Halt::Retry(failure.to_string())),
    }
}

fn failed(failure: Failure<Refusal>) -> Halt {
    match failure {
        Failure::Refused(refusal) => Halt::Poison(refusal.to_string()),
        failure @ (Failure::Forbidden(_) | Failure::KeyReused) => Halt::Poison(failure.to_string()),
        // A token can have run out on the way.
        failure @ (Failure::Unauthenticated(_) | Failure::Unavailable(_)) => Halt::Retry(failure.to_string()),
    }
}

/// An answer to another question: a mistake of ours, which an operator should see.
fn unexpected(_: &Answer) -> Halt {
    Halt::Poison("an answer to another question".to_owned())
}

/// The confirmation's PDF, for whoever may see the reservation.
///
/// # Errors
/// What pdf refuses, or that it cannot be reached.
pub async fn confirmation_pdf(
    client: &group::Client,
    call: &Call,
    links: &BookingLinks,
    reservation: &Reservation,
    hotel: &HotelProfile,
) -> Result<Vec<u8>, Failure<pdf::Refusal>> {
    let link = links.secret_link(reservation.id);
    let data_json = documents::data(links, reservation, hotel, &link, Timestamp::wall_clock()).to_string();
    let request = pdf::RenderDocument { template: pdf::CONFIRMATION.to_owned(), data_json };
    client.call(call, request).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mails.txt");

    /// What all mails say, of a booking whose guest and hotel try to say more. `REWRITE_GOLDENS=1` writes it anew.
    #[test]
    fn mails_read_as_they_did() {
        let templates = Renderer::builtin(TEMPLATES).unwrap();
        let data = |test: bool, penalty: i64, refund: Option<i64>, requests: Option<&str>| {
            json!({
                "hotel": {"name": "Hotel <b>Sonne</b>", "address": "Lindenallee 12", "city": "Lübeck", "country": "DE",
                    "phone": null, "email": null},
                "booking": {"number": "rsv_1", "url": "https://inn.example/bookings/rsv_1?key=abc", "status": "confirmed",
                    "guest_name": "Łukasz\nBcc: <script>", "guest_phone": null, "guest_email": "g@example.org",
                    "room_type": "Double", "rate_plan": "Flexible", "rooms": 1, "guests": 2, "check_in": "2026-12-24",
                    "check_out": "2026-12-26", "nights": 2, "requests": requests, "reference": null},
                "lines": [], "taxes": [], "total": {"amount": 21000, "currency": "EUR"},
                "penalty": {"amount": penalty, "currency": "EUR"},
                "refund": refund.map(|amount| json!({"amount": amount, "currency": "EUR", "status": "pending"})),
                "cancellation": {"text": "You can cancel free of charge until then."},
                "time_zone": "Europe/Berlin", "test": test, "issued_at": "2026-11-23T12:00:00Z",
            })
        };
        let mut text = String::new();
        for (name, data) in [
            ("confirmed.txt", data(false, 0, None, None)),
            ("confirmed.html", data(true, 0, None, None)),
            ("cancelled.txt", data(false, 16_800, Some(4_200), None)),
            ("cancelled.txt", data(true, 21_000, None, None)),
            ("cancelled.html", data(false, 0, Some(21_000), None)),
            ("hotel_confirmed.txt", data(false, 0, None, Some("Quiet, please."))),
            ("hotel_confirmed.txt", data(true, 0, None, None)),
            ("hotel_cancelled.txt", data(false, 16_800, Some(4_200), None)),
        ] {
            let mail = templates.render(name, &data).unwrap();
            // No tag in HTML, no line of its own in text.
            assert!(!mail.contains(if name.ends_with(".txt") { "\nBcc:" } else { "<script>" }), "{name}");
            text.push_str(&format!("======== {name}\n{mail}\n"));
        }
        if std::env::var_os("REWRITE_GOLDENS").is_some() {
            std::fs::write(GOLDEN, &text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(GOLDEN).unwrap());
    }
}
