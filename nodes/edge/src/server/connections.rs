//! The open connections, limited in number. At a limit, a new connection takes the place of one without a request in
//! progress: first of one that has not sent a complete request yet, then of the one that has been idle for longest. So
//! clients that hold connections open cannot keep others out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::rate_limit::network;

/// Limits of connections.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// The maximum number of connections.
    pub connections_max: usize,
    /// The maximum number of connections of one client address (IPv6: of a /64). Loopback and proxies have no such limit.
    pub per_address_max: usize,
    /// The time from the connection to the end of its first request's head, TLS included.
    pub header_timeout: Duration,
    /// The time without a complete request after which a connection is closed, and the time that a client may take to read
    /// nothing of a response.
    pub idle_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            per_address_max: 200,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
        }
    }
}

/// The open connections of a server.
#[derive(Debug)]
pub(crate) struct Connections {
    limits: ConnectionLimits,
    registry: Mutex<Registry>,
    epoch: Instant,
}

/// Connections without a request in progress are ordered by whether they have had a request, and by when the last one ended.
type Quiet = (bool, u64);

#[derive(Debug, Default)]
struct Registry {
    next: u64,
    open: HashMap<u64, Entry>,
    quiet: BTreeMap<Quiet, u64>,
    networks: HashMap<IpAddr, Network>,
}

#[derive(Debug)]
struct Entry {
    network: Option<IpAddr>,
    quiet: Option<Quiet>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Network {
    count: usize,
    quiet: BTreeSet<Quiet>,
}

/// What a connection's task, its requests and the registry share.
#[derive(Debug, Default)]
struct Shared {
    requests: AtomicUsize,
    served: AtomicU64,
    /// Milliseconds since the server's start.
    quiet_since: AtomicU64,
    evicted: Notify,
}

impl Connections {
    pub(crate) fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self { limits, registry: Mutex::default(), epoch: Instant::now() })
    }

    pub(crate) fn limits(&self) -> &ConnectionLimits {
        &self.limits
    }

    /// Registers a connection. `address` is none if its address is not limited. None if a limit is reached and all
    /// connections have requests in progress.
    pub(crate) fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Connection> {
        let network = address.map(network);
        let mut registry = self.lock();
        if let Some(network) = &network
            && let Some(known) = registry.networks.get(network)
            && known.count >= self.limits.per_address_max
        {
            let first = known.quiet.first().copied()?;
            registry.evict(first);
        }
        if registry.open.len() >= self.limits.connections_max {
            let first = registry.quiet.first_key_value().map(|(quiet, _)| *quiet)?;
            registry.evict(first);
        }
        let id = registry.next();
        let shared = Arc::new(Shared::default());
        shared.quiet_since.store(self.now_millis(), Ordering::Relaxed);
        if let Some(network) = network {
            registry.networks.entry(network).or_default().count += 1;
        }
        registry.open.insert(id, Entry { network, quiet: None, shared: Arc::clone(&shared) });
        registry.set_quiet(id, Some((false, id)));
        metrics::gauge!("http_connections").set(registry.open.len() as f64);
        drop(registry);
        Some(Connection(Arc::new(Registration { id, connections: Arc::clone(self), shared })))
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_millis(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Registry {
    fn next(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn set_quiet(&mut self, id: u64, quiet: Option<Quiet>) {
        let Some(entry) = self.open.get_mut(&id) else { return };
        let before = std::mem::replace(&mut entry.quiet, quiet);
        let network = entry.network.and_then(|network| self.networks.get_mut(&network));
        if let Some(before) = &before {
            self.quiet.remove(before);
        }
        if let Some(quiet) = quiet {
            self.quiet.insert(quiet, id);
        }
        if let Some(network) = network {
            if let Some(before) = &before {
                network.quiet.remove(before);
            }
            network.quiet.extend(quiet);
        }
    }

    /// Removes a connection at once, so that its place is free. Its task closes the socket.
    fn evict(&mut self, quiet: Quiet) {
        if let Some(id) = self.quiet.get(&quiet).copied()
            && let Some(entry) = self.remove(id)
        {
            entry.shared.evicted.notify_one();
            metrics::counter!("http_connections_evicted_total").increment(1);
        }
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        self.set_quiet(id, None);
        let entry = self.open.remove(&id)?;
        if let Some(network) = entry.network
            && let Some(known) = self.networks.get_mut(&network)
        {
            known.count -= 1;
            if known.count == 0 {
                self.networks.remove(&network);
            }
        }
        metrics::gauge!("http_connections").set(self.open.len() as f64);
        Some(entry)
    }
}

/// A registered connection, until its last clone is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Connection(Arc<Registration>);

#[derive(Debug)]
struct Registration {
    id: u64,
    connections: Arc<Connections>,
    shared: Arc<Shared>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.connections.lock().remove(self.id);
    }
}

impl Connection {
    /// Marks a request as in progress until the guard is dropped.
    pub(crate) fn begin_request(&self) -> RequestGuard {
        let Registration { id, connections, shared } = &*self.0;
        if shared.requests.fetch_add(1, Ordering::SeqCst) == 0 {
            connections.lock().set_quiet(*id, None);
        }
        RequestGuard(self.clone())
    }

    /// Whether no request is in progress.
    pub(crate) fn is_quiet(&self) -> bool {
        self.0.shared.requests.load(Ordering::SeqCst) == 0
    }

    /// Resolves when the connection has lost its place to a new one.
    pub(crate) async fn evicted(&self) {
        self.0.shared.evicted.notified().await;
    }

    /// Resolves when the connection has had no complete request for too long. Bytes that are no complete request do not
    /// count.
    pub(crate) async fn timed_out(&self) {
        let limits = &self.0.connections.limits;
        let mut wait = limits.header_timeout;
        loop {
            tokio::time::sleep(wait).await;
            wait = self.time_left();
            if wait.is_zero() {
                return;
            }
        }
    }

    fn time_left(&self) -> Duration {
        let Registration { connections, shared, .. } = &*self.0;
        let limits = &connections.limits;
        if !self.is_quiet() {
            return limits.idle_timeout;
        }
        let served = shared.served.load(Ordering::Relaxed) > 0;
        let allowed = if served { limits.idle_timeout } else { limits.header_timeout };
        let quiet = connections.now_millis().saturating_sub(shared.quiet_since.load(Ordering::Relaxed));
        allowed.saturating_sub(Duration::from_millis(quiet))
    }
}

/// A request in progress: from its head to the end of its response's body.
#[derive(Debug)]
pub(crate) struct RequestGuard(Connection);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let Registration { id, connections, shared } = &*self.0.0;
        shared.quiet_since.store(connections.now_millis(), Ordering::Relaxed);
        shared.served.fetch_add(1, Ordering::Relaxed);
        let mut registry = connections.lock();
        // Under the lock, so that a request that begins meanwhile is not marked as ended.
        if shared.requests.fetch_sub(1, Ordering::SeqCst) == 1 {
            let order = registry.next();
            registry.set_quiet(*id, Some((true, order)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(connections_max: usize, per_address_max: usize) -> Arc<Connections> {
        Connections::new(ConnectionLimits { connections_max, per_address_max, ..ConnectionLimits::default() })
    }

    fn is_evicted(connection: &Connection) -> bool {
        futures::FutureExt::now_or_never(connection.evicted()).is_some()
    }

    #[test]
    fn a_new_connection_takes_the_place_of_one_without_a_request() {
        let connections = limited(3, 10);
        let idle = connections.admit(None).unwrap();
        drop(idle.begin_request());
        let busy = connections.admit(None).unwrap();
        let request = busy.begin_request();
        let silent = connections.admit(None).unwrap();
        let fourth = connections.admit(None).unwrap();
        assert!(is_evicted(&silent) && !is_evicted(&idle) && !is_evicted(&busy), "the one without a request");
        let request_of_fourth = fourth.begin_request();
        let fifth = connections.admit(None).unwrap();
        assert!(is_evicted(&idle), "the one that is idle for longest");
        let request_of_fifth = fifth.begin_request();
        assert!(connections.admit(None).is_none(), "all have requests in progress");
        drop(request);
        assert!(connections.admit(None).is_some() && is_evicted(&busy));
        drop((idle, busy, silent, fourth, fifth, request_of_fourth, request_of_fifth));
        assert!(connections.lock().open.is_empty() && connections.lock().quiet.is_empty());
    }

    #[test]
    fn an_address_displaces_its_own_connections_only() {
        let connections = limited(10, 2);
        let address = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        let other = connections.admit(address("192.0.2.1")).unwrap();
        let first = connections.admit(address("2001:db8::1")).unwrap();
        let second = connections.admit(address("2001:db8::2")).unwrap();
        let third = connections.admit(address("2001:db8::3")).unwrap();
        assert!(is_evicted(&first) && !is_evicted(&second) && !is_evicted(&other), "the same /64");
        let requests = [second.begin_request(), third.begin_request()];
        assert!(connections.admit(address("2001:db8::4")).is_none());
        assert!(connections.admit(address("2001:db8:0:1::1")).is_some());
        drop((other, first, second, third, requests));
        assert!(connections.lock().networks.is_empty());
    }

    #[test]
    fn several_requests_of_one_connection_count_as_one() {
        let connections = limited(1, 1);
        let connection = connections.admit(None).unwrap();
        let (one, two) = (connection.begin_request(), connection.begin_request());
        drop(one);
        assert!(!connection.is_quiet() && connections.admit(None).is_none());
        drop(two);
        assert!(connection.is_quiet() && connections.admit(None).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn only_complete_requests_keep_a_connection() {
        let connections = limited(10, 10);
        let began = Instant::now();
        let connection = connections.admit(None).unwrap();
        connection.timed_out().await;
        assert_eq!(began.elapsed().as_secs(), 10);
        let connection = connections.admit(None).unwrap();
        let served = connection.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            let request = served.begin_request();
            tokio::time::sleep(Duration::from_secs(600)).await;
            drop(request);
        });
        let began = Instant::now();
        connection.timed_out().await;
        assert_eq!(began.elapsed().as_secs(), 5 + 600 + 75);
    }
}
