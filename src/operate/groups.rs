//! `/v1/cluster/groups`: each group, its parked rows, and what is left of it after a disaster.

use std::time::{Duration, Instant};

use directory::{Command, State};
use edge::{ApiError, Json, NoContent, Problem, SignedIn, problem_types};
use poem_openapi::param::Path;
use poem_openapi::{Enum, Object, OpenApi};

use super::inside::Inside;
use super::shown::{GroupResponse, Groups};
use super::{Api, MANAGE, READ, RECOVER, Tag, problems};

/// How long the directory may take to record what was recovered.
const RECORD_MAX: Duration = Duration::from_secs(15);
/// Between two attempts at that.
const RECORD_AGAIN: Duration = Duration::from_millis(200);
/// How long the directory is waited for, which may have been recovered just now.
const DIRECTORY_MAX: Duration = Duration::from_secs(10);
/// What is left of the request's time for the rest, at least.
const REST: Duration = Duration::from_secs(2);

/// What to do with a parked row.
#[derive(Object)]
pub struct Release {
    /// What
    action: ReleaseAction,
}

/// What to do with a parked row.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[oai(rename_all = "snake_case")]
pub enum ReleaseAction {
    /// Try it again
    Retry,
    /// Drop it, and go on with what waits behind it
    Skip,
}

/// How to recover a group.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct Recovery {
    /// The node whose replica it is founded from
    #[oai(validator(min_length = 1, max_length = 64))]
    pub on: String,
    /// That what this replica never heard of is lost for good: has to be true
    pub accept_data_loss: bool,
}

/// The part of the API.
pub struct GroupsFace(pub(super) Api);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Cluster")]
impl GroupsFace {
    /// The groups
    #[oai(path = "/cluster/groups", method = "get", operation_id = "listGroups")]
    async fn groups(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
    ) -> Result<Json<Groups>, ApiError> {
        let (inside, _) = self.0.open(&caller, READ)?;
        Ok(Json(Groups { items: inside.cluster(&caller.call()).await.groups }))
    }

    /// A group
    #[oai(path = "/cluster/groups/:service/:shard", method = "get", operation_id = "getGroup")]
    async fn group(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
        /// The service's name
        service: Path<String>,
        /// The shard's number
        shard: Path<u16>,
    ) -> Result<Json<GroupResponse>, ApiError> {
        let (inside, _) = self.0.open(&caller, READ)?;
        group(inside, &caller, &format!("{}/{}", service.0, shard.0)).await.map(Json)
    }

    /// Release a parked row
    ///
    /// Of a group's outbox: to be tried again, or dropped for good.
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
        let (inside, by) = self.0.open(&caller, MANAGE)?;
        let group = format!("{}/{}", service.0, shard.0);
        let parked =
            inside.live().leader(&group).map(|(_, leader)| leader.parked.clone()).unwrap_or_default();
        if !parked.iter().any(|(number, _)| *number == row.0) {
            return Err(Problem::new(&problem_types::NOT_FOUND)
                .detail("There is no such parked row.")
                .into());
        }
        let again = release.0.action == ReleaseAction::Retry;
        inside.release(&group, row.0, again).await?;
        tracing::warn!(group, row = row.0, again, by = by.subject, "audit: a parked row was released");
        Ok(NoContent)
    }
    /// Found a group anew from one replica
    ///
    /// For a group whose majority is lost for good: the replica on this node becomes its only voter, and the group grows
    /// again from there. What the others had and it had not is lost. Refused while a majority can be reached.
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
        let (inside, by) = self.0.open(&caller, RECOVER)?;
        let Recovery { on, accept_data_loss } = recovery.0;
        let name = format!("{}/{}", service.0, shard.0);
        if inside.is_alone() {
            return Err(problems::alone());
        }
        if !accept_data_loss {
            return Err(ApiError::unprocessable(
                "/accept_data_loss",
                "has to be true: data may be lost by this",
            ));
        }
        let begun = begun(inside, &caller, &name, &on).await?;
        let replica = match begun {
            Some(replica) => replica,
            None => {
                lost(&group(inside, &caller, &name).await?)?;
                let replica = inside.refound(&name, &on).await?;
                tracing::warn!(
                    group = name,
                    on,
                    by = by.subject,
                    "audit: a group was founded anew from one replica"
                );
                replica
            }
        };
        let recovered = Command::Recovered { group: name.clone(), node: on, replica };
        record(inside, &caller, recovered).await?;
        group(inside, &caller, &name).await.map(Json)
    }
}

/// The replica that an attempt before this one has made of what is left, where that was not recorded.
///
/// # Errors
/// When the directory does not answer: it has to come back before what it keeps can change.
async fn begun(inside: &Inside, caller: &SignedIn, name: &str, on: &str) -> Result<Option<u64>, ApiError> {
    let its_own = name == directory::contract::GROUP;
    let Some(records) = records(inside, caller, !its_own).await else {
        if its_own {
            return Ok(None);
        }
        let first = "The directory does not answer: recover directory/0 first.";
        return Err(Problem::new(&problem_types::UNAVAILABLE).detail(first).retry_after(5).into());
    };
    let live = inside.live();
    let leads = live.leader(name).filter(|(node, leader)| *node == on && leader.voters.len() == 1);
    let known = records.groups.get(name);
    let unrecorded = leads.filter(|(_, leader)| known.is_some_and(|known| !known.has(leader.id)));
    Ok(unrecorded.map(|(_, leader)| leader.id))
}

/// What the directory has on record. Where it is needed, it is waited for as long as the request's time allows.
async fn records(inside: &Inside, caller: &SignedIn, needed: bool) -> Option<State> {
    let call = caller.call();
    let left = call.deadline.saturating_duration_since(tokio::time::Instant::now());
    let (begun, patience) = (Instant::now(), DIRECTORY_MAX.min(left.saturating_sub(REST)));
    loop {
        match inside.state(&call).await {
            Ok(records) => return Some(records),
            Err(_) if needed && begun.elapsed() < patience => tokio::time::sleep(RECORD_AGAIN).await,
            Err(_) => return None,
        }
    }
}

/// Has the directory record it: as soon as it leads again, if it was itself what was lost.
async fn record(inside: &Inside, caller: &SignedIn, recovered: Command) -> Result<(), ApiError> {
    let begun = Instant::now();
    loop {
        match inside.tell(&caller.call(), recovered.clone()).await {
            Err(error) if error.problem().status() == 503 && begun.elapsed() < RECORD_MAX => {
                tokio::time::sleep(RECORD_AGAIN).await;
            }
            told => return told.map(drop),
        }
    }
}

async fn group(inside: &Inside, caller: &SignedIn, name: &str) -> Result<GroupResponse, ApiError> {
    let groups = inside.cluster(&caller.call()).await.groups;
    let found = groups.into_iter().find(|group| group.group == name);
    found.ok_or_else(|| ApiError::not_found("There is no group of this name."))
}

/// Refuses where a majority can be reached: it has everything, or will elect a leader soon.
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
