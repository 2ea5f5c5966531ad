//! Calls by typed request.

use protocol::{Contract, ReplyMessage, RequestMessage, Variant};

use super::{Call, Client, Failure, Unavailable, Why};

/// The refusals of the service that a request is for.
type RefusalOf<M> = <<M as protocol::Request>::Contract as Contract>::Refusal;

impl Client {
    /// Sends a request to the group that it is for and returns its reply. Retried until the call's deadline; a command is
    /// applied once.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn call<M: Variant>(&self, call: &Call, request: M) -> Result<M::Reply, Failure<RefusalOf<M>>> {
        let message = match request.into_message() {
            RequestMessage::Command(command) => {
                ReplyMessage::Reply(self.command::<M::Contract>(call, command).await?)
            }
            RequestMessage::Query(query) => {
                ReplyMessage::Answer(self.query::<M::Contract>(call, query).await?)
            }
        };
        M::reply(message).ok_or_else(wrong_type)
    }

    /// Sends a query to every shard of its service and returns the replies in shard order.
    ///
    /// # Errors
    /// See [`Failure`]; the first shard that fails fails the whole.
    pub async fn call_every_shard<M: Variant>(
        &self,
        call: &Call,
        request: M,
    ) -> Result<Vec<M::Reply>, Failure<RefusalOf<M>>> {
        let RequestMessage::Query(query) = request.into_message() else {
            panic!("a command is for one shard");
        };
        let answers = self.query_every::<M::Contract>(call, query).await?;
        let replies = answers.into_iter().map(|answer| M::reply(ReplyMessage::Answer(answer)));
        replies.collect::<Option<Vec<_>>>().ok_or_else(wrong_type)
    }
}

/// A reply of another type than the request's: the service and its contract do not fit together.
fn wrong_type<R>() -> Failure<R> {
    Unavailable::new(Why::Store("the reply is of another type than the request's".to_owned())).into()
}
