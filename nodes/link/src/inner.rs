//! State shared by all tasks of a link.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use ractor::ActorRef;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::endpoint::Dispatcher;
use crate::identity::Identity;
use crate::message::EndpointMessage;
use crate::options::{Limits, Seed};
use crate::peers::PeerTable;
use crate::tls::TlsContext;

/// State shared by all tasks of a link.
pub(crate) struct Inner {
    pub own: Identity,
    pub incarnation: u64,
    pub advertise: String,
    pub endpoint_name: String,
    pub limits: Limits,
    pub tls: TlsContext,
    pub table: Arc<PeerTable>,
    pub root: CancellationToken,
    pub tasks: TaskTracker,
    pub address: SocketAddr,
    pub dispatcher: Arc<Dispatcher>,
    pub endpoint: ActorRef<EndpointMessage>,
    pub seeds: Mutex<BTreeMap<Seed, CancellationToken>>,
}
