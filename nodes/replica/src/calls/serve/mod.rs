//! Calls from other nodes: decoded with the types of the contract, handled like calls of this node, and encoded again. A
//! replica that does not lead names the leader, and the caller's node goes there.

use futures::future::BoxFuture;
use group::wire::{self, CallKind};
use group::{GroupHandle, Inbox, Service};
use protocol::codec::{self, DecodeError};
use tokio::time::Instant;

use crate::calls::endpoint::TypedEndpoint;

/// A replica as other nodes call it.
pub(crate) trait Serve: Send + Sync {
    /// Executes a call from [`group::Transport::call`] and returns the encoded response, by `deadline`.
    ///
    /// # Errors
    /// When the bytes are no call, or one of a newer version. Nothing was done.
    fn serve(&self, bytes: Vec<u8>, deadline: Instant) -> BoxFuture<'_, Result<Vec<u8>, DecodeError>>;
}

impl<S: Service> Serve for TypedEndpoint<S> {
    fn serve(&self, bytes: Vec<u8>, deadline: Instant) -> BoxFuture<'_, Result<Vec<u8>, DecodeError>> {
        Box::pin(async move {
            let request = wire::decode(bytes, deadline)?;
            let call = &request.call;
            Ok(match request.kind {
                CallKind::Command { attempt, .. } => {
                    codec::encode(&self.command(call, attempt, &request.command()?).await)
                }
                CallKind::Query => codec::encode(&self.query(call, request.payload()?).await),
                CallKind::Deliver => codec::encode(&self.deliver(call, &request.payload()?).await),
            })
        })
    }
}

#[cfg(test)]
mod tests;
