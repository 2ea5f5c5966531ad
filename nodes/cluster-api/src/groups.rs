//! `/v1/cluster/groups`: groups, their parked rows, and recovery from a lost majority.

use std::time::{Duration, Instant};

use cluster_model::{GroupResponse, Groups, Recovery, Release, ReleaseAction};
use directory::{RecordRecovery, State};
use edge::{ApiError, Json, NoContent, Problem, SignedIn, problem_types};
use poem_openapi::OpenApi;
use poem_openapi::param::Path;

use crate::context::Context;
use crate::{Guard, MANAGE, READ, RECOVER, Tag, problems};

/// Timeout for recording a recovery in the directory.
const RECORD_MAX: Duration = Duration::from_secs(15);
/// Interval between two attempts.
const RETRY_INTERVAL: Duration = Duration::from_millis(200);
/// How long a recovery waits for the directory, which may itself just have been recovered.
const DIRECTORY_MAX: Duration = Duration::from_secs(10);
/// Time that is reserved for the rest of the request.
const RESPONSE_TIME: Duration = Duration::from_secs(2);

/// Operations on groups.
pub struct GroupsApi(pub(crate) Guard);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Cluster")]
impl GroupsApi {
    /// List groups
    #[oai(path = "/cluster/groups", method = "get", operation_id = "listGroups")]
    async fn groups(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
    ) -> Result<Json<Groups>, ApiError> {
        let (context, _) = self.0.authorize(&caller, READ)?;
        Ok(Json(Groups { items: context.cluster(&caller.call()).await.groups }))
    }

    /// Get a group
    #[oai(path = "/cluster/groups/:service/:shard", method = "get", operation_id = "getGroup")]
    async fn group(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
        /// The service's name
        service: Path<String>,
        /// The shard's number
        shard: Path<u16>,
    ) -> Result<Json<GroupResponse>, ApiError> {
        let (context, _) = self.0.authorize(&caller, READ)?;
        group(context, &caller, &format!("{}/{}", service.0, shard.0)).await.map(Json)
    }

    /// Release a parked row
    ///
    /// Retries a parked row of a group's outbox, or drops it permanently.
    #[oai(
        path = "/cluster/groups/:service/:shard/parked/:row",
        method = "post",
        operation_id = "releaseParked"
    )]
    async fn release(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_MANAGE")] caller: SignedIn,
        /// The service's name
        service: Path<String>,
        /// The shard's number
        shard: Path<u16>,
        /// The row's number
        row: Path<u64>,
        release: Json<Release>,
    ) -> Result<NoContent, ApiError> {
        let (context, by) = self.0.authorize(&caller, MANAGE)?;
        let group = format!("{}/{}", service.0, shard.0);
        let parked =
            context.local_view().leader(&group).map(|(_, leader)| leader.parked.clone()).unwrap_or_default();
        if !parked.iter().any(|(number, _)| *number == row.0) {
            return Err(Problem::new(&problem_types::NOT_FOUND)
                .detail("There is no such parked row.")
                .into());
        }
        let again = release.0.action == ReleaseAction::Retry;
        context.release(&group, row.0, again).await?;
        tracing::warn!(group, row = row.0, again, by = by.subject, "audit: parked row released");
        Ok(NoContent)
    }

    /// Recover a group from one replica
    ///
    /// For a group whose majority is lost permanently: the replica on this node becomes the only voter, and the group grows
    /// from there. Entries that this replica does not have are lost. Refused while a majority can be reached.
    #[oai(path = "/cluster/groups/:service/:shard/recover", method = "post", operation_id = "recoverGroup")]
    async fn recover(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_MANAGE")] caller: SignedIn,
        /// The service's name
        service: Path<String>,
        /// The shard's number
        shard: Path<u16>,
        recovery: Json<Recovery>,
    ) -> Result<Json<GroupResponse>, ApiError> {
        let (context, by) = self.0.authorize(&caller, RECOVER)?;
        let Recovery { on, accept_data_loss } = recovery.0;
        let name = format!("{}/{}", service.0, shard.0);
        if context.is_single_node() {
            return Err(problems::single_node());
        }
        if !accept_data_loss {
            return Err(ApiError::unprocessable("/accept_data_loss", "must be true: data may be lost"));
        }
        let replica = match unrecorded(context, &caller, &name, &on).await? {
            Some(replica) => replica,
            None => {
                lost(&group(context, &caller, &name).await?)?;
                let replica = context.recover(&name, &on).await?;
                tracing::warn!(group = name, on, by = by.subject, "audit: group recovered from one replica");
                replica
            }
        };
        let recovered = RecordRecovery { group: name.clone(), node: on, replica };
        record(context, &caller, recovered).await?;
        group(context, &caller, &name).await.map(Json)
    }
}

/// The replica of an earlier attempt that was not recorded in the directory.
///
/// # Errors
/// When the directory does not answer: it must be recovered first.
async fn unrecorded(
    context: &Context,
    caller: &SignedIn,
    name: &str,
    on: &str,
) -> Result<Option<u64>, ApiError> {
    let its_own = name == directory::contract::GROUP;
    let Some(records) = records(context, caller, !its_own).await else {
        if its_own {
            return Ok(None);
        }
        let first = "The directory does not answer: recover directory/0 first.";
        return Err(Problem::new(&problem_types::UNAVAILABLE).detail(first).retry_after(5).into());
    };
    let view = context.local_view();
    let leads = view.leader(name).filter(|(node, leader)| *node == on && leader.voters.len() == 1);
    let known = records.groups.get(name);
    let unrecorded = leads.filter(|(_, leader)| known.is_some_and(|known| !known.has(leader.id)));
    Ok(unrecorded.map(|(_, leader)| leader.id))
}

/// The directory's state. If it is `needed`, waits for it as long as the request's deadline allows.
async fn records(context: &Context, caller: &SignedIn, needed: bool) -> Option<State> {
    let call = caller.call();
    let left = call.deadline.saturating_duration_since(tokio::time::Instant::now());
    let (started_at, timeout) = (Instant::now(), DIRECTORY_MAX.min(left.saturating_sub(RESPONSE_TIME)));
    loop {
        match context.state(&call).await {
            Ok(records) => return Some(records),
            Err(_) if needed && started_at.elapsed() < timeout => tokio::time::sleep(RETRY_INTERVAL).await,
            Err(_) => return None,
        }
    }
}

/// Records the recovery in the directory. Retries while the directory has no leader.
async fn record(context: &Context, caller: &SignedIn, recovered: RecordRecovery) -> Result<(), ApiError> {
    let started_at = Instant::now();
    loop {
        match context.call(&caller.call(), recovered.clone()).await {
            Err(error) if error.problem().status() == 503 && started_at.elapsed() < RECORD_MAX => {
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
            result => return result,
        }
    }
}

async fn group(context: &Context, caller: &SignedIn, name: &str) -> Result<GroupResponse, ApiError> {
    let groups = context.cluster(&caller.call()).await.groups;
    let found = groups.into_iter().find(|group| group.group == name);
    found.ok_or_else(|| ApiError::not_found("There is no group of this name."))
}

/// Refuses if a majority can be reached: the group has all its data, and elects a leader soon.
fn lost(group: &GroupResponse) -> Result<(), ApiError> {
    let needed = group.voters / 2 + 1;
    if group.voters_up < needed {
        return Ok(());
    }
    let detail = format!(
        "{} of {} voters of {} can be reached, and {needed} are enough: nothing is lost.",
        group.voters_up, group.voters, group.group
    );
    Err(Problem::new(&problems::NOT_LOST).detail(detail).into())
}
