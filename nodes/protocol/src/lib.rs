//! What every service and the kernel agree upon before either meets the other: what a contract is, how a call
//! names its caller, its shard and its time, and how all of it becomes bytes.
//!
//! Invariants:
//! - everything stored or sent starts with a format version ([`codec`]);
//! - who may send a message is said by its contract ([`Access`]), checked by the group that receives it.
//!
//! Deliberately absent: sockets, actors, stores, clocks, and any word of hotels.

pub mod codec;
mod principal;
mod request;
mod slot;
mod time;

pub use principal::{Access, Principal};
pub use request::{ReplyMessage, Request, RequestMessage, Variant, VariantOf};
pub use slot::{ReadConsistency, Route, SLOTS, Slot};
pub use time::Timestamp;

use serde::{Serialize, de::DeserializeOwned};

/// Whatever travels between groups or into a log.
pub trait Message: Serialize + DeserializeOwned + Send + Sync + Clone + std::fmt::Debug + 'static {}
impl<T: Serialize + DeserializeOwned + Send + Sync + Clone + std::fmt::Debug + 'static> Message for T {}

/// What one service may be told and asked. Implemented by a marker type, so that callers need the contract only and
/// never the service.
pub trait Contract: Send + Sync + 'static {
    /// The service's name: of its groups (`reservations/0`), its scopes, its tokens (`svc:reservations`).
    const SERVICE: &'static str;
    /// Changes state: replicated, applied once under its idempotency key.
    type Command: Message;
    /// What a command that was obeyed answers. Kept for a day, so never bears a secret.
    type Reply: Message;
    /// The domain's "no", decided in order with everything else and replicated like a reply.
    type Refusal: Message + std::error::Error;
    /// Reads state at one consistent point.
    type Query: Message;
    /// What a query finds.
    type Answer: Message;

    /// Which shard a command belongs to.
    fn route_command(command: &Self::Command) -> Route;
    /// Which shard, or shards, a query belongs to.
    fn route_query(query: &Self::Query) -> Route;
    /// Which replica may answer a query. Not the leader's only where the answer says itself how old it is.
    fn query_consistency(_query: &Self::Query) -> ReadConsistency {
        ReadConsistency::Leader
    }
    /// Who may send a command.
    fn command_access(command: &Self::Command) -> Access;
    /// Who may ask.
    fn query_access(query: &Self::Query) -> Access;
}
