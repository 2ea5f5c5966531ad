//! Lists of keys, revocations and clients.

use contracts::auth::{ClientPage, ListClients, PublishedKey, RevocationList};
use group::View;

use crate::limits::PAGE_MAX;
use crate::state::{CLIENTS, KEYS, Key, REVOKED, revoked};

/// All trusted keys, oldest first: announced, active and retired ones.
pub(super) fn keys(view: &View<'_>) -> Vec<PublishedKey> {
    let published = |(id, key): (String, Key)| {
        let Key { public, created_at, active_from, retired_at, .. } = key;
        (created_at, PublishedKey { id, public, active_from, retired_at })
    };
    let mut keys: Vec<_> = view.all(&KEYS).map(published).collect();
    keys.sort_by(|(one_at, one), (two_at, two)| (one_at, &one.id).cmp(&(two_at, &two.id)));
    keys.into_iter().map(|(_, key)| key).collect()
}

/// The revocations that affect unexpired tokens.
pub(super) fn revocations(view: &View<'_>) -> RevocationList {
    let mut list = RevocationList::default();
    for ((kind, id), row) in view.all(&REVOKED).filter(|(_, row)| row.until > view.now()) {
        match kind {
            revoked::TOKEN => list.tokens.push(id),
            revoked::SESSION => list.sessions.push(id),
            revoked::CLIENT => list.clients.push(id),
            revoked::USER => list.epochs.push((id, row.epoch)),
            // A kind of a later version, which this version cannot check.
            _ => {}
        }
    }
    list
}

pub(super) fn clients(view: &View<'_>, request: &ListClients) -> ClientPage {
    let limit = request.limit.clamp(1, PAGE_MAX) as usize;
    let is_later = |id: &String| request.after.as_ref().is_none_or(|after| id > after);
    let found = view.all(&CLIENTS).filter(|(id, _)| is_later(id)).take(limit + 1);
    let mut clients: Vec<_> = found.map(|(id, client)| client.profile(&id, view.now())).collect();
    let more = clients.len() > limit;
    clients.truncate(limit);
    ClientPage { clients, more }
}
