//! Connections: dialling what is missing, accepting who may come in.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::handshake::{self, HandshakeResult, Hello, HelloReply, PROTOCOL};
use crate::identity::CertificateInfo;
use crate::link::Inner;
use crate::liveness;
use crate::options::Seed;
use crate::peers::PeerState;
use crate::session::{Negotiated, Session};
use crate::tls::Transport;

/// Pause before a node dials one that is likelier to dial it: both at once is a waste.
const DIAL_TIE_DELAY: Duration = Duration::from_millis(100);

/// Why a dial made no session.
enum Failure {
    /// It leads to this node itself.
    Itself,
    /// There is a session already.
    Duplicate,
    /// Nobody is there, or not well.
    Lost(String),
    /// Somebody is there, and it does not fit.
    Refused(String),
}

fn greeting(inner: &Inner) -> Hello {
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

/// Listens until the link is shut down.
pub(crate) async fn listen(inner: Arc<Inner>, listener: TcpListener) {
    let room = Arc::new(Semaphore::new(inner.limits.handshakes_max));
    loop {
        let accepted = tokio::select! {
            () = inner.root.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, for example: that passes, and a busy loop would not help.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            continue;
        };
        let task = Arc::clone(&inner);
        inner.tasks.spawn(async move {
            let handshake = tokio::select! {
                () = task.root.cancelled() => return,
                handshake = tokio::time::timeout(task.limits.handshake, meet(&task, stream)) => handshake,
            };
            drop(permit);
            match handshake {
                Ok(Ok((transport, certificate, theirs))) => {
                    receive(&task, transport, certificate, theirs).await
                }
                Ok(Err(why)) => tracing::warn!(why, "a connection was refused"),
                Err(_) => tracing::warn!("a connection said nothing in time"),
            }
        });
    }
}

type Met = (Box<dyn Transport>, Option<CertificateInfo>, Hello);

async fn meet(inner: &Inner, stream: TcpStream) -> Result<Met, String> {
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let (mut transport, certificate) = inner.tls.accept(stream).await?;
    let theirs = handshake::receive(&mut transport).await?;
    Ok((transport, certificate, theirs))
}

/// Decides about a connection, says so, and runs its session.
async fn receive(
    inner: &Arc<Inner>,
    mut transport: Box<dyn Transport>,
    certificate: Option<CertificateInfo>,
    theirs: Hello,
) {
    let ours = greeting(inner);
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
        // A name may be anything here: it is only told once it was checked.
        let peer = if certificate.is_some() { node.as_str() } else { "?" };
        tracing::warn!(peer, why, "a connection was refused");
    }
    let reply = HelloReply { hello: ours, result };
    let sent = tokio::time::timeout(inner.limits.handshake, handshake::send(&mut transport, &reply)).await;
    let Some(session) = session else { return };
    // From here on the session is in the table: every way out of here takes it out again.
    if !matches!(sent, Ok(Ok(()))) {
        session.close("it went away");
    }
    hold(inner, session, transport).await;
}

/// Keeps one seed connected until `stop`.
pub(crate) async fn keep(inner: Arc<Inner>, seed: Seed, stop: CancellationToken) {
    let mut name = seed.name.clone();
    let mut pause = inner.limits.redial_min;
    let mut peers = inner.table.subscribe();
    loop {
        if let Some(session) = name.as_deref().and_then(|name| inner.table.connection(name)) {
            tokio::select! {
                () = stop.cancelled() => return,
                () = session.gone() => {}
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
                    inner.table.forget_address(&seed);
                    continue;
                }
                Err(Failure::Itself) => return inner.table.forget_address(&seed),
                Err(Failure::Duplicate) => {}
                Err(Failure::Lost(why)) => inner.table.note(&seed, PeerState::Down(why)),
                Err(Failure::Refused(why)) => {
                    tracing::warn!(peer = name.as_deref().unwrap_or("?"), why, "no session with a peer");
                    inner.table.note(&seed, PeerState::Refused(why));
                }
            }
        }
        let wait = pause.mul_f64(rand::random_range(0.75..1.25));
        let yields = name.as_deref().is_some_and(|name| name < inner.own.node.as_str());
        pause = (pause * 2).min(inner.limits.redial_max);
        let until = tokio::time::Instant::now() + if yields { wait + DIAL_TIE_DELAY } else { wait };
        // Whoever dials us in the meantime ends the wait.
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

async fn dial(inner: &Arc<Inner>, seed: &Seed) -> Result<Arc<Session>, Failure> {
    let greeted = tokio::time::timeout(inner.limits.handshake, greet(inner, seed));
    let (session, transport) =
        greeted.await.unwrap_or_else(|_| Err(Failure::Lost("it says nothing".to_owned())))?;
    let task = Arc::clone(inner);
    let held = Arc::clone(&session);
    inner.tasks.spawn(async move { hold(&task, held, transport).await });
    Ok(session)
}

async fn greet(inner: &Inner, seed: &Seed) -> Result<(Arc<Session>, Box<dyn Transport>), Failure> {
    let stream = TcpStream::connect(&seed.address).await.map_err(|error| Failure::Lost(error.to_string()))?;
    let _ = stream.set_nodelay(true);
    let (mut transport, certificate) = inner.tls.connect(stream).await.map_err(Failure::Refused)?;
    let ours = greeting(inner);
    handshake::send(&mut transport, &ours).await.map_err(Failure::Lost)?;
    // A certificate that the other side does not accept shows here: TLS 1.3 lets the client finish first.
    let HelloReply { hello: theirs, result } =
        handshake::receive(&mut transport).await.map_err(Failure::Lost)?;
    if theirs.incarnation == inner.incarnation && theirs.identity == inner.own {
        return Err(Failure::Itself);
    }
    handshake::check(&inner.own, &theirs, certificate.as_ref(), seed.name.as_deref())
        .map_err(Failure::Refused)?;
    match result {
        HandshakeResult::Accepted => {}
        HandshakeResult::Duplicate => return Err(Failure::Duplicate),
        HandshakeResult::Refused(why) => return Err(Failure::Refused(format!("refused there: {why}"))),
    }
    let session = Session::new(negotiated(&ours, theirs, certificate.as_ref(), true), &inner.limits);
    match inner.table.admit(&session) {
        HandshakeResult::Accepted => Ok((session, transport)),
        HandshakeResult::Duplicate => Err(Failure::Duplicate),
        HandshakeResult::Refused(why) => Err(Failure::Refused(why)),
    }
}

/// Runs an admitted session to its end.
async fn hold(inner: &Arc<Inner>, session: Arc<Session>, transport: Box<dyn Transport>) {
    // The link may have been shut down while this one was admitted.
    if inner.root.is_cancelled() {
        session.close("shut down");
    }
    if session.run(transport, &inner.own, &inner.limits).await.is_ok() {
        inner.table.ready(&session);
        tracing::info!(peer = session.node(), dialled = session.negotiated.dialled, "session ready");
        liveness::watch(&inner.table, &session, &inner.limits).await;
    }
    session.close("ended");
    inner.table.remove(&session);
    tracing::info!(peer = session.node(), why = session.why(), "session over");
}
