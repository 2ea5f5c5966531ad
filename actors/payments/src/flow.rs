//! Doing several steps for somebody who waits.

use std::time::Duration;

use contracts::PaymentId;
use contracts::payments::{
    Answer, BankMode, Command, Payment, PaymentStatus, Payments, Query, RefundStatus, Refusal, Reply,
};
use group::{Call, Client, Failure, Unavailable, Why};
use tokio::time::Instant;

/// How long somebody waits for the bank before being told "processing".
const WAIT: Duration = Duration::from_secs(9);
/// Kept free before the caller's deadline, for the answer.
const MARGIN: Duration = Duration::from_millis(400);
const PAUSE: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// Starts a payment and waits until it leaves [`PaymentStatus::Processing`], up to nine seconds or almost the call's
/// deadline: then it is answered as it is.
///
/// # Errors
/// Refusals of `start`, and [`Failure`]'s others.
pub async fn start_and_wait(
    client: &Client,
    call: &Call,
    start: Command,
) -> Result<Payment, Failure<Refusal>> {
    match client.command::<Payments>(call, start).await? {
        Reply::Started(payment) => {
            wait(client, call, payment, |payment| payment.status != PaymentStatus::Processing).await
        }
        Reply::Done | Reply::RefundStarted(_) | Reply::Parked => Err(odd()),
    }
}

/// Starts a refund and waits until the bank has said something, as [`start_and_wait`].
///
/// # Errors
/// Refusals of `request`, and [`Failure`]'s others.
pub async fn refund_and_wait(
    client: &Client,
    call: &Call,
    payment: PaymentId,
    request: Command,
) -> Result<(Payment, contracts::payments::Refund), Failure<Refusal>> {
    let Reply::RefundStarted(id) = client.command::<Payments>(call, request).await? else {
        return Err(odd());
    };
    let settled = |payment: &Payment| {
        payment.refunds.iter().any(|refund| refund.id == id && refund.status != RefundStatus::Pending)
    };
    let payment = wait(client, call, payment, settled).await?;
    let refund = payment.refunds.iter().find(|refund| refund.id == id).cloned().ok_or_else(odd)?;
    Ok((payment, refund))
}

/// Makes sure, when a cluster starts, that its store was never with another kind of bank. `call` is by somebody who may
/// ask.
///
/// # Errors
/// A sentence for the operator, or why nobody answers.
pub async fn check_bank_mode(client: &Client, call: &Call, mode: BankMode) -> Result<(), String> {
    let answers =
        client.query_every::<Payments>(call, Query::BankMode).await.map_err(|failure| failure.to_string())?;
    for answer in answers {
        if let Answer::BankMode(Some(kept)) = answer
            && kept != mode
        {
            return Err(format!(
                "this store's payments are with {}, and it never changes that: set [payments] back, or begin with an \
                 empty data directory to use {}",
                name(kept),
                name(mode)
            ));
        }
    }
    Ok(())
}

fn name(mode: BankMode) -> &'static str {
    match mode {
        BankMode::Sandbox => "the sandbox bank",
        BankMode::Test => "a bank in test mode",
        BankMode::Live => "a bank in live mode",
    }
}

async fn wait(
    client: &Client,
    call: &Call,
    id: PaymentId,
    is_done: impl Fn(&Payment) -> bool,
) -> Result<Payment, Failure<Refusal>> {
    // The command's idempotency key is not the question's.
    let call = Call { key: None, ..call.clone() };
    let deadline = (Instant::now() + WAIT).min(call.deadline.checked_sub(MARGIN).unwrap_or(call.deadline));
    let mut pause = PAUSE;
    loop {
        let payment = match client.query::<Payments>(&call, Query::Payment(id)).await? {
            Answer::Payment(payment) => *payment,
            Answer::Payments(_) | Answer::Receipt { .. } | Answer::BankMode(_) => return Err(odd()),
        };
        if is_done(&payment) || Instant::now() + pause >= deadline {
            return Ok(payment);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(PAUSE_MAX);
    }
}

/// An answer to another question: two versions of the program are talking.
fn odd() -> Failure<Refusal> {
    Unavailable::new(Why::NoService("payments".to_owned())).into()
}
