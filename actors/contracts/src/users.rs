//! What may be said to `users`: accounts, and the mail that goes with them.

use contract::{Access, Contract, Route};
use serde::{Deserialize, Serialize};

use crate::UserId;

/// The contract.
#[derive(Debug, Clone, Copy)]
pub struct Users;

/// What changes accounts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {}

/// What a command that was obeyed answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Noted.
    Done,
}

/// The domain's "no".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("no such user")]
    NoSuchUser,
}

/// What may be asked.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub enum Query {
    /// Whether this is the account's password. The password is in no log: queries are not stored, and this type does
    /// not show it.
    VerifyPassword {
        /// The address of the account.
        email: String,
        /// As typed.
        password: String,
    },
    /// What auth puts into tokens.
    Grants(UserId),
}

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::VerifyPassword { .. } => f.write_str("VerifyPassword"),
            Self::Grants(user) => write!(f, "Grants({user})"),
        }
    }
}

/// What a user's tokens may bear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// Whose.
    pub user: UserId,
    /// All scopes that the user's roles allow, sorted.
    pub scopes: Vec<String>,
    /// Hotels (`htl_…`) that a staff member is bound to.
    pub hotels: Vec<String>,
    /// Grows when the password changes or the account is closed: older refresh tokens are void.
    pub epoch: u32,
}

/// What a query finds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// Nobody, or not the password: the two are not told apart.
    WrongPassword,
    /// The password is right, or the account asked for exists.
    Grants(Grants),
}

impl Contract for Users {
    const SERVICE: &'static str = "users";
    type Command = Command;
    type Reply = Reply;
    type Refusal = Refusal;
    type Query = Query;
    type Answer = Answer;

    fn route_command(_: &Command) -> Route {
        Route::SINGLE
    }

    fn route_query(_: &Query) -> Route {
        Route::SINGLE
    }

    fn command_access(command: &Command) -> Access {
        match *command {}
    }

    fn query_access(query: &Query) -> Access {
        match query {
            Query::VerifyPassword { .. } | Query::Grants(_) => Access::services(&["auth", "ui"]),
        }
    }
}
