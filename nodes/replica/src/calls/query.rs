//! Answering queries.

use std::sync::Arc;
use std::time::Duration;

use group::{Answer, Cost, Failure, Query, Refusal, Service, Unavailable, Why};
use protocol::{Contract, Principal, ReadConsistency, Timestamp};

use super::core::{Core, unavailable};
use super::endpoint::OpenReplica;

/// A follower that has had no contact with its leader (a leader: with a majority) for this long answers no query.
const NEARBY_SILENCE_MAX: Duration = Duration::from_secs(2);
/// A follower that is this many entries behind the committed ones answers no query.
const NEARBY_LAG_MAX: u64 = 10_000;

/// Answers a query once, on the thread that suits its cost.
pub(super) async fn answer<S: Service>(
    open: &OpenReplica,
    caller: &Arc<Principal>,
    query: Query<S>,
) -> Result<Answer<S>, Failure<Refusal<S>>> {
    let core = &open.core;
    wait_until_recent::<S>(core, &query).await?;
    match S::cost(&query) {
        Cost::Memory => run::<S>(core, caller, query),
        Cost::Disk => tokio::task::block_in_place(|| run::<S>(core, caller, query)),
        Cost::Heavy => {
            // A caller that stops waiting drops this future, and no work is done for it.
            let permit = Arc::clone(&open.heavy).acquire_owned().await;
            let (core, caller) = (Arc::clone(core), Arc::clone(caller));
            let running = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                run::<S>(&core, &caller, query)
            });
            running.await.map_err(|_| Unavailable::new(Why::Quarantined))?
        }
    }
}

fn run<S: Service>(
    core: &Core,
    caller: &Principal,
    query: Query<S>,
) -> Result<Answer<S>, Failure<Refusal<S>>> {
    let answer = core.engine::<S>()?.query(caller, Timestamp::wall_clock(), query);
    answer.map_err(|halt| core.read_failure(&halt))?.map_err(Failure::Refused)
}

/// Waits until the state is as recent as the consistency of the query requires.
async fn wait_until_recent<S: Service>(core: &Core, query: &Query<S>) -> Result<(), Unavailable> {
    let nearby = match S::Contract::query_consistency(query) {
        ReadConsistency::Leader => false,
        ReadConsistency::BoundedStaleness => core.consensus.is_fresh(NEARBY_SILENCE_MAX, NEARBY_LAG_MAX),
    };
    if nearby { Ok(()) } else { core.consensus.read_barrier().await.map_err(unavailable) }
}
