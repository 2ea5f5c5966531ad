//! The message type of the endpoint actor.

use ractor::RpcReplyPort;
use ractor_cluster::RactorClusterMessage;

/// Message to the endpoint actor.
#[derive(RactorClusterMessage)]
pub(crate) enum EndpointMessage {
    /// A frame (see [`crate::frame`]). The reply is a frame too.
    #[rpc]
    Frame(Vec<u8>, RpcReplyPort<Vec<u8>>),
}
