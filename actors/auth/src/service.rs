//! The state machine: dispatch, and what a replica keeps in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use contracts::auth::{self, Answer, Command, Query, Refusal, Reply};
use group::{Service, Turn, View};
use protocol::Principal;
use serde::{Deserialize, Serialize};
use token::{ClusterKey, SigningKey};

use crate::{Effect, apply, invariants, query};

/// The service. One replica's worth: the keys it has opened stay in its memory only.
pub struct Auth {
    cluster: ClusterKey,
    issuer: String,
    opened: Mutex<BTreeMap<String, Arc<SigningKey>>>,
}

/// What it asks to be reminded of. Whatever a timer names may be gone by then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    /// A code is forgotten.
    ForgetCode([u8; 32]),
    /// A session may have expired.
    ExpireSession(u128),
    /// No token that this concerns is alive any more.
    ForgetRevoked(u8, String),
    /// A device has waited for too long.
    ForgetDevice([u8; 32]),
    /// A key has signed for long enough.
    RotateKey(String),
    /// Nothing that a retired key signed is alive any more.
    DropKey(String),
}

impl Auth {
    /// `cluster` opens the signing keys, `issuer` is the public URL without a slash at its end.
    pub fn new(cluster: ClusterKey, issuer: impl Into<String>) -> Self {
        Self { cluster, issuer: issuer.into(), opened: Mutex::new(BTreeMap::new()) }
    }

    /// Who signs: the `iss` of all tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The signing key, opened at its first use.
    pub(crate) fn open_key(&self, id: &str, sealed: &str) -> Result<Arc<SigningKey>, Refusal> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = opened.get(id) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(self.cluster.unwrap_signing_key(sealed).ok_or(Refusal::NoKey)?);
        // One signs at a time: the ones before it need not be kept open.
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
            Command::InstallKey(key) => apply::key::install(turn, key),
            Command::KeyGenerated(key) => apply::key::made(turn, key),
            Command::RotateKeys => apply::key::rotate(turn),
            Command::WithdrawKey { id } => apply::key::withdraw(turn, &id),
            Command::CreateClient(client) => apply::create_client::create_client(turn, client),
            Command::RevokeClient { client_id } => apply::revoke::client(turn, &client_id),
            Command::Authorize(code) => apply::authorize::authorize(turn, code),
            Command::Exchange { client, code_hash, redirect_uri, challenge, refresh_hash } => {
                let shown = apply::exchange::Shown { code_hash, redirect_uri, challenge };
                apply::exchange::exchange(turn, &client, &shown, refresh_hash)
            }
            Command::StartSession { grants, scopes, refresh_hash } => {
                apply::session::start_own(turn, grants, scopes.as_deref(), refresh_hash)
            }
            Command::Refresh { client, old_hash, new_hash, scopes } => {
                apply::refresh::refresh(turn, &client, old_hash, new_hash, scopes.as_deref())
            }
            Command::EndSession { refresh_hash } => apply::revoke::own_session(turn, refresh_hash),
            Command::RevokeRefresh { client, refresh_hash } => {
                apply::revoke::refresh(turn, &client, refresh_hash)
            }
            Command::RevokeAccess { client, issued_to, token_id, expires_at } => {
                apply::revoke::access(turn, &client, &issued_to, token_id, expires_at)
            }
            Command::EndAllSessions => apply::end_all_sessions::end_all_sessions(turn),
            Command::UserChanged { user, epoch } => apply::user_changed::user_changed(turn, user, epoch),
            Command::StartDevice { client, scopes, device_hash, user_code_tag } => {
                apply::device::start(turn, &client, &scopes, device_hash, user_code_tag)
            }
            Command::DecideDevice { user_code_tag, agreed } => {
                apply::device::decide(turn, &user_code_tag, agreed)
            }
            Command::PollDevice { client, device_hash, refresh_hash } => {
                apply::device::poll(turn, &client, device_hash, refresh_hash)
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
            Timer::DropKey(id) => apply::key::drop_retired(turn, &id),
        }
    }

    fn query(&self, view: &View<'_>, caller: &Principal, query: Query) -> Result<Answer, Refusal> {
        query::answer(self, view, caller, query)
    }

    fn violations(&self, view: &View<'_>) -> Vec<String> {
        invariants::all(view)
    }
}
