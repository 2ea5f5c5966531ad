//! Starting a payment or a refund, and waiting for its outcome.

use std::time::Duration;

use contracts::payments::{
    AwaitPayment, BankMode, CancelPayment, GetBankMode, Payment, Refund, Refusal, RequestRefund, RetryRefund,
    StartPayment,
};
use contracts::{PaymentId, RefundId};
use group::{Call, Client, Failure, Unavailable, Why};
use tokio::time::Instant;

/// The longest wait for the bank, after which the payment is returned as it is.
const WAIT: Duration = Duration::from_secs(9);
/// Reserved before the call's deadline for the reply.
const MARGIN: Duration = Duration::from_millis(400);

/// Starts a payment and waits until it leaves `PaymentStatus::Processing`, for at most nine seconds or until shortly before
/// the call's deadline. Then it is returned as it is.
///
/// # Errors
/// The refusals of [`StartPayment`], and the other cases of [`Failure`].
pub async fn start_and_wait(
    client: &Client,
    call: &Call,
    start: StartPayment,
) -> Result<Payment, Failure<Refusal>> {
    let payment = client.call(call, start).await?;
    wait(client, call, AwaitPayment { payment, refund: None }).await
}

/// Requests a refund and waits until it succeeds or fails, like [`start_and_wait`].
///
/// # Errors
/// The refusals of [`RequestRefund`], and the other cases of [`Failure`].
pub async fn refund_and_wait(
    client: &Client,
    call: &Call,
    request: RequestRefund,
) -> Result<(Payment, Refund), Failure<Refusal>> {
    let payment = request.payment;
    let id = client.call(call, request).await?;
    refund_settled(client, call, payment, id).await
}

async fn refund_settled(
    client: &Client,
    call: &Call,
    payment: PaymentId,
    id: RefundId,
) -> Result<(Payment, Refund), Failure<Refusal>> {
    let payment = wait(client, call, AwaitPayment { payment, refund: Some(id) }).await?;
    let refund = payment.refunds.iter().find(|refund| refund.id == id).cloned();
    // A refund is never removed. An older replica may have answered.
    let refund = refund.ok_or_else(|| Unavailable::new(Why::NoService("payments".to_owned())))?;
    Ok((payment, refund))
}

/// Cancels an open payment and waits until the bank has answered, like [`start_and_wait`].
///
/// # Errors
/// The refusals of [`CancelPayment`], and the other cases of [`Failure`].
pub async fn cancel_and_wait(
    client: &Client,
    call: &Call,
    request: CancelPayment,
) -> Result<Payment, Failure<Refusal>> {
    let payment = request.payment;
    client.call(call, request).await?;
    wait(client, call, AwaitPayment { payment, refund: None }).await
}

/// Retries a refund and waits until it succeeds or fails, like [`start_and_wait`].
///
/// # Errors
/// The refusals of [`RetryRefund`], and the other cases of [`Failure`].
pub async fn retry_and_wait(
    client: &Client,
    call: &Call,
    request: RetryRefund,
) -> Result<(Payment, Refund), Failure<Refusal>> {
    let (payment, id) = (request.payment, client.call(call, request).await?);
    refund_settled(client, call, payment, id).await
}

/// Verifies, when a cluster starts, that its store has never used another kind of bank.
///
/// # Errors
/// A message for the operator.
pub async fn check_bank_mode(client: &Client, call: &Call, mode: BankMode) -> Result<(), String> {
    let stored = client.call_every_shard(call, GetBankMode).await.map_err(|failure| failure.to_string())?;
    match stored.into_iter().flatten().find(|stored| *stored != mode) {
        None => Ok(()),
        Some(stored) => Err(format!(
            "this store's payments are with {}, which cannot be changed: correct [payments], or use an empty data \
             directory for {}",
            name(stored),
            name(mode)
        )),
    }
}

fn name(mode: BankMode) -> &'static str {
    match mode {
        BankMode::Sandbox => "the sandbox bank",
        BankMode::Test => "a bank in test mode",
        BankMode::Live => "a bank in live mode",
    }
}

async fn wait(client: &Client, call: &Call, request: AwaitPayment) -> Result<Payment, Failure<Refusal>> {
    let deadline = (Instant::now() + WAIT).min(call.deadline.checked_sub(MARGIN).unwrap_or(call.deadline));
    // The idempotency key belongs to the command, not to the query.
    client.call(&Call { key: None, deadline, ..call.clone() }, request).await
}
