//! The limits. Free attempts suffice for people who mistype; delays make guessing useless and stay short for a person who
//! shares the address with an attacker.

use contracts::auth::AttemptRule;

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;

/// Sign-ins of one account from one address.
pub(super) const SIGN_IN: AttemptRule =
    AttemptRule { free: 5, delay_secs: 2, delay_secs_max: 5 * MINUTE, forget_secs: HOUR };
/// Failed sign-ins from one address, over all accounts that have not signed in from there.
pub(super) const SIGN_IN_ADDRESS: AttemptRule =
    AttemptRule { free: 50, delay_secs: 1, delay_secs_max: 30, forget_secs: 15 * MINUTE };
/// The same from one IPv6 /48.
pub(super) const SIGN_IN_NETWORK: AttemptRule =
    AttemptRule { free: 200, delay_secs: 1, delay_secs_max: 30, forget_secs: 15 * MINUTE };

/// Wrong codes of devices from one address.
pub(super) const USER_CODE: AttemptRule =
    AttemptRule { free: 10, delay_secs: 2, delay_secs_max: 5 * MINUTE, forget_secs: HOUR };
/// The same from one IPv6 /48.
pub(super) const USER_CODE_NETWORK: AttemptRule =
    AttemptRule { free: 100, delay_secs: 2, delay_secs_max: MINUTE, forget_secs: HOUR };

/// Wrong secrets of one client from one address.
pub(super) const CLIENT: AttemptRule =
    AttemptRule { free: 20, delay_secs: 1, delay_secs_max: MINUTE, forget_secs: 15 * MINUTE };
/// Wrong secrets from one address, over all clients.
pub(super) const CLIENT_ADDRESS: AttemptRule =
    AttemptRule { free: 100, delay_secs: 1, delay_secs_max: MINUTE, forget_secs: 15 * MINUTE };
/// The same from one IPv6 /48.
pub(super) const CLIENT_NETWORK: AttemptRule =
    AttemptRule { free: 400, delay_secs: 1, delay_secs_max: MINUTE, forget_secs: 15 * MINUTE };

/// Started device authorizations from one address.
pub(super) const DEVICE: AttemptRule =
    AttemptRule { free: 30, delay_secs: 5, delay_secs_max: 2 * MINUTE, forget_secs: 10 * MINUTE };
/// The same from one IPv6 /48.
pub(super) const DEVICE_NETWORK: AttemptRule =
    AttemptRule { free: 300, delay_secs: 5, delay_secs_max: 2 * MINUTE, forget_secs: 10 * MINUTE };

/// Requests for mails from one address.
pub(super) const MAIL: AttemptRule =
    AttemptRule { free: 10, delay_secs: 10, delay_secs_max: 10 * MINUTE, forget_secs: HOUR };
/// The same from one IPv6 /48.
pub(super) const MAIL_NETWORK: AttemptRule =
    AttemptRule { free: 100, delay_secs: 10, delay_secs_max: 10 * MINUTE, forget_secs: HOUR };
