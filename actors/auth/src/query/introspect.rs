//! What a token says, and whether it is good (RFC 7662). A token that is not good has no further properties.

use contracts::auth::{Answer, BearerToken, ClientAuthentication, Introspection, Refusal};
use group::View;
use token::{Claims, PublicKeys};

use crate::apply::authenticated;
use crate::service::Auth;
use crate::state::{CLIENTS, KEYS, REFRESH_TOKENS, REVOKED, SESSIONS, revoked, session_id};

pub(super) fn access(
    auth: &Auth,
    view: &View<'_>,
    authentication: &ClientAuthentication,
    token: &BearerToken,
) -> Result<Answer, Refusal> {
    authenticated(view.get(&CLIENTS, &authentication.client_id), authentication)?;
    let keys = PublicKeys::from_paserk(view.all(&KEYS).map(|(_, key)| key.public));
    let good =
        keys.check(&token.0, auth.issuer(), view.now()).ok().filter(|(claims, _)| !is_revoked(view, claims));
    Ok(Answer::Introspection(good.map(|(claims, _)| Introspection {
        scopes: claims.scopes(),
        client_id: claims.client_id,
        subject: claims.subject,
        expires_at: claims.expires_at,
        issued_at: claims.issued_at,
        token_id: Some(claims.token_id),
        on_behalf_of: claims.on_behalf_of,
        refresh: false,
    })))
}

pub(super) fn refresh(
    view: &View<'_>,
    authentication: &ClientAuthentication,
    hash: &[u8; 32],
) -> Result<Answer, Refusal> {
    authenticated(view.get(&CLIENTS, &authentication.client_id), authentication)?;
    let token = view.get(&REFRESH_TOKENS, hash).filter(|token| token.first_used_at.is_none());
    let found = token.and_then(|token| Some((view.get(&SESSIONS, &token.session)?, token)));
    // A refresh token is for its own client and nobody else to know about (RFC 7662 §4).
    let found = found.filter(|(session, _)| {
        session.client_id == authentication.client_id && session.refresh_expires_at > view.now()
    });
    Ok(Answer::Introspection(found.map(|(session, token)| Introspection {
        scopes: session.scopes,
        client_id: session.client_id,
        subject: session.user.to_string(),
        expires_at: session.refresh_expires_at,
        issued_at: token.issued_at,
        token_id: None,
        on_behalf_of: None,
        refresh: true,
    })))
}

fn is_revoked(view: &View<'_>, claims: &Claims) -> bool {
    let row = |kind, id: &str| view.get(&REVOKED, &(kind, id.to_owned()));
    let ended = |family: &String| session_id(family).is_none_or(|id| !view.has(&SESSIONS, &id));
    row(revoked::TOKEN, &claims.token_id).is_some()
        || claims.family.as_ref().is_some_and(ended)
        || row(revoked::CLIENT, &claims.client_id).is_some()
        || row(revoked::USER, &claims.subject).is_some_and(|row| claims.epoch < row.epoch)
}
