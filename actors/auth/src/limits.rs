//! Limits and lifetimes. `apply` uses them, so they must be equal on all replicas: constants, not settings.

/// Lifetime of an access token, in seconds. A revocation can be forgotten after this time.
pub const ACCESS_TOKEN_SECS: i64 = 600;

/// How long a revocation is published, in seconds: the lifetime of a token plus a margin for clock skew.
pub(crate) const REVOCATION_SECS: i64 = ACCESS_TOKEN_SECS + 30;

/// Lifetime of an authorization code, in seconds (RFC 6749 §4.1.2 recommends at most 10 minutes).
pub(crate) const CODE_SECS: i64 = 60;

/// How long a used code is kept to detect its reuse, in seconds: until the first access token issued for it has expired.
pub(crate) const CODE_RETENTION_SECS: i64 = CODE_SECS + REVOCATION_SECS;

/// How long a refresh token may be used again after its first use, in seconds: for a second tab or a lost response.
pub(crate) const REUSE_GRACE_SECS: i64 = 10;

/// Number of successors of one refresh token, the first included.
pub(crate) const SUCCESSORS_MAX: u8 = 8;

/// Used refresh tokens kept for each session. Older ones are treated as unknown.
pub(crate) const USED_TOKENS_MAX: usize = 64;

/// An unused refresh token expires after 14 days (in seconds).
pub(crate) const REFRESH_IDLE_SECS: i64 = 14 * 86_400;

/// A session ends after 90 days (in seconds), even when it is in use.
pub(crate) const SESSION_SECS_MAX: i64 = 90 * 86_400;

/// Sessions of one user. A new session beyond this limit ends the oldest.
pub(crate) const SESSIONS_PER_USER_MAX: usize = 50;

/// A signing key is replaced after 30 days (in seconds).
pub(crate) const KEY_SECS: i64 = 30 * 86_400;

/// A new key is published this long before its first signature, in seconds, so that all nodes have fetched it.
pub(crate) const KEY_NOTICE_SECS: i64 = 60;

/// Lifetime of a device code, in seconds.
pub(crate) const DEVICE_SECS: i64 = 600;

/// Polling interval of a device, in seconds (RFC 8628 §3.5). A poll that comes too early adds as much.
pub(crate) const DEVICE_INTERVAL_SECS: u32 = 5;

/// Pending device authorizations of one client.
pub(crate) const DEVICES_MAX: usize = 10_000;

/// Redirect URIs of one client.
pub(crate) const REDIRECTS_MAX: usize = 10;

/// Length of a redirect URI, in bytes.
pub(crate) const REDIRECT_BYTES_MAX: usize = 500;

/// Length of a client's name, in characters.
pub(crate) const NAME_CHARS_MAX: usize = 100;

/// Hotels to which one client can be restricted.
pub(crate) const HOTELS_MAX: usize = 100;

/// Clients on one page.
pub(crate) const PAGE_MAX: u32 = 100;

/// Stored counters of attempts. Beyond this limit, any other one is removed.
pub(crate) const ATTEMPT_ROWS_MAX: u64 = 200_000;

/// How long the previous secret of a client can stay valid: 30 days (in seconds).
pub(crate) const SECRET_OVERLAP_SECS_MAX: u32 = 30 * 86_400;

/// Clients that are read to find another one that can operate the cluster.
pub(crate) const CLIENTS_SCANNED_MAX: usize = 10_000;
