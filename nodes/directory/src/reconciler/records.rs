//! How the reconciler reads and changes the directory's records.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use group::{Call, Client, Failure, Unavailable, Why};
use protocol::{ReplyMessage, RequestMessage, Variant};

use crate::contract::{Answer, Command, Directory, GetGroup, GetMove, GetState, Query, Refusal, Reply};
use crate::records::{GroupRecord, MoveId, MoveRecord, State};

/// Timeout of a command or a query.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Access to the directory's records. Queries are linearizable: an answer includes everything that was acknowledged before.
pub trait Records: Send + Sync + 'static {
    /// Applies a command.
    fn command(&self, command: Command) -> BoxFuture<'_, Result<Reply, Failure<Refusal>>>;
    /// Answers a query.
    fn query(&self, query: Query) -> BoxFuture<'_, Result<Answer, Failure<Refusal>>>;
}

/// The records over a [`Client`].
pub struct ClientRecords {
    client: Client,
    token: Box<dyn Fn() -> Arc<str> + Send + Sync>,
}

impl ClientRecords {
    /// `token` returns the bearer token of each call. It is a credential of this node, which needs no `auth`: the reconciler
    /// can then repair `auth`, too.
    pub fn new(client: Client, token: impl Fn() -> Arc<str> + Send + Sync + 'static) -> Self {
        Self { client, token: Box::new(token) }
    }
}

impl Records for ClientRecords {
    fn command(&self, command: Command) -> BoxFuture<'_, Result<Reply, Failure<Refusal>>> {
        Box::pin(async move {
            self.client.command::<Directory>(&Call::bearer((self.token)(), TIMEOUT), command).await
        })
    }

    fn query(&self, query: Query) -> BoxFuture<'_, Result<Answer, Failure<Refusal>>> {
        Box::pin(async move {
            self.client.query::<Directory>(&Call::bearer((self.token)(), TIMEOUT), query).await
        })
    }
}

/// Executes a typed request.
pub(super) async fn call<M: Variant<Contract = Directory>>(
    records: &dyn Records,
    request: M,
) -> Result<M::Reply, Failure<Refusal>> {
    let message = match request.into_message() {
        RequestMessage::Command(command) => ReplyMessage::Reply(records.command(command).await?),
        RequestMessage::Query(query) => ReplyMessage::Answer(records.query(query).await?),
    };
    let wrong_type = || Unavailable::new(Why::Store("the reply is of another type".to_owned()));
    M::reply(message).ok_or_else(|| wrong_type().into())
}

/// All records; none where the cluster is not initialized.
pub(super) async fn state(records: &dyn Records) -> Result<Option<State>, String> {
    match call(records, GetState).await {
        Ok(state) => Ok(Some(*state)),
        Err(Failure::Refused(Refusal::NotInitialized)) => Ok(None),
        Err(failure) => Err(message(failure)),
    }
}

/// A move and its group.
pub(super) async fn move_record(
    records: &dyn Records,
    id: MoveId,
) -> Result<(MoveRecord, GroupRecord), String> {
    let record = call(records, GetMove { id }).await.map_err(message)?;
    let group = call(records, GetGroup { group: record.group.clone() }).await.map_err(message)?;
    Ok((*record, *group))
}

/// The message of a failure, for logs.
pub(super) fn message(failure: Failure<Refusal>) -> String {
    match failure {
        Failure::Refused(refusal) => refusal.to_string(),
        other => other.to_string(),
    }
}
