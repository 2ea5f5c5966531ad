//! Long polling: a query is answered again after each applied batch, until its answer is final.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use super::Engine;
use crate::service::{Answer, Query, Service};

/// The last answer is returned so long before the deadline, so that it reaches a caller on another node in time.
const MARGIN: Duration = Duration::from_millis(100);

/// Answers `query` by `answer`: once, or, for a [`Service::long_poll`], until the answer is final or `deadline` is near.
///
/// # Errors
/// The first error of `answer`.
pub async fn poll<S: Service, E, F: Future<Output = Result<Answer<S>, E>>>(
    engine: &Engine<S>,
    query: Query<S>,
    deadline: Instant,
    mut answer: impl FnMut(Query<S>) -> F,
) -> Result<Answer<S>, E> {
    let Some(is_final) = S::long_poll(&query) else { return answer(query).await };
    let until = deadline.checked_sub(MARGIN).unwrap_or(deadline);
    let mut batches = engine.batches();
    loop {
        let latest = answer(query.clone()).await?;
        if is_final(&query, &latest)
            || !matches!(tokio::time::timeout_at(until, batches.changed()).await, Ok(Ok(())))
        {
            return Ok(latest);
        }
    }
}
