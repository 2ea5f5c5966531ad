//! The link: public interface and start-up.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ractor::Actor;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::call::{self, LinkError, TrafficClass};
use crate::connect;
use crate::endpoint::{Dispatcher, Endpoint, Handler, TOPIC_BYTES_MAX};
use crate::frame::Response;
use crate::identity::{Fingerprint, Identity, is_valid_name};
use crate::inner::Inner;
use crate::options::{Options, Seed, StartError};
use crate::peers::{Peer, PeerTable};
use crate::tls::TlsContext;

/// Maximum length of a part, in bytes.
const PART_BYTES_MAX: usize = 1 << 20;

/// Tests run several links in one process. Their endpoints need distinct names.
static ENDPOINTS: AtomicU64 = AtomicU64::new(1);

/// Sessions with all other nodes. Cheap to clone. Runs until [`Link::shutdown`].
#[derive(Clone)]
pub struct Link {
    inner: Arc<Inner>,
}

impl Link {
    /// Starts listening and dialling. `handler` processes calls. Sessions are established in the background: see
    /// [`Link::peers`].
    ///
    /// # Errors
    /// If settings, certificates or the address are unusable.
    pub async fn start(options: Options, handler: Arc<dyn Handler>) -> Result<Self, StartError> {
        validate(&options)?;
        let own = Identity { cluster: options.cluster, node: options.node, node_id: options.node_id };
        let (tls, certified) = TlsContext::load(&own.cluster, options.tls.clone())?;
        if let (Some(certified), Some(files)) = (certified, options.tls)
            && certified.identity != own
        {
            let why =
                format!("the certificate is for {}, this node is {}", certified.identity.uri(), own.uri());
            return Err(StartError::Certificate { path: files.certificate, why });
        }
        let listen_error = |source| StartError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
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

    /// Identity of this node.
    pub fn identity(&self) -> &Identity {
        &self.inner.own
    }

    /// Address that the link listens on.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// Calls node `node` on `topic` and returns its handler's response. A call to this node itself goes directly to
    /// the handler. Nothing is retried.
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
            return inner.dispatcher.handle(&inner.own, topic, bytes, deadline).await.map_err(|response| {
                match response {
                    Response::Refused(why) => LinkError::Refused(why),
                    _ => LinkError::Timeout,
                }
            });
        }
        let session = inner.table.connection(node).filter(|session| session.endpoint().is_some());
        let session = session.ok_or(LinkError::NoSession)?;
        call::call(&session, &inner.limits, class, topic, bytes, deadline).await
    }

    /// All peers, ordered by name. Receivers are notified when a session starts or ends. Round-trip times are updated
    /// without notification.
    pub fn peers(&self) -> watch::Receiver<Vec<Peer>> {
        self.inner.table.subscribe()
    }

    /// Replaces the set of nodes to dial. Sessions with other nodes stay until they end: [`Link::deny`] ends one.
    pub fn set_peers(&self, seeds: Vec<Seed>) {
        let inner = &self.inner;
        if inner.root.is_cancelled() {
            return;
        }
        let mut dialling = inner.seeds.lock().unwrap_or_else(PoisonError::into_inner);
        inner.table.set_wanted(&seeds);
        dialling.retain(|seed, stop| {
            let wanted = seeds.contains(seed);
            if !wanted {
                stop.cancel();
            }
            wanted
        });
        for seed in seeds {
            if seed.name.as_deref() == Some(inner.own.node.as_str()) || dialling.contains_key(&seed) {
                continue;
            }
            let stop = inner.root.child_token();
            dialling.insert(seed.clone(), stop.clone());
            inner.tasks.spawn(connect::maintain(Arc::clone(inner), seed, stop));
        }
    }

    /// Denies a certificate from now on, and ends the session that uses it.
    pub fn deny(&self, fingerprint: Fingerprint) {
        self.inner.table.deny(fingerprint);
    }

    /// Whether a certificate is denied.
    pub fn is_denied(&self, fingerprint: &Fingerprint) -> bool {
        self.inner.table.is_denied(fingerprint)
    }

    /// Ends all sessions, closes the listener, and waits for both.
    pub async fn shutdown(&self) {
        let inner = &self.inner;
        inner.root.cancel();
        inner.table.close("this node is shutting down");
        inner.tasks.close();
        inner.tasks.wait().await;
        inner.endpoint.stop(None);
    }
}

fn validate(options: &Options) -> Result<(), StartError> {
    let wrong = |why: String| Err(StartError::Setting(why));
    for (what, name) in [("cluster", &options.cluster), ("node", &options.node)] {
        if !is_valid_name(name) {
            return wrong(format!("{name:?} is not a valid {what} name"));
        }
    }
    match (&options.tls, options.insecure) {
        (None, false) => return Err(StartError::NoTls),
        (Some(_), true) => return wrong("certificates and `insecure` are mutually exclusive".to_owned()),
        (Some(_), false) | (None, true) => {}
    }
    let limits = &options.limits;
    let parts = 1..=PART_BYTES_MAX;
    if !parts.contains(&limits.part_bytes) || !parts.contains(&limits.small_bytes_max) {
        return wrong(format!("part_bytes and small_bytes_max must be between 1 and {PART_BYTES_MAX}"));
    }
    let counts = [
        limits.calls_max,
        limits.bulk_calls_max,
        limits.inbound_calls_max,
        limits.parts_in_flight,
        limits.handshakes_max,
    ];
    if counts.iter().any(|count| !(1..=1 << 20).contains(count)) {
        return wrong("limits on calls must be between 1 and 1048576".to_owned());
    }
    if limits.ping_every.is_zero() || limits.redial_min.is_zero() || limits.missed_pings_max == 0 {
        return wrong("ping_every, redial_min and missed_pings_max must be positive".to_owned());
    }
    Ok(())
}
