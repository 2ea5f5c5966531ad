//! Device authorization (RFC 8628).

use protocol::{Access, Timestamp, VariantOf};
use serde::{Deserialize, Serialize};

use super::{Auth, ClientAuthentication, Reply, SessionGrant};
use crate::users::Grants;

/// Starts a device authorization.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartDeviceAuthorization {
    pub client: ClientAuthentication,
    /// The requested scopes; empty for all scopes of the client.
    pub scopes: Vec<String>,
    /// [`device_hash`](super::device_hash) of the device code.
    pub device_hash: [u8; 32],
    /// The keyed tag of the user code.
    pub user_code_tag: String,
}
request!(StartDeviceAuthorization, Auth => StartedDeviceAuthorization, Access::services(&["auth"]));

/// The reply to [`StartDeviceAuthorization`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedDeviceAuthorization {
    pub expires_at: Timestamp,
    /// The polling interval, in seconds.
    pub interval_secs: u32,
}

/// Records the decision of a user who has signed in and entered a user code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecideDeviceAuthorization {
    /// The keyed tag of the user code.
    pub user_code_tag: String,
    /// The grants of the user, from `users`, or `None` if the user denied access.
    pub approved: Option<Grants>,
}
request!(DecideDeviceAuthorization, Auth => (), Access::services(&["auth", "ui"]));

/// Polls a device authorization.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PollDeviceAuthorization {
    pub client: ClientAuthentication,
    /// [`device_hash`](super::device_hash) of the device code.
    pub device_hash: [u8; 32],
    /// [`refresh_hash`](super::refresh_hash) of the first refresh token, if access is granted.
    pub refresh_hash: [u8; 32],
}
request!(PollDeviceAuthorization, Auth => DevicePollReply, Access::services(&["auth"]));

/// The reply while the user has not decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationPending {
    /// The device polled before the interval had passed. The interval has been increased.
    pub slow_down: bool,
}

/// The reply to [`PollDeviceAuthorization`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DevicePollReply {
    Granted(SessionGrant),
    Pending(AuthorizationPending),
}

impl From<DevicePollReply> for Reply {
    fn from(reply: DevicePollReply) -> Self {
        match reply {
            DevicePollReply::Granted(grant) => Self::Granted(grant),
            DevicePollReply::Pending(pending) => Self::Pending(pending),
        }
    }
}

impl VariantOf<Reply> for DevicePollReply {
    fn from_message(message: Reply) -> Option<Self> {
        match message {
            Reply::Granted(grant) => Some(Self::Granted(grant)),
            Reply::Pending(pending) => Some(Self::Pending(pending)),
            Reply::Done(())
            | Reply::Client(_)
            | Reply::Reused(_)
            | Reply::DeviceStarted(_)
            | Reply::Counted(_) => None,
        }
    }
}

/// Reads the pending device authorization of a user code, for the consent page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GetDeviceAuthorization {
    /// The keyed tag of the user code.
    pub user_code_tag: String,
}
request!(GetDeviceAuthorization, Auth => PendingDevice, Access::services(&["auth", "ui"]));

/// The reply to [`GetDeviceAuthorization`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingDevice {
    pub client_name: String,
    /// The requested scopes.
    pub scopes: Vec<String>,
}
