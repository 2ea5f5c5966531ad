//! Devices without a browser (RFC 8628): one asks, somebody decides elsewhere, the device polls.

use contracts::auth::{ClientAuthentication, GrantType, Refusal, Reply};
use contracts::users::Grants;
use group::Turn;

use crate::apply::session::{self, NewSession};
use crate::apply::{client_of, may_use};
use crate::limits::{DEVICE_INTERVAL_SECS, DEVICE_SECS, DEVICES_MAX};
use crate::scopes;
use crate::service::{Auth, Timer};
use crate::state::{CLIENT_DEVICES, DEVICES, Decision, DeviceAuthorization, EPOCHS, USER_CODES};

pub(crate) fn start(
    turn: &mut Turn<'_, Auth>,
    authentication: &ClientAuthentication,
    asked: &[String],
    device_hash: [u8; 32],
    user_code_tag: String,
) -> Result<Reply, Refusal> {
    let client = client_of(turn, authentication)?;
    may_use(&client, GrantType::DeviceCode)?;
    let scopes = scopes::granted(asked, &[&client.scopes]);
    if scopes.is_empty() {
        return Err(Refusal::InvalidScope);
    }
    if turn.has(&DEVICES, &device_hash) || turn.has(&USER_CODES, &user_code_tag) {
        return Err(Refusal::InvalidGrant("a code is drawn once".into()));
    }
    if turn.scan(&CLIENT_DEVICES, &authentication.client_id, DEVICES_MAX).len() == DEVICES_MAX {
        return Err(Refusal::InvalidGrant("too many devices of this client wait".into()));
    }
    let expires_at = turn.now().plus_secs(DEVICE_SECS);
    let device = DeviceAuthorization {
        client_id: authentication.client_id.clone(),
        scopes,
        user_code_tag: user_code_tag.clone(),
        expires_at,
        interval_secs: DEVICE_INTERVAL_SECS,
        polled_at: None,
        decision: Decision::Pending,
    };
    turn.put(&DEVICES, &device_hash, &device);
    turn.put(&USER_CODES, &user_code_tag, &device_hash);
    turn.put(&CLIENT_DEVICES, &(authentication.client_id.clone(), device_hash), &());
    turn.schedule(expires_at.plus_secs(DEVICE_SECS), Timer::ForgetDevice(device_hash));
    Ok(Reply::DeviceStarted { expires_at, interval_secs: DEVICE_INTERVAL_SECS })
}

pub(crate) fn decide(
    turn: &mut Turn<'_, Auth>,
    user_code_tag: &String,
    agreed: Option<Grants>,
) -> Result<Reply, Refusal> {
    let hash = turn.get(&USER_CODES, user_code_tag).ok_or(Refusal::NoSuchDevice)?;
    let mut device = turn.get(&DEVICES, &hash).ok_or(Refusal::NoSuchDevice)?;
    if device.expires_at <= turn.now() || device.decision != Decision::Pending {
        return Err(Refusal::NoSuchDevice);
    }
    device.decision = match agreed {
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
    turn.remove(&USER_CODES, user_code_tag);
    Ok(Reply::Done)
}

pub(crate) fn poll(
    turn: &mut Turn<'_, Auth>,
    authentication: &ClientAuthentication,
    device_hash: [u8; 32],
    refresh_hash: [u8; 32],
) -> Result<Reply, Refusal> {
    let client = client_of(turn, authentication)?;
    may_use(&client, GrantType::DeviceCode)?;
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
            let soon = |at: protocol::Timestamp| now < at.plus_secs(device.interval_secs.into());
            let slow_down = device.polled_at.is_some_and(soon);
            if slow_down {
                device.interval_secs = device.interval_secs.saturating_add(DEVICE_INTERVAL_SECS);
            }
            device.polled_at = Some(now);
            turn.put(&DEVICES, &device_hash, &device);
            return Ok(Reply::Wait { slow_down });
        }
    };
    if turn.get(&EPOCHS, &grants.user).is_some_and(|epoch| grants.epoch < epoch) {
        return Err(Refusal::InvalidGrant("the account has changed since: sign in again".into()));
    }
    let new = NewSession {
        user: grants.user,
        client_id: authentication.client_id.clone(),
        scopes,
        hotels: grants.hotels,
        epoch: grants.epoch,
    };
    let (_, grant) = session::start(turn, new, refresh_hash)?;
    forget(turn, &device_hash);
    Ok(Reply::Granted(grant))
}

/// Removes every trace of a device.
pub(crate) fn forget(turn: &mut Turn<'_, Auth>, hash: &[u8; 32]) {
    let Some(device) = turn.get(&DEVICES, hash) else { return };
    turn.remove(&DEVICES, hash);
    turn.remove(&USER_CODES, &device.user_code_tag);
    turn.remove(&CLIENT_DEVICES, &(device.client_id, *hash));
}
