//! `/v1/cluster/moves`: replicas and leaderships on their way from node to node.

use directory::contract::PAGE_MAX;
use directory::{Answer, Cause, Command, Ending, MoveId, MoveRecord, Phase, Query, Reply};
use edge::{Accepted, ApiError, Cursor, IdempotencyKey, Instant, Json, Limit, Page, SignedIn};
use poem_openapi::param::{Header, Path, Query as Param};
use poem_openapi::{Enum, Object, OpenApi};

use super::{Api, MANAGE, READ, Tag, problems};

/// A move.
#[derive(Debug, Clone, PartialEq, Object)]
pub struct MoveResponse {
    /// Its id
    pub id: String,
    /// `reservations/0`
    pub group: String,
    /// The node that it leaves; absent where a replica is only added
    #[oai(skip_serializing_if_is_none)]
    pub from: Option<String>,
    /// The node that it goes to; absent where a replica is only taken away
    #[oai(skip_serializing_if_is_none)]
    pub to: Option<String>,
    /// All nodes that something leaves
    pub leave: Vec<String>,
    /// All nodes that take something: a group that grows may get several replicas in one move
    pub take: Vec<String>,
    /// Whether leadership moves and no replica
    pub leader_only: bool,
    /// Where it stands
    pub phase: MovePhase,
    /// Why it is made: because it was asked for, a drain, a lost node, …
    pub reason: String,
    /// Who asked for it
    pub requested_by: String,
    /// Bytes that have arrived
    pub bytes_done: u64,
    /// Bytes that have to
    pub bytes_total: u64,
    /// Log entries that the new replica is behind
    pub lag: u64,
    /// How long it may still take, in seconds
    #[oai(skip_serializing_if_is_none)]
    pub seconds_left: Option<u64>,
    /// Whether it can still be cancelled
    pub cancellable: bool,
    /// When it began
    pub started_at: Instant,
    /// When it ended
    #[oai(skip_serializing_if_is_none)]
    pub ended_at: Option<Instant>,
    /// Why it failed, or what it waits for
    #[oai(skip_serializing_if_is_none)]
    pub detail: Option<String>,
}

/// Where a move stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum MovePhase {
    /// The new replica is made
    Adding,
    /// It fetches what the others have
    CatchingUp,
    /// It becomes a voter, or leader
    Switching,
    /// The old replica and its files go
    Removing,
    /// It is done
    Done,
    /// It was given up: `detail` says why
    Failed,
    /// It was cancelled
    Cancelled,
}

impl MovePhase {
    /// Whether nothing more will happen.
    pub fn ended(self) -> bool {
        match self {
            Self::Adding | Self::CatchingUp | Self::Switching | Self::Removing => false,
            Self::Done | Self::Failed | Self::Cancelled => true,
        }
    }

    /// As people read it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Adding => "adding",
            Self::CatchingUp => "catching up",
            Self::Switching => "switching",
            Self::Removing => "removing",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A move to be made.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewMove {
    /// `reservations/0`
    #[oai(validator(min_length = 3, max_length = 64))]
    pub group: String,
    /// The node that a replica goes to, or that shall lead
    #[oai(validator(min_length = 1, max_length = 64))]
    pub to: String,
    /// The node that it leaves; the one that has most, where nothing is said
    #[oai(validator(min_length = 1, max_length = 64))]
    pub from: Option<String>,
    /// Whether leadership moves and no replica
    #[oai(default)]
    pub leader_only: bool,
}

/// The part of the API.
pub struct MovesFace(pub(super) Api);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Cluster")]
impl MovesFace {
    /// Moves
    ///
    /// Newest first; those that ended long ago are forgotten. A machine that is alone has none.
    #[oai(path = "/cluster/moves", method = "get", operation_id = "listMoves")]
    async fn list(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
        /// Only those that have not ended
        #[oai(default)]
        active: Param<bool>,
        limit: Param<Limit>,
        cursor: Param<Option<Cursor>>,
    ) -> Result<Json<Page<MoveResponse>>, ApiError> {
        let (inside, _) = self.0.open(&caller, READ)?;
        let list = ("listMoves", active.0);
        let before: Option<u64> = inside.cursors.decode(&list, cursor.0)?;
        if inside.is_alone() {
            return Ok(Json(Page::single(Vec::new())));
        }
        let limit = u16::try_from(limit.0.get()).unwrap_or(PAGE_MAX).min(PAGE_MAX);
        let query = Query::Moves { before: before.map(MoveId), active: active.0, limit };
        match inside.ask(&caller.call(), query).await? {
            Answer::Moves { items, next } => Ok(Json(Page {
                items: items.iter().map(shown).collect(),
                next_cursor: next.map(|next| inside.cursors.encode(&list, &next.0)),
            })),
            _ => Err(ApiError::unavailable(1)),
        }
    }

    /// Move a replica, or a leadership
    ///
    /// Begins it; it goes on by itself while the group serves. The same move again, while it is under way, is answered with
    /// the one that is.
    #[oai(path = "/cluster/moves", method = "post", operation_id = "createMove")]
    async fn create(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_MANAGE")] caller: SignedIn,
        #[oai(name = "Idempotency-Key")] key: Header<Option<IdempotencyKey>>,
        new: Json<NewMove>,
    ) -> Result<Accepted<MoveResponse>, ApiError> {
        let (inside, _) = self.0.open(&caller, MANAGE)?;
        let NewMove { group, to, from, leader_only } = new.0;
        let call = caller.call_with(key.0.as_ref(), "createMove", "cluster");
        accepted(inside.tell(&call, Command::Move { group, from, to, leader_only }).await?)
    }

    /// A move
    #[oai(path = "/cluster/moves/:move_id", method = "get", operation_id = "getMove")]
    async fn get(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
        /// The move's id
        move_id: Path<String>,
    ) -> Result<Json<MoveResponse>, ApiError> {
        let (inside, _) = self.0.open(&caller, READ)?;
        let id = id(&move_id.0)?;
        if inside.is_alone() {
            return Err(problems::problem(directory::Refusal::NoSuchMove { id }).into());
        }
        match inside.ask(&caller.call(), Query::Move { id }).await? {
            Answer::Move(record) => Ok(Json(shown(&record))),
            _ => Err(ApiError::unavailable(1)),
        }
    }

    /// Cancel a move
    ///
    /// Until it is switching. What was added is removed again.
    #[oai(path = "/cluster/moves/:move_id/cancel", method = "post", operation_id = "cancelMove")]
    async fn cancel(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_MANAGE")] caller: SignedIn,
        /// The move's id
        move_id: Path<String>,
    ) -> Result<Accepted<MoveResponse>, ApiError> {
        let (inside, _) = self.0.open(&caller, MANAGE)?;
        let id = id(&move_id.0)?;
        if inside.is_alone() {
            return Err(problems::problem(directory::Refusal::NoSuchMove { id }).into());
        }
        accepted(inside.tell(&caller.call(), Command::CancelMove { id }).await?)
    }
}

fn accepted(reply: Reply) -> Result<Accepted<MoveResponse>, ApiError> {
    match reply {
        Reply::Move(record) => {
            Ok(Accepted { location: format!("/v1/cluster/moves/{}", record.id), value: shown(&record) })
        }
        Reply::Done | Reply::Node(_) | Reply::Started { .. } => Err(ApiError::unavailable(1)),
    }
}

/// What is no id is the id of nothing.
fn id(text: &str) -> Result<MoveId, ApiError> {
    text.parse().map_err(|_| ApiError::not_found("There is no such move: ids look like mov_17."))
}

/// A record as the API writes it.
pub fn shown(record: &MoveRecord) -> MoveResponse {
    let names = |nodes: &mut dyn Iterator<Item = &str>| nodes.map(str::to_owned).collect::<Vec<_>>();
    let leave = match record.leader_only {
        true => names(&mut record.led_by.iter().map(String::as_str)),
        false => names(&mut record.remove.iter().map(|home| home.node.as_str())),
    };
    let ending = record.ending.as_ref().map(|ending| match ending {
        Ending::Cancelled { by } => format!("cancelled by {by}"),
        Ending::Failed { why } => why.clone(),
    });
    MoveResponse {
        id: record.id.to_string(),
        group: record.group.clone(),
        from: record.from().map(str::to_owned),
        to: record.to().map(str::to_owned),
        leave,
        take: names(&mut record.add.iter().map(|joining| joining.node.as_str())),
        leader_only: record.leader_only,
        phase: phase(record.phase),
        reason: reason(record.cause).to_owned(),
        requested_by: record.by.clone(),
        bytes_done: record.progress.bytes_done,
        bytes_total: record.progress.bytes_total,
        lag: record.progress.lag,
        seconds_left: record.progress.secs_left.map(u64::from),
        cancellable: record.ending.is_none() && matches!(record.phase, Phase::Adding | Phase::CatchingUp),
        started_at: Instant(record.created_at),
        ended_at: record.ended_at.map(Instant),
        detail: ending.or_else(|| record.waiting.as_ref().map(|what| format!("waiting: {what}"))),
    }
}

fn phase(phase: Phase) -> MovePhase {
    match phase {
        Phase::Adding => MovePhase::Adding,
        Phase::CatchingUp => MovePhase::CatchingUp,
        Phase::Switching => MovePhase::Switching,
        Phase::Removing => MovePhase::Removing,
        Phase::Done => MovePhase::Done,
        Phase::Failed => MovePhase::Failed,
        Phase::Cancelled => MovePhase::Cancelled,
    }
}

fn reason(cause: Cause) -> &'static str {
    match cause {
        Cause::Operator => "asked for",
        Cause::Growth => "the group has fewer replicas than it should",
        Cause::Repair => "a replica was lost",
        Cause::Drain => "its node is drained",
        Cause::Decommission => "its node is decommissioned",
        Cause::Rebalance => "rebalance",
        Cause::Settings => "the settings have changed",
    }
}
