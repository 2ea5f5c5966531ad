//! What is stored.
//!
//! | tree | key | value |
//! |---|---|---|
//! | accounts | user | [`Stored`] |
//! | addresses | mail address in lower case | user |

use contracts::UserId;
use contracts::users::{Account, Roles};
use group::Tree;
use protocol::Timestamp;
use serde::{Deserialize, Serialize};

/// See the module.
pub(crate) const ACCOUNTS: Tree<UserId, Stored> = Tree::new(32, "accounts");
/// See the module.
pub(crate) const ADDRESSES: Tree<String, UserId> = Tree::new(33, "addresses");

/// An account. A closed one keeps its id, so that old tokens find nobody, and nothing of the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// As typed.
    pub email: String,
    /// As typed.
    pub name: String,
    /// argon2id, PHC form.
    pub password_hash: String,
    /// Whether a link from a mail was followed.
    pub verified: bool,
    /// What it may do beside.
    pub roles: Roles,
    /// When it was made.
    pub created_at: Timestamp,
    /// Grows with each change.
    pub version: u64,
    /// Grows when everybody is to be signed out.
    pub epoch: u32,
    /// When the last mail of this kind was asked for: verification, reset.
    pub mailed_at: [Timestamp; 2],
    /// Closed by its owner.
    pub closed: bool,
}

impl Stored {
    /// As its owner sees it.
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

/// The key of an address.
pub(crate) fn folded(email: &str) -> String {
    email.trim().to_lowercase()
}
