//! The link itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ractor::{Actor, ActorRef};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::call::{self, LinkError, TrafficClass};
use crate::connect;
use crate::endpoint::{Dispatcher, Endpoint, EndpointMessage, Handler, TOPIC_BYTES_MAX};
use crate::frame::Response;
use crate::identity::{Fingerprint, Identity, is_valid_name};
use crate::options::{Limits, Options, Seed, StartError};
use crate::peers::{Peer, PeerTable};
use crate::tls::TlsContext;

/// A part on the wire is at most this long.
const PART_BYTES_MAX: usize = 1 << 20;

/// Several links may live in one process (in tests): their endpoints need names of their own.
static ENDPOINTS: AtomicU64 = AtomicU64::new(1);

/// Sessions with all other nodes. Cheap to clone; lives until [`Link::shutdown`].
#[derive(Clone)]
pub struct Link {
    inner: Arc<Inner>,
}

/// What all tasks share.
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
    address: SocketAddr,
    dispatcher: Arc<Dispatcher>,
    endpoint: ActorRef<EndpointMessage>,
    seeds: Mutex<BTreeMap<Seed, CancellationToken>>,
}

impl Link {
    /// Listens, dials, and answers with `handler`. Sessions come up in the background: see [`Link::peers`].
    ///
    /// # Errors
    /// When settings, certificates or the address are not usable.
    pub async fn start(options: Options, handler: Arc<dyn Handler>) -> Result<Self, StartError> {
        check(&options)?;
        let own = Identity { cluster: options.cluster, node: options.node, node_id: options.node_id };
        let (tls, certified) = TlsContext::load(&own.cluster, options.tls.clone())?;
        if let (Some(certified), Some(files)) = (certified, options.tls)
            && certified.identity != own
        {
            let why = format!("it is {}'s, this node is {}", certified.identity.uri(), own.uri());
            return Err(StartError::Certificate { path: files.certificate, why });
        }
        let unheard = |source| StartError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(unheard)?;
        let address = listener.local_addr().map_err(unheard)?;
        let table = Arc::new(PeerTable::new(own.clone(), options.denied));
        let dispatcher =
            Arc::new(Dispatcher { table: Arc::clone(&table), handler, limits: options.limits.clone() });
        let number = ENDPOINTS.fetch_add(1, Ordering::Relaxed);
        let endpoint_name = format!("link/{}/{number}", own.node);
        let (endpoint, _) = Actor::spawn(Some(endpoint_name.clone()), Endpoint, Arc::clone(&dispatcher))
            .await
            .map_err(|error| StartError::Endpoint(error.to_string()))?;
        let inner = Arc::new(Inner {
            own,
            incarnation: rand::random(),
            advertise: options.advertise.unwrap_or_else(|| address.to_string()),
            endpoint_name,
            limits: options.limits,
            tls,
            table,
            root: CancellationToken::new(),
            tasks: TaskTracker::new(),
            address,
            dispatcher,
            endpoint,
            seeds: Mutex::default(),
        });
        inner.tasks.spawn(connect::listen(Arc::clone(&inner), listener));
        let link = Self { inner };
        link.set_peers(options.seeds);
        Ok(link)
    }

    /// Who this node is.
    pub fn identity(&self) -> &Identity {
        &self.inner.own
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// Asks node `node` about `topic`, and brings its handler's answer. A call to this node itself goes straight to the
    /// handler. Nothing is sent twice: whoever repeats a call knows whether it may.
    ///
    /// # Errors
    /// See [`LinkError`].
    pub async fn call(
        &self,
        node: &str,
        class: TrafficClass,
        topic: &str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> Result<Vec<u8>, LinkError> {
        let deadline = Instant::now() + timeout;
        if topic.len() > TOPIC_BYTES_MAX {
            return Err(LinkError::Refused("the topic is too long".to_owned()));
        }
        let inner = &self.inner;
        if node == inner.own.node {
            return inner.dispatcher.answer(&inner.own, topic, bytes, deadline).await.map_err(|answer| {
                match answer {
                    Response::Refused(why) => LinkError::Refused(why),
                    _ => LinkError::Timeout,
                }
            });
        }
        let session = inner.table.connection(node).filter(|session| session.endpoint().is_some());
        let session = session.ok_or(LinkError::NoSession)?;
        call::call(&session, &inner.limits, class, topic, bytes, deadline).await
    }

    /// All peers, in the order of their names: changes at once when a session comes or goes (round trips change silently).
    pub fn peers(&self) -> watch::Receiver<Vec<Peer>> {
        self.inner.table.subscribe()
    }

    /// Dials these from now on, and no others. Sessions with others stay until they end: [`Link::deny`] ends one.
    pub fn set_peers(&self, seeds: Vec<Seed>) {
        let inner = &self.inner;
        if inner.root.is_cancelled() {
            return;
        }
        let mut held = inner.seeds.lock().unwrap_or_else(PoisonError::into_inner);
        inner.table.want(&seeds);
        held.retain(|seed, stop| {
            let stays = seeds.contains(seed);
            if !stays {
                stop.cancel();
            }
            stays
        });
        for seed in seeds {
            if seed.name.as_deref() == Some(inner.own.node.as_str()) || held.contains_key(&seed) {
                continue;
            }
            let stop = inner.root.child_token();
            held.insert(seed.clone(), stop.clone());
            inner.tasks.spawn(connect::keep(Arc::clone(inner), seed, stop));
        }
    }

    /// Refuses a certificate from now on, and ends the session of whoever bears it.
    pub fn deny(&self, fingerprint: Fingerprint) {
        self.inner.table.deny(fingerprint);
    }

    /// Whether a certificate is denied here.
    pub fn is_denied(&self, fingerprint: &Fingerprint) -> bool {
        self.inner.table.is_denied(fingerprint)
    }

    /// Ends all sessions, gives the address back, and waits for that.
    pub async fn shutdown(&self) {
        let inner = &self.inner;
        inner.root.cancel();
        inner.table.close("this node shuts down");
        inner.tasks.close();
        inner.tasks.wait().await;
        inner.endpoint.stop(None);
    }
}

fn check(options: &Options) -> Result<(), StartError> {
    let wrong = |why: String| Err(StartError::Setting(why));
    for (what, name) in [("cluster", &options.cluster), ("node", &options.node)] {
        if !is_valid_name(name) {
            return wrong(format!("{name:?} cannot be the name of a {what}"));
        }
    }
    match (&options.tls, options.insecure) {
        (None, false) => return Err(StartError::NoTls),
        (Some(_), true) => return wrong("certificates and `insecure` exclude each other".to_owned()),
        (Some(_), false) | (None, true) => {}
    }
    let limits = &options.limits;
    let parts = 1..=PART_BYTES_MAX;
    if !parts.contains(&limits.part_bytes) || !parts.contains(&limits.small_bytes_max) {
        return wrong(format!("part_bytes and small_bytes_max are 1 to {PART_BYTES_MAX}"));
    }
    let counts = [
        limits.calls_max,
        limits.bulk_calls_max,
        limits.inbound_calls_max,
        limits.parts_in_flight,
        limits.handshakes_max,
    ];
    if counts.iter().any(|count| !(1..=1 << 20).contains(count)) {
        return wrong("limits on calls are 1 to 1048576".to_owned());
    }
    if limits.ping_every.is_zero() || limits.redial_min.is_zero() || limits.missed_pings_max == 0 {
        return wrong("pings and dials need pauses between them".to_owned());
    }
    Ok(())
}
