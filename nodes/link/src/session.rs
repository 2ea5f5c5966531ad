//! One connection with one peer, and the ractor_cluster actors that run over it.
//!
//! ractor_cluster's `NodeServer` is not used: it handles TLS handshakes one at a time in its accept loop (one silent
//! client blocks it), trusts the name that a peer claims, and resolves duplicate connections by that name. Here every
//! connection completes a handshake and is checked first, and its `NodeSession` then runs under a supervisor of its
//! own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use ractor_cluster::node::{NodeConnectionMode, SessionCheckReply};
use ractor_cluster::{NetworkStream, NodeServerMessage, NodeSession};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::identity::{Fingerprint, Identity};
use crate::message::EndpointMessage;
use crate::options::Limits;
use crate::stream::{StreamControl, split_stream};
use crate::tls::Transport;
use crate::transfers::Transfers;

/// Maximum overhead of a frame, in bytes.
const FRAME_OVERHEAD_BYTES: u64 = 64 << 10;

/// ractor identifies remote actors by session number and id, process-wide. Numbers are never reused.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// Result of the handshake.
pub(crate) struct Negotiated {
    pub identity: Identity,
    pub fingerprint: Option<Fingerprint>,
    pub address: String,
    pub incarnation: u64,
    pub endpoint: String,
    /// Whether this node dialled.
    pub dialled: bool,
    /// Sent in frames to the peer.
    pub peer_token: u128,
    /// Expected in frames from the peer.
    pub own_token: u128,
}

/// A session with a peer.
pub(crate) struct Session {
    pub number: u64,
    pub negotiated: Negotiated,
    pub since: SystemTime,
    pub began: Instant,
    pub calls: Semaphore,
    pub bulk_calls: Semaphore,
    pub parts: Semaphore,
    pub inbound_calls: Arc<Semaphore>,
    pub transfers: Mutex<Transfers>,
    next_bulk_send: Mutex<Instant>,
    rtt_micros: AtomicU64,
    control: Arc<StreamControl>,
    ended: CancellationToken,
    ready: CancellationToken,
    why: OnceLock<String>,
    endpoint: OnceLock<ActorRef<EndpointMessage>>,
}

impl Session {
    pub(crate) fn new(negotiated: Negotiated, limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            negotiated,
            since: SystemTime::now(),
            began: Instant::now(),
            calls: Semaphore::new(limits.calls_max),
            bulk_calls: Semaphore::new(limits.bulk_calls_max),
            parts: Semaphore::new(limits.parts_in_flight),
            inbound_calls: Arc::new(Semaphore::new(limits.inbound_calls_max)),
            transfers: Mutex::default(),
            next_bulk_send: Mutex::new(Instant::now()),
            rtt_micros: AtomicU64::new(0),
            control: Arc::default(),
            ended: CancellationToken::new(),
            ready: CancellationToken::new(),
            why: OnceLock::new(),
            endpoint: OnceLock::new(),
        })
    }

    /// The peer's name.
    pub(crate) fn node(&self) -> &str {
        &self.negotiated.identity.node
    }

    /// The peer's endpoint. `None` until the session is ready, and after it has ended.
    pub(crate) fn endpoint(&self) -> Option<&ActorRef<EndpointMessage>> {
        if self.ended.is_cancelled() { None } else { self.endpoint.get() }
    }

    /// Ends the session. If called several times, the first reason is kept.
    pub(crate) fn close(&self, why: &str) {
        let _ = self.why.set(why.to_owned());
        self.ended.cancel();
        self.control.close();
    }

    /// Resolves when the session has ended.
    pub(crate) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// Why the session ended.
    pub(crate) fn why(&self) -> String {
        self.why.get().cloned().unwrap_or_default()
    }

    pub(crate) fn bytes_in(&self) -> u64 {
        self.control.bytes_in()
    }

    pub(crate) fn set_rtt(&self, rtt: Duration) {
        self.rtt_micros.store(crate::frame::micros(rtt).max(1), Ordering::Relaxed);
    }

    /// Round-trip time of the last ping.
    pub(crate) fn rtt(&self) -> Option<Duration> {
        Some(self.rtt_micros.load(Ordering::Relaxed)).filter(|micros| *micros > 0).map(Duration::from_micros)
    }

    /// Reserves bandwidth for `bytes` of bulk traffic, at `per_second` bytes per second. Returns the instant at which
    /// they may be sent.
    pub(crate) fn reserve_bandwidth(&self, bytes: usize, per_second: u64) -> Instant {
        let mut next = self.next_bulk_send.lock().unwrap_or_else(PoisonError::into_inner);
        let start = (*next).max(Instant::now());
        let takes = Duration::from_nanos((bytes as u64).saturating_mul(1_000_000_000) / per_second.max(1));
        *next = start + takes;
        start
    }

    /// Passes the connection to ractor_cluster and waits until both sides have the other's endpoint.
    pub(crate) async fn run(
        self: &Arc<Self>,
        transport: Box<dyn Transport>,
        own: &Identity,
        limits: &Limits,
    ) -> Result<(), String> {
        let spawned = self.spawn(transport, own, limits).await;
        if let Err(error) = spawned {
            self.close(&error);
            return Err(error);
        }
        let ready = tokio::time::timeout(limits.handshake, async {
            tokio::select! {
                () = self.ready.cancelled() => Ok(()),
                () = self.ended.cancelled() => Err(self.why()),
            }
        });
        let ready = ready.await.unwrap_or_else(|_| Err("the session was not ready in time".to_owned()));
        if let Err(why) = &ready {
            self.close(why);
        }
        ready
    }

    async fn spawn(
        self: &Arc<Self>,
        transport: Box<dyn Transport>,
        own: &Identity,
        limits: &Limits,
    ) -> Result<(), String> {
        let failed = |error: ractor::SpawnErr| format!("the session cannot start: {error}");
        let (supervisor, _) =
            Actor::spawn(None, SessionSupervisor, Arc::clone(self)).await.map_err(failed)?;
        // The type of `name` has no public path. Constructing a message that contains it is the only way to construct
        // it.
        let NodeServerMessage::UpdateSession { mut name, .. } =
            (NodeServerMessage::UpdateSession { actor_id: supervisor.get_id(), name: Default::default() })
        else {
            return Err("unexpected ractor_cluster message".to_owned());
        };
        name.name.clone_from(&own.node);
        name.connection_string.clone_from(&own.node);
        // Both tokens were exchanged over TLS, so the pair is a shared secret.
        let (low, high) = (
            self.negotiated.peer_token.min(self.negotiated.own_token),
            self.negotiated.peer_token.max(self.negotiated.own_token),
        );
        let session = NodeSession::new(
            self.number,
            !self.negotiated.dialled,
            format!("{low:032x}{high:032x}"),
            supervisor.clone(),
            name,
            NodeConnectionMode::Isolated,
        )
        .with_max_inbound_frame_size(
            limits.small_bytes_max.max(limits.part_bytes) as u64 + FRAME_OVERHEAD_BYTES,
        );
        let (reader, writer) = split_stream(transport, &self.control);
        let stream = NetworkStream::External {
            peer_label: Some(self.node().to_owned()),
            local_label: Some(own.node.clone()),
            reader: Box::new(reader),
            writer: Box::new(writer),
        };
        let spawned = Actor::spawn_linked(None, session, stream, supervisor.get_cell()).await;
        let (session, _) = match spawned {
            Ok(spawned) => spawned,
            Err(error) => {
                supervisor.stop(None);
                return Err(failed(error));
            }
        };
        let ended = self.ended.clone();
        tokio::spawn(async move {
            ended.cancelled().await;
            session.stop(None);
            supervisor.stop(None);
        });
        Ok(())
    }
}

/// Takes the place of ractor_cluster's node server, for one session.
struct SessionSupervisor;

impl Actor for SessionSupervisor {
    type Msg = NodeServerMessage;
    type State = Arc<Session>;
    type Arguments = Arc<Session>;

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        session: Arc<Session>,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(session)
    }

    async fn handle(
        &self,
        me: ActorRef<Self::Msg>,
        message: NodeServerMessage,
        session: &mut Arc<Session>,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            NodeServerMessage::ConnectionReady(id) => {
                let node_session =
                    me.get_cell().get_children().into_iter().find(|child| child.get_id() == id);
                let remotes = node_session.map(|cell| cell.get_children()).unwrap_or_default();
                let wanted = Some(session.negotiated.endpoint.as_str());
                let found = remotes
                    .into_iter()
                    .find(|cell| !cell.get_id().is_local() && cell.get_name().as_deref() == wanted);
                match found {
                    Some(endpoint) => {
                        let _ = session.endpoint.set(endpoint.into());
                        session.ready.cancel();
                    }
                    None => session.close("the peer has no endpoint"),
                }
            }
            NodeServerMessage::UpdateSession { name, .. } => {
                if name.name != session.node() {
                    session.close("the peer changed its name");
                }
            }
            // Duplicate connections are resolved in the handshake: see `peers`.
            NodeServerMessage::CheckSession { reply, .. } => {
                let _ = reply.send(SessionCheckReply::NoOtherConnection);
            }
            NodeServerMessage::GetSessions(reply) => {
                let _ = reply.send(HashMap::new());
            }
            NodeServerMessage::ConnectionAuthenticated(_)
            | NodeServerMessage::ConnectionOpened { .. }
            | NodeServerMessage::ConnectionOpenedExternal { .. }
            | NodeServerMessage::SubscribeToEvents { .. }
            | NodeServerMessage::UnsubscribeToEvents(_)
            | NodeServerMessage::PortChanged { .. } => {}
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        me: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        session: &mut Arc<Session>,
    ) -> Result<(), ActorProcessingErr> {
        if matches!(event, SupervisionEvent::ActorTerminated(..) | SupervisionEvent::ActorFailed(..)) {
            session.close("the connection ended");
            me.stop(None);
        }
        Ok(())
    }
}
