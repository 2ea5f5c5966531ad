//! The effects: mails to guests and hotels, with the confirmation as PDF and a calendar file.

use std::time::Duration;

use contracts::HotelProfile;
use contracts::reservations::{Command, Reservation, Status};
use group::{EffectContext, Effects, Failure, Outcome};
use mail::{Address, Attachment, Mailer, Message, SendError};
use render::Renderer;
use serde_json::Value;

use crate::booking_links::BookingLinks;
use crate::state::{HOTELS, RESERVATIONS};
use crate::{Effect, Occasion, Recipient, Reservations, documents, ics};

/// The deadline for rendering the confirmation.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Why a mail was not sent.
enum MailError {
    /// A later attempt can succeed.
    Transient(String),
    /// An operator has to resolve the cause.
    Permanent(String),
}

const TEMPLATES: &[(&str, &str)] = &[
    ("layout.html", include_str!("../templates/layout.html")),
    ("booking.html", include_str!("../templates/booking.html")),
    ("booking.txt", include_str!("../templates/booking.txt")),
    ("confirmed.html", include_str!("../templates/confirmed.html")),
    ("confirmed.txt", include_str!("../templates/confirmed.txt")),
    ("link.html", include_str!("../templates/link.html")),
    ("link.txt", include_str!("../templates/link.txt")),
    ("cancelled.html", include_str!("../templates/cancelled.html")),
    ("cancelled.txt", include_str!("../templates/cancelled.txt")),
    ("hotel_confirmed.txt", include_str!("../templates/hotel_confirmed.txt")),
    ("hotel_cancelled.txt", include_str!("../templates/hotel_cancelled.txt")),
];

/// Sends the mails about reservations.
#[derive(Debug)]
pub struct ReservationEffects {
    links: BookingLinks,
    from: Address,
    mailer: Mailer,
    templates: Renderer,
}

impl ReservationEffects {
    /// `from` is the sender of the mails.
    ///
    /// # Panics
    /// If a built-in template does not compile, which the tests rule out.
    pub fn new(links: BookingLinks, from: Address, mailer: Mailer) -> Self {
        let templates = Renderer::builtin(TEMPLATES).expect("the built-in templates compile");
        Self { links, from, mailer, templates }
    }
}

impl Effects<Reservations> for ReservationEffects {
    async fn perform(&self, context: &EffectContext, effect: Effect) -> Outcome<Command> {
        match self.mail(context, effect).await {
            Ok(()) => Outcome::Done,
            Err(MailError::Transient(why)) => Outcome::Retry(why),
            Err(MailError::Permanent(why)) => Outcome::Poison(why),
        }
    }
}

impl ReservationEffects {
    async fn mail(&self, context: &EffectContext, effect: Effect) -> Result<(), MailError> {
        let Effect::Mail { reservation: id, occasion, to } = effect;
        let found = context.read(|view| {
            let reservation = Reservation::from(view.get(&RESERVATIONS, &id)?);
            let hotel = view.get(&HOTELS, &reservation.hotel())?.hotel;
            Some((reservation, hotel))
        });
        let found = found.await.map_err(|unavailable| MailError::Transient(unavailable.to_string()))?;
        let (reservation, hotel) =
            found.ok_or_else(|| MailError::Permanent(format!("{id} or its hotel does not exist")))?;
        let Some(message) = self.message(context, &reservation, &hotel, occasion, to).await? else {
            return Ok(());
        };
        self.mailer.send(&message).await.map_err(|error| match error {
            SendError::Permanent(why) => MailError::Permanent(why),
            SendError::Transient(why) => MailError::Transient(why),
        })
    }

    /// The mail about an occasion; `None` if the hotel has no mail address, or if the link was replaced again meanwhile.
    async fn message(
        &self,
        context: &EffectContext,
        reservation: &Reservation,
        hotel: &HotelProfile,
        occasion: Occasion,
        to: Recipient,
    ) -> Result<Option<Message>, MailError> {
        if let Occasion::LinkReplaced { number } = occasion
            && number != reservation.link
        {
            return Ok(None);
        }
        let (name, email) = match (to, &hotel.email) {
            (Recipient::Guest, _) => (&reservation.guest.name, &reservation.guest.email),
            (Recipient::Hotel, Some(email)) => (&hotel.name, email),
            (Recipient::Hotel, None) => return Ok(None),
        };
        let address = Address::new(name.clone(), email.clone())
            .map_err(|_| MailError::Permanent("the recipient's mail address is invalid".to_owned()))?;
        let link = match to {
            Recipient::Guest => self.links.secret_link(reservation.link()),
            Recipient::Hotel => self.links.staff_link(reservation.id),
        };
        let data = documents::data(&self.links, reservation, hotel, &link, reservation.updated_at);
        let render = |name: &str| {
            self.templates.render(name, &data).map_err(|error| MailError::Permanent(error.to_string()))
        };
        let (kind, html, text) = match (occasion, to) {
            (Occasion::LinkReplaced { .. }, Recipient::Guest) => {
                ("link", render("link.html")?, render("link.txt")?)
            }
            // The hotel's link contains no secret, so it is never replaced.
            (Occasion::LinkReplaced { .. }, Recipient::Hotel) => return Ok(None),
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
        let (attachments, reply_to) = match to {
            Recipient::Guest => (
                self.attachments(context, reservation, hotel, occasion, &data).await?,
                hotel.email.as_ref().and_then(|email| Address::new(hotel.name.clone(), email.clone()).ok()),
            ),
            // An answer to the mail reaches the guest.
            Recipient::Hotel => (Vec::new(), guest_address(reservation)),
        };
        Ok(Some(Message {
            to: address,
            cc: Vec::new(),
            from: self.from.clone(),
            reply_to,
            subject: self.subject(reservation, hotel, occasion, to),
            text,
            html,
            attachments,
            message_id: match occasion {
                // There is one such mail for each link.
                Occasion::LinkReplaced { number } => {
                    format!("{kind}-{number}.{}@{}", reservation.id, self.links.host())
                }
                Occasion::Confirmed | Occasion::Cancelled => {
                    format!("{kind}.{}@{}", reservation.id, self.links.host())
                }
            },
        }))
    }

    /// The attachments of a guest's mail: a calendar file and, once confirmed, the confirmation.
    async fn attachments(
        &self,
        context: &EffectContext,
        reservation: &Reservation,
        hotel: &HotelProfile,
        occasion: Occasion,
        data: &Value,
    ) -> Result<Vec<Attachment>, MailError> {
        let mut attachments = Vec::new();
        // The PDF of an earlier mail contains the earlier link.
        let renews = matches!(occasion, Occasion::LinkReplaced { .. })
            && matches!(reservation.status, Status::Confirmed | Status::CheckedIn);
        if occasion == Occasion::Confirmed || renews {
            let call = context.call(TIMEOUT).await;
            let call = call.map_err(|unavailable| MailError::Transient(unavailable.to_string()))?;
            let rendered = documents::render_confirmation(&context.client, &call, data).await;
            let bytes = rendered.map_err(|failure| match failure {
                // A stored template does not fit the data. An operator has to correct it.
                Failure::Refused(refusal) => {
                    MailError::Permanent(format!("the template of the confirmation: {refusal}"))
                }
                failure => MailError::Transient(failure.to_string()),
            })?;
            let name = format!("{}.pdf", reservation.id);
            attachments.push(Attachment { name, content_type: "application/pdf".into(), bytes });
        }
        let bytes = ics::calendar_file(&self.links, reservation, hotel).into_bytes();
        let content_type = "text/calendar; charset=utf-8; method=PUBLISH".into();
        attachments.push(Attachment { name: format!("{}.ics", reservation.id), content_type, bytes });
        Ok(attachments)
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
            (Occasion::LinkReplaced { .. }, _) => format!("{test}Your new link to your booking at {name}"),
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

/// The guest's address, if the mail library accepts it.
fn guest_address(reservation: &Reservation) -> Option<Address> {
    Address::new(reservation.guest.name.clone(), reservation.guest.email.clone()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mails.txt");

    /// The text of all mails about a booking whose guest and hotel inject markup and headers. `REWRITE_GOLDENS=1` renews the
    /// golden file.
    #[test]
    fn mails_equal_the_golden_text() {
        let templates = Renderer::builtin(TEMPLATES).unwrap();
        let data = |test: bool, penalty: i64, refund: Option<i64>, requests: Option<&str>, by: &str| {
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
                "cancellation": {"text": "You can cancel free of charge until then.", "open": by.is_empty(), "by": by},
                "time_zone": "Europe/Berlin", "test": test, "issued_at": "2026-11-23T12:00:00Z",
            })
        };
        let mut text = String::new();
        for (name, data) in [
            ("confirmed.txt", data(false, 0, None, None, "")),
            ("confirmed.html", data(true, 0, None, None, "")),
            ("link.txt", data(false, 0, None, None, "")),
            ("link.html", data(true, 0, None, None, "")),
            ("cancelled.txt", data(false, 16_800, Some(4_200), None, "guest")),
            ("cancelled.txt", data(true, 21_000, None, None, "partner")),
            ("cancelled.html", data(false, 0, Some(21_000), None, "hotel")),
            ("cancelled.txt", data(false, 0, Some(21_000), None, "hotel")),
            ("hotel_confirmed.txt", data(false, 0, None, Some("Quiet, please."), "")),
            ("hotel_confirmed.txt", data(true, 0, None, None, "")),
            ("hotel_cancelled.txt", data(false, 16_800, Some(4_200), None, "guest")),
            ("hotel_cancelled.txt", data(false, 0, None, None, "hotel")),
        ] {
            let mail = templates.render(name, &data).unwrap();
            // Markup is escaped in HTML, and line breaks are removed in text.
            assert!(!mail.contains(if name.ends_with(".txt") { "\nBcc:" } else { "<script>" }), "{name}");
            text.push_str(&format!("======== {name}\n{mail}\n"));
        }
        if std::env::var_os("REWRITE_GOLDENS").is_some() {
            std::fs::write(GOLDEN, &text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(GOLDEN).unwrap());
    }
}
