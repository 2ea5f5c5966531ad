//! Issues an authorization code after a user has consented.

use contracts::auth::{GrantType, IssueAuthorizationCode, Refusal};
use group::Turn;

use super::check_epoch;
use crate::limits::{CODE_RETENTION_SECS, CODE_SECS};
use crate::service::{Auth, Timer};
use crate::state::{AuthorizationCode, CLIENTS, CODES};
use crate::{scopes, uri};

pub(crate) fn issue_code(turn: &mut Turn<'_, Auth>, request: IssueAuthorizationCode) -> Result<(), Refusal> {
    let IssueAuthorizationCode { code_hash, client_id, redirect_uri, challenge, scopes, grants } = request;
    let client = turn.get(&CLIENTS, &client_id).filter(|client| client.revoked_at.is_none());
    let client = client.ok_or(Refusal::InvalidClient)?;
    client.check_grant_type(GrantType::AuthorizationCode)?;
    // A request can omit the redirect URI if only one is registered (RFC 6749 §3.1.2.3). The exchange must do the same.
    let implied = redirect_uri.is_empty() && client.redirect_uris.len() == 1;
    if !implied && !uri::is_registered(&redirect_uri, &client.redirect_uris) {
        return Err(Refusal::InvalidRedirect);
    }
    let scopes = scopes::granted(&scopes, &[&client.scopes, &grants.scopes]);
    if scopes.is_empty() {
        return Err(Refusal::InvalidScope);
    }
    check_epoch(turn, &grants)?;
    if turn.has(&CODES, &code_hash) {
        return Err(Refusal::InvalidGrant("the code was issued before".into()));
    }
    // No writes above this line, no refusals below it.
    let expires_at = turn.now().plus_secs(CODE_SECS);
    let code =
        AuthorizationCode { client_id, redirect_uri, challenge, scopes, grants, expires_at, used: None };
    turn.put(&CODES, &code_hash, &code);
    turn.schedule(turn.now().plus_secs(CODE_RETENTION_SECS), Timer::ForgetCode(code_hash));
    Ok(())
}
