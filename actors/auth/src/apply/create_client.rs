//! A new OAuth client, checked field by field.

use contracts::auth::{ClientKind, GrantType, NewClient, Refusal, Reply, UI_CLIENT};
use contracts::{HotelId, scope};
use group::Turn;

use crate::limits::{HOTELS_MAX, NAME_CHARS_MAX, REDIRECTS_MAX};
use crate::service::Auth;
use crate::state::{CLIENTS, Client};
use crate::{scopes, uri};

pub(crate) fn create_client(turn: &mut Turn<'_, Auth>, new: NewClient) -> Result<Reply, Refusal> {
    if let Some((field, why)) = fault(&new) {
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
    };
    client.grant_types.sort_unstable();
    client.grant_types.dedup();
    if let Some(id) = &new.id {
        // The first start of a cluster may be interrupted and come again.
        if let Some(found) = turn.get(&CLIENTS, id) {
            client.created_at = found.created_at;
            return if found == client {
                Ok(Reply::Client(found.profile(id)))
            } else {
                Err(Refusal::ClientExists)
            };
        }
    }
    let random = turn.fresh_random();
    let id = new.id.unwrap_or_else(|| format!("cli_{random:032x}"));
    turn.put(&CLIENTS, &id, &client);
    Ok(Reply::Client(client.profile(&id)))
}

fn fault(new: &NewClient) -> Option<(String, String)> {
    let wrong = |field: &str, why: &str| Some((field.to_owned(), why.to_owned()));
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return wrong("name", "must have 1 to 100 characters");
    }
    if let Some(id) = &new.id {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        // Ids that mean something else in a token may not be taken.
        if id.is_empty() || id.len() > 40 || !id.bytes().all(plain) || id == UI_CLIENT {
            return wrong("id", "must have 1 to 40 of a-z, 0-9 and -, and not be `ui`");
        }
    }
    match (new.kind, new.secret_hash) {
        (ClientKind::Public, Some(_)) => return wrong("kind", "a public client has no secret"),
        (ClientKind::Confidential, None) => return wrong("kind", "a confidential client has a secret"),
        (ClientKind::Public, None) | (ClientKind::Confidential, Some(_)) => {}
    }
    if new.scopes.is_empty() {
        return wrong("scopes", "must name one scope at least");
    }
    if let Some(at) = new.scopes.iter().position(|scope| !scope::ALL.contains(&scope.as_str())) {
        return wrong(&format!("scopes/{at}"), "is no scope");
    }
    if new.grant_types.is_empty() {
        return wrong("grant_types", "must name one grant type at least");
    }
    let uses = |grant| new.grant_types.contains(&grant);
    if uses(GrantType::ClientCredentials) && new.kind == ClientKind::Public {
        return wrong("grant_types", "client_credentials is for confidential clients");
    }
    if uses(GrantType::RefreshToken) && !uses(GrantType::AuthorizationCode) && !uses(GrantType::DeviceCode) {
        return wrong("grant_types", "refresh_token needs a grant type that has a user");
    }
    if new.redirect_uris.len() > REDIRECTS_MAX {
        return wrong("redirect_uris", "must be 10 at most");
    }
    if uses(GrantType::AuthorizationCode) && new.redirect_uris.is_empty() {
        return wrong("redirect_uris", "authorization_code needs one at least");
    }
    for (at, redirect) in new.redirect_uris.iter().enumerate() {
        if let Some(why) = uri::registration_error(redirect) {
            return wrong(&format!("redirect_uris/{at}"), why);
        }
    }
    if new.hotels.len() > HOTELS_MAX {
        return wrong("hotels", "must be 100 at most");
    }
    match new.hotels.iter().position(|hotel| hotel.parse::<HotelId>().is_err()) {
        Some(at) => wrong(&format!("hotels/{at}"), "is no hotel's id"),
        None => None,
    }
}
