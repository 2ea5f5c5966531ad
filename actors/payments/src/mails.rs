//! The receipt and the notice of a refund, to the guest.

use std::sync::Arc;
use std::time::Duration;

use contracts::payments::{Answer, Command, Query, RefundStatus};
use contracts::pdf;
use contracts::{PaymentId, RefundId, ReservationId};
use group::{Call, EffectContext, Failure, Outcome};
use mail::{Address, Attachment, Mailer, Message, SendError};
use render::Renderer;
use serde_json::{Value, json};

use crate::receipt;

/// For one question to another service.
const TIMEOUT: Duration = Duration::from_secs(15);
const TEMPLATES: [(&str, &str); 5] = [
    ("receipt.txt", include_str!("../templates/receipt.txt")),
    ("receipt.html", include_str!("../templates/receipt.html")),
    ("refund.txt", include_str!("../templates/refund.txt")),
    ("refund.html", include_str!("../templates/refund.html")),
    ("mail.html", include_str!("../templates/mail.html")),
];

/// What a link in a mail leads to, made when the mail is sent.
pub type BookingUrl = Arc<dyn Fn(ReservationId) -> String + Send + Sync>;

/// Writes and sends them.
pub struct Mails {
    mailer: Mailer,
    from: Address,
    booking_url: BookingUrl,
    renderer: Renderer,
    /// What Message-IDs end in.
    domain: String,
}

struct Receipt {
    data: Value,
    number: String,
    to: Address,
}

/// Why there is no mail now.
enum Stop {
    Retry(String),
    Poison(String),
}

impl Mails {
    /// `from`: whom guests see; `booking_url`: the secret link to a booking.
    ///
    /// # Panics
    /// When one of our own templates cannot be compiled: a mistake in the program, found by its tests.
    pub fn new(mailer: Mailer, from: Address, booking_url: BookingUrl) -> Self {
        let renderer = Renderer::builtin(&TEMPLATES).unwrap_or_else(|error| panic!("{error}"));
        let domain = from.email.rsplit_once('@').map_or("", |(_, domain)| domain);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
        let domain = if !domain.is_empty() && domain.bytes().all(plain) { domain } else { "localhost" };
        Self { mailer, domain: domain.to_owned(), from, booking_url, renderer }
    }

    /// The receipt, with its PDF.
    pub(crate) async fn receipt(&self, context: &EffectContext, payment: PaymentId) -> Outcome<Command> {
        outcome(self.send_receipt(context, payment).await)
    }

    /// That money is on its way back.
    pub(crate) async fn refund(
        &self,
        context: &EffectContext,
        payment: PaymentId,
        refund: RefundId,
    ) -> Outcome<Command> {
        outcome(self.send_refund(context, payment, refund).await)
    }

    async fn send_receipt(&self, context: &EffectContext, payment: PaymentId) -> Result<(), Stop> {
        let call = call(context).await?;
        let receipt = self.ask(context, &call, payment).await?;
        let document = document(context, &call, &receipt.data).await?;
        let hotel = receipt.data["hotel"]["name"].as_str().unwrap_or_default();
        let subject = format!("{}Receipt {} from {hotel}", test_mark(&receipt.data), receipt.number);
        let message = Message {
            subject,
            text: self.render("receipt.txt", &receipt.data)?,
            html: self.render("receipt.html", &receipt.data)?,
            attachments: vec![Attachment {
                name: format!("receipt-{}.pdf", receipt.number),
                content_type: "application/pdf".to_owned(),
                bytes: document,
            }],
            ..self.message(receipt.to, format!("{payment}.receipt@{}", self.domain))
        };
        self.mailer.send(&message).await.map_err(unsent)
    }

    async fn send_refund(
        &self,
        context: &EffectContext,
        payment: PaymentId,
        id: RefundId,
    ) -> Result<(), Stop> {
        let call = call(context).await?;
        let found = self.payment(context, &call, payment).await?;
        let Some(refund) = found.refunds.iter().find(|refund| refund.id == id) else { return Ok(()) };
        // The bank has changed its mind meanwhile: nothing to be promised.
        if refund.status == RefundStatus::Failed {
            return Ok(());
        }
        let Receipt { mut data, to, .. } = self.ask(context, &call, payment).await?;
        data["refund"] = json!({
            "amount": refund.amount.amount,
            "reason": receipt::words(&refund.reason),
            "whole": found.amount.is_some_and(|amount| amount == refund.amount),
        });
        let hotel = data["hotel"]["name"].as_str().unwrap_or_default();
        let message = Message {
            subject: format!("{}Refund from {hotel}", test_mark(&data)),
            text: self.render("refund.txt", &data)?,
            html: self.render("refund.html", &data)?,
            ..self.message(to, format!("{id}.refund@{}", self.domain))
        };
        self.mailer.send(&message).await.map_err(unsent)
    }

    async fn payment(
        &self,
        context: &EffectContext,
        call: &Call,
        payment: PaymentId,
    ) -> Result<contracts::payments::Payment, Stop> {
        let answer =
            context.client.query::<contracts::payments::Payments>(call, Query::Payment(payment)).await;
        match answer.map_err(stop)? {
            Answer::Payment(payment) => Ok(*payment),
            Answer::Payments(_) | Answer::Receipt { .. } | Answer::BankMode(_) => {
                Err(Stop::Poison("another answer".into()))
            }
        }
    }

    async fn ask(&self, context: &EffectContext, call: &Call, payment: PaymentId) -> Result<Receipt, Stop> {
        let reservation = self.payment(context, call, payment).await?.reservation;
        let query = Query::Receipt { payment, booking_url: (self.booking_url)(reservation) };
        let answer = context.client.query::<contracts::payments::Payments>(call, query).await;
        match answer.map_err(stop)? {
            Answer::Receipt { number, data_json, guest_name, guest_email } => {
                let data =
                    serde_json::from_str(&data_json).map_err(|error| Stop::Poison(error.to_string()))?;
                let to =
                    Address::new(guest_name, guest_email).map_err(|error| Stop::Poison(error.to_string()))?;
                Ok(Receipt { data, number, to })
            }
            Answer::Payment(_) | Answer::Payments(_) | Answer::BankMode(_) => {
                Err(Stop::Poison("another answer".into()))
            }
        }
    }

    fn render(&self, name: &str, data: &Value) -> Result<String, Stop> {
        self.renderer.render(name, data).map_err(|error| Stop::Poison(error.to_string()))
    }

    fn message(&self, to: Address, message_id: String) -> Message {
        Message {
            to,
            cc: Vec::new(),
            from: self.from.clone(),
            reply_to: None,
            subject: String::new(),
            text: String::new(),
            html: String::new(),
            attachments: Vec::new(),
            message_id,
        }
    }
}

async fn call(context: &EffectContext) -> Result<Call, Stop> {
    context.call(TIMEOUT).await.map_err(|away| Stop::Retry(away.to_string()))
}

async fn document(context: &EffectContext, call: &Call, data: &Value) -> Result<Vec<u8>, Stop> {
    let template = pdf::RECEIPT.to_owned();
    let request = pdf::RenderDocument { template, data_json: data.to_string() };
    context.client.call(call, request).await.map_err(stop)
}

fn test_mark(data: &Value) -> &'static str {
    if data["test"] == false { "" } else { "TEST: " }
}

fn outcome(result: Result<(), Stop>) -> Outcome<Command> {
    match result {
        Ok(()) => Outcome::Done,
        Err(Stop::Retry(why)) => Outcome::Retry(why),
        Err(Stop::Poison(why)) => Outcome::Poison(why),
    }
}

fn stop<R: std::fmt::Display>(failure: Failure<R>) -> Stop {
    match failure {
        Failure::Refused(refusal) => Stop::Poison(refusal.to_string()),
        Failure::Unauthenticated(why) => Stop::Retry(why),
        Failure::Forbidden(_) | Failure::KeyReused => Stop::Poison("not allowed".to_owned()),
        Failure::Unavailable(why) => Stop::Retry(why.to_string()),
    }
}

fn unsent(error: SendError) -> Stop {
    match error {
        SendError::Permanent(why) => Stop::Poison(why),
        SendError::Transient(why) => Stop::Retry(why),
    }
}
