//! Every number of this service. Those that `apply` uses must be the same on all replicas: constants, not settings.

/// Life of an access token, in seconds. No revocation needs to be remembered for longer.
pub const ACCESS_TOKEN_SECS: i64 = 600;

/// For how long revocations are published: a token's life, and clocks that differ.
pub(crate) const REVOCATION_SECS: i64 = ACCESS_TOKEN_SECS + 30;

/// Life of an authorization code, in seconds (RFC 6749 §4.1.2 recommends 10 minutes at most).
pub(crate) const CODE_SECS: i64 = 60;

/// For how long a used code is remembered, so that using it again is noticed: while its first token may be alive.
pub(crate) const CODE_MEMORY_SECS: i64 = CODE_SECS + REVOCATION_SECS;

/// How long after it was spent a refresh token may be spent again: a second tab, or an answer that was lost.
pub(crate) const GRACE_SECS: i64 = 10;

/// How many successors one refresh token may get, the first included.
pub(crate) const SUCCESSORS_MAX: u8 = 8;

/// Spent refresh tokens remembered for each session; older ones are merely unknown.
pub(crate) const SPENT_MAX: usize = 64;

/// A refresh token expires when it is not used for so long, in seconds: 14 days.
pub(crate) const REFRESH_IDLE_SECS: i64 = 14 * 86_400;

/// A session ends after so long, however busy, in seconds: 90 days.
pub(crate) const SESSION_SECS_MAX: i64 = 90 * 86_400;

/// Sessions of one user; a new one ends the oldest.
pub(crate) const SESSIONS_PER_USER_MAX: usize = 50;

/// A signing key is replaced after so long, in seconds: 30 days.
pub(crate) const KEY_SECS: i64 = 30 * 86_400;

/// A new key is published so long before it signs, in seconds: every node has heard of it by then.
pub(crate) const KEY_NOTICE_SECS: i64 = 60;

/// Life of a device code, in seconds.
pub(crate) const DEVICE_SECS: i64 = 600;

/// How long a device waits between two polls, in seconds (RFC 8628 §3.5); each poll too soon adds as much.
pub(crate) const DEVICE_INTERVAL_SECS: u32 = 5;

/// Devices that wait at the same time, for each client.
pub(crate) const DEVICES_MAX: usize = 1_000;

/// Redirect URIs of a client.
pub(crate) const REDIRECTS_MAX: usize = 10;

/// Length of a redirect URI, in bytes.
pub(crate) const REDIRECT_BYTES_MAX: usize = 500;

/// Length of a client's name, in characters.
pub(crate) const NAME_CHARS_MAX: usize = 100;

/// Hotels that a client may be bound to.
pub(crate) const HOTELS_MAX: usize = 100;

/// A page of clients.
pub(crate) const PAGE_MAX: u32 = 100;
