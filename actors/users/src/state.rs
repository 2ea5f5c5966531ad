//! Stored trees.
//!
//! | tree | key | value |
//! |---|---|---|
//! | accounts | user | [`AccountRecord`] |
//! | addresses | email address in lower case | user |

use contracts::UserId;
use contracts::users::{Account, Refusal, Roles};
use group::Tree;
use protocol::{Principal, Timestamp};
use serde::{Deserialize, Serialize};

/// Accounts by user, including closed ones.
pub(crate) const ACCOUNTS: Tree<UserId, AccountRecord> = Tree::new(32, "accounts");
/// Users by email address, for open accounts.
pub(crate) const ADDRESSES: Tree<String, UserId> = Tree::new(33, "addresses");

/// An account. A closed account keeps its id and no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccountRecord {
    /// As typed.
    pub email: String,
    /// As typed.
    pub name: String,
    /// argon2id, as a PHC string.
    pub password_hash: String,
    /// Whether the email address is verified.
    pub verified: bool,
    pub roles: Roles,
    pub created_at: Timestamp,
    /// Incremented with each change.
    pub version: u64,
    /// Incremented to end all sessions of the account.
    pub epoch: u32,
    /// Requests for mails, by [`MailKind`].
    pub mails: [MailRequests; 4],
    pub closed: bool,
    /// The address that replaces `email` when its owner opens the link in a mail.
    pub pending_email: Option<String>,
}

/// The kinds of mails that people without the account's password can request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MailKind {
    /// Verify an address.
    Registration,
    /// Set a new password.
    Reset,
    /// Confirm a new address.
    EmailChange,
    /// An account with this address exists.
    AlreadyRegistered,
}

/// The recent requests for one kind of mail to one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub(crate) struct MailRequests {
    /// When the last mail was requested.
    pub at: Timestamp,
    /// Mails since the last day without one.
    pub count: u8,
}

/// The interval after the first mail, in seconds. It doubles with each further mail.
const MAIL_INTERVAL_SECS: i64 = 60;
/// The longest interval between two mails, in seconds. It is shorter than the lifetime of the links, so that the mailbox
/// always has a link that works, however many mails others have requested.
const MAIL_INTERVAL_SECS_MAX: i64 = 30 * 60;
/// After this time without a mail, the interval starts again, in seconds.
const MAIL_QUIET_SECS: i64 = 24 * 3600;

impl MailRequests {
    /// The number of seconds until the next mail can be requested.
    fn wait_secs(self, now: Timestamp) -> i64 {
        let doublings = u32::from(self.count.saturating_sub(1)).min(10);
        let interval = match self.count {
            0 => 0,
            _ => (MAIL_INTERVAL_SECS << doublings).min(MAIL_INTERVAL_SECS_MAX),
        };
        (self.at.plus_secs(interval).0 - now.0 + 999).div_euclid(1000).max(0)
    }
}

impl AccountRecord {
    /// Counts a request for a mail. If the last one was too recent, the error is the number of seconds to wait.
    pub fn request_mail(&mut self, kind: MailKind, now: Timestamp) -> Result<(), u32> {
        let requests = &mut self.mails[kind as usize];
        if requests.at.plus_secs(MAIL_QUIET_SECS) <= now {
            *requests = MailRequests::default();
        }
        match requests.wait_secs(now) {
            0 => {
                *requests = MailRequests { at: now, count: requests.count.saturating_add(1) };
                Ok(())
            }
            wait => Err(u32::try_from(wait).unwrap_or(u32::MAX)),
        }
    }

    /// The account as its owner can see it.
    pub fn account(&self, id: UserId) -> Account {
        Account {
            id,
            email: self.email.clone(),
            name: self.name.clone(),
            verified: self.verified,
            roles: self.roles.clone(),
            created_at: self.created_at,
            version: self.version,
            pending_email: self.pending_email.clone(),
        }
    }
}

/// The key of an address in [`ADDRESSES`].
pub(crate) fn address_key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// The user who calls, or on whose behalf a service calls.
pub(crate) fn user_of(caller: &Principal) -> Result<UserId, Refusal> {
    caller.effective_subject().parse().map_err(|_| Refusal::NotAUser)
}
