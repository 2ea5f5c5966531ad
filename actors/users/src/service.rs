//! The state machine.

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
    /// `links` tags the links in mails.
    pub fn new(links: LinkKey) -> Self {
        Self { links }
    }
}

/// Effects of this service. Persisted in the outbox: append variants only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Send a mail with a link to verify the address.
    MailVerification {
        user: UserId,
        email: String,
        /// When the link expires.
        until: Timestamp,
    },
    /// Send a mail with a link to set a new password.
    MailReset {
        user: UserId,
        email: String,
        /// When the link expires.
        until: Timestamp,
        /// The epoch for which the link is valid.
        epoch: u32,
    },
    /// Send a mail that an account with this address exists.
    MailAlreadyRegistered { email: String },
    /// Send a mail with a link that makes this address the address of the account.
    MailEmailChange {
        user: UserId,
        /// The new address.
        email: String,
        /// When the link expires.
        until: Timestamp,
        /// The epoch for which the link is valid.
        epoch: u32,
    },
    /// Notify the owner of an account about a change.
    MailNotice { email: String, notice: Notice },
}

/// The changes about which the owner of an account is notified. Persisted in the outbox: append variants only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    PasswordChanged,
    /// A new address was requested. The notice goes to the current address.
    EmailChangeRequested,
    /// The address was replaced. The notice goes to the old address.
    EmailChanged,
    /// The roles that the account has now.
    RolesChanged {
        administrator: bool,
        /// The number of hotels of which the user is staff.
        hotels: u16,
        /// Staff of all hotels.
        all_hotels: bool,
    },
    AccountClosed,
}

/// This service has no timers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timer {}

impl Service for Users {
    type Contract = contracts::users::Users;
    type Effect = Effect;
    type Timer = Timer;
    type Note = ();

    fn apply(&self, turn: &mut Turn<'_, Self>, command: Command) -> Result<Reply, Refusal> {
        match command {
            Command::Register(request) => apply::register(turn, request).map(Reply::from),
            Command::VerifyEmail(request) => {
                apply::verify_email(turn, &self.links, &request).map(Reply::from)
            }
            Command::ResendVerification(_) => apply::resend_verification(turn).map(Reply::from),
            Command::RequestPasswordReset(request) => apply::request_reset(turn, &request).map(Reply::from),
            Command::ResetPassword(request) => {
                apply::reset_password(turn, &self.links, request).map(Reply::from)
            }
            Command::UpdateProfile(request) => apply::update_profile(turn, request).map(Reply::from),
            Command::ChangePassword(request) => apply::change_password(turn, request).map(Reply::from),
            Command::CloseAccount(request) => apply::close(turn, &request).map(Reply::from),
            Command::SetRoles(request) => apply::set_roles(turn, request).map(Reply::from),
            Command::CreateAdministrator(request) => {
                apply::create_administrator(turn, request).map(Reply::from)
            }
            Command::ChangeEmail(request) => apply::change_email(turn, request).map(Reply::from),
        }
    }

    fn fire(&self, _: &mut Turn<'_, Self>, timer: Timer) {
        match timer {}
    }

    fn query(&self, view: &View<'_>, caller: &Principal, query: Query) -> Result<Answer, Refusal> {
        match query {
            Query::VerifyPassword(request) => Ok(query::verify_password(view, &request).into()),
            Query::GetGrants(request) => query::grants(view, request.user).map(Answer::from),
            Query::GetOwnAccount(_) => query::own_account(view, caller).map(Answer::from),
            Query::HashPassword(request) => query::hash_password(&request).map(Answer::from),
            Query::ListAccounts(request) => Ok(query::list_accounts(view, request).into()),
        }
    }

    fn cost(query: &Query) -> Cost {
        match query {
            Query::VerifyPassword(_) | Query::HashPassword(_) => Cost::Heavy,
            Query::GetGrants(_) | Query::GetOwnAccount(_) | Query::ListAccounts(_) => Cost::Disk,
        }
    }

    fn violations(&self, view: &View<'_>) -> Vec<String> {
        invariants::violations(view)
    }
}
