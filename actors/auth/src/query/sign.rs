//! Access tokens. What is signed follows from the state: the asker chooses a token's id and fewer scopes, nothing else.

use std::sync::Arc;

use contracts::UserId;
use contracts::auth::{
    Answer, BearerToken, ClientAuthentication, GrantType, IssuedToken, Refusal, UI_CLIENT,
};
use group::View;
use protocol::Principal;
use token::{AUDIENCE, Claims, SigningKey};

use crate::apply::{authenticated, may_use};
use crate::limits::ACCESS_TOKEN_SECS;
use crate::scopes;
use crate::service::Auth;
use crate::state::{CLIENTS, KEYS, SESSIONS, session_id, session_name};

/// A token of a service, for a node of the cluster.
pub(super) fn for_service(
    auth: &Auth,
    view: &View<'_>,
    service: &str,
    on_behalf_of: Option<String>,
    token_id: String,
) -> Result<Answer, Refusal> {
    let scopes = scopes::of_service(service).ok_or(Refusal::NoSuchService)?;
    if let Some(actor) = &on_behalf_of {
        let guest = actor.strip_prefix("gst_").is_some_and(|id| (1..=64).contains(&id.len()));
        if !guest && actor.parse::<UserId>().is_err() {
            return Err(Refusal::Invalid {
                field: "on_behalf_of".into(),
                why: "must be usr_… or gst_…".into(),
            });
        }
    }
    let subject = format!("svc:{service}");
    let who = Who { client_id: subject.clone(), subject, on_behalf_of, ..Who::default() };
    sign(auth, view, who, scopes, token_id)
}

/// A token of a client in its own name.
pub(super) fn for_client(
    auth: &Auth,
    view: &View<'_>,
    authentication: &ClientAuthentication,
    asked: &[String],
    token_id: String,
) -> Result<Answer, Refusal> {
    let client = authenticated(view.get(&CLIENTS, &authentication.client_id), authentication)?;
    may_use(&client, GrantType::ClientCredentials)?;
    let scopes = scopes::granted(asked, &[&client.scopes]);
    if scopes.is_empty() {
        return Err(Refusal::InvalidScope);
    }
    let id = authentication.client_id.clone();
    let who = Who { client_id: id.clone(), subject: id, hotels: client.hotels, ..Who::default() };
    sign(auth, view, who, scopes, token_id)
}

/// A token of a session, for the service that keeps it.
pub(super) fn for_session(
    auth: &Auth,
    view: &View<'_>,
    caller: &Principal,
    name: &str,
    asked: Option<&[String]>,
    token_id: String,
) -> Result<Answer, Refusal> {
    let id = session_id(name).ok_or(Refusal::NoSuchSession)?;
    let session = view.get(&SESSIONS, &id).ok_or(Refusal::NoSuchSession)?;
    let own = caller.as_service() != Some("ui") || session.client_id == UI_CLIENT;
    if !own || session.refresh_expires_at <= view.now() {
        return Err(Refusal::NoSuchSession);
    }
    let scopes = match asked {
        None => session.scopes.clone(),
        Some(asked) => scopes::granted(asked, &[&session.scopes]),
    };
    if scopes.is_empty() {
        return Err(Refusal::InvalidScope);
    }
    let who = Who {
        subject: session.user.to_string(),
        client_id: session.client_id,
        on_behalf_of: None,
        hotels: session.hotels,
        epoch: session.epoch,
        family: Some(session_name(id)),
    };
    sign(auth, view, who, scopes, token_id)
}

#[derive(Default)]
struct Who {
    subject: String,
    client_id: String,
    on_behalf_of: Option<String>,
    hotels: Vec<String>,
    epoch: u32,
    family: Option<String>,
}

fn sign(
    auth: &Auth,
    view: &View<'_>,
    who: Who,
    scopes: Vec<String>,
    token_id: String,
) -> Result<Answer, Refusal> {
    let key = active_key(auth, view)?;
    let now = view.now();
    let expires_at = now.plus_secs(ACCESS_TOKEN_SECS);
    let claims = Claims {
        issuer: auth.issuer().to_owned(),
        subject: who.subject,
        audience: AUDIENCE.to_owned(),
        issued_at: now,
        not_before: now,
        expires_at,
        token_id,
        client_id: who.client_id,
        scope: scopes.join(" "),
        on_behalf_of: who.on_behalf_of,
        resources: who.hotels,
        epoch: who.epoch,
        family: who.family,
    };
    Ok(Answer::Token(IssuedToken { token: BearerToken(key.sign(&claims)), expires_at, scopes }))
}

/// The newest key that is active.
fn active_key(auth: &Auth, view: &View<'_>) -> Result<Arc<SigningKey>, Refusal> {
    let now = view.now();
    let active =
        view.all(&KEYS).filter(|(_, key)| key.active_from <= now && key.retired_at.is_none_or(|at| at > now));
    let (id, key) = active.max_by_key(|(_, key)| key.active_from).ok_or(Refusal::NoKey)?;
    auth.open_key(&id, &key.sealed)
}
