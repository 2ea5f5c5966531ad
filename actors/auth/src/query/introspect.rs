//! Token introspection (RFC 7662). An invalid token has no properties.

use contracts::auth::{IntrospectAccessToken, IntrospectRefreshToken, Introspection, Refusal};
use group::View;
use token::{Claims, PublicKeys};

use crate::service::Auth;
use crate::state::{CLIENTS, Client, KEYS, REFRESH_TOKENS, REVOKED, SESSIONS, revoked, session_id};

pub(super) fn access_token(
    auth: &Auth,
    view: &View<'_>,
    request: &IntrospectAccessToken,
) -> Result<Option<Introspection>, Refusal> {
    let IntrospectAccessToken { client, token } = request;
    Client::authenticated(view.get(&CLIENTS, &client.client_id), client, view.now())?;
    let keys = PublicKeys::from_paserk(view.all(&KEYS).map(|(_, key)| key.public));
    let claims = keys.check(&token.0, auth.issuer(), view.now()).ok().map(|(claims, _)| claims);
    Ok(claims.filter(|claims| !is_revoked(view, claims)).map(|claims| Introspection {
        scopes: claims.scopes(),
        client_id: claims.client_id,
        subject: claims.subject,
        expires_at: claims.expires_at,
        issued_at: claims.issued_at,
        token_id: Some(claims.token_id),
        on_behalf_of: claims.on_behalf_of,
        refresh: false,
    }))
}

pub(super) fn refresh_token(
    view: &View<'_>,
    request: &IntrospectRefreshToken,
) -> Result<Option<Introspection>, Refusal> {
    let IntrospectRefreshToken { client, refresh_hash } = request;
    Client::authenticated(view.get(&CLIENTS, &client.client_id), client, view.now())?;
    let token = view.get(&REFRESH_TOKENS, refresh_hash).filter(|token| token.first_used_at.is_none());
    let found = token.and_then(|token| Some((view.get(&SESSIONS, &token.session)?, token)));
    // A refresh token is introspected by its own client only (RFC 7662 §4).
    let found = found.filter(|(session, _)| {
        session.client_id == client.client_id && session.refresh_expires_at > view.now()
    });
    Ok(found.map(|(session, token)| Introspection {
        scopes: session.scopes,
        client_id: session.client_id,
        subject: session.user.to_string(),
        expires_at: session.refresh_expires_at,
        issued_at: token.issued_at,
        token_id: None,
        on_behalf_of: None,
        refresh: true,
    }))
}

fn is_revoked(view: &View<'_>, claims: &Claims) -> bool {
    let row = |kind, id: &str| view.get(&REVOKED, &(kind, id.to_owned()));
    let ended = |family: &String| session_id(family).is_none_or(|id| !view.has(&SESSIONS, &id));
    row(revoked::TOKEN, &claims.token_id).is_some()
        || claims.family.as_ref().is_some_and(ended)
        || row(revoked::CLIENT, &claims.client_id).is_some()
        || row(revoked::USER, &claims.subject).is_some_and(|row| claims.epoch < row.epoch)
}
