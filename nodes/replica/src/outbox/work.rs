//! The tasks of the outbox: each makes one delivery or one attempt at an effect, and proposes the entry for its result.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use group::engine::Entry;
use group::{Call, Delivery, EffectContext, Failure, Outcome, Unavailable};
use protocol::codec;
use ractor::ActorRef;

use super::queue::{Due, StreamName};
use super::{OutboxContext, OutboxMessage};
use crate::calls::core::{Core, unavailable};
use crate::delivery_pause::InFlight;

/// Delivers rows to another group, and removes or parks them.
pub(super) async fn deliver(
    _in_flight: InFlight,
    context: Arc<OutboxContext>,
    outbox: ActorRef<OutboxMessage>,
    term: u64,
    to: StreamName,
    floor: u64,
    rows: Vec<(u64, Vec<u8>)>,
) {
    let numbers: Vec<u64> = rows.iter().map(|(row, _)| *row).collect();
    let message = match send(&context, &to, floor, rows).await {
        Ok(results) => {
            let mut done = Vec::new();
            let mut parked = Vec::new();
            for (row, refused) in numbers.into_iter().zip(results) {
                match refused {
                    None => done.push(row),
                    Some(why) => {
                        tracing::error!(group = %context.core.name, to = %to.service, row, "a message was refused and is parked");
                        parked.push((row, why));
                    }
                }
            }
            let parked_rows = parked.iter().map(|(row, _)| *row).collect();
            match context.core.propose(&Entry::Settle { done: done.clone(), parked }).await {
                Ok(_) => OutboxMessage::Delivered { to, term, done, parked: parked_rows },
                Err(_) => OutboxMessage::DeliveryFailed { to, term },
            }
        }
        Err(failure) => {
            tracing::debug!(group = %context.core.name, to = %to.service, %failure, "a delivery failed");
            OutboxMessage::DeliveryFailed { to, term }
        }
    };
    let _ = outbox.cast(message);
}

async fn send(
    context: &OutboxContext,
    to: &StreamName,
    floor: u64,
    rows: Vec<(u64, Vec<u8>)>,
) -> Result<Vec<Option<String>>, Failure<()>> {
    let token = context.credentials.service_token(context.core.service, None).await?;
    let call = Call::bearer(token, context.limits.delivery_timeout);
    let delivery = Delivery { source: format!("{}/{}", context.epoch, context.core.name), floor, rows };
    context.client.deliver(&call, &to.service, to.shard, delivery).await
}

/// Makes one attempt at an effect, and removes or parks it.
pub(super) async fn perform(
    _in_flight: InFlight,
    context: Arc<OutboxContext>,
    outbox: ActorRef<OutboxMessage>,
    term: u64,
    due: Due,
) {
    let Due { row, key, effect, attempt } = due;
    let message = match settle(&context, row, attempt_once(&context, row, effect, attempt).await).await {
        Ok(parked) => OutboxMessage::EffectEnded { row, key, term, parked },
        Err(_) => OutboxMessage::EffectFailed { row, key, term },
    };
    let _ = outbox.cast(message);
}

async fn attempt_once(context: &OutboxContext, row: u64, effect: Vec<u8>, attempt: u32) -> Outcome<Vec<u8>> {
    let effect_context = EffectContext {
        id: format!("{}/{}:{row}", context.epoch, context.core.name),
        attempt,
        client: context.client.clone(),
        service: context.core.service,
        credentials: Arc::clone(&context.credentials),
        state: Arc::<Core>::clone(&context.core),
    };
    let performing = AssertUnwindSafe(context.effects.perform(&effect_context, &effect)).catch_unwind();
    match tokio::time::timeout(context.limits.effect_timeout, performing).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Outcome::Retry("the attempt panicked".to_owned()),
        Err(_) => Outcome::Retry("the attempt timed out".to_owned()),
    }
}

/// Returns whether the effect was parked. An error means that it has to be tried again.
async fn settle(
    context: &OutboxContext,
    row: u64,
    outcome: Outcome<Vec<u8>>,
) -> Result<bool, Option<Unavailable>> {
    let core = &context.core;
    let (entry, parked) = match outcome {
        Outcome::Done => (codec::encode(&Entry::<()>::Settle { done: vec![row], parked: Vec::new() }), false),
        Outcome::Report(command) => (Entry::report(row, core.stamp(), &command), false),
        Outcome::Poison(why) => {
            tracing::error!(group = %core.name, row, "an effect failed for good and is parked");
            (codec::encode(&Entry::<()>::Settle { done: Vec::new(), parked: vec![(row, why)] }), true)
        }
        Outcome::Retry(why) => {
            tracing::info!(group = %core.name, row, why, "an effect failed and will be retried");
            return Err(None);
        }
    };
    core.propose_encoded(entry).await.map_err(|error| Some(unavailable(error)))?;
    Ok(parked)
}
