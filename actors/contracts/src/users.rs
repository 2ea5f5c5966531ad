//! What may be said to `users`: accounts, and the mail that goes with them.

use protocol::{Access, Contract, Route, Timestamp, codec};
use serde::{Deserialize, Serialize};

use crate::{HotelId, UserId, scope};

/// The contract.
#[derive(Debug, Clone, Copy)]
pub struct Users;

/// The shortest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// The longest password, in characters.
pub const PASSWORD_CHARS_MAX: usize = 128;
/// The longest mail address, in bytes (RFC 5321 §4.5.3.1.3).
pub const EMAIL_BYTES_MAX: usize = 254;
/// The longest name, in characters.
pub const NAME_CHARS_MAX: usize = 120;

/// What a link in a mail bears, as far as it may enter a log: who, until when, and a hash of its tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailLink {
    /// Whose account.
    pub user: UserId,
    /// The link is good until then.
    pub until: Timestamp,
    /// See [`MailLink::tag_hash`].
    pub tag_hash: [u8; 32],
}

impl MailLink {
    /// Reads the token of a link: `usr_….1795435200.TAG`. What it claims is checked by the service.
    pub fn of_token(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let user = parts.next()?.parse().ok()?;
        let until = Timestamp(parts.next()?.parse::<i64>().ok()?.checked_mul(1000)?);
        let tag = parts.next().filter(|tag| !tag.is_empty() && tag.len() <= 64)?;
        parts.next().is_none().then(|| Self { user, until, tag_hash: Self::tag_hash(tag) })
    }

    /// The token that [`MailLink::of_token`] reads.
    pub fn token(user: UserId, until: Timestamp, tag: &str) -> String {
        format!("{user}.{}.{tag}", until.seconds())
    }

    /// What stands for a tag in commands.
    pub fn tag_hash(tag: &str) -> [u8; 32] {
        codec::hash_secret("auberge users mail link", tag)
    }
}

/// What an account may do beside being a guest's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Roles {
    /// Everything.
    pub administrator: bool,
    /// Staff of these hotels, sorted.
    pub hotels: Vec<HotelId>,
}

/// What changes accounts. Passwords come as argon2id hashes in PHC form, made before anything is proposed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// A guest wants an account. The answer is the same whether there was one.
    Register {
        /// Checked by [`check_email`].
        email: String,
        /// As typed; checked by [`check_name`].
        name: String,
        /// Of the password.
        password_hash: String,
    },
    /// The address is the guest's.
    VerifyEmail {
        /// From the mail.
        link: MailLink,
    },
    /// The signed-in guest wants the verification mail again.
    ResendVerification,
    /// Somebody cannot sign in. The answer is the same whether there is such an account.
    RequestPasswordReset {
        /// Of the account, if there is one.
        email: String,
    },
    /// A new password by a link from the mail. Signs everybody out.
    ResetPassword {
        /// From the mail.
        link: MailLink,
        /// Of the new password.
        password_hash: String,
    },
    /// The signed-in guest changes the account.
    UpdateProfile {
        /// A new name.
        name: Option<String>,
        /// Only if this is the account's version.
        expected_version: Option<u64>,
    },
    /// From the service's own API, which has checked the current password. Signs everybody out.
    ChangePassword {
        /// Whose.
        user: UserId,
        /// Of the new password.
        password_hash: String,
    },
    /// The signed-in guest closes the account.
    Close {
        /// Only if this is the account's version.
        expected_version: Option<u64>,
    },
    /// An administrator says who may what.
    SetRoles {
        /// Of an account that exists.
        email: String,
        /// All roles from now on.
        roles: Roles,
    },
    /// The first start makes the administrator; again, it changes nothing.
    CreateAdministrator {
        /// Where the administrator signs in with.
        email: String,
        /// Of the password that is shown once.
        password_hash: String,
    },
}

/// What a command that was obeyed answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Noted.
    Done,
    /// The account as it is now.
    Account(Account),
}

/// The domain's "no".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("no such user")]
    NoSuchUser,
    /// The link is not ours, too old, or was used.
    #[error("the link is not valid any more")]
    BadLink,
    /// The account was changed meanwhile; its version now.
    #[error("the account was changed meanwhile")]
    Stale(u64),
    /// Only accounts can, not clients or services.
    #[error("only a user's own token can do this")]
    NotAUser,
    /// A field is out of bounds.
    #[error("{field}: {why}")]
    Invalid {
        /// Which.
        field: String,
        /// What is wrong with it.
        why: String,
    },
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
    /// The signed-in guest's account.
    Me,
    /// The argon2id hash of a new password, for apis that may not compute it themselves.
    HashPassword {
        /// As typed; within [`PASSWORD_CHARS_MIN`] and [`PASSWORD_CHARS_MAX`].
        password: String,
        /// From the asker's random source.
        salt: [u8; 16],
    },
    /// Accounts in order of their address, for administrators.
    Accounts {
        /// Only after this address.
        after: Option<String>,
        /// At most so many.
        limit: u16,
    },
}

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::VerifyPassword { .. } => f.write_str("VerifyPassword"),
            Self::Grants(user) => write!(f, "Grants({user})"),
            Self::Me => f.write_str("Me"),
            Self::HashPassword { .. } => f.write_str("HashPassword"),
            Self::Accounts { limit, .. } => write!(f, "Accounts({limit})"),
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

/// An account, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: UserId,
    /// Where mail goes, as typed.
    pub email: String,
    /// As typed.
    pub name: String,
    /// Whether the address was proven to be the guest's.
    pub verified: bool,
    /// What it may do beside.
    pub roles: Roles,
    /// When it was made.
    pub created_at: Timestamp,
    /// Grows with each change.
    pub version: u64,
}

/// What a query finds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// Nobody, or not the password: the two are not told apart.
    WrongPassword,
    /// The password is right, or the account asked for exists.
    Grants(Grants),
    /// The account.
    Account(Account),
    /// In PHC form.
    PasswordHash(String),
    /// A page of accounts.
    Accounts(Vec<Account>),
}

/// What is wrong with a mail address, if anything. Whether mail arrives there is found out by sending it.
pub fn check_email(email: &str) -> Result<(), &'static str> {
    let plausible = |email: &str| {
        let (local, domain) = email.rsplit_once('@')?;
        let dotted = domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.');
        let plain = |c: char| !c.is_control() && !c.is_whitespace() && !"<>()[],;:\\\"".contains(c);
        (!local.is_empty() && local.len() <= 64 && dotted && email.chars().all(plain)).then_some(())
    };
    if email.len() > EMAIL_BYTES_MAX {
        Err("must be at most 254 bytes long")
    } else {
        plausible(email).ok_or("is not a valid email address")
    }
}

/// What is wrong with a name, if anything.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    if name.trim().is_empty() {
        Err("is required")
    } else if name.chars().count() > NAME_CHARS_MAX {
        Err("must be at most 120 characters long")
    } else if name.chars().any(char::is_control) {
        Err("must not contain line breaks or control characters")
    } else {
        Ok(())
    }
}

/// What is wrong with a new password, if anything. Length is what counts (NIST SP 800-63B §5.1.1).
pub fn check_password(password: &str, email: &str) -> Result<(), &'static str> {
    let length = password.chars().count();
    if length < PASSWORD_CHARS_MIN {
        Err("must be at least 10 characters long")
    } else if length > PASSWORD_CHARS_MAX {
        Err("must be at most 128 characters long")
    } else if !email.is_empty() && password.eq_ignore_ascii_case(email) {
        Err("must not be the email address")
    } else if password.chars().all(|c| password.starts_with(c)) {
        Err("must not be a single repeated character")
    } else {
        Ok(())
    }
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
        match command {
            Command::Register { .. }
            | Command::VerifyEmail { .. }
            | Command::RequestPasswordReset { .. }
            | Command::ResetPassword { .. } => Access::ANYONE,
            Command::ResendVerification | Command::UpdateProfile { .. } | Command::Close { .. } => {
                Access::scopes(&[scope::PROFILE])
            }
            Command::ChangePassword { .. } => Access::services(&["users"]),
            Command::SetRoles { .. } => Access::scopes(&[scope::CLUSTER_MANAGE]),
            Command::CreateAdministrator { .. } => Access::services(&["users"]),
        }
    }

    fn query_access(query: &Query) -> Access {
        match query {
            Query::VerifyPassword { .. } => Access::services(&["auth", "ui", "users"]),
            Query::Grants(_) => Access::services(&["auth", "ui"]),
            Query::Me => Access::scopes(&[scope::PROFILE]),
            Query::HashPassword { .. } => Access::services(&["ui", "users"]),
            Query::Accounts { .. } => Access::scopes(&[scope::CLUSTER_READ, scope::CLUSTER_MANAGE]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_bounds() {
        for good in ["a@b.example", "łukasz.żółć+x@hôtel.example", "o'hara@a.b.c"] {
            assert_eq!(check_email(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "a",
            "@b.c",
            "a@b",
            "a b@c.d",
            "a@b.c\r\nBcc: x@y.z",
            "<a@b.c>",
            "a@.c",
            &format!("{}@b.c", "x".repeat(65)),
            &format!("a@{}.c", "x".repeat(254)),
        ] {
            assert!(check_email(bad).is_err(), "{bad}");
        }
        for (password, good) in [
            ("short", false),
            ("long enough", true),
            ("aaaaaaaaaaaa", false),
            ("me@hotel.example", false),
            (&"x y".repeat(50), false),
            ("пароль пароль", true),
        ] {
            assert_eq!(check_password(password, "Me@hotel.example").is_ok(), good, "{password}");
        }
        for (name, good) in [("Łukasz", true), (" ", false), ("a\nb", false), (&"x".repeat(121), false)] {
            assert_eq!(check_name(name).is_ok(), good, "{name:?}");
        }
    }

    #[test]
    fn links_read_back() {
        let (user, until) = (UserId(7), Timestamp(1_795_435_200_000));
        let token = MailLink::token(user, until, "abc");
        assert_eq!(
            MailLink::of_token(&token),
            Some(MailLink { user, until, tag_hash: MailLink::tag_hash("abc") })
        );
        for bad in [
            "",
            "usr_1.2.3",
            &token[1..],
            &format!("{token}.x"),
            &token.replace("abc", ""),
            &token.replace("1795435200", "x"),
        ] {
            assert_eq!(MailLink::of_token(bad), None, "{bad}");
        }
    }
}
