//! Device authorization (RFC 8628): a device starts it, a user decides in a browser, the device polls.

use contracts::auth::{
    AuthorizationPending, DecideDeviceAuthorization, DevicePollReply, GrantType, PollDeviceAuthorization,
    Refusal, StartDeviceAuthorization, StartedDeviceAuthorization,
};
use group::Turn;
use protocol::Timestamp;

use super::session::{self, NewSession};
use super::{authenticated_client, check_epoch};
use crate::limits::{DEVICE_INTERVAL_SECS, DEVICE_SECS, DEVICES_MAX};
use crate::scopes;
use crate::service::{Auth, Timer};
use crate::state::{CLIENT_DEVICES, DEVICES, Decision, DeviceAuthorization, USER_CODES};

pub(crate) fn start(
    turn: &mut Turn<'_, Auth>,
    request: StartDeviceAuthorization,
) -> Result<StartedDeviceAuthorization, Refusal> {
    let StartDeviceAuthorization { client: authentication, scopes, device_hash, user_code_tag } = request;
    let client = authenticated_client(turn, &authentication)?;
    client.check_grant_type(GrantType::DeviceCode)?;
    let scopes = scopes::granted(&scopes, &[&client.scopes]);
    if scopes.is_empty() {
        return Err(Refusal::InvalidScope);
    }
    if turn.has(&DEVICES, &device_hash) || turn.has(&USER_CODES, &user_code_tag) {
        return Err(Refusal::InvalidGrant("the code was issued before".into()));
    }
    let client_id = authentication.client_id;
    if turn.scan(&CLIENT_DEVICES, &client_id, DEVICES_MAX).len() == DEVICES_MAX {
        return Err(Refusal::InvalidGrant("the client has too many pending device authorizations".into()));
    }
    // No writes above this line, no refusals below it.
    let expires_at = turn.now().plus_secs(DEVICE_SECS);
    let device = DeviceAuthorization {
        client_id: client_id.clone(),
        scopes,
        user_code_tag: user_code_tag.clone(),
        expires_at,
        interval_secs: DEVICE_INTERVAL_SECS,
        polled_at: None,
        decision: Decision::Pending,
    };
    turn.put(&DEVICES, &device_hash, &device);
    turn.put(&USER_CODES, &user_code_tag, &device_hash);
    turn.put(&CLIENT_DEVICES, &(client_id, device_hash), &());
    turn.schedule(expires_at.plus_secs(DEVICE_SECS), Timer::ForgetDevice(device_hash));
    Ok(StartedDeviceAuthorization { expires_at, interval_secs: DEVICE_INTERVAL_SECS })
}

pub(crate) fn decide(turn: &mut Turn<'_, Auth>, request: DecideDeviceAuthorization) -> Result<(), Refusal> {
    let DecideDeviceAuthorization { user_code_tag, approved } = request;
    let hash = turn.get(&USER_CODES, &user_code_tag).ok_or(Refusal::NoSuchDevice)?;
    let mut device = turn.get(&DEVICES, &hash).ok_or(Refusal::NoSuchDevice)?;
    if device.expires_at <= turn.now() || device.decision != Decision::Pending {
        return Err(Refusal::NoSuchDevice);
    }
    device.decision = match approved {
        None => Decision::Denied,
        Some(grants) => {
            let scopes = scopes::granted(&device.scopes, &[&grants.scopes]);
            if scopes.is_empty() {
                return Err(Refusal::InvalidScope);
            }
            Decision::Approved(grants, scopes)
        }
    };
    turn.put(&DEVICES, &hash, &device);
    turn.remove(&USER_CODES, &user_code_tag);
    Ok(())
}

pub(crate) fn poll(
    turn: &mut Turn<'_, Auth>,
    request: PollDeviceAuthorization,
) -> Result<DevicePollReply, Refusal> {
    let PollDeviceAuthorization { client: authentication, device_hash, refresh_hash } = request;
    let client = authenticated_client(turn, &authentication)?;
    client.check_grant_type(GrantType::DeviceCode)?;
    let unknown = || Refusal::InvalidGrant("unknown device code".into());
    let mut device = turn.get(&DEVICES, &device_hash).ok_or_else(unknown)?;
    if device.client_id != authentication.client_id {
        return Err(unknown());
    }
    let now = turn.now();
    if device.expires_at <= now {
        return Err(Refusal::ExpiredToken);
    }
    let (grants, scopes) = match device.decision {
        Decision::Denied => return Err(Refusal::AccessDenied),
        Decision::Approved(grants, scopes) => (grants, scopes),
        Decision::Pending => {
            let too_early = |polled_at: Timestamp| now < polled_at.plus_secs(device.interval_secs.into());
            let slow_down = device.polled_at.is_some_and(too_early);
            if slow_down {
                device.interval_secs = device.interval_secs.saturating_add(DEVICE_INTERVAL_SECS);
            }
            device.polled_at = Some(now);
            turn.put(&DEVICES, &device_hash, &device);
            return Ok(DevicePollReply::Pending(AuthorizationPending { slow_down }));
        }
    };
    check_epoch(turn, &grants)?;
    let new = NewSession {
        user: grants.user,
        client_id: authentication.client_id,
        scopes,
        hotels: grants.hotels,
        epoch: grants.epoch,
    };
    let (_, grant) = session::start(turn, new, refresh_hash)?;
    remove(turn, &device_hash);
    Ok(DevicePollReply::Granted(grant))
}

/// Removes all entries of a device authorization.
pub(crate) fn remove(turn: &mut Turn<'_, Auth>, hash: &[u8; 32]) {
    let Some(device) = turn.get(&DEVICES, hash) else { return };
    turn.remove(&DEVICES, hash);
    turn.remove(&USER_CODES, &device.user_code_tag);
    turn.remove(&CLIENT_DEVICES, &(device.client_id, *hash));
}
