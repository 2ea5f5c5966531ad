//! Mails to guests: receipts and notices of refunds.

use std::sync::Arc;
use std::time::Duration;

use contracts::payments::{Command, Receipt, RefundStatus};
use contracts::pdf::{self, RenderDocument};
use contracts::reservations::{BookingLink, GetGuestContact, GuestContact};
use contracts::{PaymentId, RefundId, ReservationId};
use group::{EffectContext, Failure, Outcome};
use mail::{Address, Attachment, Mailer, Message, SendError};
use render::Renderer;
use serde_json::{Value, json};

use crate::state::{self, PAYMENTS, Record};
use crate::{credit_note, receipt};

/// The deadline for rendering a receipt.
const TIMEOUT: Duration = Duration::from_secs(15);
const TEMPLATES: [(&str, &str); 5] = [
    ("receipt.txt", include_str!("../templates/receipt.txt")),
    ("receipt.html", include_str!("../templates/receipt.html")),
    ("refund.txt", include_str!("../templates/refund.txt")),
    ("refund.html", include_str!("../templates/refund.html")),
    ("mail.html", include_str!("../templates/mail.html")),
];

/// Makes the link to a booking when a mail is sent or a receipt is rendered: the secret link, or without one the link for
/// those who sign in.
pub type BookingUrl = Arc<dyn Fn(ReservationId, Option<BookingLink>) -> String + Send + Sync>;

/// Renders and sends the mails.
pub struct Mails {
    mailer: Mailer,
    from: Address,
    booking_url: BookingUrl,
    renderer: Renderer,
    /// The domain of message ids.
    domain: String,
}

/// Why a mail was not sent.
enum MailError {
    /// A later attempt can succeed.
    Transient(String),
    /// An operator has to resolve the cause.
    Permanent(String),
}

impl Mails {
    /// `from` is the sender; `booking_url` makes the secret link to a booking.
    ///
    /// # Panics
    /// If a built-in template does not compile, which the tests rule out.
    pub fn new(mailer: Mailer, from: Address, booking_url: BookingUrl) -> Self {
        let renderer = Renderer::builtin(&TEMPLATES).unwrap_or_else(|error| panic!("{error}"));
        let domain = from.email.rsplit_once('@').map_or("", |(_, domain)| domain);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
        let domain = if !domain.is_empty() && domain.bytes().all(plain) { domain } else { "localhost" };
        Self { mailer, domain: domain.to_owned(), from, booking_url, renderer }
    }

    /// Sends the receipt with its PDF.
    pub(crate) async fn receipt(&self, context: &EffectContext, payment: PaymentId) -> Outcome<Command> {
        outcome(self.send_receipt(context, payment).await)
    }

    /// Sends the notice of a refund with its credit note.
    pub(crate) async fn refund(
        &self,
        context: &EffectContext,
        payment: PaymentId,
        refund: RefundId,
    ) -> Outcome<Command> {
        outcome(self.send_refund(context, payment, refund).await)
    }

    async fn send_receipt(&self, context: &EffectContext, payment: PaymentId) -> Result<(), MailError> {
        let record = record(context, payment).await?;
        let contact = contact(context, record.reservation).await?;
        let (receipt, data) = self.receipt_data(&record, &contact)?;
        let document = document(context, pdf::RECEIPT, receipt.data_json.clone()).await?;
        let hotel = data["hotel"]["name"].as_str().unwrap_or_default();
        let subject = format!("{}Receipt {} from {hotel}", test_mark(&data), receipt.number);
        let message = Message {
            subject,
            text: self.render("receipt.txt", &data)?,
            html: self.render("receipt.html", &data)?,
            attachments: vec![attachment(format!("receipt-{}.pdf", receipt.number), document)],
            ..self.message(&contact, format!("{payment}.receipt@{}", self.domain))?
        };
        self.mailer.send(&message).await.map_err(not_sent)
    }

    async fn send_refund(
        &self,
        context: &EffectContext,
        payment: PaymentId,
        id: RefundId,
    ) -> Result<(), MailError> {
        let record = record(context, payment).await?;
        let found = record.to_payment();
        let Some(refund) = found.refunds.iter().find(|refund| refund.id == id) else { return Ok(()) };
        // The refund has failed since this effect was stored.
        if refund.status == RefundStatus::Failed {
            return Ok(());
        }
        let contact = contact(context, record.reservation).await?;
        let booking_url = (self.booking_url)(record.reservation, Some(contact.link));
        let data = receipt::data(&record, &booking_url);
        let mut data = data.ok_or_else(|| MailError::Permanent(format!("{payment} is not captured")))?;
        let (mut credit_note, mut attachments) = (None, Vec::new());
        // What the bank captured by mistake has no receipt, and its refund no credit note.
        if record.receipt.is_some() {
            // Reversed or not yet issued again: the refund is being retried, and another mail follows its success.
            let Some(note) = record.valid_credit_note(id) else { return Ok(()) };
            let number = state::credit_note_number(note.number);
            let note = credit_note::credit_note(&record, &number, &booking_url);
            let note = note.map_err(|refusal| MailError::Permanent(refusal.to_string()))?;
            let document = document(context, pdf::CREDIT_NOTE, note.data_json).await?;
            attachments.push(attachment(format!("credit-note-{number}.pdf"), document));
            credit_note = Some(number);
        }
        data["refund"] = json!({
            "amount": refund.amount.amount,
            "credit_note": credit_note,
            "reason": receipt::reason_text(&refund.reason),
            "whole": refund.amount.amount == record.captured,
        });
        let hotel = data["hotel"]["name"].as_str().unwrap_or_default();
        let message = Message {
            subject: format!("{}Refund from {hotel}", test_mark(&data)),
            text: self.render("refund.txt", &data)?,
            html: self.render("refund.html", &data)?,
            attachments,
            ..self.message(&contact, format!("{id}.refund@{}", self.domain))?
        };
        self.mailer.send(&message).await.map_err(not_sent)
    }

    fn receipt_data(&self, record: &Record, contact: &GuestContact) -> Result<(Receipt, Value), MailError> {
        let url = (self.booking_url)(record.reservation, Some(contact.link));
        let receipt = receipt::receipt(record, &url);
        let receipt = receipt.map_err(|refusal| MailError::Permanent(refusal.to_string()))?;
        let data = serde_json::from_str(&receipt.data_json);
        let data = data.map_err(|error| MailError::Permanent(error.to_string()))?;
        Ok((receipt, data))
    }

    fn render(&self, name: &str, data: &Value) -> Result<String, MailError> {
        self.renderer.render(name, data).map_err(|error| MailError::Permanent(error.to_string()))
    }

    fn message(&self, contact: &GuestContact, message_id: String) -> Result<Message, MailError> {
        let to = Address::new(contact.name.clone(), contact.email.clone());
        Ok(Message {
            to: to.map_err(|error| MailError::Permanent(error.to_string()))?,
            cc: Vec::new(),
            from: self.from.clone(),
            reply_to: None,
            subject: String::new(),
            text: String::new(),
            html: String::new(),
            attachments: Vec::new(),
            message_id,
        })
    }
}

async fn record(context: &EffectContext, payment: PaymentId) -> Result<Record, MailError> {
    let found = context.read(|view| view.get(&PAYMENTS, &payment)).await;
    let found = found.map_err(|unavailable| MailError::Transient(unavailable.to_string()))?;
    found.ok_or_else(|| MailError::Permanent(format!("{payment} does not exist")))
}

/// The guest's address and link as they are now. The address may have changed since the payment, and an earlier mailbox must
/// get neither the mail nor the link.
async fn contact(context: &EffectContext, reservation: ReservationId) -> Result<GuestContact, MailError> {
    let call = context.call(TIMEOUT).await;
    let call = call.map_err(|unavailable| MailError::Transient(unavailable.to_string()))?;
    context.client.call(&call, GetGuestContact { reservation }).await.map_err(failed)
}

fn attachment(name: String, bytes: Vec<u8>) -> Attachment {
    Attachment { name, content_type: "application/pdf".to_owned(), bytes }
}

async fn document(context: &EffectContext, template: &str, data_json: String) -> Result<Vec<u8>, MailError> {
    let call = context.call(TIMEOUT).await;
    let call = call.map_err(|unavailable| MailError::Transient(unavailable.to_string()))?;
    let request = RenderDocument { template: template.to_owned(), data_json };
    context.client.call(&call, request).await.map_err(failed)
}

fn test_mark(data: &Value) -> &'static str {
    if data["test"] == false { "" } else { "TEST: " }
}

fn outcome(result: Result<(), MailError>) -> Outcome<Command> {
    match result {
        Ok(()) => Outcome::Done,
        Err(MailError::Transient(why)) => Outcome::Retry(why),
        Err(MailError::Permanent(why)) => Outcome::Poison(why),
    }
}

fn failed<R: std::fmt::Display>(failure: Failure<R>) -> MailError {
    match failure {
        Failure::Refused(refusal) => MailError::Permanent(refusal.to_string()),
        Failure::Unauthenticated(why) => MailError::Transient(why),
        Failure::Forbidden(_) | Failure::KeyReused => MailError::Permanent("not allowed".to_owned()),
        Failure::Unavailable(why) => MailError::Transient(why.to_string()),
    }
}

fn not_sent(error: SendError) -> MailError {
    match error {
        SendError::Permanent(why) => MailError::Permanent(why),
        SendError::Transient(why) => MailError::Transient(why),
    }
}
