//! Queries.

mod introspect;
mod lists;
mod sign;

use contracts::auth::{Answer, GetDeviceAuthorization, PendingDevice, Query, Refusal};
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
        Query::ListKeys(_) => Ok(lists::keys(view).into()),
        Query::GetRevocations(_) => Ok(lists::revocations(view).into()),
        Query::GetClient(request) => {
            let client = view.get(&CLIENTS, &request.client_id).ok_or(Refusal::NoSuchClient)?;
            Ok(client.profile(&request.client_id, view.now()).into())
        }
        Query::ListClients(request) => Ok(lists::clients(view, &request).into()),
        Query::IssueServiceToken(request) => sign::service_token(auth, view, request).map(Answer::from),
        Query::IssueClientToken(request) => sign::client_token(auth, view, request).map(Answer::from),
        Query::IssueSessionToken(request) => {
            sign::session_token(auth, view, caller, request).map(Answer::from)
        }
        Query::IntrospectAccessToken(request) => {
            introspect::access_token(auth, view, &request).map(Answer::from)
        }
        Query::IntrospectRefreshToken(request) => introspect::refresh_token(view, &request).map(Answer::from),
        Query::GetDeviceAuthorization(request) => pending_device(view, &request).map(Answer::from),
    }
}

fn pending_device(view: &View<'_>, request: &GetDeviceAuthorization) -> Result<PendingDevice, Refusal> {
    let hash = view.get(&USER_CODES, &request.user_code_tag).ok_or(Refusal::NoSuchDevice)?;
    let device = view.get(&DEVICES, &hash).ok_or(Refusal::NoSuchDevice)?;
    if device.expires_at <= view.now() || device.decision != Decision::Pending {
        return Err(Refusal::NoSuchDevice);
    }
    let client = view.get(&CLIENTS, &device.client_id).filter(|client| client.revoked_at.is_none());
    let client = client.ok_or(Refusal::NoSuchDevice)?;
    Ok(PendingDevice { client_name: client.name, scopes: device.scopes })
}
