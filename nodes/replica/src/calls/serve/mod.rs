//! Calls from other nodes: decoded with the contract's types, let in by the same door as the calls of this node, and
//! encoded again. Whoever does not lead says so, and who does; the caller goes there by itself.

use futures::future::BoxFuture;
use group::wire::{self, Ask};
use group::{Inlet, Port, Service};
use protocol::codec::{self, DecodeError};
use tokio::time::Instant;

use crate::calls::port::Door;

/// A group as other nodes call it.
pub(crate) trait Serve: Send + Sync {
    /// Answers what [`group::Wire::call`] brought, by `deadline`.
    ///
    /// # Errors
    /// When it is no call of a program that this one understands. Nothing was done.
    fn serve(&self, bytes: Vec<u8>, deadline: Instant) -> BoxFuture<'_, Result<Vec<u8>, DecodeError>>;
}

impl<S: Service> Serve for Door<S> {
    fn serve(&self, bytes: Vec<u8>, deadline: Instant) -> BoxFuture<'_, Result<Vec<u8>, DecodeError>> {
        Box::pin(async move {
            let request = wire::open(bytes, deadline)?;
            let call = &request.call;
            Ok(match request.ask {
                Ask::Command { attempt, .. } => {
                    codec::encode(&self.command(call, attempt, &request.payload()?).await)
                }
                Ask::Query => codec::encode(&self.query(call, request.payload()?).await),
                Ask::Deliver => codec::encode(&self.deliver(call, &request.payload()?).await),
            })
        })
    }
}

#[cfg(test)]
mod tests;
