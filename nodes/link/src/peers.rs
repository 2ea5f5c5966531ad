//! Which peers there are, and which connection with each is the session.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use crate::handshake::HandshakeResult;
use crate::identity::{Fingerprint, Identity};
use crate::options::Seed;
use crate::session::Session;

/// A node that this one is, was, or should be connected with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its name; empty as long as only an address is known.
    pub name: String,
    /// Its id, once it was seen.
    pub id: Option<u64>,
    /// Where it can be dialled.
    pub address: String,
    /// How it stands with it.
    pub state: PeerState,
    /// Since when.
    pub since: SystemTime,
    /// The last round trip.
    pub rtt: Option<Duration>,
}

/// How it stands with a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerState {
    /// Not seen yet.
    Connecting,
    /// Calls reach it.
    Up,
    /// They do not; why.
    Down(String),
    /// It was there and may not come in (certificate, name, cluster), or does not let this node in; why.
    Refused(String),
}

struct Entry {
    peer: Peer,
    session: Option<Arc<Session>>,
    wanted: bool,
}

#[derive(Default)]
struct State {
    /// By name; those whose name is not known by `?address`, which is no name.
    entries: BTreeMap<String, Entry>,
    denied: BTreeSet<Fingerprint>,
    tokens: HashMap<u128, Arc<Session>>,
}

/// All peers.
pub(crate) struct PeerTable {
    own: Identity,
    state: Mutex<State>,
    peers: watch::Sender<Vec<Peer>>,
}

fn key(seed: &Seed) -> String {
    seed.name.clone().unwrap_or_else(|| format!("?{}", seed.address))
}

impl PeerTable {
    pub(crate) fn new(own: Identity, denied: impl IntoIterator<Item = Fingerprint>) -> Self {
        let state = State { denied: denied.into_iter().collect(), ..State::default() };
        Self { own, state: Mutex::new(state), peers: watch::Sender::new(Vec::new()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Vec<Peer>> {
        self.peers.subscribe()
    }

    /// Says what is so now; while the state is locked, so that nothing older is said later.
    fn publish(&self, state: &State) {
        let now: Vec<Peer> = state.entries.values().map(|entry| entry.peer.clone()).collect();
        self.peers.send_if_modified(|said| {
            let news = *said != now;
            *said = now;
            news
        });
    }

    /// The nodes to be connected with are these; others stay only as long as they are connected.
    pub(crate) fn want(&self, seeds: &[Seed]) {
        let mut state = self.state();
        for entry in state.entries.values_mut() {
            entry.wanted = false;
        }
        for seed in seeds {
            if seed.name.as_deref() == Some(self.own.node.as_str()) {
                continue;
            }
            // An address whose node is known by now needs no entry of its own.
            let known = seed.name.is_none().then(|| {
                state
                    .entries
                    .iter_mut()
                    .find(|(_, entry)| entry.peer.address == seed.address)
                    .map(|(_, entry)| entry)
            });
            if let Some(Some(entry)) = known {
                entry.wanted = true;
                continue;
            }
            let entry = state.entries.entry(key(seed)).or_insert_with(|| Entry {
                peer: Peer {
                    name: seed.name.clone().unwrap_or_default(),
                    id: None,
                    address: seed.address.clone(),
                    state: PeerState::Connecting,
                    since: SystemTime::now(),
                    rtt: None,
                },
                session: None,
                wanted: true,
            });
            entry.wanted = true;
            entry.peer.address.clone_from(&seed.address);
        }
        state.entries.retain(|_, entry| entry.wanted || entry.session.is_some());
        self.publish(&state);
    }

    /// Nobody else is behind this address: it is this node's own, or a name's that is known.
    pub(crate) fn forget_address(&self, seed: &Seed) {
        let mut state = self.state();
        if seed.name.is_none() {
            state.entries.remove(&key(seed));
            self.publish(&state);
        }
    }

    /// Whether a connection becomes the session with its peer. Both sides come to the same connection:
    ///
    /// - another node of the same name (another id) has to wait until the first is gone or denied;
    /// - a restarted peer's replaces the old one, which is dead;
    /// - who dials again has lost the old one;
    /// - of two that crossed, the one that the node with the lesser name began stays.
    pub(crate) fn admit(&self, session: &Arc<Session>) -> HandshakeResult {
        let mut state = self.state();
        let negotiated = &session.negotiated;
        if negotiated.fingerprint.is_some_and(|fingerprint| state.denied.contains(&fingerprint)) {
            return HandshakeResult::Refused("its certificate is denied".to_owned());
        }
        let old = state.entries.get(session.node()).and_then(|entry| entry.session.clone());
        if let Some(old) = old.filter(|old| !old.is_gone()) {
            if old.negotiated.identity.node_id != negotiated.identity.node_id {
                return HandshakeResult::Refused("another node of that name is connected".to_owned());
            }
            let restarted = old.negotiated.incarnation != negotiated.incarnation;
            let again = old.negotiated.dialled == negotiated.dialled;
            let preferred = negotiated.dialled == (self.own.node.as_str() < session.node());
            if !(restarted || again || preferred) {
                return HandshakeResult::Duplicate;
            }
            state.tokens.remove(&old.negotiated.own_token);
            old.close("another connection took its place");
        }
        state.tokens.insert(negotiated.own_token, Arc::clone(session));
        let entry = state.entries.entry(session.node().to_owned()).or_insert_with(|| Entry {
            peer: Peer {
                name: session.node().to_owned(),
                id: None,
                address: negotiated.address.clone(),
                state: PeerState::Connecting,
                since: session.since,
                rtt: None,
            },
            session: None,
            wanted: false,
        });
        // The old session's end was this one's beginning: nobody calls over it any more.
        if entry.peer.state == PeerState::Up {
            entry.peer.state = PeerState::Connecting;
        }
        entry.session = Some(Arc::clone(session));
        entry.peer.id = Some(negotiated.identity.node_id);
        self.publish(&state);
        HandshakeResult::Accepted
    }

    /// Calls may go over it from now on.
    pub(crate) fn ready(&self, session: &Arc<Session>) {
        self.change(session, |entry| {
            entry.peer.state = PeerState::Up;
            entry.peer.since = SystemTime::now();
            entry.peer.rtt = session.rtt();
        });
    }

    /// Its round trip is known: no news that anybody waits for.
    pub(crate) fn measured(&self, session: &Arc<Session>) {
        let mut state = self.state();
        let Some(entry) = current(&mut state, session) else { return };
        entry.peer.rtt = session.rtt();
        let rtt = entry.peer.rtt;
        self.peers.send_if_modified(|peers| {
            peers.iter_mut().filter(|peer| peer.name == session.node()).for_each(|peer| peer.rtt = rtt);
            false
        });
    }

    /// It is over.
    pub(crate) fn remove(&self, session: &Arc<Session>) {
        self.change(session, |entry| {
            entry.session = None;
            entry.peer.state = PeerState::Down(session.why());
            entry.peer.since = SystemTime::now();
            entry.peer.rtt = None;
        });
        self.state().tokens.remove(&session.negotiated.own_token);
    }

    fn change(&self, session: &Arc<Session>, change: impl FnOnce(&mut Entry)) {
        let mut state = self.state();
        let Some(entry) = current(&mut state, session) else { return };
        change(entry);
        self.publish(&state);
    }

    /// A dial failed.
    pub(crate) fn note(&self, seed: &Seed, why: PeerState) {
        let mut state = self.state();
        let Some(entry) = state.entries.get_mut(&key(seed)) else { return };
        if entry.session.is_none() && entry.peer.state != why {
            entry.peer.state = why;
            entry.peer.since = SystemTime::now();
            self.publish(&state);
        }
    }

    /// Whether there is a connection with a node that is the session or becomes it.
    pub(crate) fn connection(&self, node: &str) -> Option<Arc<Session>> {
        let state = self.state();
        state.entries.get(node).and_then(|entry| entry.session.clone()).filter(|session| !session.is_gone())
    }

    /// Whose frames bear `token`.
    pub(crate) fn bearer(&self, token: u128) -> Option<Arc<Session>> {
        self.state().tokens.get(&token).filter(|session| !session.is_gone()).cloned()
    }

    pub(crate) fn is_denied(&self, fingerprint: &Fingerprint) -> bool {
        self.state().denied.contains(fingerprint)
    }

    /// Whoever bears this certificate is not let in any more, and put out.
    pub(crate) fn deny(&self, fingerprint: Fingerprint) {
        let mut state = self.state();
        state.denied.insert(fingerprint);
        for session in state.entries.values().filter_map(|entry| entry.session.as_ref()) {
            if session.negotiated.fingerprint == Some(fingerprint) {
                session.close("its certificate is denied");
            }
        }
    }

    /// Ends all sessions.
    pub(crate) fn close(&self, why: &str) {
        for session in self.state().entries.values().filter_map(|entry| entry.session.as_ref()) {
            session.close(why);
        }
    }
}

fn current<'a>(state: &'a mut State, session: &Arc<Session>) -> Option<&'a mut Entry> {
    let entry = state.entries.get_mut(session.node())?;
    let same = entry.session.as_ref().is_some_and(|held| held.number == session.number);
    same.then_some(entry)
}
