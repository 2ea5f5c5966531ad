//! Creates an OAuth client.

use contracts::auth::{ClientKind, ClientProfile, CreateClient, GrantType, Refusal, UI_CLIENT};
use contracts::{ALL_HOTELS, HotelId, scope};
use group::Turn;

use crate::limits::{HOTELS_MAX, NAME_CHARS_MAX, REDIRECTS_MAX};
use crate::service::Auth;
use crate::state::{CLIENTS, Client};
use crate::{scopes, uri};

pub(crate) fn create_client(turn: &mut Turn<'_, Auth>, new: CreateClient) -> Result<ClientProfile, Refusal> {
    if let Some((field, why)) = invalid_field(&new) {
        return Err(Refusal::Invalid { field, why });
    }
    let mut client = Client {
        name: new.name,
        kind: new.kind,
        secret_hash: new.secret_hash,
        redirect_uris: new.redirect_uris,
        scopes: scopes::sorted(new.scopes),
        grant_types: new.grant_types,
        hotels: scopes::sorted(new.hotels),
        created_at: turn.now(),
        revoked_at: None,
        previous_secret: None,
    };
    client.grant_types.sort_unstable();
    client.grant_types.dedup();
    if let Some(id) = &new.id {
        // The bootstrap of a cluster can be interrupted and repeated.
        if let Some(found) = turn.get(&CLIENTS, id) {
            client.created_at = found.created_at;
            return if found == client {
                Ok(found.profile(id, turn.now()))
            } else {
                Err(Refusal::ClientExists)
            };
        }
    }
    let random = turn.fresh_random();
    let id = new.id.unwrap_or_else(|| format!("cli_{random:032x}"));
    turn.put(&CLIENTS, &id, &client);
    Ok(client.profile(&id, turn.now()))
}

/// The first invalid field and the reason.
fn invalid_field(new: &CreateClient) -> Option<(String, String)> {
    let wrong = |field: &str, why: &str| Some((field.to_owned(), why.to_owned()));
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return wrong("name", "must have 1 to 100 characters");
    }
    if let Some(id) = &new.id {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        // Excludes subjects of other kinds (`usr_…`, `svc:…`).
        if id.is_empty() || id.len() > 40 || !id.bytes().all(plain) || id == UI_CLIENT {
            return wrong("id", "must have 1 to 40 characters of a-z, 0-9 and -, and must not be `ui`");
        }
    }
    match (new.kind, new.secret_hash) {
        (ClientKind::Public, Some(_)) => {
            return wrong("kind", "must be confidential for a client with a secret");
        }
        (ClientKind::Confidential, None) => {
            return wrong("kind", "must be public for a client without a secret");
        }
        (ClientKind::Public, None) | (ClientKind::Confidential, Some(_)) => {}
    }
    if new.scopes.is_empty() {
        return wrong("scopes", "must contain at least one scope");
    }
    if let Some(at) = new.scopes.iter().position(|scope| !scope::ALL.contains(&scope.as_str())) {
        return wrong(&format!("scopes/{at}"), "is not a known scope");
    }
    if new.grant_types.is_empty() {
        return wrong("grant_types", "must contain at least one grant type");
    }
    let uses = |grant| new.grant_types.contains(&grant);
    if uses(GrantType::ClientCredentials) && new.kind == ClientKind::Public {
        return wrong("grant_types", "must not contain client_credentials for a public client");
    }
    if uses(GrantType::RefreshToken) && !uses(GrantType::AuthorizationCode) && !uses(GrantType::DeviceCode) {
        return wrong(
            "grant_types",
            "must contain authorization_code or device_code together with refresh_token",
        );
    }
    if new.redirect_uris.len() > REDIRECTS_MAX {
        return wrong("redirect_uris", "must have at most 10 entries");
    }
    if uses(GrantType::AuthorizationCode) && new.redirect_uris.is_empty() {
        return wrong("redirect_uris", "must have at least one entry for authorization_code");
    }
    for (at, redirect) in new.redirect_uris.iter().enumerate() {
        if let Some(why) = uri::registration_error(redirect) {
            return wrong(&format!("redirect_uris/{at}"), why);
        }
    }
    if new.hotels.len() > HOTELS_MAX {
        return wrong("hotels", "must have at most 100 entries");
    }
    if new.hotels == [ALL_HOTELS] {
        return None;
    }
    match new.hotels.iter().position(|hotel| hotel.parse::<HotelId>().is_err()) {
        Some(at) if new.hotels[at] == ALL_HOTELS => {
            wrong(&format!("hotels/{at}"), "must be the only entry: `*` means all hotels")
        }
        Some(at) => wrong(&format!("hotels/{at}"), "is not a hotel id"),
        None => None,
    }
}
