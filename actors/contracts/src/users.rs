//! The contract of `users`: accounts and their roles.

use protocol::{Access, Timestamp, VariantOf, codec};
use serde::{Deserialize, Serialize};

use crate::{HotelId, UserId, scope};

/// The shortest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// The longest password, in characters.
pub const PASSWORD_CHARS_MAX: usize = 128;
/// The longest email address, in bytes (RFC 5321 §4.5.3.1.3).
pub const EMAIL_BYTES_MAX: usize = 254;
/// The longest name, in characters.
pub const NAME_CHARS_MAX: usize = 120;

/// The part of a link's token that can be in a log: user, expiry and a hash of the tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailLink {
    pub user: UserId,
    /// When the link expires.
    pub until: Timestamp,
    /// See [`MailLink::tag_hash`].
    pub tag_hash: [u8; 32],
}

impl MailLink {
    /// Parses the token of a link: `usr_….1795435200.TAG`. The service verifies it.
    pub fn of_token(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let user = parts.next()?.parse().ok()?;
        let until = Timestamp(parts.next()?.parse::<i64>().ok()?.checked_mul(1000)?);
        let tag = parts.next().filter(|tag| !tag.is_empty() && tag.len() <= 64)?;
        parts.next().is_none().then(|| Self { user, until, tag_hash: Self::tag_hash(tag) })
    }

    /// Formats the token that [`MailLink::of_token`] parses.
    pub fn token(user: UserId, until: Timestamp, tag: &str) -> String {
        format!("{user}.{}.{tag}", until.seconds())
    }

    /// The hash of a tag in commands.
    pub fn tag_hash(tag: &str) -> [u8; 32] {
        codec::hash_secret("auberge users mail link", tag)
    }
}

/// Roles of an account, in addition to those of a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Roles {
    /// All scopes.
    pub administrator: bool,
    /// Hotels of which the user is staff, sorted.
    pub hotels: Vec<HotelId>,
    /// Staff of all hotels, also of those that are created later.
    pub all_hotels: bool,
}

/// What a user's tokens can contain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    pub user: UserId,
    /// All scopes of the user's roles, sorted.
    pub scopes: Vec<String>,
    /// Hotels (`htl_…`) of which the user is staff, or [`ALL_HOTELS`](crate::ALL_HOTELS).
    pub hotels: Vec<String>,
    /// Incremented when the password or the roles change or the account is closed. Refresh tokens of earlier epochs are
    /// invalid.
    pub epoch: u32,
}

/// An account, as its owner can see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub id: UserId,
    /// As typed.
    pub email: String,
    /// As typed.
    pub name: String,
    /// Whether the email address is verified.
    pub verified: bool,
    pub roles: Roles,
    pub created_at: Timestamp,
    /// Incremented with each change.
    pub version: u64,
    /// The address that replaces `email` when its owner opens the link in a mail.
    pub pending_email: Option<String>,
}

/// Creates an account. The reply does not reveal whether the address has an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Register {
    /// Checked by [`check_email`].
    pub email: String,
    /// Checked by [`check_name`].
    pub name: String,
    /// argon2id, as a PHC string.
    pub password_hash: String,
}
request!(Register, Users => (), Access::ANYONE);

/// Verifies an email address with a link from a mail. If the link is for the account's new address, this address becomes the
/// account's address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifyEmail {
    pub link: MailLink,
}
request!(VerifyEmail, Users => (), Access::ANYONE);

/// Sends the verification mail again to the caller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResendVerification;
request!(ResendVerification, Users => (), Access::scopes(&[scope::PROFILE]));

/// Sends a mail to reset the password. The reply does not reveal whether the address has an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestPasswordReset {
    pub email: String,
}
request!(RequestPasswordReset, Users => (), Access::ANYONE);

/// Sets a new password with a link from a mail and ends all sessions of the account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResetPassword {
    pub link: MailLink,
    /// argon2id, as a PHC string.
    pub password_hash: String,
}
request!(ResetPassword, Users => (), Access::ANYONE);

/// Changes the caller's account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpdateProfile {
    pub name: Option<String>,
    /// The version that the account must have.
    pub expected_version: Option<u64>,
}
request!(UpdateProfile, Users => Account, Access::scopes(&[scope::PROFILE]));

/// Changes the password and ends all sessions of the account. The API of `users` has verified the current password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangePassword {
    pub user: UserId,
    /// argon2id, as a PHC string.
    pub password_hash: String,
}
request!(ChangePassword, Users => Account, Access::services(&["users"]));

/// Closes an account. The sender has verified the password: a token with the scope `profile` is not sufficient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CloseAccount {
    pub user: UserId,
    /// The version that the account must have.
    pub expected_version: Option<u64>,
}
request!(CloseAccount, Users => (), Access::services(&["ui", "users"]));

/// Requests another email address for an account, and mails a link to it. The address changes when the link is opened; until
/// then the account keeps its address. The sender has verified the password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeEmail {
    pub user: UserId,
    /// Checked by [`check_email`].
    pub email: String,
    /// The version that the account must have.
    pub expected_version: Option<u64>,
}
request!(ChangeEmail, Users => Account, Access::services(&["ui", "users"]));

/// Sets all roles of an account. An account whose address is not verified can have none, because anyone can register an
/// address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetRoles {
    pub email: String,
    pub roles: Roles,
}
request!(SetRoles, Users => Account, Access::scopes(&[scope::CLUSTER_MANAGE]));

/// Creates the administrator's account. The reply is `None` if the address has an account, which does not change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateAdministrator {
    pub email: String,
    /// argon2id, as a PHC string.
    pub password_hash: String,
}
request!(CreateAdministrator, Users => Option<Account>, Access::services(&["users"]));

/// Verifies a password. The reply is `None` if the account does not exist or the password is wrong. Queries are not
/// stored, and `Debug` does not show the password.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifyPassword {
    pub email: String,
    pub password: String,
}
request!(VerifyPassword, Users => Option<Grants>, Access::services(&["auth", "ui", "users"]));

impl std::fmt::Debug for VerifyPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VerifyPassword")
    }
}

/// Reads what a user's tokens can contain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GetGrants {
    pub user: UserId,
}
request!(GetGrants, Users => Grants, Access::services(&["auth", "ui"]));

/// Reads the caller's account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GetOwnAccount;
request!(GetOwnAccount, Users => Account, Access::scopes(&[scope::PROFILE]));

/// Hashes a new password, for callers that cannot hash it themselves. `Debug` does not show the password.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct HashPassword {
    /// [`PASSWORD_CHARS_MIN`] to [`PASSWORD_CHARS_MAX`] characters.
    pub password: String,
    /// Random bytes from the caller.
    pub salt: [u8; 16],
}
// The reply is a PHC string.
request!(HashPassword, Users => String, Access::services(&["ui", "users"]));

impl std::fmt::Debug for HashPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashPassword")
    }
}

/// Lists accounts by email address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListAccounts {
    /// Only addresses that sort after this one.
    pub after: Option<String>,
    /// The largest number of accounts, 1 to 101.
    pub limit: u16,
}
request!(
    ListAccounts, Users => Vec<Account>,
    Access::scopes(&[scope::CLUSTER_READ, scope::CLUSTER_MANAGE])
);

/// The reply to [`VerifyPassword`] if the account does not exist or the password is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongPassword;

/// A domain refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The account does not exist or is closed.
    #[error("no such user")]
    NoSuchUser,
    /// The link is forged, has expired, or was used.
    #[error("the link is not valid")]
    BadLink,
    /// The account has another version than expected: its current version.
    #[error("the account has been changed")]
    Stale(u64),
    /// The caller is a client or a service, not a user.
    #[error("only a user can do this")]
    NotAUser,
    /// A field is invalid.
    #[error("{field}: {why}")]
    Invalid { field: String, why: String },
    /// The email address of the account is not verified.
    #[error("the email address of the account is not verified")]
    Unverified,
    /// Another account has the email address.
    #[error("another account has this email address")]
    AddressTaken,
    /// Mails to this account were requested too often. The next one can be requested after this number of seconds.
    #[error("too many mails were requested")]
    TooManyMails(u32),
}

protocol::contract! {
    /// The service `users`.
    pub struct Users = "users";
    refusal Refusal;

    /// Commands, stored by position. Commands contain hashes of passwords only.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Command {
        Register,
        VerifyEmail,
        ResendVerification,
        RequestPasswordReset,
        ResetPassword,
        UpdateProfile,
        ChangePassword,
        CloseAccount,
        SetRoles,
        CreateAdministrator,
        ChangeEmail,
    }

    /// Replies to commands, stored by position.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Reply { Done(()), Account(Account) }

    /// Queries.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Query { VerifyPassword, GetGrants, GetOwnAccount, HashPassword, ListAccounts }

    /// Replies to queries.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Answer {
        WrongPassword(WrongPassword),
        Grants(Grants),
        Account(Account),
        PasswordHash(String),
        Accounts(Vec<Account>),
    }
}

impl From<Option<Account>> for Reply {
    fn from(account: Option<Account>) -> Self {
        account.map_or(Self::Done(()), Self::Account)
    }
}

impl VariantOf<Reply> for Option<Account> {
    fn from_message(message: Reply) -> Option<Self> {
        match message {
            Reply::Done(()) => Some(None),
            Reply::Account(account) => Some(Some(account)),
        }
    }
}

impl From<Option<Grants>> for Answer {
    fn from(grants: Option<Grants>) -> Self {
        grants.map_or(Self::WrongPassword(WrongPassword), Self::Grants)
    }
}

impl VariantOf<Answer> for Option<Grants> {
    fn from_message(message: Answer) -> Option<Self> {
        match message {
            Answer::WrongPassword(WrongPassword) => Some(None),
            Answer::Grants(grants) => Some(Some(grants)),
            Answer::Account(_) | Answer::PasswordHash(_) | Answer::Accounts(_) => None,
        }
    }
}

/// Checks the form of an email address.
///
/// # Errors
/// What is wrong, as the end of a sentence.
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

/// Checks a name.
///
/// # Errors
/// What is wrong, as the end of a sentence.
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

/// Checks a new password. Only its length matters (NIST SP 800-63B §5.1.1).
///
/// # Errors
/// What is wrong, as the end of a sentence.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_passwords_and_names_are_checked() {
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
    fn link_tokens_round_trip() {
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

    /// Logs and idempotency rows contain these bytes.
    #[test]
    fn stored_bytes_are_still_read() {
        let link = || MailLink { user: UserId(7), until: Timestamp(5), tag_hash: [9; 32] };
        let link_bytes = [&[7, 10][..], &[9; 32]].concat();
        let roles = || Roles { administrator: true, hotels: vec![HotelId(3)], all_hotels: true };
        let commands: [(Command, &[&[u8]]); 11] = [
            (
                Register { email: "e".into(), name: "n".into(), password_hash: "p".into() }.into(),
                &[&[0], b"\x01e\x01n\x01p"],
            ),
            (VerifyEmail { link: link() }.into(), &[&[1], &link_bytes]),
            (ResendVerification.into(), &[&[2]]),
            (RequestPasswordReset { email: "e".into() }.into(), &[&[3], b"\x01e"]),
            (
                ResetPassword { link: link(), password_hash: "p".into() }.into(),
                &[&[4], &link_bytes, b"\x01p"],
            ),
            (
                UpdateProfile { name: Some("n".into()), expected_version: Some(4) }.into(),
                &[&[5], b"\x01\x01n\x01\x04"],
            ),
            (ChangePassword { user: UserId(7), password_hash: "p".into() }.into(), &[&[6], b"\x07\x01p"]),
            (CloseAccount { user: UserId(7), expected_version: None }.into(), &[&[7], &[7, 0]]),
            (SetRoles { email: "e".into(), roles: roles() }.into(), &[&[8], b"\x01e\x01\x01\x03\x01"]),
            (
                CreateAdministrator { email: "e".into(), password_hash: "p".into() }.into(),
                &[&[9], b"\x01e\x01p"],
            ),
            (
                ChangeEmail { user: UserId(7), email: "e".into(), expected_version: Some(4) }.into(),
                &[&[10], b"\x07\x01e\x01\x04"],
            ),
        ];
        for (command, parts) in commands {
            let bytes = [&[1][..], &parts.concat()].concat();
            assert_eq!(codec::encode(&command), bytes, "{command:?}");
            assert_eq!(codec::decode::<Command>(&bytes), Ok(command));
        }
        let account = Account {
            id: UserId(7),
            email: "e".into(),
            name: "n".into(),
            verified: true,
            roles: roles(),
            created_at: Timestamp(5),
            version: 2,
            pending_email: Some("f".into()),
        };
        let replies: [(Reply, &[u8]); 2] = [
            (().into(), &[1, 0]),
            (account.into(), b"\x01\x01\x07\x01e\x01n\x01\x01\x01\x03\x01\x0a\x02\x01\x01f"),
        ];
        for (reply, bytes) in replies {
            assert_eq!(codec::encode(&reply), bytes, "{reply:?}");
            assert_eq!(codec::decode::<Reply>(bytes), Ok(reply));
        }
    }
}
