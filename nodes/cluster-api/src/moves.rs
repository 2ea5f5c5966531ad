//! `/v1/cluster/moves`: moves of replicas and leadership between nodes.

use cluster_model::{MoveResponse, NewMove};
use directory::contract::PAGE_MAX;
use directory::{CancelMove, CreateMove, GetMove, ListMoves, MoveId, MovePage, MoveRecord};
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
        let query = ListMoves { before: before.map(MoveId), active: active.0, limit };
        let MovePage { items, next } = context.call(&caller.call(), query).await?;
        Ok(Json(Page {
            items: items.iter().map(MoveResponse::from).collect(),
            next_cursor: next.map(|next| context.cursors.encode(&list, &next.0)),
        }))
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
        context.call(&call, CreateMove { group, from, to, leader_only }).await.map(|record| accepted(&record))
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
        context.call(&caller.call(), GetMove { id }).await.map(|record| Json((&*record).into()))
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
        context.call(&caller.call(), CancelMove { id }).await.map(|record| accepted(&record))
    }
}

fn accepted(record: &MoveRecord) -> Accepted<MoveResponse> {
    Accepted { location: format!("/v1/cluster/moves/{}", record.id), value: record.into() }
}

/// A malformed id is answered like an unknown one.
fn id(text: &str) -> Result<MoveId, ApiError> {
    text.parse().map_err(|_| ApiError::not_found("There is no such move: ids look like mov_17."))
}
