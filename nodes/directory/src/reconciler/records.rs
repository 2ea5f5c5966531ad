//! How the reconciler reads and changes the directory's records.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use group::{Call, Client, Failure};

use crate::contract::{Answer, Command, Directory, Query, Refusal, Reply};
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

/// All records; none where the cluster is not initialized.
pub(super) async fn state(records: &dyn Records) -> Result<Option<State>, String> {
    match records.query(Query::State).await {
        Ok(Answer::State(state)) => Ok(Some(*state)),
        Err(Failure::Refused(Refusal::NotInitialized)) => Ok(None),
        Ok(_) => Err("unexpected answer of the directory".to_owned()),
        Err(failure) => Err(message(failure)),
    }
}

/// A move and its group.
pub(super) async fn move_record(
    records: &dyn Records,
    id: MoveId,
) -> Result<(MoveRecord, GroupRecord), String> {
    let Answer::Move(record) = records.query(Query::Move { id }).await.map_err(message)? else {
        return Err("unexpected answer of the directory".to_owned());
    };
    let query = Query::Group { group: record.group.clone() };
    let Answer::Group(group) = records.query(query).await.map_err(message)? else {
        return Err("unexpected answer of the directory".to_owned());
    };
    Ok((*record, *group))
}

/// The message of a failure, for logs.
pub(super) fn message(failure: Failure<Refusal>) -> String {
    match failure {
        Failure::Refused(refusal) => refusal.to_string(),
        other => other.to_string(),
    }
}
