//! Questions. All of them read one consistent point; the ones that sign need the cluster key too.

mod introspect;
mod lists;
mod sign;

use contracts::auth::{Answer, Query, Refusal};
use group::View;
use protocol::Principal;

use crate::service::Auth;
use crate::state::{CLIENTS, DEVICES, Decision, USER_CODES};

pub(crate) fn answer(
    auth: &Auth,
    view: &View<'_>,
    caller: &Principal,
    query: Query,
) -> Result<Answer, Refusal> {
    match query {
        Query::Keys => Ok(lists::keys(view)),
        Query::Revocations => Ok(lists::revocations(view)),
        Query::Client { client_id } => {
            let client = view.get(&CLIENTS, &client_id).ok_or(Refusal::NoSuchClient)?;
            Ok(Answer::Client(client.profile(&client_id)))
        }
        Query::Clients { after, limit } => Ok(lists::clients(view, after, limit)),
        Query::ServiceToken { service, on_behalf_of, token_id } => {
            sign::for_service(auth, view, &service, on_behalf_of, token_id)
        }
        Query::ClientToken { client, scopes, token_id } => {
            sign::for_client(auth, view, &client, &scopes, token_id)
        }
        Query::SessionToken { session, scopes, token_id } => {
            sign::for_session(auth, view, caller, &session, scopes.as_deref(), token_id)
        }
        Query::IntrospectAccess { client, token } => introspect::access(auth, view, &client, &token),
        Query::IntrospectRefresh { client, refresh_hash } => {
            introspect::refresh(view, &client, &refresh_hash)
        }
        Query::Device { user_code_tag } => device(view, &user_code_tag),
    }
}

fn device(view: &View<'_>, user_code_tag: &String) -> Result<Answer, Refusal> {
    let hash = view.get(&USER_CODES, user_code_tag).ok_or(Refusal::NoSuchDevice)?;
    let device = view.get(&DEVICES, &hash).ok_or(Refusal::NoSuchDevice)?;
    if device.expires_at <= view.now() || device.decision != Decision::Pending {
        return Err(Refusal::NoSuchDevice);
    }
    let client = view.get(&CLIENTS, &device.client_id).filter(|client| client.revoked_at.is_none());
    let client = client.ok_or(Refusal::NoSuchDevice)?;
    Ok(Answer::Device { client_name: client.name, scopes: device.scopes })
}
