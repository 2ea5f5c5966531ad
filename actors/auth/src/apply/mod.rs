//! Transitions, one file each.

pub(crate) mod authorize;
pub(crate) mod create_client;
pub(crate) mod device;
pub(crate) mod end_all_sessions;
pub(crate) mod exchange;
pub(crate) mod key;
pub(crate) mod refresh;
pub(crate) mod revoke;
pub(crate) mod session;
pub(crate) mod timers;
pub(crate) mod user_changed;

use contracts::auth::{ClientAuthentication, ClientKind, GrantType, Refusal, UI_CLIENT};
use group::Turn;
use protocol::Timestamp;

use crate::service::{Auth, Timer};
use crate::state::{CLIENTS, Client, REVOKED, Revoked};

/// The client, if the authentication holds.
pub(crate) fn authenticated(
    client: Option<Client>,
    authentication: &ClientAuthentication,
) -> Result<Client, Refusal> {
    let client = client.filter(|client| client.revoked_at.is_none()).ok_or(Refusal::InvalidClient)?;
    let proven = match client.kind {
        ClientKind::Public => authentication.secret_hash.is_none(),
        // Hashes of 256 random bits: comparing them in any time tells nothing about the secret.
        ClientKind::Confidential => {
            client.secret_hash.is_some() && authentication.secret_hash == client.secret_hash
        }
    };
    if proven { Ok(client) } else { Err(Refusal::InvalidClient) }
}

fn client_of(turn: &Turn<'_, Auth>, authentication: &ClientAuthentication) -> Result<Client, Refusal> {
    authenticated(turn.get(&CLIENTS, &authentication.client_id), authentication)
}

/// The client may use `grant`, as far as its registration goes.
pub(crate) fn may_use(client: &Client, grant: GrantType) -> Result<(), Refusal> {
    if client.grant_types.contains(&grant) { Ok(()) } else { Err(Refusal::UnauthorizedClient) }
}

/// The UI has no registration: its service token is its authentication, and its sessions are nobody else's.
fn is_ui(turn: &Turn<'_, Auth>, client_id: &str) -> Result<bool, Refusal> {
    match (turn.caller().as_service() == Some("ui"), client_id == UI_CLIENT) {
        (true, true) => Ok(true),
        (false, false) => Ok(false),
        (true, false) | (false, true) => Err(Refusal::InvalidClient),
    }
}

/// Publishes that something is void, for as long as that matters to anybody.
fn revoke(turn: &mut Turn<'_, Auth>, kind: u8, id: String, epoch: u32, until: Timestamp) {
    turn.put(&REVOKED, &(kind, id.clone()), &Revoked { until, epoch });
    turn.schedule(until, Timer::ForgetRevoked(kind, id));
}
