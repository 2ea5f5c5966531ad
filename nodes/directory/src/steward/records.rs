//! The steward's way to the records.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use group::{Call, Client, Failure};

use crate::contract::{Answer, Command, Directory, Query, Refusal, Reply};
use crate::records::{GroupRecord, MoveId, MoveRecord, State};

/// How long a command or a query may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The records, wherever they are led: every answer is as new as anything acknowledged before it was asked for.
pub trait Records: Send + Sync + 'static {
    /// Has a command applied.
    fn command(&self, command: Command) -> BoxFuture<'_, Result<Reply, Failure<Refusal>>>;
    /// Has a query answered.
    fn query(&self, query: Query) -> BoxFuture<'_, Result<Answer, Failure<Refusal>>>;
}

/// The records over a [`Client`].
pub struct ClientRecords {
    client: Client,
    token: Box<dyn Fn() -> Arc<str> + Send + Sync>,
}

impl ClientRecords {
    /// `token` makes a bearer token for each call: a credential of this node, so that the steward can mend `auth` too.
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

/// Everything, or nothing where there is no cluster yet.
pub(super) async fn state(records: &dyn Records) -> Result<Option<State>, String> {
    match records.query(Query::State).await {
        Ok(Answer::State(state)) => Ok(Some(*state)),
        Err(Failure::Refused(Refusal::NotFounded)) => Ok(None),
        Ok(_) => Err("the directory answered something else".to_owned()),
        Err(failure) => Err(words(failure)),
    }
}

/// A move and its group.
pub(super) async fn movement(records: &dyn Records, id: MoveId) -> Result<(MoveRecord, GroupRecord), String> {
    let Answer::Move(record) = records.query(Query::Move { id }).await.map_err(words)? else {
        return Err("the directory answered something else".to_owned());
    };
    let query = Query::Group { group: record.group.clone() };
    let Answer::Group(group) = records.query(query).await.map_err(words)? else {
        return Err("the directory answered something else".to_owned());
    };
    Ok((*record, *group))
}

/// What went wrong, for logs.
pub(super) fn words(failure: Failure<Refusal>) -> String {
    match failure {
        Failure::Refused(refusal) => refusal.to_string(),
        other => other.to_string(),
    }
}
