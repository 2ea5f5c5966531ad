//! Table of peers and of the session with each.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use crate::handshake::HandshakeResult;
use crate::identity::{Fingerprint, Identity};
use crate::options::Seed;
use crate::session::Session;

/// A node that this node is connected to, was connected to, or should connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Name of the node. Empty while only its address is known.
    pub name: String,
    /// Id of the node, once known.
    pub id: Option<u64>,
    /// Address that is dialled.
    pub address: String,
    /// State of the connection.
    pub state: PeerState,
    /// Since when it is in this state.
    pub since: SystemTime,
    /// Round-trip time of the last ping.
    pub rtt: Option<Duration>,
}

/// State of the connection with a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerState {
    /// Not connected yet.
    Connecting,
    /// Connected. Calls can be made.
    Up,
    /// Not connected, with the reason.
    Down(String),
    /// One side refused the other in the handshake (certificate, name, cluster), with the reason.
    Refused(String),
}

struct Entry {
    peer: Peer,
    session: Option<Arc<Session>>,
    wanted: bool,
}

#[derive(Default)]
struct State {
    /// By name. Peers without a known name are stored under `?ADDRESS`, which is not a valid name.
    entries: BTreeMap<String, Entry>,
    denied: BTreeSet<Fingerprint>,
    tokens: HashMap<u128, Arc<Session>>,
}

/// The table of peers of a link.
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

    /// Publishes the current peers. Called with the state locked, so that updates are published in order.
    fn publish(&self, state: &State) {
        let now: Vec<Peer> = state.entries.values().map(|entry| entry.peer.clone()).collect();
        self.peers.send_if_modified(|published| {
            let changed = *published != now;
            *published = now;
            changed
        });
    }

    /// Sets the nodes to connect to. Others remain only while they are connected.
    pub(crate) fn set_wanted(&self, seeds: &[Seed]) {
        let mut state = self.state();
        for entry in state.entries.values_mut() {
            entry.wanted = false;
        }
        for seed in seeds {
            if seed.name.as_deref() == Some(self.own.node.as_str()) {
                continue;
            }
            // An address whose node is known needs no entry of its own.
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

    /// Removes the entry of an address that belongs to this node or to a peer with a known name.
    pub(crate) fn remove_address(&self, seed: &Seed) {
        let mut state = self.state();
        if seed.name.is_none() {
            state.entries.remove(&key(seed));
            self.publish(&state);
        }
    }

    /// Decides whether a connection becomes the session with its peer. Both sides reach the same decision:
    ///
    /// - another node of the same name (with another id) is refused until the first is disconnected or denied;
    /// - the connection of a restarted peer replaces the old one, which is dead;
    /// - a peer that dials again has lost its old connection, so the new one replaces it;
    /// - of two connections that crossed, the one that was dialled by the node with the lesser name is kept.
    pub(crate) fn admit(&self, session: &Arc<Session>) -> HandshakeResult {
        let mut state = self.state();
        let negotiated = &session.negotiated;
        if negotiated.fingerprint.is_some_and(|fingerprint| state.denied.contains(&fingerprint)) {
            return HandshakeResult::Refused("the certificate is denied".to_owned());
        }
        let old = state.entries.get(session.node()).and_then(|entry| entry.session.clone());
        if let Some(old) = old.filter(|old| !old.has_ended()) {
            if old.negotiated.identity.node_id != negotiated.identity.node_id {
                return HandshakeResult::Refused("another node with the same name is connected".to_owned());
            }
            let restarted = old.negotiated.incarnation != negotiated.incarnation;
            let redialled = old.negotiated.dialled == negotiated.dialled;
            let preferred = negotiated.dialled == (self.own.node.as_str() < session.node());
            if !(restarted || redialled || preferred) {
                return HandshakeResult::Duplicate;
            }
            state.tokens.remove(&old.negotiated.own_token);
            old.close("replaced by another connection");
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
        // The old session has just been closed, so calls are not possible until this one is ready.
        if entry.peer.state == PeerState::Up {
            entry.peer.state = PeerState::Connecting;
        }
        entry.session = Some(Arc::clone(session));
        entry.peer.id = Some(negotiated.identity.node_id);
        self.publish(&state);
        HandshakeResult::Accepted
    }

    /// Marks a session as ready for calls.
    pub(crate) fn ready(&self, session: &Arc<Session>) {
        self.change(session, |entry| {
            entry.peer.state = PeerState::Up;
            entry.peer.since = SystemTime::now();
            entry.peer.rtt = session.rtt();
        });
    }

    /// Updates the round-trip time of a peer, without notifying subscribers.
    pub(crate) fn update_rtt(&self, session: &Arc<Session>) {
        let mut state = self.state();
        let Some(entry) = current(&mut state, session) else { return };
        entry.peer.rtt = session.rtt();
        let rtt = entry.peer.rtt;
        self.peers.send_if_modified(|peers| {
            peers.iter_mut().filter(|peer| peer.name == session.node()).for_each(|peer| peer.rtt = rtt);
            false
        });
    }

    /// Removes a session that has ended.
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

    /// Sets the state of a peer after a failed dial.
    pub(crate) fn set_state(&self, seed: &Seed, why: PeerState) {
        let mut state = self.state();
        let Some(entry) = state.entries.get_mut(&key(seed)) else { return };
        if entry.session.is_none() && entry.peer.state != why {
            entry.peer.state = why;
            entry.peer.since = SystemTime::now();
            self.publish(&state);
        }
    }

    /// The connection with a node: a session, or one that is becoming ready.
    pub(crate) fn connection(&self, node: &str) -> Option<Arc<Session>> {
        let state = self.state();
        state.entries.get(node).and_then(|entry| entry.session.clone()).filter(|session| !session.has_ended())
    }

    /// The session with this token.
    pub(crate) fn session_by_token(&self, token: u128) -> Option<Arc<Session>> {
        self.state().tokens.get(&token).filter(|session| !session.has_ended()).cloned()
    }

    pub(crate) fn is_denied(&self, fingerprint: &Fingerprint) -> bool {
        self.state().denied.contains(fingerprint)
    }

    /// Denies a certificate and ends the session that uses it.
    pub(crate) fn deny(&self, fingerprint: Fingerprint) {
        let mut state = self.state();
        state.denied.insert(fingerprint);
        for session in state.entries.values().filter_map(|entry| entry.session.as_ref()) {
            if session.negotiated.fingerprint == Some(fingerprint) {
                session.close("the certificate is denied");
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
    let same = entry.session.as_ref().is_some_and(|current| current.number == session.number);
    same.then_some(entry)
}
