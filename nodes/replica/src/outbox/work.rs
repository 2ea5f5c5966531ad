//! One delivery, one effect: each in a task of its own, which notes in the store what came of it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use group::engine::{Entry, service_name};
use group::{Call, Command, Delivery, EffectContext, Effects, Failure, Outcome, Service, Unavailable};
use protocol::codec;
use ractor::ActorRef;

use super::queue::{Due, StreamName};
use super::{OutboxMessage, Tools};
use crate::calls::core::Core;
use crate::delivery_pause::InFlight;

/// Delivers rows to another group, and settles what it took or refused.
pub(super) async fn deliver<S: Service, E: Effects<S>>(
    _under_way: InFlight,
    tools: Arc<Tools<S, E>>,
    outbox: ActorRef<OutboxMessage>,
    era: u64,
    to: StreamName,
    floor: u64,
    rows: Vec<(u64, Vec<u8>)>,
) {
    let numbers: Vec<u64> = rows.iter().map(|(row, _)| *row).collect();
    let message = match hand_over(&tools, &to, floor, rows).await {
        Ok(answers) => {
            let mut done = Vec::new();
            let mut parked = Vec::new();
            for (row, refused) in numbers.into_iter().zip(answers) {
                match refused {
                    None => done.push(row),
                    Some(why) => {
                        tracing::error!(group = %tools.core.name, to = %to.service, row, "an event was refused and is parked");
                        parked.push((row, why));
                    }
                }
            }
            let parked_rows = parked.iter().map(|(row, _)| *row).collect();
            match tools.core.propose(&Entry::Settle { done: done.clone(), parked }).await {
                Ok(_) => OutboxMessage::Delivered { to, era, done, parked: parked_rows },
                Err(_) => OutboxMessage::NotDelivered { to, era },
            }
        }
        Err(failure) => {
            tracing::debug!(group = %tools.core.name, to = %to.service, %failure, "a delivery waits");
            OutboxMessage::NotDelivered { to, era }
        }
    };
    let _ = outbox.cast(message);
}

async fn hand_over<S: Service, E: Effects<S>>(
    tools: &Tools<S, E>,
    to: &StreamName,
    floor: u64,
    rows: Vec<(u64, Vec<u8>)>,
) -> Result<Vec<Option<String>>, Failure<()>> {
    let token = tools.credentials.service_token(service_name::<S>(), None).await?;
    let call = Call::bearer(token, tools.limits.delivery_timeout);
    let delivery = Delivery { source: format!("{}/{}", tools.epoch, tools.core.name), floor, rows };
    tools.client.deliver(&call, &to.service, to.shard, delivery).await
}

/// Performs an effect, and notes what came of it.
pub(super) async fn perform<S: Service, E: Effects<S>>(
    _under_way: InFlight,
    tools: Arc<Tools<S, E>>,
    outbox: ActorRef<OutboxMessage>,
    era: u64,
    due: Due,
) {
    let Due { row, key, effect, attempt } = due;
    let message = match note(&tools, row, attempt_once(&tools, row, effect, attempt).await).await {
        Ok(parked) => OutboxMessage::Performed { row, key, era, parked },
        Err(_) => OutboxMessage::NotPerformed { row, key, era },
    };
    let _ = outbox.cast(message);
}

async fn attempt_once<S: Service, E: Effects<S>>(
    tools: &Tools<S, E>,
    row: u64,
    effect: Vec<u8>,
    attempt: u32,
) -> Outcome<Command<S>> {
    let effect = match codec::decode(&effect) {
        Ok(effect) => effect,
        Err(unreadable) => return Outcome::Poison(unreadable.to_string()),
    };
    let context = EffectContext {
        id: format!("{}/{}:{row}", tools.epoch, tools.core.name),
        attempt,
        client: tools.client.clone(),
        service: service_name::<S>(),
        credentials: Arc::clone(&tools.credentials),
        state: Arc::<Core<S>>::clone(&tools.core),
    };
    let performing = AssertUnwindSafe(tools.effects.perform(&context, effect)).catch_unwind();
    match tokio::time::timeout(tools.limits.effect_timeout, performing).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Outcome::Retry("the attempt panicked".to_owned()),
        Err(_) => Outcome::Retry("no end in time".to_owned()),
    }
}

/// Says whether the effect was parked; an error asks for another attempt.
async fn note<S: Service, E: Effects<S>>(
    tools: &Tools<S, E>,
    row: u64,
    outcome: Outcome<Command<S>>,
) -> Result<bool, Option<Unavailable>> {
    let core = &tools.core;
    let (entry, parked) = match outcome {
        Outcome::Done => (Entry::Settle { done: vec![row], parked: Vec::new() }, false),
        Outcome::Report(command) => (Entry::Report { row, stamp: core.stamp(), command }, false),
        Outcome::Poison(why) => {
            tracing::error!(group = %core.name, row, "an effect cannot be done and is parked");
            (Entry::Settle { done: Vec::new(), parked: vec![(row, why)] }, true)
        }
        Outcome::Retry(why) => {
            tracing::info!(group = %core.name, row, why, "an effect will be tried again");
            return Err(None);
        }
    };
    core.propose(&entry).await.map_err(Some)?;
    Ok(parked)
}
