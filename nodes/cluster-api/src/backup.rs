//! `GET /v1/cluster/backup` streams an archive of all groups while it is written. `POST /v1/cluster/release-effects`
//! releases the effects that a restore holds back.

use std::sync::Arc;
use std::time::Duration;

use edge::{ApiError, Problem, problem_types};
use poem::http::StatusCode;
use poem::{Body, Response, handler};
use replica::{SnapshotError, Task};

use crate::MANAGE;
use crate::context::{Context, allows};

/// How long the leader of a group may take to release its effects.
const RELEASE_MAX: Duration = Duration::from_secs(10);
/// Bytes of an archive that are buffered between its writer and the response.
const BUFFER_BYTES: usize = 256 << 10;

/// Streams an archive.
#[handler]
pub async fn stream(request: &poem::Request, context: poem::web::Data<&Context>) -> poem::Result<Response> {
    let caller = edge::Caller::of(request)?;
    let by = allows(&context.verifier, caller.token(), MANAGE)?;
    let snapshot =
        context.node.take_snapshot(context.local.groups()).await.map_err(|error| unavailable(&error))?;
    tracing::warn!(by = by.subject, "audit: backup started");
    let local = Arc::clone(&context.local);
    let (writer, reader) = tokio::io::duplex(BUFFER_BYTES);
    tokio::task::spawn_blocking(move || {
        let mut writer = tokio_util::io::SyncIoBridge::new(writer);
        if let Err(error) = local.write_archive(&snapshot, &mut writer) {
            // The archive then lacks its last chunk, which the client checks.
            tracing::error!(%error, "backup failed");
        }
    });
    Ok(Response::builder().content_type("application/octet-stream").body(Body::from_async_read(reader)))
}

/// The error names groups and nodes, which are not secret.
fn unavailable(error: &SnapshotError) -> ApiError {
    let detail = format!("The backup failed: {error}. Nothing was changed; retry later.");
    Problem::new(&problem_types::UNAVAILABLE).detail(detail).retry_after(10).into()
}

/// Releases the effects that a restore holds back, in every group.
#[handler]
pub async fn release_effects(
    request: &poem::Request,
    context: poem::web::Data<&Context>,
) -> poem::Result<Response> {
    let caller = edge::Caller::of(request)?;
    let by = allows(&context.verifier, caller.token(), MANAGE)?;
    tracing::warn!(by = by.subject, "audit: effects of a restored store released");
    for group in context.local.groups() {
        context.release_effects(&group).await.map_err(|why| {
            let detail = format!("{group}: {why}. Safe to retry: effects that were released stay released.");
            ApiError::from(Problem::new(&problem_types::UNAVAILABLE).detail(detail).retry_after(5))
        })?;
    }
    context.local.effects_released().map_err(|_| ApiError::unavailable(1))?;
    Ok(StatusCode::NO_CONTENT.into())
}

impl Context {
    async fn release_effects(&self, group: &str) -> Result<(), String> {
        if self.is_single_node() {
            return self.node.release_effects(group).await.map_err(|error| error.to_string());
        }
        let task = Task::ReleaseEffects { group: group.to_owned() };
        self.node.task_at_leader(task, RELEASE_MAX).await.map(drop).map_err(|error| error.to_string())
    }
}
