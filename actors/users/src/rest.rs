//! The REST API: `/v1/users`.

use std::sync::Arc;

use contracts::ALL_HOTELS;
use contracts::users::{
    self as contract, ChangeEmail, ChangePassword, CloseAccount, GetOwnAccount, ListAccounts, MailLink,
    Refusal, Register, RequestPasswordReset, ResendVerification, ResetPassword, Roles, SetRoles,
    UpdateProfile, VerifyEmail, VerifyPassword, check_password,
};
use edge::{
    ApiError, ClientAddress, Created, Cursors, IfMatch, Json, Limit, MergePatch, NoContent, Page, Problem,
    ProblemType, SignedIn, WithETag, problem_types,
};
use group::{Client, Credentials, Failure};
use poem::Request;
use poem_openapi::param::{Header, Query as Parameter};
use poem_openapi::{Object, OpenApi, Tags};
use rest::attempts::AttemptLimits;
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::password;

edge::problems! {
    /// A link from a mail has expired or was used.
    BAD_LINK = "bad-link", "The link is no longer valid", 410;
    /// The current password is required to change the password or the address, and to close the account.
    WRONG_PASSWORD = "wrong-password", "The current password is wrong", 403;
    /// The token of a client or service was sent where a user's token is required.
    NOT_A_USER = "not-a-user", "Only a signed-in user can do this", 403;
    /// Roles go to accounts only whose address is verified.
    UNVERIFIED = "unverified-address", "The email address of the account is not verified", 409;
    /// Another account has the email address.
    ADDRESS_TAKEN = "address-taken", "Another account has this email address", 409;
}

/// The problem types of this API.
pub static PROBLEMS: &[&ProblemType] = ALL;

#[derive(Tags)]
enum Tag {
    /// Accounts
    Users,
}

/// The API of `users`.
pub struct Api {
    client: Client,
    credentials: Arc<dyn Credentials>,
    cursors: Cursors,
    /// Hashing a password takes 19 MiB and a core, so there are at most as many at a time as cores.
    hashing: Arc<Semaphore>,
    /// Limits password guesses with a stolen access token, and mails.
    attempts: AttemptLimits,
}

impl Api {
    /// `credentials` issue the token of `svc:users`, with which the current password is verified before a change.
    pub fn new(
        client: Client,
        credentials: Arc<dyn Credentials>,
        cursors: Cursors,
        attempts: AttemptLimits,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let hashing = Arc::new(Semaphore::new(cores));
        Self { client, credentials, cursors, hashing, attempts }
    }
}

/// A new account.
#[derive(Object)]
struct NewUser {
    /// The email address
    #[oai(validator(min_length = 3, max_length = 254))]
    email: String,
    /// 10 to 128 characters
    #[oai(validator(min_length = 10, max_length = 128))]
    password: String,
    /// The user's name in mails and on pages
    #[oai(validator(min_length = 1, max_length = 120))]
    name: String,
}

/// The result of a registration. It does not reveal whether the address had an account.
#[derive(Object, Serialize)]
struct Registration {
    /// The email address
    email: String,
    /// Always `verification_sent`
    status: String,
}

/// An account.
#[derive(Object, Serialize)]
struct User {
    /// `usr_…`
    id: String,
    /// The email address
    email: String,
    /// Whether the email address is verified
    email_verified: bool,
    /// The user's name
    name: String,
    /// Whether the user is an administrator
    administrator: bool,
    /// Hotels (`htl_…`) of which the user is staff, or only `*` for all hotels
    hotels: Vec<String>,
    /// When the account was created
    created_at: edge::Instant,
    /// The address that replaces `email` when the link in the mail to it is opened
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_email: Option<String>,
}

/// A change of an account.
#[derive(Object)]
struct UserChange {
    /// A new name
    #[oai(validator(min_length = 1, max_length = 120))]
    name: Option<String>,
    /// A new password, with the current one
    password: Option<PasswordChange>,
    /// A new email address, with the current password. A link is mailed to it; the address changes when the link is opened
    email: Option<EmailChange>,
}

/// A new email address.
#[derive(Object)]
struct EmailChange {
    /// The current password
    #[oai(validator(max_length = 128))]
    password: String,
    /// The new email address
    #[oai(validator(min_length = 3, max_length = 254))]
    new: String,
}

/// The confirmation that an account is to be closed.
#[derive(Object)]
struct AccountClosure {
    /// The current password
    #[oai(validator(max_length = 128))]
    password: String,
}

/// A new password.
#[derive(Object)]
struct PasswordChange {
    /// The current password
    #[oai(validator(max_length = 128))]
    current: String,
    /// The new password, 10 to 128 characters
    #[oai(validator(min_length = 10, max_length = 128))]
    new: String,
}

/// The token of a link from a mail.
#[derive(Object)]
struct LinkToken {
    /// The `token` of the link
    #[oai(validator(min_length = 1, max_length = 200))]
    token: String,
}

/// A request to reset a password.
#[derive(Object)]
struct ResetRequest {
    /// The account's email address
    #[oai(validator(min_length = 3, max_length = 254))]
    email: String,
}

/// A new password, authorized by a link from a mail.
#[derive(Object)]
struct Reset {
    /// The `token` of the link
    #[oai(validator(min_length = 1, max_length = 200))]
    token: String,
    /// 10 to 128 characters
    #[oai(validator(min_length = 10, max_length = 128))]
    password: String,
}

/// The roles of an account.
#[derive(Object)]
struct RoleGrant {
    /// The account's email address
    #[oai(validator(min_length = 3, max_length = 254))]
    email: String,
    /// Whether the user is an administrator
    #[oai(default)]
    administrator: bool,
    /// All hotels (`htl_…`) of which the user is staff, or only `*` for all hotels
    #[oai(default, validator(max_items = 200))]
    hotels: Vec<String>,
}

impl From<contract::Account> for User {
    fn from(account: contract::Account) -> Self {
        Self {
            id: account.id.to_string(),
            email: account.email,
            email_verified: account.verified,
            name: account.name,
            administrator: account.roles.administrator,
            hotels: match account.roles.all_hotels {
                true => vec![ALL_HOTELS.to_owned()],
                false => account.roles.hotels.iter().map(ToString::to_string).collect(),
            },
            created_at: account.created_at.into(),
            pending_email: account.pending_email,
        }
    }
}

fn problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NoSuchUser => Problem::new(&problem_types::NOT_FOUND).detail("The account does not exist."),
        Refusal::BadLink => Problem::new(&BAD_LINK).detail("Request a new link."),
        Refusal::Stale(_) => {
            Problem::new(&problem_types::PRECONDITION_FAILED).detail("The account has been changed.")
        }
        Refusal::NotAUser => Problem::new(&NOT_A_USER).detail("Sign in as a user: clients have no account."),
        Refusal::Unverified => Problem::new(&UNVERIFIED).detail(
            "Ask the owner to open the link in the verification mail (the account page sends it again), then grant the roles.",
        ),
        Refusal::AddressTaken => {
            Problem::new(&ADDRESS_TAKEN).detail("Sign in to the other account, or choose another address.")
        }
        Refusal::TooManyMails(secs) => Problem::new(&problem_types::RATE_LIMITED).retry_after(secs),
        Refusal::Invalid { field, why } => Problem::new(&problem_types::INVALID)
            .detail(format!("`{field}` {why}."))
            .field(format!("/{field}"), &why),
    }
}

fn failed(failure: Failure<Refusal>) -> ApiError {
    edge::api_error(failure, problem)
}

/// As [`failed`], for a request in which the address is nested.
fn email_failed(failure: Failure<Refusal>) -> ApiError {
    match failure {
        Failure::Refused(Refusal::Invalid { why, .. }) => invalid("/email/new", &why),
        failure => failed(failure),
    }
}

fn invalid(pointer: &str, why: &str) -> ApiError {
    ApiError::invalid(pointer, why)
}

fn link(token: &str) -> Result<MailLink, ApiError> {
    MailLink::of_token(token).ok_or_else(|| problem(Refusal::BadLink).into())
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Users")]
impl Api {
    /// Create an account
    ///
    /// The response does not reveal whether the address has an account. If it has one, its owner is notified by mail.
    #[oai(path = "/users", method = "post", operation_id = "registerUser")]
    async fn register(
        &self,
        request: &Request,
        caller: edge::Caller,
        user: Json<NewUser>,
    ) -> Result<Created<Registration>, ApiError> {
        let NewUser { email, password, name } = user.0;
        contract::check_email(&email).map_err(|why| invalid("/email", why))?;
        contract::check_name(&name).map_err(|why| invalid("/name", why))?;
        check_password(&password, &email).map_err(|why| invalid("/password", why))?;
        self.attempts.mail(ClientAddress::of(request)).await?;
        let password_hash = self.hash(password).await?;
        let request = Register { email: email.clone(), name, password_hash };
        self.client.call(&caller.call(), request).await.map_err(failed)?;
        let registration = Registration { email, status: "verification_sent".to_owned() };
        Ok(Created::new("/v1/users/me", 1, registration))
    }

    /// Verify an email address
    #[oai(path = "/users/verify-email", method = "post", operation_id = "verifyEmail")]
    async fn verify_email(
        &self,
        caller: edge::Caller,
        link_token: Json<LinkToken>,
    ) -> Result<NoContent, ApiError> {
        let request = VerifyEmail { link: link(&link_token.0.token)? };
        self.client.call(&caller.call(), request).await.map_err(failed)?;
        Ok(NoContent)
    }

    /// Request a password reset
    ///
    /// The response does not reveal whether the address has an account.
    #[oai(path = "/users/password-reset", method = "post", operation_id = "requestPasswordReset")]
    async fn request_reset(
        &self,
        request: &Request,
        caller: edge::Caller,
        reset: Json<ResetRequest>,
    ) -> Result<NoContent, ApiError> {
        contract::check_email(&reset.0.email).map_err(|why| invalid("/email", why))?;
        self.attempts.mail(ClientAddress::of(request)).await?;
        let request = RequestPasswordReset { email: reset.0.email };
        self.client.call(&caller.call(), request).await.map_err(failed)?;
        Ok(NoContent)
    }

    /// Set a new password
    ///
    /// Requires the token of a link from a mail. It works once.
    #[oai(path = "/users/password-reset/confirm", method = "post", operation_id = "confirmPasswordReset")]
    async fn confirm_reset(&self, caller: edge::Caller, reset: Json<Reset>) -> Result<NoContent, ApiError> {
        let link = link(&reset.0.token)?;
        check_password(&reset.0.password, "").map_err(|why| invalid("/password", why))?;
        let request = ResetPassword { link, password_hash: self.hash(reset.0.password).await? };
        self.client.call(&caller.call(), request).await.map_err(failed)?;
        Ok(NoContent)
    }

    /// Get your account
    #[oai(path = "/users/me", method = "get", operation_id = "getMe")]
    async fn me(
        &self,
        #[oai(scope = "rest::scope::PROFILE")] caller: SignedIn,
    ) -> Result<WithETag<User>, ApiError> {
        let account = self.account(&caller.call()).await?;
        Ok(WithETag::new(account.version, account.into()))
    }

    /// Change your account
    ///
    /// A new password and a new address need the current password. They end all sessions of the account: a new password at
    /// once, a new address when the link in the mail to it is opened. Until then, the account keeps its address.
    #[oai(path = "/users/me", method = "patch", operation_id = "updateMe")]
    async fn update(
        &self,
        request: &Request,
        #[oai(scope = "rest::scope::PROFILE")] caller: SignedIn,
        #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
        change: MergePatch<UserChange>,
    ) -> Result<WithETag<User>, ApiError> {
        let expected_version = edge::expected_version(if_match.0.as_ref())?;
        let UserChange { name, password, email } = change.0;
        if let Some(name) = &name {
            contract::check_name(name).map_err(|why| invalid("/name", why))?;
        }
        let call = caller.call();
        let mut account = self.account(&call).await?;
        if expected_version.is_some_and(|expected| expected != account.version) {
            return Err(problem(Refusal::Stale(account.version)).into());
        }
        let address = ClientAddress::of(request);
        let mut expected_version = expected_version;
        if let Some(PasswordChange { new, .. }) = &password {
            check_password(new, &account.email).map_err(|why| invalid("/password/new", why))?;
        }
        if let Some(EmailChange { password, new }) = email {
            contract::check_email(&new).map_err(|why| invalid("/email/new", why))?;
            self.check_current(&account, password, "/email/password", address).await?;
            let request = ChangeEmail { user: account.id, email: new, expected_version };
            account = self.client.call(&self.own_call().await?, request).await.map_err(email_failed)?;
            expected_version = expected_version.map(|_| account.version);
        }
        if let Some(PasswordChange { current, new }) = password {
            account = self.change_password(account, current, new, address).await?;
            expected_version = expected_version.map(|_| account.version);
        }
        if name.is_some() {
            let request = UpdateProfile { name, expected_version };
            account = self.client.call(&call, request).await.map_err(failed)?;
        }
        Ok(WithETag::new(account.version, account.into()))
    }

    /// Close your account
    ///
    /// Needs the current password, so that nobody can do it with a token alone; without one, set a password with a link by
    /// mail first. All personal data is removed from the account. Bookings remain valid.
    #[oai(path = "/users/me", method = "delete", operation_id = "closeMe")]
    async fn close(
        &self,
        request: &Request,
        #[oai(scope = "rest::scope::PROFILE")] caller: SignedIn,
        #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
        closure: Json<AccountClosure>,
    ) -> Result<NoContent, ApiError> {
        let expected_version = edge::expected_version(if_match.0.as_ref())?;
        let account = self.account(&caller.call()).await?;
        self.check_current(&account, closure.0.password, "/password", ClientAddress::of(request)).await?;
        let request = CloseAccount { user: account.id, expected_version };
        self.client.call(&self.own_call().await?, request).await.map_err(failed)?;
        Ok(NoContent)
    }

    /// Send the verification mail again
    #[oai(path = "/users/me/verification", method = "post", operation_id = "resendVerification")]
    async fn resend(
        &self,
        #[oai(scope = "rest::scope::PROFILE")] caller: SignedIn,
    ) -> Result<NoContent, ApiError> {
        self.client.call(&caller.call(), ResendVerification).await.map_err(failed)?;
        Ok(NoContent)
    }

    /// List accounts
    ///
    /// Sorted by email address.
    #[oai(path = "/users", method = "get", operation_id = "listUsers")]
    async fn list(
        &self,
        #[oai(scope = "rest::scope::CLUSTER_READ")] caller: SignedIn,
        limit: Parameter<Limit>,
        cursor: Parameter<Option<edge::Cursor>>,
    ) -> Result<Json<Page<User>>, ApiError> {
        let after: Option<String> = self.cursors.decode(&"listUsers", cursor.0)?;
        let limit = limit.0;
        let request = ListAccounts { after, limit: u16::try_from(limit.get() + 1).unwrap_or(101) };
        let accounts = self.client.call(&caller.call(), request).await.map_err(failed)?;
        let users = accounts.into_iter().map(User::from).collect();
        Ok(Json(self.cursors.page(users, limit, &"listUsers", |last: &User| last.email.to_lowercase())))
    }

    /// Set roles
    ///
    /// Replaces all roles of an account and notifies its owner by mail. The account's address must be verified, unless all
    /// roles are taken away.
    #[oai(path = "/users/roles", method = "put", operation_id = "setUserRoles")]
    async fn set_roles(
        &self,
        #[oai(scope = "rest::scope::CLUSTER_MANAGE")] caller: SignedIn,
        grant: Json<RoleGrant>,
    ) -> Result<WithETag<User>, ApiError> {
        let RoleGrant { email, administrator, hotels } = grant.0;
        let all_hotels = hotels == [ALL_HOTELS];
        let parse = |(at, text): (usize, &String)| rest::id_in_body(text, &format!("/hotels/{at}"));
        let hotels = match all_hotels {
            true => Vec::new(),
            false => hotels.iter().enumerate().map(parse).collect::<Result<Vec<_>, _>>()?,
        };
        let request = SetRoles { email, roles: Roles { administrator, hotels, all_hotels } };
        let account = self.client.call(&caller.call(), request).await.map_err(failed)?;
        Ok(WithETag::new(account.version, account.into()))
    }
}

impl Api {
    /// Hashes a password on a blocking thread.
    async fn hash(&self, password: String) -> Result<String, ApiError> {
        let salt: [u8; 32] = token::random_bytes();
        let mut half = [0; 16];
        half.copy_from_slice(&salt[..16]);
        let permit = Arc::clone(&self.hashing).acquire_owned().await;
        let permit = permit.map_err(|_| ApiError::unavailable(1))?;
        let hashed = tokio::task::spawn_blocking(move || {
            // Held until the hash is computed, even if the request was cancelled.
            let _permit = permit;
            password::hash(&password, half)
        });
        hashed.await.map_err(|_| ApiError::unavailable(1))
    }

    async fn account(&self, call: &group::Call) -> Result<contract::Account, ApiError> {
        self.client.call(call, GetOwnAccount).await.map_err(failed)
    }

    async fn change_password(
        &self,
        account: contract::Account,
        current: String,
        new: String,
        address: ClientAddress,
    ) -> Result<contract::Account, ApiError> {
        self.check_current(&account, current, "/password/current", address).await?;
        let request = ChangePassword { user: account.id, password_hash: self.hash(new).await? };
        self.client.call(&self.own_call().await?, request).await.map_err(failed)
    }

    /// Verifies the current password of an account. Wrong ones count like failed sign-ins.
    async fn check_current(
        &self,
        account: &contract::Account,
        password: String,
        pointer: &str,
        address: ClientAddress,
    ) -> Result<(), ApiError> {
        // Counted before the password is verified, so that concurrent attempts cannot exceed the limit.
        let attempt = self.attempts.sign_in(&account.email, address).await?;
        let request = VerifyPassword { email: account.email.clone(), password };
        let verified = self.client.call(&self.own_call().await?, request).await.map_err(failed)?;
        if verified.is_none_or(|grants| grants.user != account.id) {
            return Err(Problem::new(&WRONG_PASSWORD).field(pointer, "is wrong").into());
        }
        self.attempts.succeeded(attempt).await;
        Ok(())
    }

    /// A call as `svc:users`.
    async fn own_call(&self) -> Result<group::Call, ApiError> {
        let token = self.credentials.service_token("users", None).await;
        let token = token.map_err(|unavailable| failed(Failure::Unavailable(unavailable)))?;
        Ok(group::Call::bearer(token, std::time::Duration::from_secs(10)))
    }
}

#[cfg(test)]
mod tests {
    use group::NoEffects;
    use group::testing::TestServices;
    use protocol::Principal;

    use super::*;

    #[tokio::test]
    async fn password_guesses_with_a_token_are_limited() {
        let services = TestServices::new();
        services.add(crate::Users::new(token::ClusterKey::random().links("users")), NoEffects);
        let limits = AttemptLimits::in_memory();
        let api = Api::new(services.client(), Arc::new(services.clone()), Cursors::random(), limits);
        let (email, right) = ("ann@example.org", "correct horse battery");
        let register = Register {
            email: email.into(),
            name: "Ann".into(),
            password_hash: api.hash(right.into()).await.unwrap(),
        };
        let timeout = std::time::Duration::from_secs(60);
        services.client().call(&group::Call::anonymous(timeout), register).await.unwrap();
        let own = group::Call::bearer(services.token(&Principal::service("users")), timeout);
        let request = VerifyPassword { email: email.into(), password: right.into() };
        let grants = services.client().call(&own, request).await.unwrap().expect("the right password");
        let me = Principal {
            subject: grants.user.to_string(),
            scopes: vec!["profile".into()],
            ..Principal::default()
        };
        let call = group::Call::bearer(services.token(&me), timeout);
        let account = api.account(&call).await.unwrap();
        let here = ClientAddress { ip: "192.0.2.1".parse().ok(), local: false };
        let elsewhere = ClientAddress { ip: "192.0.2.2".parse().ok(), local: false };
        let change_from = |address, current: &str| {
            api.change_password(account.clone(), current.to_owned(), right.to_owned(), address)
        };
        let change = |current: &str| change_from(here, current);
        assert!(change(right).await.is_ok());
        for guess in 0..5 {
            let refused = change(&format!("guess number {guess}")).await.unwrap_err();
            assert_eq!(refused.problem().status().as_u16(), 403);
        }
        let limited = change(right).await.unwrap_err();
        assert_eq!(limited.problem().status().as_u16(), 429, "even when it is right");
        assert!(change_from(elsewhere, right).await.is_ok(), "the owner is not delayed");
    }
}
