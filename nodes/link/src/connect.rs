//! Connections: dials peers without a session and accepts incoming connections.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::handshake::{self, HandshakeResult, Hello, HelloReply, PROTOCOL};
use crate::identity::CertificateInfo;
use crate::inner::Inner;
use crate::liveness;
use crate::options::Seed;
use crate::peers::PeerState;
use crate::session::{Negotiated, Session};
use crate::tls::Transport;

/// Extra delay before dialling a peer that is expected to dial this node. Avoids simultaneous connections.
const DIAL_TIE_DELAY: Duration = Duration::from_millis(100);

/// Why a dial did not create a session.
enum DialError {
    /// The address belongs to this node.
    SelfDial,
    /// A session with the peer exists.
    Duplicate,
    /// The peer cannot be reached, or the connection failed.
    Unreachable(String),
    /// The handshake was refused.
    Refused(String),
}

fn hello(inner: &Inner) -> Hello {
    Hello {
        protocol: PROTOCOL,
        identity: inner.own.clone(),
        incarnation: inner.incarnation,
        address: inner.advertise.clone(),
        endpoint: inner.endpoint_name.clone(),
        token: rand::random(),
    }
}

fn negotiated(
    ours: &Hello,
    theirs: Hello,
    certificate: Option<&CertificateInfo>,
    dialled: bool,
) -> Negotiated {
    Negotiated {
        identity: theirs.identity,
        fingerprint: certificate.map(|described| described.fingerprint),
        address: theirs.address,
        incarnation: theirs.incarnation,
        endpoint: theirs.endpoint,
        dialled,
        peer_token: theirs.token,
        own_token: ours.token,
    }
}

/// Accepts connections until the link is shut down.
pub(crate) async fn listen(inner: Arc<Inner>, listener: TcpListener) {
    let handshakes = Arc::new(Semaphore::new(inner.limits.handshakes_max));
    loop {
        let accepted = tokio::select! {
            () = inner.root.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, for example. The pause avoids a busy loop.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&handshakes).try_acquire_owned() else {
            continue;
        };
        let task = Arc::clone(&inner);
        inner.tasks.spawn(async move {
            let handshake = tokio::select! {
                () = task.root.cancelled() => return,
                handshake = tokio::time::timeout(task.limits.handshake, accept(&task, stream)) => handshake,
            };
            drop(permit);
            match handshake {
                Ok(Ok((transport, certificate, theirs))) => {
                    receive(&task, transport, certificate, theirs).await;
                }
                Ok(Err(why)) => tracing::warn!(why, "connection refused"),
                Err(_) => tracing::warn!("connection closed: handshake timed out"),
            }
        });
    }
}

type Accepted = (Box<dyn Transport>, Option<CertificateInfo>, Hello);

async fn accept(inner: &Inner, stream: TcpStream) -> Result<Accepted, String> {
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let (mut transport, certificate) = inner.tls.accept(stream).await?;
    let theirs = handshake::receive(&mut transport).await?;
    Ok((transport, certificate, theirs))
}

/// Admits or refuses a connection, sends the result, and runs the session.
async fn receive(
    inner: &Arc<Inner>,
    mut transport: Box<dyn Transport>,
    certificate: Option<CertificateInfo>,
    theirs: Hello,
) {
    let ours = hello(inner);
    let node = theirs.identity.node.clone();
    let (session, result) = match handshake::check(&inner.own, &theirs, certificate.as_ref(), None) {
        Err(why) => (None, HandshakeResult::Refused(why)),
        Ok(()) => {
            let session = Session::new(negotiated(&ours, theirs, certificate.as_ref(), false), &inner.limits);
            let result = inner.table.admit(&session);
            (Some(session).filter(|_| result == HandshakeResult::Accepted), result)
        }
    };
    if let HandshakeResult::Refused(why) = &result {
        // Without TLS the name is unverified and may contain anything, so it is not logged.
        let peer = if certificate.is_some() { node.as_str() } else { "?" };
        tracing::warn!(peer, why, "connection refused");
    }
    let reply = HelloReply { hello: ours, result };
    let sent = tokio::time::timeout(inner.limits.handshake, handshake::send(&mut transport, &reply)).await;
    let Some(session) = session else { return };
    // From here on the session is in the table. Every exit must remove it.
    if !matches!(sent, Ok(Ok(()))) {
        session.close("the connection was lost during the handshake");
    }
    run_session(inner, session, transport).await;
}

/// Maintains a connection to one seed until `stop`.
pub(crate) async fn maintain(inner: Arc<Inner>, seed: Seed, stop: CancellationToken) {
    let mut name = seed.name.clone();
    let mut pause = inner.limits.redial_min;
    let mut peers = inner.table.subscribe();
    loop {
        if let Some(session) = name.as_deref().and_then(|name| inner.table.connection(name)) {
            tokio::select! {
                () = stop.cancelled() => return,
                () = session.ended() => {}
            }
            if session.began.elapsed() > inner.limits.redial_max {
                pause = inner.limits.redial_min;
            }
        } else {
            let dialled = tokio::select! {
                () = stop.cancelled() => return,
                dialled = dial(&inner, &seed) => dialled,
            };
            match dialled {
                Ok(session) => {
                    name = Some(session.node().to_owned());
                    inner.table.remove_address(&seed);
                    continue;
                }
                Err(DialError::SelfDial) => return inner.table.remove_address(&seed),
                Err(DialError::Duplicate) => {}
                Err(DialError::Unreachable(why)) => inner.table.set_state(&seed, PeerState::Down(why)),
                Err(DialError::Refused(why)) => {
                    tracing::warn!(
                        peer = name.as_deref().unwrap_or("?"),
                        why,
                        "handshake with a peer refused"
                    );
                    inner.table.set_state(&seed, PeerState::Refused(why));
                }
            }
        }
        let wait = pause.mul_f64(rand::random_range(0.75..1.25));
        let yields = name.as_deref().is_some_and(|name| name < inner.own.node.as_str());
        pause = (pause * 2).min(inner.limits.redial_max);
        let until = tokio::time::Instant::now() + if yields { wait + DIAL_TIE_DELAY } else { wait };
        // The wait ends early if the peer connects to this node.
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep_until(until) => break,
                Ok(()) = peers.changed() => {
                    if name.as_deref().is_some_and(|name| inner.table.connection(name).is_some()) {
                        break;
                    }
                }
            }
        }
    }
}

async fn dial(inner: &Arc<Inner>, seed: &Seed) -> Result<Arc<Session>, DialError> {
    let connected = tokio::time::timeout(inner.limits.handshake, connect(inner, seed));
    let (session, transport) = connected
        .await
        .unwrap_or_else(|_| Err(DialError::Unreachable("the handshake timed out".to_owned())))?;
    let task = Arc::clone(inner);
    let running = Arc::clone(&session);
    inner.tasks.spawn(async move { run_session(&task, running, transport).await });
    Ok(session)
}

async fn connect(inner: &Inner, seed: &Seed) -> Result<(Arc<Session>, Box<dyn Transport>), DialError> {
    let stream =
        TcpStream::connect(&seed.address).await.map_err(|error| DialError::Unreachable(error.to_string()))?;
    let _ = stream.set_nodelay(true);
    let (mut transport, certificate) = inner.tls.connect(stream).await.map_err(DialError::Refused)?;
    let ours = hello(inner);
    handshake::send(&mut transport, &ours).await.map_err(DialError::Unreachable)?;
    // If the peer rejects this node's certificate, the error appears here: in TLS 1.3 the client finishes the
    // handshake first.
    let HelloReply { hello: theirs, result } =
        handshake::receive(&mut transport).await.map_err(DialError::Unreachable)?;
    if theirs.incarnation == inner.incarnation && theirs.identity == inner.own {
        return Err(DialError::SelfDial);
    }
    handshake::check(&inner.own, &theirs, certificate.as_ref(), seed.name.as_deref())
        .map_err(DialError::Refused)?;
    match result {
        HandshakeResult::Accepted => {}
        HandshakeResult::Duplicate => return Err(DialError::Duplicate),
        HandshakeResult::Refused(why) => {
            return Err(DialError::Refused(format!("refused by the peer: {why}")));
        }
    }
    let session = Session::new(negotiated(&ours, theirs, certificate.as_ref(), true), &inner.limits);
    match inner.table.admit(&session) {
        HandshakeResult::Accepted => Ok((session, transport)),
        HandshakeResult::Duplicate => Err(DialError::Duplicate),
        HandshakeResult::Refused(why) => Err(DialError::Refused(why)),
    }
}

/// Runs an admitted session until it ends.
async fn run_session(inner: &Arc<Inner>, session: Arc<Session>, transport: Box<dyn Transport>) {
    // The link may have been shut down while the session was admitted.
    if inner.root.is_cancelled() {
        session.close("this node is shutting down");
    }
    if session.run(transport, &inner.own, &inner.limits).await.is_ok() {
        inner.table.ready(&session);
        tracing::info!(peer = session.node(), dialled = session.negotiated.dialled, "session ready");
        liveness::watch(&inner.table, &session, &inner.limits).await;
    }
    session.close("the session ended");
    inner.table.remove(&session);
    tracing::info!(peer = session.node(), why = session.why(), "session ended");
}
