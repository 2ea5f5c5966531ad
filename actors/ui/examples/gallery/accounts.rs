//! Accounts, sessions and documents of the sample services.

use contracts::UserId;
use contracts::users::{self, Account, Grants, Roles};
use contracts::{auth, pdf};
use protocol::{Principal, Timestamp};

use crate::services::{EMAIL, PASSWORD, STAFF, STAFF_EMAIL, SampleServices};

/// The session of the sample staff.
const STAFF_SESSION: &str = "ses_staff";

impl SampleServices {
    pub(crate) fn users_command(
        &self,
        _: &str,
        command: users::Command,
    ) -> Result<users::Reply, users::Refusal> {
        match command {
            users::Command::ChangeEmail(request) => {
                let changed = Account { pending_email: Some(request.email), ..account() };
                Ok(users::Reply::Account(changed))
            }
            users::Command::VerifyEmail(_) | users::Command::ResetPassword(_) => Err(users::Refusal::BadLink),
            _ => Ok(().into()),
        }
    }

    pub(crate) fn users_query(&self, _: &str, query: users::Query) -> Result<users::Answer, users::Refusal> {
        match query {
            users::Query::VerifyPassword(request) => {
                let is_staff = request.email == STAFF_EMAIL;
                let is_correct = (request.email == EMAIL || is_staff) && request.password == PASSWORD;
                let user = if is_staff { STAFF } else { UserId(7) };
                let grants = Grants { user, scopes: Vec::new(), hotels: Vec::new(), epoch: 0 };
                Ok(is_correct.then_some(grants).into())
            }
            users::Query::HashPassword(_) => Ok(users::Answer::PasswordHash("$argon2id$sample".into())),
            users::Query::GetOwnAccount(_) => Ok(users::Answer::Account(account())),
            other => panic!("unexpected query {other:?}"),
        }
    }

    pub(crate) fn auth_command(&self, _: &str, command: auth::Command) -> Result<auth::Reply, auth::Refusal> {
        match command {
            auth::Command::StartSession(auth::StartSession { grants, .. }) => {
                Ok(auth::Reply::Granted(auth::SessionGrant {
                    session: if grants.user == STAFF { STAFF_SESSION } else { "ses_sample" }.into(),
                    user: grants.user,
                    client_id: auth::UI_CLIENT.into(),
                    scopes: Vec::new(),
                    hotels: Vec::new(),
                    refresh_expires_at: Timestamp::wall_clock().plus_secs(86_400),
                }))
            }
            _ => Ok(().into()),
        }
    }

    pub(crate) fn auth_query(&self, _: &str, query: auth::Query) -> Result<auth::Answer, auth::Refusal> {
        match query {
            auth::Query::IssueSessionToken(request) => {
                let user = if request.session == STAFF_SESSION { STAFF } else { UserId(7) };
                let principal = Principal { subject: user.to_string(), ..Principal::default() };
                let token = auth::BearerToken(self.services.token(&principal));
                Ok(auth::Answer::Token(auth::IssuedToken {
                    token,
                    expires_at: Timestamp::wall_clock().plus_secs(600),
                    scopes: Vec::new(),
                }))
            }
            other => panic!("unexpected query {other:?}"),
        }
    }

    pub(crate) fn pdf_command(&self, _: &str, command: pdf::Command) -> Result<pdf::Reply, pdf::Refusal> {
        panic!("unexpected command {command:?}")
    }

    pub(crate) fn pdf_query(&self, _: &str, query: pdf::Query) -> Result<pdf::Answer, pdf::Refusal> {
        match query {
            pdf::Query::RenderDocument(_) => Ok(pdf::Answer::Document(b"%PDF-1.7\n%sample\n".to_vec())),
            other => panic!("unexpected query {other:?}"),
        }
    }
}

/// The signed-in visitor's account.
fn account() -> Account {
    Account {
        id: UserId(7),
        email: EMAIL.into(),
        name: "Ada Lovelace".into(),
        verified: false,
        roles: Roles::default(),
        created_at: Timestamp(0),
        version: 3,
        pending_email: None,
    }
}
