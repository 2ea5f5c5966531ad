//! The protocol between services: contracts, callers and their access rights, routing to shards, time, and encoding.
//!
//! Invariants:
//! - everything stored or sent begins with a format version ([`codec`]);
//! - the contract of a message defines who may send it ([`Access`]); the group that receives the message enforces it.
//!
//! Deliberately absent: sockets, actors, stores, clocks, and everything about hotels.

pub mod codec;
mod principal;
mod request;
pub mod scope;
mod slot;
mod time;

pub use principal::{Access, Principal, is_actor};
pub use request::{ReplyMessage, Request, RequestMessage, Variant, VariantOf};
pub use slot::{ReadConsistency, Route, SLOTS, Slot};
pub use time::Timestamp;

use serde::{Serialize, de::DeserializeOwned};

/// A value that is sent between groups or written to a log.
pub trait Message: Serialize + DeserializeOwned + Send + Sync + Clone + std::fmt::Debug + 'static {}
impl<T: Serialize + DeserializeOwned + Send + Sync + Clone + std::fmt::Debug + 'static> Message for T {}

/// The commands and queries of a service. Implemented by a marker type, so that callers depend on the contract and not
/// on the service.
pub trait Contract: Send + Sync + 'static {
    /// The service's name, as in the names of its groups (`reservations/0`) and the subject of its tokens
    /// (`svc:reservations`).
    const SERVICE: &'static str;
    /// Changes the state. Replicated, and applied once for each idempotency key.
    type Command: Message;
    /// The result of a command that was applied. Stored for a day, so it must not contain secrets.
    type Reply: Message;
    /// The reason why the service refuses a command or query. Replicated and stored like a reply.
    type Refusal: Message + std::error::Error;
    /// Reads a consistent state.
    type Query: Message;
    /// The result of a query.
    type Answer: Message;

    /// The shard that applies a command.
    fn route_command(command: &Self::Command) -> Route;
    /// The shard or shards that answer a query.
    fn route_query(query: &Self::Query) -> Route;
    /// The replicas that may answer a query. Answers of a replica that is not the leader should contain their age.
    fn query_consistency(_query: &Self::Query) -> ReadConsistency {
        ReadConsistency::Leader
    }
    /// Who may send a command.
    fn command_access(command: &Self::Command) -> Access;
    /// Who may send a query.
    fn query_access(query: &Self::Query) -> Access;
}
