//! The REST API: `/v1/users`.

use std::sync::Arc;

use contracts::users::{
    self as contract, Answer, Command, MailLink, Query, Refusal, Reply, Roles, Users, check_password,
};
use edge::rate_limit::SignInLimiter;
use edge::{
    ApiError, Created, Cursors, IfMatch, Json, Limit, NoContent, Page, Problem, ProblemType, SignedIn,
    WithETag, problem_types,
};
use group::{Client, Credentials, Failure};
use poem_openapi::param::{Header, Query as Parameter};
use poem_openapi::{Object, OpenApi, Tags};
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::password;

edge::problems! {
    /// A link from a mail that is too old, or was used.
    BAD_LINK = "bad-link", "The link is not valid any more", 410;
    /// The current password is needed to change it.
    WRONG_PASSWORD = "wrong-password", "The current password is wrong", 403;
    /// A client's or service's token where a user's is needed.
    NOT_A_USER = "not-a-user", "Only a signed-in user can do this", 403;
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
    /// Hashing takes 19 MiB and a core: as many at a time as there are cores, whoever asks.
    hashing: Arc<Semaphore>,
    /// A stolen access token is no way to guess the password.
    attempts: SignInLimiter,
}

impl Api {
    /// `credentials` are for what the API asks in the service's own name: to check a password before it is changed.
    pub fn new(client: Client, credentials: Arc<dyn Credentials>, cursors: Cursors) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let hashing = Arc::new(Semaphore::new(cores));
        Self { client, credentials, cursors, hashing, attempts: SignInLimiter::new() }
    }
}

/// An account to be made.
#[derive(Object)]
struct NewUser {
    /// Where mail goes
    #[oai(validator(min_length = 3, max_length = 254))]
    email: String,
    /// 10 to 128 characters
    #[oai(validator(min_length = 10, max_length = 128))]
    password: String,
    /// How mails and pages call the guest
    #[oai(validator(min_length = 1, max_length = 120))]
    name: String,
}

/// What registration answers, whether or not there was an account.
#[derive(Object, Serialize)]
struct Registration {
    /// As given
    email: String,
    /// Always `verification_sent`: the rest is said by mail
    status: String,
}

/// An account.
#[derive(Object, Serialize)]
struct User {
    /// `usr_…`
    id: String,
    /// Where mail goes
    email: String,
    /// Whether the address was proven to be the guest's
    email_verified: bool,
    /// The guest's name
    name: String,
    /// Whether it may do everything
    administrator: bool,
    /// Hotels (`htl_…`) whose staff this is
    hotels: Vec<String>,
    /// When it was made
    created_at: edge::Instant,
}

/// What to change about the account.
#[derive(Object)]
struct UserChange {
    /// A new name
    #[oai(validator(min_length = 1, max_length = 120))]
    name: Option<String>,
    /// A new password, together with the current one
    password: Option<PasswordChange>,
}

/// A new password.
#[derive(Object)]
struct PasswordChange {
    /// The password so far
    #[oai(validator(max_length = 128))]
    current: String,
    /// The password from now on, 10 to 128 characters
    #[oai(validator(min_length = 10, max_length = 128))]
    new: String,
}

/// From a mail.
#[derive(Object)]
struct LinkToken {
    /// The `token` of the link
    #[oai(validator(min_length = 1, max_length = 200))]
    token: String,
}

/// Whose password is forgotten.
#[derive(Object)]
struct ResetRequest {
    /// The account's address
    #[oai(validator(min_length = 3, max_length = 254))]
    email: String,
}

/// A new password by a link.
#[derive(Object)]
struct Reset {
    /// The `token` of the link
    #[oai(validator(min_length = 1, max_length = 200))]
    token: String,
    /// 10 to 128 characters
    #[oai(validator(min_length = 10, max_length = 128))]
    password: String,
}

/// Who may what.
#[derive(Object)]
struct RoleGrant {
    /// The account's address
    #[oai(validator(min_length = 3, max_length = 254))]
    email: String,
    /// Whether it may do everything
    #[oai(default)]
    administrator: bool,
    /// Hotels (`htl_…`) whose staff this is, all of them
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
            hotels: account.roles.hotels.iter().map(ToString::to_string).collect(),
            created_at: account.created_at.into(),
        }
    }
}

fn problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NoSuchUser => Problem::new(&problem_types::NOT_FOUND).detail("There is no such account."),
        Refusal::BadLink => Problem::new(&BAD_LINK).detail("Ask for a new link."),
        Refusal::Stale(_) => {
            Problem::new(&problem_types::PRECONDITION_FAILED).detail("The account was changed meanwhile.")
        }
        Refusal::NotAUser => Problem::new(&NOT_A_USER).detail("Sign in as a user; clients have no account."),
        Refusal::Invalid { field, why } => Problem::new(&problem_types::INVALID)
            .detail(format!("`{field}` {why}."))
            .field(format!("/{field}"), &why),
    }
}

fn failed(failure: Failure<Refusal>) -> ApiError {
    edge::api_error(failure, problem)
}

fn invalid(pointer: &str, why: &str) -> ApiError {
    ApiError::invalid(pointer, why)
}

fn unexpected() -> ApiError {
    ApiError::unavailable(1)
}

fn link(token: &str) -> Result<MailLink, ApiError> {
    MailLink::of_token(token).ok_or_else(|| problem(Refusal::BadLink).into())
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Users")]
impl Api {
    /// Make an account
    ///
    /// The answer is the same whether the address has an account already: its owner is told by mail.
    #[oai(path = "/users", method = "post", operation_id = "registerUser")]
    async fn register(
        &self,
        caller: edge::Caller,
        user: Json<NewUser>,
    ) -> Result<Created<Registration>, ApiError> {
        let NewUser { email, password, name } = user.0;
        contract::check_email(&email).map_err(|why| invalid("/email", why))?;
        contract::check_name(&name).map_err(|why| invalid("/name", why))?;
        check_password(&password, &email).map_err(|why| invalid("/password", why))?;
        let command =
            Command::Register { email: email.clone(), name, password_hash: self.hash(password).await? };
        self.client.command::<Users>(&caller.call(), command).await.map_err(failed)?;
        let registration = Registration { email, status: "verification_sent".to_owned() };
        Ok(Created::new("/v1/users/me", 1, registration))
    }

    /// Confirm an address
    #[oai(path = "/users/verify-email", method = "post", operation_id = "verifyEmail")]
    async fn verify_email(
        &self,
        caller: edge::Caller,
        link_token: Json<LinkToken>,
    ) -> Result<NoContent, ApiError> {
        let command = Command::VerifyEmail { link: link(&link_token.0.token)? };
        self.client.command::<Users>(&caller.call(), command).await.map_err(failed)?;
        Ok(NoContent)
    }

    /// Ask for a new password
    ///
    /// The answer is the same whether there is such an account.
    #[oai(path = "/users/password-reset", method = "post", operation_id = "requestPasswordReset")]
    async fn request_reset(
        &self,
        caller: edge::Caller,
        request: Json<ResetRequest>,
    ) -> Result<NoContent, ApiError> {
        contract::check_email(&request.0.email).map_err(|why| invalid("/email", why))?;
        let command = Command::RequestPasswordReset { email: request.0.email };
        self.client.command::<Users>(&caller.call(), command).await.map_err(failed)?;
        Ok(NoContent)
    }

    /// Choose a new password
    ///
    /// By the token of a link from a mail. It works once.
    #[oai(path = "/users/password-reset/confirm", method = "post", operation_id = "confirmPasswordReset")]
    async fn confirm_reset(&self, caller: edge::Caller, reset: Json<Reset>) -> Result<NoContent, ApiError> {
        let link = link(&reset.0.token)?;
        check_password(&reset.0.password, "").map_err(|why| invalid("/password", why))?;
        let command = Command::ResetPassword { link, password_hash: self.hash(reset.0.password).await? };
        self.client.command::<Users>(&caller.call(), command).await.map_err(failed)?;
        Ok(NoContent)
    }

    /// One's own account
    #[oai(path = "/users/me", method = "get", operation_id = "getMe")]
    async fn me(
        &self,
        #[oai(scope = "rest::scope::PROFILE")] caller: SignedIn,
    ) -> Result<WithETag<User>, ApiError> {
        let account = self.account(&caller.call()).await?;
        Ok(WithETag::new(account.version, account.into()))
    }

    /// Change one's own account
    ///
    /// A new password signs everybody out who is signed in to the account.
    #[oai(path = "/users/me", method = "patch", operation_id = "updateMe")]
    async fn update(
        &self,
        #[oai(scope = "rest::scope::PROFILE")] caller: SignedIn,
        #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
        change: Json<UserChange>,
    ) -> Result<WithETag<User>, ApiError> {
        let expected_version = edge::expected_version(if_match.0.as_ref())?;
        let UserChange { name, password } = change.0;
        if let Some(name) = &name {
            contract::check_name(name).map_err(|why| invalid("/name", why))?;
        }
        let call = caller.call();
        let mut account = self.account(&call).await?;
        if expected_version.is_some_and(|expected| expected != account.version) {
            return Err(problem(Refusal::Stale(account.version)).into());
        }
        let mut expected_version = expected_version;
        if let Some(PasswordChange { current, new }) = password {
            check_password(&new, &account.email).map_err(|why| invalid("/password/new", why))?;
            account = self.change_password(account, current, new).await?;
            expected_version = expected_version.map(|_| account.version);
        }
        if name.is_some() {
            let command = Command::UpdateProfile { name, expected_version };
            account = made(self.client.command::<Users>(&call, command).await)?;
        }
        Ok(WithETag::new(account.version, account.into()))
    }

    /// Close one's own account
    ///
    /// Bookings stay with their hotels; nothing of the person stays with the account.
    #[oai(path = "/users/me", method = "delete", operation_id = "closeMe")]
    async fn close(
        &self,
        #[oai(scope = "rest::scope::PROFILE")] caller: SignedIn,
        #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
    ) -> Result<NoContent, ApiError> {
        let expected_version = edge::expected_version(if_match.0.as_ref())?;
        let command = Command::Close { expected_version };
        self.client.command::<Users>(&caller.call(), command).await.map_err(failed)?;
        Ok(NoContent)
    }

    /// Send the verification mail again
    #[oai(path = "/users/me/verification", method = "post", operation_id = "resendVerification")]
    async fn resend(
        &self,
        #[oai(scope = "rest::scope::PROFILE")] caller: SignedIn,
    ) -> Result<NoContent, ApiError> {
        self.client.command::<Users>(&caller.call(), Command::ResendVerification).await.map_err(failed)?;
        Ok(NoContent)
    }

    /// Accounts
    ///
    /// For administrators, in order of their addresses.
    #[oai(path = "/users", method = "get", operation_id = "listUsers")]
    async fn list(
        &self,
        #[oai(scope = "rest::scope::CLUSTER_READ")] caller: SignedIn,
        limit: Parameter<Limit>,
        cursor: Parameter<Option<edge::Cursor>>,
    ) -> Result<Json<Page<User>>, ApiError> {
        let after: Option<String> = self.cursors.decode(&"listUsers", cursor.0)?;
        let limit = limit.0;
        let query = Query::Accounts { after, limit: u16::try_from(limit.get() + 1).unwrap_or(101) };
        let Answer::Accounts(found) =
            self.client.query::<Users>(&caller.call(), query).await.map_err(failed)?
        else {
            return Err(unexpected());
        };
        let users = found.into_iter().map(User::from).collect();
        Ok(Json(self.cursors.page(users, limit, &"listUsers", |last: &User| last.email.to_lowercase())))
    }

    /// Say who may what
    ///
    /// Sets all roles of an account.
    #[oai(path = "/users/roles", method = "put", operation_id = "setUserRoles")]
    async fn set_roles(
        &self,
        #[oai(scope = "rest::scope::CLUSTER_MANAGE")] caller: SignedIn,
        grant: Json<RoleGrant>,
    ) -> Result<WithETag<User>, ApiError> {
        let RoleGrant { email, administrator, hotels } = grant.0;
        let parse = |(at, text): (usize, &String)| rest::id_in_body(text, &format!("/hotels/{at}"));
        let hotels = hotels.iter().enumerate().map(parse).collect::<Result<Vec<_>, _>>()?;
        let command = Command::SetRoles { email, roles: Roles { administrator, hotels } };
        let account = made(self.client.command::<Users>(&caller.call(), command).await)?;
        Ok(WithETag::new(account.version, account.into()))
    }
}

fn made(answer: Result<Reply, Failure<Refusal>>) -> Result<contract::Account, ApiError> {
    match answer.map_err(failed)? {
        Reply::Account(account) => Ok(account),
        Reply::Done => Err(unexpected()),
    }
}

impl Api {
    /// Off the async threads: it takes milliseconds on purpose.
    async fn hash(&self, password: String) -> Result<String, ApiError> {
        let salt: [u8; 32] = token::random_bytes();
        let mut half = [0; 16];
        half.copy_from_slice(&salt[..16]);
        let turn = Arc::clone(&self.hashing).acquire_owned().await.map_err(|_| unexpected())?;
        let hashed = tokio::task::spawn_blocking(move || {
            // Given back when the work is done, also when nobody waits for it any more.
            let _turn = turn;
            password::hash(&password, half)
        });
        hashed.await.map_err(|_| unexpected())
    }

    async fn account(&self, call: &group::Call) -> Result<contract::Account, ApiError> {
        match self.client.query::<Users>(call, Query::Me).await.map_err(failed)? {
            Answer::Account(account) => Ok(account),
            Answer::WrongPassword | Answer::Grants(_) | Answer::PasswordHash(_) | Answer::Accounts(_) => {
                Err(unexpected())
            }
        }
    }

    async fn change_password(
        &self,
        account: contract::Account,
        current: String,
        new: String,
    ) -> Result<contract::Account, ApiError> {
        let token = self.credentials.service_token("users", None).await;
        let token = token.map_err(|away| failed(Failure::Unavailable(away)))?;
        let own = group::Call::bearer(token, std::time::Duration::from_secs(10));
        let query = Query::VerifyPassword { email: account.email.clone(), password: current };
        let guesser = account.id.to_string();
        self.attempts.check(&guesser, None)?;
        let verified = self.client.query::<Users>(&own, query).await.map_err(failed)?;
        if !matches!(verified, Answer::Grants(grants) if grants.user == account.id) {
            self.attempts.failed(&guesser, None);
            return Err(Problem::new(&WRONG_PASSWORD).field("/password/current", "is wrong").into());
        }
        // Many guesses may have been under way at once; those after the last allowed one do not count.
        self.attempts.check(&guesser, None)?;
        self.attempts.succeeded(&guesser);
        let command = Command::ChangePassword { user: account.id, password_hash: self.hash(new).await? };
        made(self.client.command::<Users>(&own, command).await)
    }
}

#[cfg(test)]
mod tests {
    use group::NoEffects;
    use group::testing::TestServices;
    use protocol::Principal;

    use super::*;

    #[tokio::test]
    async fn whoever_has_a_token_guesses_the_password_ten_times_at_most() {
        let services = TestServices::new();
        services.add(crate::Users::new(token::ClusterKey::random().links("users")), NoEffects);
        let api = Api::new(services.client(), Arc::new(services.clone()), Cursors::random());
        let (email, right) = ("ann@example.org", "correct horse battery");
        let register = Command::Register {
            email: email.into(),
            name: "Ann".into(),
            password_hash: api.hash(right.into()).await.unwrap(),
        };
        let second = std::time::Duration::from_secs(60);
        services.client().command::<Users>(&group::Call::anonymous(second), register).await.unwrap();
        let own = group::Call::bearer(services.token(&Principal::service("users")), second);
        let query = Query::VerifyPassword { email: email.into(), password: right.into() };
        let Answer::Grants(grants) = services.client().query::<Users>(&own, query).await.unwrap() else {
            panic!()
        };
        let me = Principal {
            subject: grants.user.to_string(),
            scopes: vec!["profile".into()],
            ..Principal::default()
        };
        let call = group::Call::bearer(services.token(&me), second);
        let account = api.account(&call).await.unwrap();
        let change =
            |current: &str| api.change_password(account.clone(), current.to_owned(), right.to_owned());
        assert!(change(right).await.is_ok());
        for guess in 0..SignInLimiter::PER_ACCOUNT {
            let refused = change(&format!("guess number {guess}")).await.unwrap_err();
            assert_eq!(refused.problem().status().as_u16(), 403);
        }
        let limited = change(right).await.unwrap_err();
        assert_eq!(limited.problem().status().as_u16(), 429, "even when it is right");
    }
}
