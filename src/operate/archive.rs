//! `GET /v1/cluster/backup`: the archive, as it is made; and the word that lets the effects of a restored store go.

use std::sync::Arc;
use std::time::Duration;

use edge::{ApiError, Problem, problem_types};
use poem::http::StatusCode;
use poem::{Body, Response, handler};
use replica::{SnapshotError, Task};

use super::MANAGE;
use super::inside::{Inside, allows};
use crate::server::archive;
use crate::server::cluster_node::groups_of;

/// How long a group may take to be told that its effects may go.
const RELEASE_MAX: Duration = Duration::from_secs(10);

/// Streams it.
#[handler]
pub async fn stream(request: &poem::Request, inside: poem::web::Data<&Inside>) -> poem::Result<Response> {
    let caller = edge::Caller::of(request)?;
    let by = allows(&inside.verifier, caller.token(), MANAGE)?;
    let (node, key, mut fixed) = (Arc::clone(&inside.node), inside.key.clone(), inside.data.metadata());
    let moment = node.take_snapshot(groups_of(&fixed.shards)).await.map_err(|why| refused(&why))?;
    tracing::warn!(by = by.subject, "audit: a backup is made");
    // Whichever node this is: what the archive holds was set up long ago.
    (fixed.set_up, fixed.demo_settled, fixed.node) = (true, true, None);
    let (writer, reader) = tokio::io::duplex(256 << 10);
    tokio::task::spawn_blocking(move || {
        let mut writer = tokio_util::io::SyncIoBridge::new(writer);
        if let Err(error) = archive::write(&moment, &key, &fixed, &mut writer) {
            // The archive has no end then, which whoever reads it notices.
            tracing::error!(%error, "a backup broke off");
        }
    });
    Ok(Response::builder().content_type("application/octet-stream").body(Body::from_async_read(reader)))
}

/// Names of groups and nodes are no secrets.
fn refused(why: &SnapshotError) -> ApiError {
    let detail = format!("No backup now: {why}. Nothing was changed; try again when it is well.");
    Problem::new(&problem_types::UNAVAILABLE).detail(detail).retry_after(10).into()
}

/// Lets go what a restore holds back, in every group.
#[handler]
pub async fn release_effects(
    request: &poem::Request,
    inside: poem::web::Data<&Inside>,
) -> poem::Result<Response> {
    let caller = edge::Caller::of(request)?;
    let by = allows(&inside.verifier, caller.token(), MANAGE)?;
    tracing::warn!(by = by.subject, "audit: the effects of a restored store are let go");
    for group in groups_of(&inside.data.metadata().shards) {
        inside.release_effects(&group).await.map_err(|why| {
            let detail = format!("{group}: {why}. Say it again: what was let go already stays so.");
            ApiError::from(Problem::new(&problem_types::UNAVAILABLE).detail(detail).retry_after(5))
        })?;
    }
    let settled = inside.data.update_metadata(|fixed| fixed.effects_held = false);
    settled.map_err(|_| ApiError::unavailable(1))?;
    Ok(StatusCode::NO_CONTENT.into())
}

impl Inside {
    async fn release_effects(&self, group: &str) -> Result<(), String> {
        if self.is_alone() {
            return self.node.release_effects(group).await.map_err(|away| away.to_string());
        }
        let task = Task::ReleaseEffects { group: group.to_owned() };
        self.node.task_at_leader(task, RELEASE_MAX).await.map(drop).map_err(|error| error.to_string())
    }
}
