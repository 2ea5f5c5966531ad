//! Replaces the secret of a client. The previous one stays valid for a while, so that the client's installations can be
//! changed one after another.

use contracts::auth::{ClientKind, ClientProfile, Refusal, RotateClientSecret};
use group::Turn;

use crate::limits::SECRET_OVERLAP_SECS_MAX;
use crate::service::Auth;
use crate::state::{CLIENTS, PreviousSecret};

pub(crate) fn rotate_secret(
    turn: &mut Turn<'_, Auth>,
    request: RotateClientSecret,
) -> Result<ClientProfile, Refusal> {
    let RotateClientSecret { client_id: id, secret_hash, overlap_secs } = request;
    let mut client = turn.get(&CLIENTS, &id).ok_or(Refusal::NoSuchClient)?;
    if client.revoked_at.is_some() {
        return Err(Refusal::ClientRevoked);
    }
    if client.kind == ClientKind::Public {
        return Err(Refusal::NoSecret);
    }
    if overlap_secs > SECRET_OVERLAP_SECS_MAX {
        let why = "must be at most 2592000 (30 days)".to_owned();
        return Err(Refusal::Invalid { field: "overlap_secs".to_owned(), why });
    }
    // A retry with the same secret is not a second rotation, which would invalidate the previous secret.
    if client.secret_hash != Some(secret_hash) {
        let until = turn.now().plus_secs(overlap_secs.into());
        client.previous_secret =
            client.secret_hash.filter(|_| overlap_secs > 0).map(|hash| PreviousSecret { hash, until });
        client.secret_hash = Some(secret_hash);
        turn.put(&CLIENTS, &id, &client);
    }
    Ok(client.profile(&id, turn.now()))
}
