//! Issues access tokens. Claims follow from the state: the caller chooses the token's id and a subset of scopes only.

use std::sync::Arc;

use contracts::auth::{
    BearerToken, GrantType, IssueClientToken, IssueServiceToken, IssueSessionToken, IssuedToken, Refusal,
    UI_CLIENT,
};
use group::View;
use protocol::Principal;
use token::{AUDIENCE, Claims, SigningKey};

use crate::limits::ACCESS_TOKEN_SECS;
use crate::scopes;
use crate::service::Auth;
use crate::state::{CLIENTS, Client, KEYS, SESSIONS, session_id, session_name};

/// A token of a service, for a node of the cluster.
pub(super) fn service_token(
    auth: &Auth,
    view: &View<'_>,
    request: IssueServiceToken,
) -> Result<IssuedToken, Refusal> {
    let IssueServiceToken { service, on_behalf_of, token_id } = request;
    let scopes = scopes::of_service(&service).ok_or(Refusal::NoSuchService)?;
    if on_behalf_of.as_deref().is_some_and(|actor| !protocol::is_actor(actor)) {
        let why = "must be a user (usr_…), a guest session (gst_…) or a link (lnk_…)".to_owned();
        return Err(Refusal::Invalid { field: "on_behalf_of".to_owned(), why });
    }
    let subject = format!("svc:{service}");
    let identity = Identity { client_id: subject.clone(), subject, on_behalf_of, ..Identity::default() };
    sign(auth, view, identity, scopes, token_id)
}

/// A token for the client credentials grant.
pub(super) fn client_token(
    auth: &Auth,
    view: &View<'_>,
    request: IssueClientToken,
) -> Result<IssuedToken, Refusal> {
    let IssueClientToken { client: authentication, scopes, token_id } = request;
    let found = view.get(&CLIENTS, &authentication.client_id);
    let client = Client::authenticated(found, &authentication, view.now())?;
    client.check_grant_type(GrantType::ClientCredentials)?;
    let scopes = scopes::granted(&scopes, &[&client.scopes]);
    if scopes.is_empty() {
        return Err(Refusal::InvalidScope);
    }
    let id = authentication.client_id;
    let identity =
        Identity { client_id: id.clone(), subject: id, hotels: client.hotels, ..Identity::default() };
    sign(auth, view, identity, scopes, token_id)
}

/// A token of a session, for the service that manages it.
pub(super) fn session_token(
    auth: &Auth,
    view: &View<'_>,
    caller: &Principal,
    request: IssueSessionToken,
) -> Result<IssuedToken, Refusal> {
    let id = session_id(&request.session).ok_or(Refusal::NoSuchSession)?;
    let session = view.get(&SESSIONS, &id).ok_or(Refusal::NoSuchSession)?;
    let is_permitted = caller.as_service() != Some("ui") || session.client_id == UI_CLIENT;
    if !is_permitted || session.refresh_expires_at <= view.now() {
        return Err(Refusal::NoSuchSession);
    }
    let scopes = match request.scopes {
        None => session.scopes.clone(),
        Some(requested) => scopes::granted(&requested, &[&session.scopes]),
    };
    if scopes.is_empty() {
        return Err(Refusal::InvalidScope);
    }
    let identity = Identity {
        subject: session.user.to_string(),
        client_id: session.client_id,
        on_behalf_of: None,
        hotels: session.hotels,
        epoch: session.epoch,
        family: Some(session_name(id)),
    };
    sign(auth, view, identity, scopes, request.token_id)
}

/// The claims that identify the holder of a token.
#[derive(Default)]
struct Identity {
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
    identity: Identity,
    scopes: Vec<String>,
    token_id: String,
) -> Result<IssuedToken, Refusal> {
    let key = active_key(auth, view)?;
    let now = view.now();
    let expires_at = now.plus_secs(ACCESS_TOKEN_SECS);
    let claims = Claims {
        issuer: auth.issuer().to_owned(),
        subject: identity.subject,
        audience: AUDIENCE.to_owned(),
        issued_at: now,
        not_before: now,
        expires_at,
        token_id,
        client_id: identity.client_id,
        scope: scopes.join(" "),
        on_behalf_of: identity.on_behalf_of,
        resources: identity.hotels,
        epoch: identity.epoch,
        family: identity.family,
    };
    Ok(IssuedToken { token: BearerToken(key.sign(&claims)), expires_at, scopes })
}

/// The newest active key.
fn active_key(auth: &Auth, view: &View<'_>) -> Result<Arc<SigningKey>, Refusal> {
    let active = view.all(&KEYS).filter(|(_, key)| key.is_active(view.now()));
    let (id, key) = active.max_by_key(|(_, key)| key.active_from).ok_or(Refusal::NoKey)?;
    auth.open_key(&id, &key.sealed)
}
