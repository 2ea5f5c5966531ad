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
    /// When the last verification mail and the last reset mail were requested.
    pub mailed_at: [Timestamp; 2],
    pub closed: bool,
}

impl AccountRecord {
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
