//! `/oauth/authorize`: a client redirects a user here, who signs in and consents or denies (RFC 6749 §4.1.1).

use std::sync::Arc;

use ::token::random_secret;
use contracts::auth::{ClientProfile, GetClient, GrantType, IssueAuthorizationCode, Refusal, code_hash};
use edge::{Form, Parameters};
use group::{Call, Failure};
use poem::Request;
use poem::http::StatusCode;
use poem_openapi::{Object, OpenApi};
use protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::form;
use super::pages::{FormData, Page, notice, render};
use super::redirect::{BrowserResponse, form_action_source, with_parameters};
use super::{Context, Tag};
use crate::{scopes, uri};

/// Lifetime of a consent page, in seconds.
const PAGE_SECS: i64 = 600;

/// The longest `state` parameter, in bytes.
const STATE_BYTES_MAX: usize = 2048;

pub(super) struct Authorize {
    pub context: Arc<Context>,
}

/// The form of the consent page.
#[derive(Debug, Object)]
#[allow(dead_code)]
struct Decision {
    /// The sealed authorization request
    request: String,
    /// The form token
    csrf: String,
    /// `allow` or `deny`
    decision: String,
    /// The user's email address
    email: Option<String>,
    /// The user's password
    password: Option<String>,
}

/// A validated authorization request. Sealed into the form as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ValidRequest {
    client_id: String,
    /// As in the request; empty when the request does not contain it.
    redirect_uri: String,
    /// The redirect URI that is used.
    target: String,
    state: Option<String>,
    scopes: Vec<String>,
    challenge: String,
}

/// Why an authorization request is invalid.
enum InvalidRequest {
    /// There is no trusted redirect URI, so the error is shown on a page (RFC 6749 §4.1.2.1).
    Page(&'static str),
    /// The error is sent to the redirect URI.
    Redirect { target: String, state: Option<String>, error: &'static str, description: &'static str },
}

#[OpenApi(prefix_path = "/oauth", tag = "Tag::OAuth")]
impl Authorize {
    /// Show the consent page
    ///
    /// RFC 6749 §4.1.1 with PKCE (RFC 7636, S256 only) and `iss` (RFC 9207). Parameters: `response_type=code`,
    /// `client_id`, `redirect_uri`, `scope`, `state`, `code_challenge`, `code_challenge_method=S256`.
    #[oai(path = "/authorize", method = "get", operation_id = "authorize")]
    async fn show(&self, request: &Request) -> BrowserResponse {
        let parameters = Parameters::of_query(request);
        let call = match self.context.call(request).await {
            Ok(call) => call,
            Err(_) => return self.unavailable(),
        };
        let client = match self.client(&call, &parameters).await {
            Ok(client) => client,
            Err(page) => return page,
        };
        match validate(&parameters, &client) {
            Ok(valid) => self.page(request, &client, &valid, None, ""),
            Err(InvalidRequest::Page(why)) => self.error_page(why),
            Err(InvalidRequest::Redirect { target, state, error, description }) => {
                self.redirect_error(&target, state.as_deref(), error, description, false)
            }
        }
    }

    /// Decide on the consent page
    ///
    /// Only the page of the `GET` operation sends this request.
    #[oai(path = "/authorize", method = "post", operation_id = "decideAuthorization")]
    async fn decide(&self, request: &Request, form: Form<Decision>) -> BrowserResponse {
        let Ok(form) = form.checked() else { return self.error_page("The form is malformed.") };
        if !self.context.is_our_form(request, &form) {
            return self.error_page(
                "This form was not sent from our page, or cookies are disabled in your browser.",
            );
        }
        let now = Timestamp::wall_clock();
        let Ok(valid) =
            self.context.requests.open::<ValidRequest>(form.get("request").unwrap_or_default(), now)
        else {
            return self
                .error_page("This page has expired. Please go back to the application and start again.");
        };
        if form.get("decision") != Some("allow") {
            return self.redirect_error(
                &valid.target,
                valid.state.as_deref(),
                "access_denied",
                "The user denied access.",
                true,
            );
        }
        self.allow(request, &form, valid).await
    }
}

impl Authorize {
    async fn allow(&self, request: &Request, form: &Parameters, valid: ValidRequest) -> BrowserResponse {
        let Ok(call) = self.context.call(request).await else { return self.unavailable() };
        let grants = match self.context.sign_in(request, &call, form).await {
            Ok(grants) => grants,
            Err(error) => {
                let client = GetClient { client_id: valid.client_id.clone() };
                let Ok(client) = self.context.client.call(&call, client).await else {
                    return self.unavailable();
                };
                let email = form.get("email").unwrap_or_default();
                return self.page(request, &client, &valid, Some(&error.message()), email);
            }
        };
        let code = random_secret("ac_");
        let request = IssueAuthorizationCode {
            code_hash: code_hash(&code),
            client_id: valid.client_id,
            redirect_uri: valid.redirect_uri,
            challenge: valid.challenge,
            scopes: valid.scopes,
            grants,
        };
        let state = valid.state.as_deref();
        let (error, description) = match self.context.client.call(&call, request).await {
            Ok(_) => {
                let mut parameters = vec![("code", code.as_str()), ("iss", self.context.public_url.as_str())];
                parameters.extend(state.map(|state| ("state", state)));
                let location = with_parameters(&valid.target, &parameters);
                return BrowserResponse::Redirect { location, after_form: true };
            }
            Err(Failure::Refused(Refusal::InvalidScope)) => {
                ("invalid_scope", "The user has none of the requested scopes.")
            }
            Err(Failure::Refused(Refusal::InvalidClient | Refusal::InvalidRedirect)) => {
                return self.error_page("The application that sent you here is no longer registered.");
            }
            Err(Failure::Refused(Refusal::UnauthorizedClient)) => {
                ("unauthorized_client", "The client cannot use the authorization code grant.")
            }
            Err(Failure::Refused(_)) => ("server_error", "The request could not be granted."),
            Err(
                Failure::Unavailable(_)
                | Failure::Unauthenticated(_)
                | Failure::Forbidden(_)
                | Failure::KeyReused,
            ) => ("temporarily_unavailable", "Try again in a moment."),
        };
        self.redirect_error(&valid.target, state, error, description, true)
    }

    /// The client of an authorization request. Without a known client, the redirect URI is not trusted.
    async fn client(&self, call: &Call, parameters: &Parameters) -> Result<ClientProfile, BrowserResponse> {
        let unknown = "The application that sent you here is not registered.";
        let client_id = parameters.get("client_id").ok_or_else(|| self.error_page(unknown))?.to_owned();
        match self.context.client.call(call, GetClient { client_id }).await {
            Ok(client) if client.revoked_at.is_none() => Ok(client),
            Ok(_) | Err(Failure::Refused(_)) => Err(self.error_page(unknown)),
            Err(
                Failure::Unavailable(_)
                | Failure::Unauthenticated(_)
                | Failure::Forbidden(_)
                | Failure::KeyReused,
            ) => Err(self.unavailable()),
        }
    }

    fn page(
        &self,
        request: &Request,
        client: &ClientProfile,
        valid: &ValidRequest,
        message: Option<&str>,
        email: &str,
    ) -> BrowserResponse {
        let (csrf, cookie) = self.context.form_token(request);
        let sealed = self.context.requests.seal(valid, Some(Timestamp::wall_clock().plus_secs(PAGE_SECS)));
        let form = FormData {
            action: format!("{}/oauth/authorize", self.context.public_url),
            client_name: Some(client.name.clone()),
            scopes: valid.scopes.iter().map(|scope| scopes::description(scope).to_owned()).collect(),
            request: Some(sealed),
            user_code: None,
            csrf,
            email: email.to_owned(),
        };
        let page = Page {
            title: "Sign in".to_owned(),
            message: message.map(str::to_owned),
            is_error: message.is_some(),
            form: Some(form),
        };
        render(&self.context.pages, StatusCode::OK, &page, form_action_source(&valid.target), cookie)
    }

    fn redirect_error(
        &self,
        target: &str,
        state: Option<&str>,
        error: &str,
        description: &str,
        after_form: bool,
    ) -> BrowserResponse {
        let issuer = self.context.public_url.as_str();
        let mut parameters = vec![("error", error), ("error_description", description), ("iss", issuer)];
        parameters.extend(state.map(|state| ("state", state)));
        BrowserResponse::Redirect { location: with_parameters(target, &parameters), after_form }
    }

    fn error_page(&self, why: &str) -> BrowserResponse {
        notice(&self.context.pages, StatusCode::BAD_REQUEST, "We cannot sign you in", why)
    }

    fn unavailable(&self) -> BrowserResponse {
        let message = "Sign-in is temporarily unavailable. Please try again in a moment.";
        notice(&self.context.pages, StatusCode::SERVICE_UNAVAILABLE, "Please try again", message)
    }
}

/// Validates the request of a known client. The redirect URI is checked first, because errors are sent to it.
fn validate(parameters: &Parameters, client: &ClientProfile) -> Result<ValidRequest, InvalidRequest> {
    let redirect_uri = parameters.get("redirect_uri").unwrap_or_default();
    let target = match (redirect_uri, client.redirect_uris.as_slice()) {
        ("", [only]) => only.clone(),
        ("", _) => return Err(InvalidRequest::Page("The request does not contain a redirect URI.")),
        (named, known) if uri::is_registered(named, known) => named.to_owned(),
        (..) => {
            return Err(InvalidRequest::Page(
                "The redirect URI of the request is not registered for the application.",
            ));
        }
    };
    let state = parameters.get("state").map(str::to_owned);
    let refuse = |error, description| {
        let state = state.clone().filter(|state| state.len() <= STATE_BYTES_MAX);
        Err(InvalidRequest::Redirect { target: target.clone(), state, error, description })
    };
    if parameters.is_repeated() {
        return refuse("invalid_request", "A parameter is repeated.");
    }
    if state.as_ref().is_some_and(|state| state.len() > STATE_BYTES_MAX) {
        return refuse("invalid_request", "`state` is too long.");
    }
    match parameters.get("response_type") {
        Some("code") => {}
        Some(_) => return refuse("unsupported_response_type", "Only `code` is supported."),
        None => return refuse("invalid_request", "`response_type` is missing."),
    }
    if !client.grant_types.contains(&GrantType::AuthorizationCode) {
        return refuse("unauthorized_client", "The client cannot use the authorization code grant.");
    }
    let Some(challenge) = parameters.get("code_challenge") else {
        return refuse("invalid_request", "`code_challenge` is missing: PKCE is required.");
    };
    // The default method is `plain` (RFC 7636 §4.3), which is not supported.
    if parameters.get("code_challenge_method") != Some("S256") {
        return refuse("invalid_request", "`code_challenge_method` must be S256.");
    }
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if challenge.len() != 43 || !challenge.bytes().all(base64url) {
        return refuse("invalid_request", "`code_challenge` is not a SHA-256 hash in base64url.");
    }
    let scopes = scopes::granted(&form::scopes(parameters), &[&client.scopes]);
    if scopes.is_empty() {
        return refuse("invalid_scope", "The client has none of the requested scopes.");
    }
    Ok(ValidRequest {
        client_id: client.id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        target,
        state,
        scopes,
        challenge: challenge.to_owned(),
    })
}
