//! The REST API.

mod problems;
mod types;

use std::sync::Arc;
use std::time::Duration;

use contracts::payments::{
    self, BankEvent, BankEventReply, CancelPayment, CountCardAttempt, GetCreditNote, GetPayment, GetReceipt,
    ListPayments, ListReservationPayments, PaymentCursor, RequestRefund, RetryRefund, SettleRefund,
    StartPayment,
};
use contracts::pdf::{self, RenderDocument};
use contracts::reservations::{self, BookingLink, GetGuestContact, GetPayable};
use contracts::{PaymentId, ReservationId};
use edge::{
    ApiError, Caller, Created, Cursor, Cursors, IdempotencyKey, Json, Limit, Page, Problem, SerdeJson,
    SignedIn, WithETag,
};
use group::{Call, Client, Credentials, Failure};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Object, OpenApi, Tags};
use protocol::{Timestamp, Variant};

use crate::bank::{Event, Signature, WebhookSecret};
use crate::flow;
use crate::mails::BookingUrl;
pub use problems::ALL;
use problems::{payment_failure_problem, payment_problem, reservation_problem};
pub use types::{
    Attention, CreditNote, NewPayment, NewRefund, NextAction, Payment, PaymentFailure, PaymentStatus, Refund,
    RefundAmount, RefundSettlement, RefundStatus,
};

/// The deadline of calls that no request limits.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What the API needs in addition to a client.
#[derive(Clone)]
pub struct ApiSettings {
    /// Issues tokens of this service, for documents and bank events.
    pub credentials: Arc<dyn Credentials>,
    /// The secret that webhooks are signed with; `None`: webhooks are refused.
    pub webhook_secret: Option<WebhookSecret>,
    /// The default return URL after 3-D Secure: `https://hotel.example`, without a slash.
    pub public_url: String,
    /// Makes the link to a booking on receipts.
    pub booking_url: BookingUrl,
    /// Seals the cursors of lists.
    pub cursors: Cursors,
    /// Limits of the cards that guests try.
    pub card_limits: edge::rate_limit::CardLimits,
}

/// The operations.
pub struct Api {
    client: Client,
    settings: ApiSettings,
}

/// The API of payments.
pub fn api(client: Client, settings: ApiSettings) -> Api {
    Api { client, settings }
}

#[derive(Tags)]
enum Tag {
    /// Paying, refunds and receipts
    Payments,
}

/// The event was received.
#[derive(Debug, Clone, Object)]
pub struct Received {
    /// Always true.
    pub received: bool,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Payments")]
impl Api {
    /// List payments
    ///
    /// Newest first: your own, those of your hotels, or all for an administrator.
    #[oai(path = "/payments", method = "get", operation_id = "listPayments")]
    #[allow(clippy::too_many_arguments)] // One argument for each query parameter.
    async fn list(
        &self,
        #[oai(scope = "rest::scope::PAYMENTS_READ")] caller: SignedIn,
        /// Only payments of this reservation
        #[oai(validator(max_length = 64))]
        reservation_id: Query<Option<String>>,
        /// Only payments to this hotel
        #[oai(validator(max_length = 64))]
        hotel_id: Query<Option<String>>,
        /// Only with this status
        status: Query<Option<PaymentStatus>>,
        /// Only payments on which staff has to act, see `attention`: a refund failed, or the bank captured a wrong amount
        needs_attention: Query<Option<bool>>,
        limit: Query<Limit>,
        cursor: Query<Option<Cursor>>,
    ) -> Result<SerdeJson<Page<Payment>>, ApiError> {
        let hotel = hotel_id.0.as_deref().map(|id| rest::id_in_body(id, "/hotel_id")).transpose()?;
        let status = status.0.map(payments::PaymentStatus::from);
        let needs_attention = needs_attention.0.unwrap_or_default();
        let filters = ("listPayments", &reservation_id.0, &hotel_id.0, status, needs_attention);
        let after: Option<PaymentCursor> = self.settings.cursors.decode(&filters, cursor.0)?;
        let call = caller.call();
        let mut found = match &reservation_id.0 {
            Some(id) => {
                let reservation: ReservationId = rest::id_in_body(id, "/reservation_id")?;
                let mut found = self.call(&call, ListReservationPayments { reservation }).await?;
                found.retain(|payment| {
                    hotel.is_none_or(|hotel| payment.hotel == Some(hotel))
                        && status.is_none_or(|status| payment.status == status)
                        && (!needs_attention || !payment.attention.is_empty())
                        && after.is_none_or(|after| position(payment) < after)
                });
                found
            }
            None => {
                let limit = u32::try_from(limit.0.get()).unwrap_or(u32::MAX).saturating_add(1);
                let request = ListPayments { hotel, status, after, limit, needs_attention };
                let pages = self.client.call_every_shard(&call, request).await.map_err(failed)?;
                pages.into_iter().flatten().collect()
            }
        };
        found.sort_by_key(|payment| std::cmp::Reverse(position(payment)));
        let page = self.settings.cursors.page(found, limit.0, &filters, position);
        Ok(SerdeJson(page.map(Payment::from)))
    }

    /// Pay for a reservation
    ///
    /// Waits up to nine seconds for the bank. A declined card is a payment with the status `failed`, returned with 201. A
    /// payment with the status `processing` can be read again later. While a payment of the reservation is open, another one
    /// is refused with its id as `payment_id`: complete it, or cancel it to use another card. The cards that a guest or an
    /// address tries in an hour are limited (429), and the payments of a reservation (409 `too-many-attempts`).
    /// A reservation with a total of 0 is confirmed without a payment; paying for it is 409 `not-payable`.
    #[oai(path = "/payments", method = "post", operation_id = "createPayment")]
    async fn create(
        &self,
        #[oai(scope = "rest::scope::PAYMENTS_WRITE")] caller: SignedIn,
        #[oai(name = "Idempotency-Key")] key: Header<Option<IdempotencyKey>>,
        request: &poem::Request,
        new: Json<NewPayment>,
    ) -> Result<Created<Payment>, ApiError> {
        let NewPayment { reservation_id, payment_method, return_url } = new.0;
        let reservation: ReservationId = rest::id_in_body(&reservation_id, "/reservation_id")?;
        let return_url = return_url.unwrap_or_else(|| format!("{}/", self.settings.public_url));
        match self.client.call(&caller.call(), GetPayable { reservation }).await {
            Ok(_) => {}
            // Payments knows by itself whether a payment is open; reservations learns a moment later that one has failed.
            Err(Failure::Refused(reservations::Refusal::NotPayable(payments::NotPayable::PaymentOpen))) => {}
            // With an idempotency key this may be a retry of a payment that succeeded; the state decides.
            Err(Failure::Refused(reservations::Refusal::NotPayable(why)))
                if key.0.is_some()
                    && !matches!(
                        why,
                        payments::NotPayable::NoSuchReservation | payments::NotPayable::NothingDue
                    ) => {}
            Err(failure) => return Err(edge::api_error(failure, reservation_problem)),
        }
        let limits = &self.settings.card_limits;
        let address = limits.hash(edge::ClientAddress::of(request));
        let (visitor_max, address_max) = (limits.visitor_max, limits.address_max);
        self.call(&caller.call(), CountCardAttempt { address, visitor_max, address_max }).await?;
        let call = caller.call_with(key.0.as_ref(), "createPayment", &reservation_id);
        let start = StartPayment { reservation, payment_method, return_url, expected_amount: None };
        let payment = flow::start_and_wait(&self.client, &call, start).await.map_err(failed)?;
        // The reservation may have changed between the two calls.
        if let Some(problem) = payment.failure.as_ref().and_then(payment_failure_problem) {
            return Err(self.with_open_payment(&caller.call(), reservation, problem).await.into());
        }
        Ok(Created::new(format!("/v1/payments/{}", payment.id), payment.version, payment.into()))
    }

    /// Get a payment
    #[oai(path = "/payments/:payment_id", method = "get", operation_id = "getPayment")]
    async fn get(
        &self,
        #[oai(scope = "rest::scope::PAYMENTS_READ")] caller: SignedIn,
        /// The payment
        payment_id: Path<String>,
    ) -> Result<WithETag<Payment>, ApiError> {
        let payment =
            self.call(&caller.call(), GetPayment { payment: rest::id_in_path(&payment_id)? }).await?;
        Ok(WithETag::new(payment.version, payment.into()))
    }

    /// Cancel an open payment
    ///
    /// Abandons a payment that is `processing` or `requires_action`, so that another card can be used at once. Waits up to nine
    /// seconds for the bank. The payment has then `failed` with the code `cancelled`, or has `succeeded` if the card was
    /// charged before. A payment that has failed is returned as it is; one that had succeeded is refused: cancel the
    /// reservation instead.
    #[oai(path = "/payments/:payment_id/cancel", method = "post", operation_id = "cancelPayment")]
    async fn cancel(
        &self,
        #[oai(scope = "rest::scope::PAYMENTS_WRITE")] caller: SignedIn,
        /// The payment
        payment_id: Path<String>,
    ) -> Result<WithETag<Payment>, ApiError> {
        let request = CancelPayment { payment: rest::id_in_path(&payment_id)? };
        let payment = flow::cancel_and_wait(&self.client, &caller.call(), request).await.map_err(failed)?;
        Ok(WithETag::new(payment.version, payment.into()))
    }

    /// Refund a payment
    ///
    /// For staff of the hotel and administrators. Cancellations are refunded automatically.
    #[oai(path = "/payments/:payment_id/refunds", method = "post", operation_id = "createRefund")]
    async fn refund(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        #[oai(name = "Idempotency-Key")] key: Header<Option<IdempotencyKey>>,
        /// The payment
        payment_id: Path<String>,
        new: Json<NewRefund>,
    ) -> Result<Created<Refund>, ApiError> {
        let payment: PaymentId = rest::id_in_path(&payment_id)?;
        if let Some(currency) = new.0.amount.as_ref().and_then(|amount| amount.currency.as_ref()) {
            let paid = self.call(&caller.call(), GetPayment { payment }).await?.amount;
            if paid.is_some_and(|paid| paid.currency.code() != currency) {
                return Err(ApiError::unprocessable("/amount/currency", "not the currency of the payment"));
            }
        }
        let call = caller.call_with(key.0.as_ref(), "createRefund", &payment_id);
        let (amount, reason) = (new.0.amount.map(|amount| amount.amount), new.0.reason.unwrap_or_default());
        let request = RequestRefund { payment, amount, reason };
        let refunded = flow::refund_and_wait(&self.client, &call, request).await;
        let (paid, refund) = refunded.map_err(failed)?;
        Ok(Created::new(format!("/v1/payments/{payment}"), paid.version, Refund::new(payment, refund)))
    }

    /// Retry a refund that failed
    ///
    /// For staff of the hotel and administrators. Makes a new refund with the same amount and reason, and names it in
    /// `retried_as` of the one that failed. Retrying that one again returns the same new refund.
    #[oai(
        path = "/payments/:payment_id/refunds/:refund_id/retry",
        method = "post",
        operation_id = "retryRefund"
    )]
    async fn retry_refund(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The payment
        payment_id: Path<String>,
        /// The refund that failed
        refund_id: Path<String>,
    ) -> Result<Created<Refund>, ApiError> {
        let payment: PaymentId = rest::id_in_path(&payment_id)?;
        let request = RetryRefund { payment, refund: rest::id_in_path(&refund_id)? };
        let retried = flow::retry_and_wait(&self.client, &caller.call(), request).await;
        let (paid, refund) = retried.map_err(failed)?;
        Ok(Created::new(format!("/v1/payments/{payment}"), paid.version, Refund::new(payment, refund)))
    }

    /// Settle a refund that failed
    ///
    /// For staff of the hotel and administrators, who have paid the guest in another way, for example by bank transfer. The
    /// refund counts as succeeded from then on.
    #[oai(
        path = "/payments/:payment_id/refunds/:refund_id/settle",
        method = "post",
        operation_id = "settleRefund"
    )]
    async fn settle_refund(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The payment
        payment_id: Path<String>,
        /// The refund that failed
        refund_id: Path<String>,
        settlement: Json<RefundSettlement>,
    ) -> Result<WithETag<Payment>, ApiError> {
        let payment: PaymentId = rest::id_in_path(&payment_id)?;
        let request =
            SettleRefund { payment, refund: rest::id_in_path(&refund_id)?, note: settlement.0.note };
        let call = caller.call();
        self.call(&call, request).await?;
        let payment = self.call(&call, GetPayment { payment }).await?;
        Ok(WithETag::new(payment.version, payment.into()))
    }

    /// Get the receipt as PDF
    ///
    /// It contains the guest's secret link only for the owner of the reservation with the scope `reservations:write`.
    #[oai(path = "/payments/:payment_id/receipt.pdf", method = "get", operation_id = "getReceipt")]
    async fn receipt(
        &self,
        #[oai(scope = "rest::scope::PAYMENTS_READ")] caller: SignedIn,
        /// The payment
        payment_id: Path<String>,
    ) -> Result<edge::Pdf, ApiError> {
        let (id, call) = (rest::id_in_path(&payment_id)?, caller.call());
        let reservation = self.call(&call, GetPayment { payment: id }).await?.reservation;
        let booking_url = (self.settings.booking_url)(reservation, self.link(&call, reservation).await?);
        let receipt = self.call(&call, GetReceipt { payment: id, booking_url }).await?;
        let bytes = self.rendered(call, pdf::RECEIPT, receipt.data_json).await?;
        Ok(edge::Pdf { name: format!("receipt-{}.pdf", receipt.number), bytes })
    }

    /// List the credit notes of a payment
    ///
    /// A refund that succeeds gets a credit note with a number of its own; the receipt is never changed. If the bank returns the
    /// money of a refund later, another credit note `reverses` the first one.
    #[oai(path = "/payments/:payment_id/credit-notes", method = "get", operation_id = "listCreditNotes")]
    async fn credit_notes(
        &self,
        #[oai(scope = "rest::scope::PAYMENTS_READ")] caller: SignedIn,
        /// The payment
        payment_id: Path<String>,
    ) -> Result<SerdeJson<Page<CreditNote>>, ApiError> {
        let payment =
            self.call(&caller.call(), GetPayment { payment: rest::id_in_path(&payment_id)? }).await?;
        Ok(SerdeJson(Page::single(payment.credit_notes.into_iter().map(CreditNote::from).collect())))
    }

    /// Get a credit note as PDF
    #[oai(
        path = "/payments/:payment_id/credit-notes/:number/credit-note.pdf",
        method = "get",
        operation_id = "getCreditNote"
    )]
    async fn credit_note(
        &self,
        #[oai(scope = "rest::scope::PAYMENTS_READ")] caller: SignedIn,
        /// The payment
        payment_id: Path<String>,
        /// The number of the credit note: `CN-000123`
        #[oai(validator(max_length = 32))]
        number: Path<String>,
    ) -> Result<edge::Pdf, ApiError> {
        let (payment, call) = (rest::id_in_path(&payment_id)?, caller.call());
        let reservation = self.call(&call, GetPayment { payment }).await?.reservation;
        let booking_url = (self.settings.booking_url)(reservation, self.link(&call, reservation).await?);
        let note = self.call(&call, GetCreditNote { payment, number: number.0, booking_url }).await?;
        let bytes = self.rendered(call, pdf::CREDIT_NOTE, note.data_json).await?;
        Ok(edge::Pdf { name: format!("credit-note-{}.pdf", note.number), bytes })
    }

    /// Receive a bank event
    ///
    /// For the bank only: the signature is over the raw body. Returns 200 once the event is durable, also for unknown events.
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
            return Err(ApiError::not_found("Webhooks are not configured."));
        };
        match Signature::check(secret, &signature.0, &body, Timestamp::wall_clock()) {
            Signature::Good => {}
            Signature::Stale => return Err(ApiError::new(&problems::STALE_SIGNATURE)),
            Signature::Wrong => return Err(ApiError::new(&problems::BAD_SIGNATURE)),
        }
        let Some(event) = Event::read(&body) else {
            return Err(ApiError::bad_request("The body is not an event."));
        };
        let call = Call::bearer(self.own_token().await?, TIMEOUT);
        let kind = event.kind.clone();
        let command =
            BankEvent { event: event.id, kind: event.kind, payment: event.payment, intent: event.intent };
        let reply = self.call(&call, command).await?;
        tracing::debug!(%kind, parked = reply == BankEventReply::Parked, "bank event");
        Ok(Json(Received { received: true }))
    }
}

impl Api {
    /// Adds the id of the reservation's open payment to a problem that says that there is one.
    async fn with_open_payment(&self, call: &Call, reservation: ReservationId, problem: Problem) -> Problem {
        if !std::ptr::eq(problem.kind(), &problems::PAYMENT_OPEN) {
            return problem;
        }
        let found = self.client.call(call, ListReservationPayments { reservation }).await.unwrap_or_default();
        let open = found.into_iter().find(|payment| payment.is_open());
        match open {
            Some(open) => problem.with("payment_id", &open.id.to_string()),
            None => problem,
        }
    }

    async fn call<M>(&self, call: &Call, request: M) -> Result<M::Reply, ApiError>
    where
        M: Variant<Contract = payments::Payments>,
    {
        self.client.call(call, request).await.map_err(failed)
    }

    /// Renders a document in the name of this service; the caller has verified access to its data.
    async fn rendered(&self, call: Call, template: &str, data_json: String) -> Result<Vec<u8>, ApiError> {
        let own = Call { token: Some(self.own_token().await?), ..call };
        let request = RenderDocument { template: template.to_owned(), data_json };
        self.client.call(&own, request).await.map_err(|failure| {
            edge::api_error(failure, |refusal| {
                tracing::error!(%refusal, template, "the template does not fit its data");
                Problem::new(&edge::problem_types::INTERNAL)
            })
        })
    }

    /// The secret link, for callers who have the guest's rights.
    async fn link(&self, call: &Call, reservation: ReservationId) -> Result<Option<BookingLink>, ApiError> {
        match self.client.call(call, GetGuestContact { reservation }).await {
            Ok(contact) => Ok(Some(contact.link)),
            Err(Failure::Refused(_) | Failure::Forbidden(_)) => Ok(None),
            Err(failure) => Err(edge::api_error(failure, reservation_problem)),
        }
    }

    async fn own_token(&self) -> Result<Arc<str>, ApiError> {
        let token = self.settings.credentials.service_token("payments", None).await;
        token.map_err(|unavailable| ApiError::unavailable(unavailable.retry_after_secs))
    }
}

fn position(payment: &payments::Payment) -> PaymentCursor {
    PaymentCursor { created_at: payment.created_at, payment: payment.id }
}

fn failed(failure: Failure<payments::Refusal>) -> ApiError {
    edge::api_error(failure, payment_problem)
}
