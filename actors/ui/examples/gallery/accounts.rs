//! Accounts, sessions and papers of the sample services.

use contracts::UserId;
use contracts::users::{self, Account, Grants, Roles};
use contracts::{auth, pdf};
use protocol::{Principal, Timestamp};

use crate::services::{EMAIL, PASSWORD, SampleServices};

impl SampleServices {
    pub(crate) fn users_command(
        &self,
        _: &str,
        command: users::Command,
    ) -> Result<users::Reply, users::Refusal> {
        match command {
            users::Command::VerifyEmail { .. } | users::Command::ResetPassword { .. } => {
                Err(users::Refusal::BadLink)
            }
            _ => Ok(users::Reply::Done),
        }
    }

    pub(crate) fn users_query(&self, _: &str, query: users::Query) -> Result<users::Answer, users::Refusal> {
        let account = Account {
            id: UserId(7),
            email: EMAIL.into(),
            name: "Ada Lovelace".into(),
            verified: false,
            roles: Roles::default(),
            created_at: Timestamp(0),
            version: 3,
        };
        match query {
            users::Query::VerifyPassword { email, password } if email == EMAIL && password == PASSWORD => {
                Ok(users::Answer::Grants(Grants {
                    user: UserId(7),
                    scopes: Vec::new(),
                    hotels: Vec::new(),
                    epoch: 0,
                }))
            }
            users::Query::VerifyPassword { .. } => Ok(users::Answer::WrongPassword),
            users::Query::HashPassword { .. } => Ok(users::Answer::PasswordHash("$argon2id$sample".into())),
            users::Query::Me => Ok(users::Answer::Account(account)),
            other => panic!("pages do not ask {other:?}"),
        }
    }

    pub(crate) fn auth_command(&self, _: &str, command: auth::Command) -> Result<auth::Reply, auth::Refusal> {
        match command {
            auth::Command::StartSession { grants, .. } => Ok(auth::Reply::Granted(auth::SessionGrant {
                session: "ses_sample".into(),
                user: grants.user,
                client_id: auth::UI_CLIENT.into(),
                scopes: Vec::new(),
                hotels: Vec::new(),
                refresh_expires_at: Timestamp::wall_clock().plus_secs(86_400),
            })),
            _ => Ok(auth::Reply::Done),
        }
    }

    pub(crate) fn auth_query(&self, _: &str, query: auth::Query) -> Result<auth::Answer, auth::Refusal> {
        match query {
            auth::Query::SessionToken { .. } => {
                let principal = Principal { subject: UserId(7).to_string(), ..Principal::default() };
                let token = auth::BearerToken(self.services.token(&principal));
                Ok(auth::Answer::Token(auth::IssuedToken {
                    token,
                    expires_at: Timestamp::wall_clock().plus_secs(600),
                    scopes: Vec::new(),
                }))
            }
            other => panic!("pages do not ask {other:?}"),
        }
    }

    pub(crate) fn pdf_command(&self, _: &str, command: pdf::Command) -> Result<pdf::Reply, pdf::Refusal> {
        panic!("pages do not send {command:?}")
    }

    pub(crate) fn pdf_query(&self, _: &str, query: pdf::Query) -> Result<pdf::Answer, pdf::Refusal> {
        match query {
            pdf::Query::RenderDocument(_) => Ok(pdf::Answer::Document(b"%PDF-1.7\n%sample\n".to_vec())),
            other => panic!("pages do not ask {other:?}"),
        }
    }
}
