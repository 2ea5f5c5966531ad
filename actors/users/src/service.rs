//! The state machine as the kernel sees it.

use contracts::UserId;
use contracts::users::{Answer, Command, Query, Refusal, Reply};
use group::{Cost, Service, Turn, View};
use protocol::{Principal, Timestamp};
use serde::{Deserialize, Serialize};
use token::LinkKey;

use crate::{apply, invariants, query};

/// The service.
#[derive(Debug, Clone)]
pub struct Users {
    pub(crate) links: LinkKey,
}

impl Users {
    /// `links` makes the tags of links in mails.
    pub fn new(links: LinkKey) -> Self {
        Self { links }
    }
}

/// What the leader does outside. Persisted in the outbox: grows at its end only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// A mail with a link that proves the address.
    MailVerification {
        /// Whose.
        user: UserId,
        /// Where to.
        email: String,
        /// The link is good until then.
        until: Timestamp,
    },
    /// A mail with a link to a new password.
    MailReset {
        /// Whose.
        user: UserId,
        /// Where to.
        email: String,
        /// The link is good until then.
        until: Timestamp,
        /// The link is good for this epoch only: once.
        epoch: u32,
    },
    /// A mail that says that there is an account already.
    MailAlreadyRegistered {
        /// Where to.
        email: String,
    },
}

/// Nothing is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timer {}

/// What the tag of a verification link is made of.
pub(crate) fn verification_parts(user: UserId, until: Timestamp, email: &str) -> [String; 4] {
    ["verify".to_owned(), user.to_string(), until.seconds().to_string(), email.to_owned()]
}

/// What the tag of a reset link is made of.
pub(crate) fn reset_parts(user: UserId, until: Timestamp, epoch: u32) -> [String; 4] {
    ["reset".to_owned(), user.to_string(), until.seconds().to_string(), epoch.to_string()]
}

/// The tag of such parts.
pub(crate) fn tag(links: &LinkKey, parts: &[String; 4]) -> String {
    links.tag(&parts.each_ref().map(String::as_str))
}

impl Service for Users {
    type Contract = contracts::users::Users;
    type Effect = Effect;
    type Timer = Timer;
    type Note = ();

    fn apply(&self, turn: &mut Turn<'_, Self>, command: Command) -> Result<Reply, Refusal> {
        match command {
            Command::Register { email, name, password_hash } => {
                apply::register(turn, email, name, password_hash)
            }
            Command::VerifyEmail { link } => apply::verify_email(turn, &self.links, &link),
            Command::ResendVerification => apply::resend_verification(turn),
            Command::RequestPasswordReset { email } => apply::request_reset(turn, &email),
            Command::ResetPassword { link, password_hash } => {
                apply::reset_password(turn, &self.links, &link, password_hash)
            }
            Command::UpdateProfile { name, expected_version } => {
                apply::update_profile(turn, name, expected_version)
            }
            Command::ChangePassword { user, password_hash } => {
                apply::change_password(turn, user, password_hash)
            }
            Command::Close { expected_version } => apply::close(turn, expected_version),
            Command::SetRoles { email, roles } => apply::set_roles(turn, &email, roles),
            Command::CreateAdministrator { email, password_hash } => {
                apply::create_administrator(turn, email, password_hash)
            }
        }
    }

    fn fire(&self, _: &mut Turn<'_, Self>, timer: Timer) {
        match timer {}
    }

    fn query(&self, view: &View<'_>, caller: &Principal, query: Query) -> Result<Answer, Refusal> {
        query::answer(view, caller, query)
    }

    fn cost(query: &Query) -> Cost {
        match query {
            Query::VerifyPassword { .. } | Query::HashPassword { .. } => Cost::Heavy,
            Query::Grants(_) | Query::Me | Query::Accounts { .. } => Cost::Disk,
        }
    }

    fn violations(&self, view: &View<'_>) -> Vec<String> {
        invariants::violations(view)
    }
}
