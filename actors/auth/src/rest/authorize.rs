//! `/oauth/authorize`: a client sends somebody here, who signs in and agrees, or does not (RFC 6749 §4.1.1).

use std::sync::Arc;

use ::token::random_secret;
use contracts::auth::{
    Answer, ClientProfile, Command, GrantType, NewAuthorizationCode, Query, Refusal, code_hash,
};
use group::{Call, Failure};
use poem::Request;
use poem::http::StatusCode;
use poem_openapi::{Object, OpenApi};
use protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::form::{Form, Parameters, query_of};
use super::pages::{FormData, Page, notice, render};
use super::redirect::{BrowserResponse, form_action_source, with_parameters};
use super::{Context, Tag};
use crate::{scopes, uri};

/// How long a page may stay open before it is decided, in seconds.
const PAGE_SECS: i64 = 600;

/// Clients' own state is shorter than this, in bytes.
const STATE_BYTES_MAX: usize = 2048;

pub(super) struct Authorize {
    pub context: Arc<Context>,
}

/// What the page sends back.
#[derive(Debug, Object)]
#[allow(dead_code)]
struct Decision {
    /// The request that the page was shown for, sealed
    request: String,
    /// Proof that the form is ours
    csrf: String,
    /// `allow` or `deny`
    decision: String,
    /// The person's address
    email: Option<String>,
    /// The person's password
    password: Option<String>,
}

/// A request that was looked at and found good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    client_id: String,
    /// As the request named it; empty when it did not.
    redirect_uri: String,
    /// Where the browser goes in the end.
    target: String,
    state: Option<String>,
    scopes: Vec<String>,
    challenge: String,
}

/// Why there is nothing to agree to.
enum Fault {
    /// Whoever sent the browser here cannot be trusted with it: it stays (RFC 6749 §4.1.2.1).
    Stay(&'static str),
    /// The client is told.
    Tell { target: String, state: Option<String>, error: &'static str, description: &'static str },
}

#[OpenApi(prefix_path = "/oauth", tag = "Tag::OAuth")]
impl Authorize {
    /// Ask a person
    ///
    /// RFC 6749 §4.1.1 with PKCE (RFC 7636, S256 only) and `iss` (RFC 9207). Parameters: `response_type=code`,
    /// `client_id`, `redirect_uri`, `scope`, `state`, `code_challenge`, `code_challenge_method=S256`.
    #[oai(path = "/authorize", method = "get", operation_id = "authorize")]
    async fn ask(&self, request: &Request) -> BrowserResponse {
        let parameters = query_of(request);
        let call = match self.context.call(request).await {
            Ok(call) => call,
            Err(_) => return self.unavailable(),
        };
        let client = match self.client(&call, &parameters).await {
            Ok(client) => client,
            Err(answer) => return answer,
        };
        match look_at(&parameters, &client) {
            Ok(asked) => self.page(request, &client, &asked, None, ""),
            Err(Fault::Stay(why)) => self.stay(why),
            Err(Fault::Tell { target, state, error, description }) => {
                self.tell(&target, state.as_deref(), error, description, false)
            }
        }
    }

    /// The person decides
    ///
    /// Sent by the page that `GET` shows, and by nobody else.
    #[oai(path = "/authorize", method = "post", operation_id = "decideAuthorization")]
    async fn decide(&self, request: &Request, form: Form<Decision>) -> BrowserResponse {
        let Ok(form) = form.checked() else { return self.stay("The form is malformed.") };
        if !self.context.is_our_form(request, &form) {
            return self.stay("This form was not sent from our page, or your browser keeps no cookies.");
        }
        let now = Timestamp::wall_clock();
        let Ok(asked) = self.context.requests.open::<Asked>(form.get("request").unwrap_or_default(), now)
        else {
            return self.stay("This page has been open for too long. Go back and start again.");
        };
        if form.get("decision") != Some("allow") {
            return self.tell(
                &asked.target,
                asked.state.as_deref(),
                "access_denied",
                "The person said no.",
                true,
            );
        }
        self.allow(request, &form, asked).await
    }
}

impl Authorize {
    async fn allow(&self, request: &Request, form: &Parameters, asked: Asked) -> BrowserResponse {
        let Ok(call) = self.context.call(request).await else { return self.unavailable() };
        let grants = match self.context.sign_in(request, &call, form).await {
            Ok(grants) => grants,
            Err(not) => {
                let query = Query::Client { client_id: asked.client_id.clone() };
                let Ok(Answer::Client(client)) = self.context.query(&call, query).await else {
                    return self.unavailable();
                };
                let email = form.get("email").unwrap_or_default();
                return self.page(request, &client, &asked, Some(not.sentence()), email);
            }
        };
        let code = random_secret("ac_");
        let new = NewAuthorizationCode {
            code_hash: code_hash(&code),
            client_id: asked.client_id,
            redirect_uri: asked.redirect_uri,
            challenge: asked.challenge,
            scopes: asked.scopes,
            grants,
        };
        let state = asked.state.as_deref();
        let (error, description) = match self.context.command(&call, Command::Authorize(new)).await {
            Ok(_) => {
                let mut parameters = vec![("code", code.as_str()), ("iss", self.context.public_url.as_str())];
                parameters.extend(state.map(|state| ("state", state)));
                let location = with_parameters(&asked.target, &parameters);
                return BrowserResponse::Redirect { location, after_form: true };
            }
            Err(Failure::Refused(Refusal::InvalidScope)) => {
                ("invalid_scope", "The person may have none of these scopes.")
            }
            Err(Failure::Refused(Refusal::InvalidClient | Refusal::InvalidRedirect)) => {
                return self.stay("The application that sent you here is not known any more.");
            }
            Err(Failure::Refused(Refusal::UnauthorizedClient)) => {
                ("unauthorized_client", "The client may not ask for codes.")
            }
            Err(Failure::Refused(_)) => ("server_error", "The request cannot be granted."),
            Err(
                Failure::Unavailable(_)
                | Failure::Unauthenticated(_)
                | Failure::Forbidden(_)
                | Failure::KeyReused,
            ) => ("temporarily_unavailable", "Try again in a moment."),
        };
        self.tell(&asked.target, state, error, description, true)
    }

    /// The client that a request names. Until it is known, nothing in the request can be believed.
    async fn client(&self, call: &Call, parameters: &Parameters) -> Result<ClientProfile, BrowserResponse> {
        let unknown = "The application that sent you here is not known.";
        let client_id = parameters.get("client_id").ok_or_else(|| self.stay(unknown))?.to_owned();
        match self.context.query(call, Query::Client { client_id }).await {
            Ok(Answer::Client(client)) if client.revoked_at.is_none() => Ok(client),
            Ok(_) | Err(Failure::Refused(_)) => Err(self.stay(unknown)),
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
        asked: &Asked,
        message: Option<&str>,
        email: &str,
    ) -> BrowserResponse {
        let (csrf, cookie) = self.context.form_token(request);
        let sealed = self.context.requests.seal(asked, Some(Timestamp::wall_clock().plus_secs(PAGE_SECS)));
        let form = FormData {
            action: format!("{}/oauth/authorize", self.context.public_url),
            client_name: Some(client.name.clone()),
            scopes: asked.scopes.iter().map(|scope| scopes::description(scope).to_owned()).collect(),
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
        // 200 also when the password was wrong: the page is what the browser shall show.
        render(&self.context.pages, StatusCode::OK, &page, form_action_source(&asked.target), cookie)
    }

    fn tell(
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

    fn stay(&self, why: &str) -> BrowserResponse {
        notice(&self.context.pages, StatusCode::BAD_REQUEST, "This does not work", why)
    }

    fn unavailable(&self) -> BrowserResponse {
        let message = "We cannot sign anybody in right now. Try again in a moment.";
        notice(&self.context.pages, StatusCode::SERVICE_UNAVAILABLE, "One moment", message)
    }
}

/// Looks at a request by a client that is known. The redirect URI comes first: without a good one nobody is told.
fn look_at(parameters: &Parameters, client: &ClientProfile) -> Result<Asked, Fault> {
    let redirect_uri = parameters.get("redirect_uri").unwrap_or_default();
    let target = match (redirect_uri, client.redirect_uris.as_slice()) {
        ("", [only]) => only.clone(),
        ("", _) => return Err(Fault::Stay("The application did not say where to send you back.")),
        (named, known) if uri::is_registered(named, known) => named.to_owned(),
        (..) => return Err(Fault::Stay("The application wants you sent to a place that is not its own.")),
    };
    let state = parameters.get("state").map(str::to_owned);
    let tell = |error, description| {
        let state = state.clone().filter(|state| state.len() <= STATE_BYTES_MAX);
        Err(Fault::Tell { target: target.clone(), state, error, description })
    };
    if parameters.is_repeated() {
        return tell("invalid_request", "A parameter came twice.");
    }
    if state.as_ref().is_some_and(|state| state.len() > STATE_BYTES_MAX) {
        return tell("invalid_request", "`state` is too long.");
    }
    match parameters.get("response_type") {
        Some("code") => {}
        Some(_) => return tell("unsupported_response_type", "Only `code` is supported."),
        None => return tell("invalid_request", "`response_type` is missing."),
    }
    if !client.grant_types.contains(&GrantType::AuthorizationCode) {
        return tell("unauthorized_client", "The client may not ask for codes.");
    }
    let Some(challenge) = parameters.get("code_challenge") else {
        return tell("invalid_request", "`code_challenge` is missing: PKCE is required.");
    };
    // Without a method the challenge is `plain` (RFC 7636 §4.3), which nobody gets here.
    if parameters.get("code_challenge_method") != Some("S256") {
        return tell("invalid_request", "`code_challenge_method` must be S256.");
    }
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if challenge.len() != 43 || !challenge.bytes().all(base64url) {
        return tell("invalid_request", "`code_challenge` is no SHA-256 in base64url.");
    }
    let scopes = scopes::granted(&parameters.scopes(), &[&client.scopes]);
    if scopes.is_empty() {
        return tell("invalid_scope", "The client may have none of these scopes.");
    }
    Ok(Asked {
        client_id: client.id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        target,
        state,
        scopes,
        challenge: challenge.to_owned(),
    })
}
