//! The actor that takes calls. It hands each to a task of its own, so that none waits for another's disk.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use group::engine::{Entry, Halt, Verdict};
use group::{Answer, Cost, Delivery, Failure, Query, Refusal, Reply, Service, Unavailable, Why};
use protocol::{Contract, Principal, ReadConsistency, Timestamp};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::calls::core::{Core, unavailable};

/// A replica that has not heard of its leader (a leader: of a majority) for so long answers nothing.
const NEARBY_SILENCE_MAX: Duration = Duration::from_secs(2);
/// Nor one that is so many entries behind what it knows to be decided.
const NEARBY_LAG_MAX: u64 = 10_000;

type Answered<T, R> = oneshot::Sender<Result<T, Failure<R>>>;

/// A call whose caller was verified. The permit is its place in the bounded queue.
pub(crate) enum FrontMessage<S: Service> {
    Command {
        /// Encoded where the command still was borrowed: it is repeated elsewhere when this fails.
        entry: Vec<u8>,
        permit: OwnedSemaphorePermit,
        reply: Answered<Reply<S>, Refusal<S>>,
    },
    Query {
        caller: Arc<Principal>,
        query: Query<S>,
        permit: OwnedSemaphorePermit,
        reply: Answered<Answer<S>, Refusal<S>>,
    },
    Deliver {
        caller: Principal,
        delivery: Delivery,
        permit: OwnedSemaphorePermit,
        reply: Answered<Vec<Option<String>>, ()>,
    },
}

impl<S: Service> ractor::Message for FrontMessage<S> {}

/// See the module.
pub(crate) struct Front<S>(PhantomData<fn() -> S>);

impl<S> Default for Front<S> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

/// What the front works with.
pub(crate) struct FrontState<S: Service> {
    core: Arc<Core<S>>,
    /// Heavy queries run as many at a time as the node allows.
    heavy: Arc<Semaphore>,
}

impl<S: Service> Actor for Front<S> {
    type Msg = FrontMessage<S>;
    type State = FrontState<S>;
    type Arguments = (Arc<Core<S>>, Arc<Semaphore>);

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        (core, heavy): Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(FrontState { core, heavy })
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let core = Arc::clone(&state.core);
        match message {
            FrontMessage::Command { entry, permit, reply } => {
                tokio::spawn(async move {
                    let _ = reply.send(obey(&core, entry).await);
                    drop(permit);
                });
            }
            FrontMessage::Query { caller, query, permit, reply } => {
                let heavy = Arc::clone(&state.heavy);
                tokio::spawn(async move {
                    let answered = answer(&core, &heavy, caller, query, || reply.is_closed()).await;
                    let _ = reply.send(answered);
                    drop(permit);
                });
            }
            FrontMessage::Deliver { caller, delivery, permit, reply } => {
                tokio::spawn(async move {
                    let _ = reply.send(receive(&core, caller, delivery).await);
                    drop(permit);
                });
            }
        }
        Ok(())
    }
}

async fn obey<S: Service>(core: &Core<S>, entry: Vec<u8>) -> Result<Reply<S>, Failure<Refusal<S>>> {
    match core.propose_encoded(entry).await? {
        Verdict::Reply(reply) => Ok(reply),
        Verdict::Refused(refusal) => Err(Failure::Refused(refusal)),
        Verdict::KeyReused => Err(Failure::KeyReused),
        Verdict::Delivered(_) | Verdict::More(_) | Verdict::Noted => Err(misread()),
    }
}

async fn answer<S: Service>(
    core: &Arc<Core<S>>,
    heavy: &Arc<Semaphore>,
    caller: Arc<Principal>,
    query: Query<S>,
    gone: impl Fn() -> bool,
) -> Result<Answer<S>, Failure<Refusal<S>>> {
    be_recent(core, &query).await?;
    let cost = S::cost(&query);
    let ask = {
        let core = Arc::clone(core);
        move || core.engine.query(&caller, Timestamp::wall_clock(), query)
    };
    let answered = match cost {
        Cost::Memory => ask(),
        Cost::Disk => tokio::task::block_in_place(ask),
        Cost::Heavy => {
            let turn = Arc::clone(heavy).acquire_owned().await;
            // Who has waited for too long is not worked for: the backlog of a flood would outlast it.
            if gone() {
                return Err(Unavailable::new(Why::Deadline).into());
            }
            let ran = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                ask()
            });
            let ran = ran.await;
            ran.map_err(|_| Unavailable::new(Why::Quarantined))?
        }
    };
    told(core, answered)
}

/// Answers a query that is [`Cost::Memory`], on the caller's own task.
pub(crate) async fn from_memory<S: Service>(
    core: &Core<S>,
    caller: &Principal,
    query: Query<S>,
) -> Result<Answer<S>, Failure<Refusal<S>>> {
    be_recent(core, &query).await?;
    told(core, core.engine.query(caller, Timestamp::wall_clock(), query))
}

/// Returns once the state is as recent as the query wants it.
async fn be_recent<S: Service>(core: &Core<S>, query: &Query<S>) -> Result<(), Unavailable> {
    let nearby = match S::Contract::query_consistency(query) {
        ReadConsistency::Leader => false,
        ReadConsistency::BoundedStaleness => core.consensus.is_fresh(NEARBY_SILENCE_MAX, NEARBY_LAG_MAX),
    };
    if nearby { Ok(()) } else { core.consensus.read_barrier().await.map_err(unavailable) }
}

fn told<S: Service>(
    core: &Core<S>,
    answered: Result<Result<Answer<S>, Refusal<S>>, Halt>,
) -> Result<Answer<S>, Failure<Refusal<S>>> {
    answered
        .map_err(|halt| {
            if matches!(halt, Halt::Replacing) {
                // A snapshot is being installed: others have what it brings.
                return Unavailable::new(Why::NoLeader);
            }
            tracing::error!(group = %core.name, %halt, "a query failed");
            Unavailable::new(match halt {
                Halt::Store(fault) => Why::Store(fault.to_string()),
                Halt::Poison { .. } => Why::Quarantined,
                Halt::Replacing => Why::NoLeader,
            })
        })?
        .map_err(Failure::Refused)
}

async fn receive<S: Service>(
    core: &Core<S>,
    caller: Principal,
    delivery: Delivery,
) -> Result<Vec<Option<String>>, Failure<()>> {
    let Delivery { source, floor, rows } = delivery;
    match core.propose(&Entry::Deliver { source, floor, rows, caller, stamp: core.stamp() }).await? {
        Verdict::Delivered(answers) => Ok(answers),
        Verdict::Reply(_) | Verdict::Refused(_) | Verdict::KeyReused | Verdict::More(_) | Verdict::Noted => {
            Err(misread())
        }
    }
}

/// A verdict of another kind than the entry's: the state is not what this program wrote.
fn misread<R>() -> Failure<R> {
    Unavailable::new(Why::Store("a verdict of the wrong kind".to_owned())).into()
}
