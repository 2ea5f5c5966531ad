//! The REST API.

mod problems;
mod types;

use std::sync::Arc;
use std::time::Duration;

use contracts::payments::{Answer, Command, PaymentCursor, Payments, Query as Ask, Reply};
use contracts::pdf;
use contracts::reservations::{self, Reservations};
use contracts::{PaymentId, ReservationId};
use edge::{
    ApiError, Caller, Created, Cursor, Cursors, IdempotencyKey, Json, Limit, Page, Problem, SerdeJson,
    SignedIn, WithETag,
};
use group::{Call, Client, Credentials, Failure};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Object, OpenApi, Tags};
use protocol::Timestamp;

use crate::bank::{Event, Signature, WebhookSecret};
use crate::flow;
use crate::mails::BookingUrl;
pub use problems::ALL;
use problems::{payment_failure_problem, payment_problem, reservation_problem};
pub use types::{
    NewPayment, NewRefund, NextAction, Payment, PaymentFailure, PaymentStatus, Refund, RefundAmount,
    RefundStatus,
};

/// For our own questions, where nobody's deadline counts.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What the API needs besides a client.
#[derive(Clone)]
pub struct ApiSettings {
    /// Tokens of this service, for documents and for what the bank says.
    pub credentials: Arc<dyn Credentials>,
    /// What webhooks are signed with; none: webhooks are refused.
    pub webhook_secret: Option<WebhookSecret>,
    /// Where guests come back to when nobody says: `https://hotel.example`, without a slash.
    pub public_url: String,
    /// The link that receipts bear.
    pub booking_url: BookingUrl,
    /// Cursors of lists.
    pub cursors: Cursors,
}

/// The operations.
pub struct Api {
    client: Client,
    settings: ApiSettings,
}

/// The API of payments, to be mounted.
pub fn api(client: Client, settings: ApiSettings) -> Api {
    Api { client, settings }
}

#[derive(Tags)]
enum Tag {
    /// Paying, refunds and receipts
    Payments,
}

/// That an event has been noted.
#[derive(Debug, Clone, Object)]
pub struct Received {
    /// Always true.
    pub received: bool,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Payments")]
impl Api {
    /// Payments
    ///
    /// Newest first: your own, those of the hotels that you work for, or all for an administrator.
    #[oai(path = "/payments", method = "get", operation_id = "listPayments")]
    async fn list(
        &self,
        #[oai(scope = "rest::scope::PAYMENTS_READ")] caller: SignedIn,
        /// Only of this reservation
        #[oai(validator(max_length = 64))]
        reservation_id: Query<Option<String>>,
        /// Only to this hotel
        #[oai(validator(max_length = 64))]
        hotel_id: Query<Option<String>>,
        /// Only those that stand there
        status: Query<Option<PaymentStatus>>,
        limit: Query<Limit>,
        cursor: Query<Option<Cursor>>,
    ) -> Result<SerdeJson<Page<Payment>>, ApiError> {
        let hotel = hotel_id.0.as_deref().map(|id| rest::id_in_body(id, "/hotel_id")).transpose()?;
        let status = status.0.map(contracts::payments::PaymentStatus::from);
        let list = ("listPayments", &reservation_id.0, &hotel_id.0, status);
        let after: Option<PaymentCursor> = self.settings.cursors.decode(&list, cursor.0)?;
        let call = caller.call();
        let mut found = match &reservation_id.0 {
            Some(id) => {
                let reservation: ReservationId = rest::id_in_body(id, "/reservation_id")?;
                let mut found = payments(self.ask(&call, Ask::OfReservation(reservation)).await?);
                found.retain(|payment| {
                    hotel.is_none_or(|hotel| payment.hotel == Some(hotel))
                        && status.is_none_or(|status| payment.status == status)
                        && after.is_none_or(|after| position(payment) < after)
                });
                found
            }
            None => {
                let limit = u32::try_from(limit.0.get()).unwrap_or(u32::MAX).saturating_add(1);
                let ask = Ask::Payments { hotel, status, after, limit };
                let answers = self.client.query_every::<Payments>(&call, ask).await;
                answers.map_err(failed)?.into_iter().flat_map(payments).collect()
            }
        };
        found.sort_by_key(|payment| std::cmp::Reverse(position(payment)));
        Ok(SerdeJson(self.settings.cursors.page(found, limit.0, &list, position).map(Payment::from)))
    }

    /// Pay for a reservation
    ///
    /// Waits for the bank for up to nine seconds. A card that is declined is a payment that `failed`, and 201 all the
    /// same; a payment that is still `processing` can be asked for again.
    #[oai(path = "/payments", method = "post", operation_id = "createPayment")]
    async fn create(
        &self,
        #[oai(scope = "rest::scope::PAYMENTS_WRITE")] caller: SignedIn,
        #[oai(name = "Idempotency-Key")] key: Header<Option<IdempotencyKey>>,
        new: Json<NewPayment>,
    ) -> Result<Created<Payment>, ApiError> {
        let NewPayment { reservation_id, payment_method, return_url } = new.0;
        let reservation: ReservationId = rest::id_in_body(&reservation_id, "/reservation_id")?;
        let return_url = return_url.unwrap_or_else(|| format!("{}/", self.settings.public_url));
        let asked = self
            .client
            .query::<Reservations>(&caller.call(), reservations::Query::Payable(reservation))
            .await;
        match asked {
            Ok(_) => {}
            // Under a key this may be the repeat of an attempt that succeeded: the payments' own store knows.
            Err(Failure::Refused(reservations::Refusal::NotPayable(why)))
                if key.0.is_some() && why != contracts::payments::NotPayable::NoSuchReservation => {}
            Err(failure) => return Err(edge::api_error(failure, reservation_problem)),
        }
        let call = caller.call_with(key.0.as_ref(), "createPayment", &reservation_id);
        let start = Command::Start { reservation, payment_method, return_url, expected_amount: None };
        let payment = flow::start_and_wait(&self.client, &call, start).await.map_err(failed)?;
        // Reservations may have decided otherwise between the two questions.
        if let Some(problem) = payment.failure.as_ref().and_then(payment_failure_problem) {
            return Err(problem.into());
        }
        Ok(Created::new(format!("/v1/payments/{}", payment.id), payment.version, payment.into()))
    }

    /// One payment
    #[oai(path = "/payments/:payment_id", method = "get", operation_id = "getPayment")]
    async fn get(
        &self,
        #[oai(scope = "rest::scope::PAYMENTS_READ")] caller: SignedIn,
        /// The payment's id
        payment_id: Path<String>,
    ) -> Result<WithETag<Payment>, ApiError> {
        let payment = self.payment(&caller.call(), rest::id_in_path(&payment_id)?).await?;
        Ok(WithETag::new(payment.version, payment.into()))
    }

    /// Give money back
    ///
    /// For staff of the hotel and administrators. A cancelled reservation is refunded by itself.
    #[oai(path = "/payments/:payment_id/refunds", method = "post", operation_id = "createRefund")]
    async fn refund(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        #[oai(name = "Idempotency-Key")] key: Header<Option<IdempotencyKey>>,
        /// The payment's id
        payment_id: Path<String>,
        new: Json<NewRefund>,
    ) -> Result<Created<Refund>, ApiError> {
        let payment: PaymentId = rest::id_in_path(&payment_id)?;
        if let Some(currency) = new.0.amount.as_ref().and_then(|amount| amount.currency.as_ref()) {
            let paid = self.payment(&caller.call(), payment).await?.amount;
            if paid.is_some_and(|paid| paid.currency.code() != currency) {
                return Err(ApiError::unprocessable("/amount/currency", "not the currency of the payment"));
            }
        }
        let call = caller.call_with(key.0.as_ref(), "createRefund", &payment_id);
        let (amount, reason) = (new.0.amount.map(|amount| amount.amount), new.0.reason.unwrap_or_default());
        let request = Command::RequestRefund { payment, amount, reason };
        let made = flow::refund_and_wait(&self.client, &call, payment, request).await;
        let (paid, refund) = made.map_err(failed)?;
        Ok(Created::new(format!("/v1/payments/{payment}"), paid.version, Refund::new(payment, refund)))
    }

    /// The receipt
    #[oai(path = "/payments/:payment_id/receipt.pdf", method = "get", operation_id = "getReceipt")]
    async fn receipt(
        &self,
        #[oai(scope = "rest::scope::PAYMENTS_READ")] caller: SignedIn,
        /// The payment's id
        payment_id: Path<String>,
    ) -> Result<edge::Pdf, ApiError> {
        let (id, call) = (rest::id_in_path(&payment_id)?, caller.call());
        let payment = self.payment(&call, id).await?;
        let ask = Ask::Receipt { payment: id, booking_url: (self.settings.booking_url)(payment.reservation) };
        let Answer::Receipt { number, data_json, .. } = self.ask(&call, ask).await? else {
            return Err(odd());
        };
        let own = Call { token: Some(self.own_token().await?), ..call };
        let request = pdf::RenderDocument { template: pdf::RECEIPT.to_owned(), data_json };
        let rendered = self.client.call(&own, request).await;
        let bytes = rendered.map_err(|failure| {
            edge::api_error(failure, |refusal| {
                tracing::error!(%refusal, "the receipt's template does not fit");
                Problem::new(&edge::problem_types::INTERNAL)
            })
        })?;
        Ok(edge::Pdf { name: format!("receipt-{number}.pdf"), bytes })
    }

    /// What the bank says
    ///
    /// For the bank only: signed over the raw body. Answers 200 once the event is durable, also for what is not known
    /// here.
    #[oai(path = "/webhooks/stripe", method = "post", operation_id = "receiveBankEvent")]
    async fn webhook(
        &self,
        _caller: Caller,
        /// `t=SECONDS,v1=HEX`
        #[oai(name = "Stripe-Signature", validator(max_length = 2048))]
        signature: Header<String>,
        body: Vec<u8>,
    ) -> Result<Json<Received>, ApiError> {
        let Some(secret) = &self.settings.webhook_secret else {
            return Err(ApiError::not_found("No webhooks are expected here."));
        };
        match Signature::check(secret, &signature.0, &body, Timestamp::wall_clock()) {
            Signature::Good => {}
            Signature::Stale => return Err(ApiError::new(&problems::STALE_SIGNATURE)),
            Signature::Wrong => return Err(ApiError::new(&problems::BAD_SIGNATURE)),
        }
        let Some(event) = Event::read(&body) else {
            return Err(ApiError::bad_request("The body is no event."));
        };
        let call = Call::bearer(self.own_token().await?, TIMEOUT);
        let kind = event.kind.clone();
        let command = Command::BankEvent {
            event: event.id,
            kind: event.kind,
            payment: event.payment,
            intent: event.intent,
        };
        let reply = self.client.command::<Payments>(&call, command).await.map_err(failed)?;
        tracing::debug!(%kind, parked = reply == Reply::Parked, "an event of the bank");
        Ok(Json(Received { received: true }))
    }
}

impl Api {
    async fn ask(&self, call: &Call, query: Ask) -> Result<Answer, ApiError> {
        self.client.query::<Payments>(call, query).await.map_err(failed)
    }

    async fn payment(&self, call: &Call, id: PaymentId) -> Result<contracts::payments::Payment, ApiError> {
        match self.ask(call, Ask::Payment(id)).await? {
            Answer::Payment(payment) => Ok(*payment),
            Answer::Payments(_) | Answer::Receipt { .. } | Answer::BankMode(_) => Err(odd()),
        }
    }

    async fn own_token(&self) -> Result<Arc<str>, ApiError> {
        let token = self.settings.credentials.service_token("payments", None).await;
        token.map_err(|away| ApiError::unavailable(away.retry_after_secs))
    }
}

fn position(payment: &contracts::payments::Payment) -> PaymentCursor {
    PaymentCursor { created_at: payment.created_at, payment: payment.id }
}

fn payments(answer: Answer) -> Vec<contracts::payments::Payment> {
    match answer {
        Answer::Payments(payments) => payments,
        Answer::Payment(_) | Answer::Receipt { .. } | Answer::BankMode(_) => Vec::new(),
    }
}

fn failed(failure: Failure<contracts::payments::Refusal>) -> ApiError {
    edge::api_error(failure, payment_problem)
}

/// An answer to another question: two versions of the program are talking.
fn odd() -> ApiError {
    ApiError::unavailable(1)
}
