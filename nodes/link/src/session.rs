//! One connection with one peer, and the actors that ractor_cluster runs over it.
//!
//! ractor_cluster's own `NodeServer` is not used: it takes TLS handshakes one after the other in its accept loop (one silent
//! client stops it), believes the name that a peer gives itself, and elects between connections by that name. Here every
//! connection is greeted and checked first, and its `NodeSession` then lives under a keeper of its own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use ractor_cluster::node::{NodeConnectionMode, SessionCheckReply};
use ractor_cluster::{NetworkStream, NodeServerMessage, NodeSession};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::endpoint::EndpointMessage;
use crate::identity::{Fingerprint, Identity};
use crate::kept::Kept;
use crate::options::Limits;
use crate::stream::{Tap, tapped};
use crate::trust::Wire;

/// What a frame adds to the bytes it carries, at most.
const FRAME_ROOM: u64 = 64 << 10;

/// ractor keys remote actors by session number and id, for the whole process: numbers are never used twice.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// What two greetings agreed on.
pub(crate) struct Agreed {
    pub identity: Identity,
    pub fingerprint: Option<Fingerprint>,
    pub address: String,
    pub incarnation: u64,
    pub endpoint: String,
    /// Whether this node dialled.
    pub dialled: bool,
    /// Borne by frames to the peer.
    pub present: u128,
    /// Borne by frames from the peer.
    pub expect: u128,
}

/// A session.
pub(crate) struct Session {
    pub number: u64,
    pub agreed: Agreed,
    pub since: SystemTime,
    pub began: Instant,
    pub calls: Semaphore,
    pub bulk_calls: Semaphore,
    pub parts: Semaphore,
    pub answering: Arc<Semaphore>,
    pub kept: Mutex<Kept>,
    pace: Mutex<Instant>,
    rtt_micros: AtomicU64,
    tap: Arc<Tap>,
    gone: CancellationToken,
    ready: CancellationToken,
    why: OnceLock<String>,
    endpoint: OnceLock<ActorRef<EndpointMessage>>,
}

impl Session {
    pub(crate) fn new(agreed: Agreed, limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            agreed,
            since: SystemTime::now(),
            began: Instant::now(),
            calls: Semaphore::new(limits.calls_max),
            bulk_calls: Semaphore::new(limits.bulk_calls_max),
            parts: Semaphore::new(limits.parts_in_flight),
            answering: Arc::new(Semaphore::new(limits.answering_max)),
            kept: Mutex::default(),
            pace: Mutex::new(Instant::now()),
            rtt_micros: AtomicU64::new(0),
            tap: Arc::default(),
            gone: CancellationToken::new(),
            ready: CancellationToken::new(),
            why: OnceLock::new(),
            endpoint: OnceLock::new(),
        })
    }

    /// The peer's name.
    pub(crate) fn node(&self) -> &str {
        &self.agreed.identity.node
    }

    /// The peer's endpoint, once the session is ready and until it is gone.
    pub(crate) fn endpoint(&self) -> Option<&ActorRef<EndpointMessage>> {
        if self.gone.is_cancelled() { None } else { self.endpoint.get() }
    }

    /// Ends the session; the first reason counts.
    pub(crate) fn close(&self, why: &str) {
        let _ = self.why.set(why.to_owned());
        self.gone.cancel();
        self.tap.cut();
    }

    /// Resolves when the session is over.
    pub(crate) async fn gone(&self) {
        self.gone.cancelled().await;
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.is_cancelled()
    }

    /// Why it is over.
    pub(crate) fn why(&self) -> String {
        self.why.get().cloned().unwrap_or_default()
    }

    pub(crate) fn bytes_in(&self) -> u64 {
        self.tap.bytes_in()
    }

    pub(crate) fn set_rtt(&self, rtt: Duration) {
        self.rtt_micros.store(crate::frame::micros(rtt).max(1), Ordering::Relaxed);
    }

    /// The last round trip of a ping.
    pub(crate) fn rtt(&self) -> Option<Duration> {
        Some(self.rtt_micros.load(Ordering::Relaxed)).filter(|micros| *micros > 0).map(Duration::from_micros)
    }

    /// When the next `bytes` of bulk may go, so that no more than `per_second` do.
    pub(crate) fn slot(&self, bytes: usize, per_second: u64) -> Instant {
        let mut next = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let start = (*next).max(Instant::now());
        let takes = Duration::from_nanos((bytes as u64).saturating_mul(1_000_000_000) / per_second.max(1));
        *next = start + takes;
        start
    }

    /// Hands the connection to ractor_cluster, and waits until both sides know each other's endpoints.
    pub(crate) async fn run(
        self: &Arc<Self>,
        wire: Box<dyn Wire>,
        own: &Identity,
        limits: &Limits,
    ) -> Result<(), String> {
        let spawned = self.spawn(wire, own, limits).await;
        if let Err(error) = spawned {
            self.close(&error);
            return Err(error);
        }
        let ready = tokio::time::timeout(limits.handshake, async {
            tokio::select! {
                () = self.ready.cancelled() => Ok(()),
                () = self.gone.cancelled() => Err(self.why()),
            }
        });
        let ready = ready.await.unwrap_or_else(|_| Err("it was not ready in time".to_owned()));
        if let Err(why) = &ready {
            self.close(why);
        }
        ready
    }

    async fn spawn(
        self: &Arc<Self>,
        wire: Box<dyn Wire>,
        own: &Identity,
        limits: &Limits,
    ) -> Result<(), String> {
        let failed = |error: ractor::SpawnErr| format!("the session does not start: {error}");
        let (keeper, _) = Actor::spawn(None, Keeper, Arc::clone(self)).await.map_err(failed)?;
        // The message's type has no public path; a message that bears one is the way to make it.
        let NodeServerMessage::UpdateSession { mut name, .. } =
            (NodeServerMessage::UpdateSession { actor_id: keeper.get_id(), name: Default::default() })
        else {
            return Err("ractor_cluster has changed".to_owned());
        };
        name.name.clone_from(&own.node);
        name.connection_string.clone_from(&own.node);
        // Both tokens were exchanged under TLS: nobody else knows this pair.
        let (low, high) =
            (self.agreed.present.min(self.agreed.expect), self.agreed.present.max(self.agreed.expect));
        let session = NodeSession::new(
            self.number,
            !self.agreed.dialled,
            format!("{low:032x}{high:032x}"),
            keeper.clone(),
            name,
            NodeConnectionMode::Isolated,
        )
        .with_max_inbound_frame_size(limits.small_bytes_max.max(limits.part_bytes) as u64 + FRAME_ROOM);
        let (reader, writer) = tapped(wire, &self.tap);
        let stream = NetworkStream::External {
            peer_label: Some(self.node().to_owned()),
            local_label: Some(own.node.clone()),
            reader: Box::new(reader),
            writer: Box::new(writer),
        };
        let spawned = Actor::spawn_linked(None, session, stream, keeper.get_cell()).await;
        let (session, _) = match spawned {
            Ok(spawned) => spawned,
            Err(error) => {
                keeper.stop(None);
                return Err(failed(error));
            }
        };
        let gone = self.gone.clone();
        tokio::spawn(async move {
            gone.cancelled().await;
            session.stop(None);
            keeper.stop(None);
        });
        Ok(())
    }
}

/// Stands where ractor_cluster expects its node server: for one session.
struct Keeper;

impl Actor for Keeper {
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
                let wanted = Some(session.agreed.endpoint.as_str());
                let found = remotes
                    .into_iter()
                    .find(|cell| !cell.get_id().is_local() && cell.get_name().as_deref() == wanted);
                match found {
                    Some(endpoint) => {
                        let _ = session.endpoint.set(endpoint.into());
                        session.ready.cancel();
                    }
                    None => session.close("it has no endpoint"),
                }
            }
            NodeServerMessage::UpdateSession { name, .. } => {
                if name.name != session.node() {
                    session.close("it changed its name");
                }
            }
            // Connections were told apart before: see `table`.
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
