//! State transitions, one file each.

pub(crate) mod attempt;
pub(crate) mod authorize;
pub(crate) mod create_client;
pub(crate) mod device;
pub(crate) mod exchange;
pub(crate) mod key;
pub(crate) mod refresh;
pub(crate) mod revoke;
pub(crate) mod rotate_secret;
pub(crate) mod session;
pub(crate) mod timers;

use contracts::auth::{ClientAuthentication, Refusal, UI_CLIENT};
use contracts::users::Grants;
use group::Turn;
use protocol::Timestamp;

use crate::service::{Auth, Timer};
use crate::state::{CLIENTS, Client, EPOCHS, REVOKED, Revoked};

fn authenticated_client(
    turn: &Turn<'_, Auth>,
    authentication: &ClientAuthentication,
) -> Result<Client, Refusal> {
    Client::authenticated(turn.get(&CLIENTS, &authentication.client_id), authentication, turn.now())
}

/// Whether the caller is the Booking UI. It is not registered as a client: it authenticates with its service token, and
/// only it can use its sessions.
fn is_ui(turn: &Turn<'_, Auth>, client_id: &str) -> Result<bool, Refusal> {
    match (turn.caller().as_service() == Some("ui"), client_id == UI_CLIENT) {
        (true, true) => Ok(true),
        (false, false) => Ok(false),
        (true, false) | (false, true) => Err(Refusal::InvalidClient),
    }
}

/// Refuses grants of an earlier epoch of the user.
fn check_epoch(turn: &Turn<'_, Auth>, grants: &Grants) -> Result<(), Refusal> {
    match turn.get(&EPOCHS, &grants.user) {
        Some(epoch) if grants.epoch < epoch => {
            Err(Refusal::InvalidGrant("the account has changed: sign in again".into()))
        }
        _ => Ok(()),
    }
}

/// Publishes a revocation until `until`.
fn revoke(turn: &mut Turn<'_, Auth>, kind: u8, id: String, epoch: u32, until: Timestamp) {
    turn.put(&REVOKED, &(kind, id.clone()), &Revoked { until, epoch });
    turn.schedule(until, Timer::ForgetRevoked(kind, id));
}
