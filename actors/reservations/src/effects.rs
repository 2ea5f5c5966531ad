//! What the leader does outside: mails to guests and hotels, with the confirmation's PDF and a calendar file.

use std::time::Duration;

use contract::Timestamp;
use contracts::pdf::{self, Pdf};
use contracts::reservations::{Answer, Command, Query, Refusal, Reservation};
use contracts::{HotelId, HotelProfile, ReservationId};
use group::{Call, EffectContext, Effects, Failure, Outcome};
use mail::{Address, Attachment, Mailer, Message, SendError};
use render::Renderer;

use crate::papers::{self, Desk};
use crate::{Effect, Occasion, Recipient, Reservations, ics};

type Contract = contracts::reservations::Reservations;

/// How long one attempt may take, without the mail server.
const TIMEOUT: Duration = Duration::from_secs(20);

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
pub struct Courier {
    desk: Desk,
    from: Address,
    mailer: Mailer,
    templates: Renderer,
}

impl Courier {
    /// With what links and banners need, whom mails are from, and the way out.
    ///
    /// # Panics
    /// When a template of ours does not compile: tests see to that.
    pub fn new(desk: Desk, from: Address, mailer: Mailer) -> Self {
        let templates = Renderer::builtin(TEMPLATES).expect("our templates compile");
        Self { desk, from, mailer, templates }
    }

    /// The mail about an occasion; none when the hotel wants none.
    ///
    /// # Errors
    /// Why it cannot be written, or not now.
    async fn write(
        &self, context: &EffectContext, call: &Call, reservation: &Reservation, hotel: &HotelProfile,
        occasion: Occasion, to: Recipient,
    ) -> Result<Option<Message>, Outcome<Command>> {
        let (name, email) = match (to, &hotel.email) {
            (Recipient::Guest, _) => (&reservation.guest.name, &reservation.guest.email),
            (Recipient::Hotel, Some(email)) => (&hotel.name, email),
            (Recipient::Hotel, None) => return Ok(None),
        };
        let poison = |why: &str| Outcome::Poison(why.to_owned());
        let to_address = Address::new(name.clone(), email.clone()).map_err(|_| poison("the recipient has no usable address"))?;
        let link = match to {
            Recipient::Guest => self.desk.secret_link(reservation.id),
            Recipient::Hotel => self.desk.plain_link(reservation.id),
        };
        let data = papers::data(&self.desk, reservation, hotel, &link, reservation.updated_at);
        let render = |name: &str| self.templates.render(name, &data).map_err(|error| Outcome::Poison(error.to_string()));
        let (word, html, text) = match (occasion, to) {
            (Occasion::Confirmed, Recipient::Guest) => ("confirmed", render("confirmed.html")?, render("confirmed.txt")?),
            (Occasion::Cancelled, Recipient::Guest) => ("cancelled", render("cancelled.html")?, render("cancelled.txt")?),
            (Occasion::Confirmed, Recipient::Hotel) => ("new-booking", String::new(), render("hotel_confirmed.txt")?),
            (Occasion::Cancelled, Recipient::Hotel) => ("cancellation", String::new(), render("hotel_cancelled.txt")?),
        };
        let mut attachments = Vec::new();
        if to == Recipient::Guest {
            if occasion == Occasion::Confirmed {
                let bytes = document(context, call, data.to_string()).await?;
                let name = format!("{}.pdf", reservation.id);
                attachments.push(Attachment { name, content_type: "application/pdf".into(), bytes });
            }
            let bytes = ics::file(&self.desk, reservation, hotel).into_bytes();
            let content_type = "text/calendar; charset=utf-8; method=PUBLISH".into();
            attachments.push(Attachment { name: format!("{}.ics", reservation.id), content_type, bytes });
        }
        let reply_to = match to {
            Recipient::Guest => hotel.email.as_ref().and_then(|email| Address::new(hotel.name.clone(), email.clone()).ok()),
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
            message_id: format!("{word}.{}@{}", reservation.id, self.desk.host()),
        }))
    }

    fn subject(&self, reservation: &Reservation, hotel: &HotelProfile, occasion: Occasion, to: Recipient) -> String {
        let test = if self.desk.is_test(hotel) { "TEST – " } else { "" };
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

impl Effects<Reservations> for Courier {
    async fn perform(&self, context: &EffectContext, effect: Effect) -> Outcome<Command> {
        let Effect::Mail { reservation, occasion, to } = effect;
        match self.mail(context, reservation, occasion, to).await {
            Ok(()) => Outcome::Done,
            Err(outcome) => outcome,
        }
    }
}

impl Courier {
    async fn mail(
        &self, context: &EffectContext, id: ReservationId, occasion: Occasion, to: Recipient,
    ) -> Result<(), Outcome<Command>> {
        let call = context.call(TIMEOUT).await.map_err(|unavailable| Outcome::Retry(unavailable.to_string()))?;
        let reservation = reservation(context, &call, id).await?;
        let hotel = hotel(context, &call, reservation.hotel()).await?;
        let Some(message) = self.write(context, &call, &reservation, &hotel, occasion, to).await? else { return Ok(()) };
        self.mailer.send(&message).await.map_err(|error| match error {
            SendError::Permanent(why) => Outcome::Poison(why),
            SendError::Transient(why) => Outcome::Retry(why),
        })
    }
}

async fn reservation(context: &EffectContext, call: &Call, id: ReservationId) -> Result<Reservation, Outcome<Command>> {
    match context.client.query::<Contract>(call, Query::Reservation(id)).await.map_err(failed)? {
        Answer::Reservation(found) => Ok(*found),
        other => Err(unexpected(&other)),
    }
}

async fn hotel(context: &EffectContext, call: &Call, id: HotelId) -> Result<HotelProfile, Outcome<Command>> {
    match context.client.query::<Contract>(call, Query::Property(id)).await.map_err(failed)? {
        Answer::Property(found) => Ok(found.hotel),
        other => Err(unexpected(&other)),
    }
}

async fn document(context: &EffectContext, call: &Call, data_json: String) -> Result<Vec<u8>, Outcome<Command>> {
    let query = pdf::Query::Render { template: pdf::CONFIRMATION.to_owned(), data_json };
    match context.client.query::<Pdf>(call, query).await {
        Ok(pdf::Answer::Document(bytes)) => Ok(bytes),
        Ok(pdf::Answer::Templates { .. } | pdf::Answer::Template(_)) => {
            Err(Outcome::Poison("pdf answered another question".to_owned()))
        }
        // Somebody stored a template that does not fit: an operator mends it and retries.
        Err(Failure::Refused(refusal)) => Err(Outcome::Poison(format!("the confirmation's template: {refusal}"))),
        Err(failure) => Err(Outcome::Retry(failure.to_string())),
    }
}

fn failed(failure: Failure<Refusal>) -> Outcome<Command> {
    match failure {
        Failure::Refused(refusal) => Outcome::Poison(refusal.to_string()),
        failure @ (Failure::Unauthenticated(_)
        | Failure::Forbidden(_)
        | Failure::KeyReused
        | Failure::Unavailable(_)) => Outcome::Retry(failure.to_string()),
    }
}

/// An answer to another question: a mistake of ours, which an operator should see.
fn unexpected(_: &Answer) -> Outcome<Command> {
    Outcome::Poison("an answer to another question".to_owned())
}

/// The confirmation's PDF, for whoever may see the reservation.
///
/// # Errors
/// What pdf refuses, or that it cannot be reached.
pub async fn confirmation_pdf(
    client: &group::Client, call: &Call, desk: &Desk, reservation: &Reservation, hotel: &HotelProfile,
) -> Result<Vec<u8>, Failure<pdf::Refusal>> {
    let link = desk.secret_link(reservation.id);
    let data_json = papers::data(desk, reservation, hotel, &link, Timestamp::wall_clock()).to_string();
    let query = pdf::Query::Render { template: pdf::CONFIRMATION.to_owned(), data_json };
    match client.query::<Pdf>(call, query).await? {
        pdf::Answer::Document(bytes) => Ok(bytes),
        pdf::Answer::Templates { .. } | pdf::Answer::Template(_) => {
            Err(Failure::Refused(pdf::Refusal::BadData("another question was answered".into())))
        }
    }
}
