//! `/v1/cluster/moves`: moves of replicas and leadership between nodes.

use cluster_model::{MoveResponse, NewMove};
use directory::contract::PAGE_MAX;
use directory::{Answer, Command, MoveId, Query, Reply};
use edge::{Accepted, ApiError, Cursor, IdempotencyKey, Json, Limit, Page, SignedIn};
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query as Param};

use crate::{Guard, MANAGE, READ, Tag, problems};

/// Operations on moves.
pub struct MovesApi(pub(crate) Guard);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Cluster")]
impl MovesApi {
    /// List moves
    ///
    /// Newest first; old moves that have ended are dropped. A single node has none.
    #[oai(path = "/cluster/moves", method = "get", operation_id = "listMoves")]
    async fn list(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
        /// Only moves that have not ended
        #[oai(default)]
        active: Param<bool>,
        limit: Param<Limit>,
        cursor: Param<Option<Cursor>>,
    ) -> Result<Json<Page<MoveResponse>>, ApiError> {
        let (context, _) = self.0.authorize(&caller, READ)?;
        let list = ("listMoves", active.0);
        let before: Option<u64> = context.cursors.decode(&list, cursor.0)?;
        if context.is_single_node() {
            return Ok(Json(Page::single(Vec::new())));
        }
        let limit = u16::try_from(limit.0.get()).unwrap_or(PAGE_MAX).min(PAGE_MAX);
        let query = Query::Moves { before: before.map(MoveId), active: active.0, limit };
        match context.query(&caller.call(), query).await? {
            Answer::Moves { items, next } => Ok(Json(Page {
                items: items.iter().map(MoveResponse::from).collect(),
                next_cursor: next.map(|next| context.cursors.encode(&list, &next.0)),
            })),
            _ => Err(ApiError::unavailable(1)),
        }
    }

    /// Move a replica, or leadership
    ///
    /// Starts the move; it continues in the background while the group serves. Repeating the request while the move is active
    /// returns the same move.
    #[oai(path = "/cluster/moves", method = "post", operation_id = "createMove")]
    async fn create(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_MANAGE")] caller: SignedIn,
        #[oai(name = "Idempotency-Key")] key: Header<Option<IdempotencyKey>>,
        new: Json<NewMove>,
    ) -> Result<Accepted<MoveResponse>, ApiError> {
        let (context, _) = self.0.authorize(&caller, MANAGE)?;
        let NewMove { group, to, from, leader_only } = new.0;
        let call = caller.call_with(key.0.as_ref(), "createMove", "cluster");
        accepted(context.command(&call, Command::Move { group, from, to, leader_only }).await?)
    }

    /// Get a move
    #[oai(path = "/cluster/moves/:move_id", method = "get", operation_id = "getMove")]
    async fn get(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
        /// The move's id
        move_id: Path<String>,
    ) -> Result<Json<MoveResponse>, ApiError> {
        let (context, _) = self.0.authorize(&caller, READ)?;
        let id = id(&move_id.0)?;
        if context.is_single_node() {
            return Err(problems::problem(directory::Refusal::NoSuchMove { id }).into());
        }
        match context.query(&caller.call(), Query::Move { id }).await? {
            Answer::Move(record) => Ok(Json((&*record).into())),
            _ => Err(ApiError::unavailable(1)),
        }
    }

    /// Cancel a move
    ///
    /// Possible until the move is switching. Added replicas are removed again.
    #[oai(path = "/cluster/moves/:move_id/cancel", method = "post", operation_id = "cancelMove")]
    async fn cancel(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_MANAGE")] caller: SignedIn,
        /// The move's id
        move_id: Path<String>,
    ) -> Result<Accepted<MoveResponse>, ApiError> {
        let (context, _) = self.0.authorize(&caller, MANAGE)?;
        let id = id(&move_id.0)?;
        if context.is_single_node() {
            return Err(problems::problem(directory::Refusal::NoSuchMove { id }).into());
        }
        accepted(context.command(&caller.call(), Command::CancelMove { id }).await?)
    }
}

fn accepted(reply: Reply) -> Result<Accepted<MoveResponse>, ApiError> {
    match reply {
        Reply::Move(record) => {
            Ok(Accepted { location: format!("/v1/cluster/moves/{}", record.id), value: (&*record).into() })
        }
        Reply::Done | Reply::Node(_) | Reply::Started { .. } => Err(ApiError::unavailable(1)),
    }
}

/// A malformed id is answered like an unknown one.
fn id(text: &str) -> Result<MoveId, ApiError> {
    text.parse().map_err(|_| ApiError::not_found("There is no such move: ids look like mov_17."))
}
