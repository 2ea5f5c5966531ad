//! The state machine: dispatch, and the signing key that a replica keeps in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use contracts::auth::{self, Answer, Command, Query, Refusal, Reply};
use group::{Service, Turn, View};
use protocol::Principal;
use serde::{Deserialize, Serialize};
use token::{ClusterKey, SigningKey};

use crate::{Effect, apply, invariants, query};

/// The service. The opened signing key is in the replica's memory only.
pub struct Auth {
    cluster: ClusterKey,
    issuer: String,
    opened: Mutex<BTreeMap<String, Arc<SigningKey>>>,
}

/// Timers. The entry that a timer names can be missing when it fires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    /// Remove an authorization code.
    ForgetCode([u8; 32]),
    /// End a session if it has expired.
    ExpireSession(u128),
    /// Remove a revocation, by kind and id.
    ForgetRevoked(u8, String),
    /// Remove an expired device authorization.
    ForgetDevice([u8; 32]),
    /// Replace a signing key.
    RotateKey(String),
    /// Remove a retired key.
    DropKey(String),
    /// Remove a counter of attempts.
    ForgetAttempt(u128),
}

impl Auth {
    /// `cluster` opens the signing keys; `issuer` is the public URL without a trailing slash.
    pub fn new(cluster: ClusterKey, issuer: impl Into<String>) -> Self {
        Self { cluster, issuer: issuer.into(), opened: Mutex::new(BTreeMap::new()) }
    }

    /// The claim `iss` of all tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Opens a signing key, or returns it if it is open.
    pub(crate) fn open_key(&self, id: &str, sealed: &str) -> Result<Arc<SigningKey>, Refusal> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = opened.get(id) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(self.cluster.unwrap_signing_key(sealed).ok_or(Refusal::NoKey)?);
        // Only one key signs at a time, so earlier keys are dropped.
        opened.clear();
        opened.insert(id.to_owned(), Arc::clone(&key));
        Ok(key)
    }
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Auth({})", self.issuer)
    }
}

impl Service for Auth {
    type Contract = auth::Auth;
    type Effect = Effect;
    type Timer = Timer;
    type Note = ();

    fn apply(&self, turn: &mut Turn<'_, Self>, command: Command) -> Result<Reply, Refusal> {
        match command {
            Command::InstallKey(request) => apply::key::install(turn, request).map(Reply::from),
            Command::KeyGenerated(request) => apply::key::generated(turn, request).map(Reply::from),
            Command::RotateKeys(_) => apply::key::rotate(turn).map(Reply::from),
            Command::WithdrawKey(request) => apply::key::withdraw(turn, &request).map(Reply::from),
            Command::CreateClient(request) => {
                apply::create_client::create_client(turn, request).map(Reply::from)
            }
            Command::RevokeClient(request) => apply::revoke::client(turn, request).map(Reply::from),
            Command::IssueAuthorizationCode(request) => {
                apply::authorize::issue_code(turn, request).map(Reply::from)
            }
            Command::ExchangeCode(request) => apply::exchange::exchange_code(turn, request).map(Reply::from),
            Command::StartSession(request) => {
                apply::session::start_ui_session(turn, request).map(Reply::from)
            }
            Command::RefreshSession(request) => apply::refresh::refresh(turn, request).map(Reply::from),
            Command::EndSession(request) => apply::revoke::ui_session(turn, &request).map(Reply::from),
            Command::RevokeRefreshToken(request) => {
                apply::revoke::refresh_token(turn, &request).map(Reply::from)
            }
            Command::RevokeAccessToken(request) => {
                apply::revoke::access_token(turn, request).map(Reply::from)
            }
            Command::UserChanged(request) => apply::revoke::user(turn, &request).map(Reply::from),
            Command::EndAllSessions(_) => apply::revoke::all_sessions(turn).map(Reply::from),
            Command::StartDeviceAuthorization(request) => {
                apply::device::start(turn, request).map(Reply::from)
            }
            Command::DecideDeviceAuthorization(request) => {
                apply::device::decide(turn, request).map(Reply::from)
            }
            Command::PollDeviceAuthorization(request) => apply::device::poll(turn, request).map(Reply::from),
            Command::CountAttempt(request) => apply::attempt::count(turn, &request).map(Reply::from),
            Command::AttemptSucceeded(request) => apply::attempt::succeeded(turn, &request).map(Reply::from),
            Command::RotateClientSecret(request) => {
                apply::rotate_secret::rotate_secret(turn, request).map(Reply::from)
            }
        }
    }

    fn fire(&self, turn: &mut Turn<'_, Self>, timer: Timer) {
        match timer {
            Timer::ForgetCode(hash) => apply::timers::forget_code(turn, &hash),
            Timer::ExpireSession(id) => apply::timers::expire_session(turn, id),
            Timer::ForgetRevoked(kind, id) => apply::timers::forget_revoked(turn, kind, id),
            Timer::ForgetDevice(hash) => apply::timers::forget_device(turn, &hash),
            Timer::RotateKey(id) => apply::key::due(turn, &id),
            Timer::DropKey(id) => apply::key::remove_retired(turn, &id),
            Timer::ForgetAttempt(key) => apply::attempt::forget(turn, key),
        }
    }

    fn query(&self, view: &View<'_>, caller: &Principal, query: Query) -> Result<Answer, Refusal> {
        query::answer(self, view, caller, query)
    }

    fn violations(&self, view: &View<'_>) -> Vec<String> {
        invariants::all(view)
    }
}
