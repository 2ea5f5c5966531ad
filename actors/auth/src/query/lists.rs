//! What is published, and lists for operators.

use contracts::auth::{Answer, PublishedKey, RevocationList};
use group::View;

use crate::limits::PAGE_MAX;
use crate::state::{CLIENTS, KEYS, REVOKED, revoked};

/// All trusted keys, oldest first: announced, active, and retired ones whose tokens may be alive.
pub(super) fn keys(view: &View<'_>) -> Answer {
    let published = |(id, key): (String, crate::state::Key)| {
        (
            key.created_at,
            PublishedKey { id, public: key.public, active_from: key.active_from, retired_at: key.retired_at },
        )
    };
    let mut keys: Vec<_> = view.all(&KEYS).map(published).collect();
    keys.sort_by(|(one_at, one), (two_at, two)| (one_at, &one.id).cmp(&(two_at, &two.id)));
    Answer::Keys(keys.into_iter().map(|(_, key)| key).collect())
}

/// What is void now though it has not expired.
pub(super) fn revocations(view: &View<'_>) -> Answer {
    let mut list = RevocationList::default();
    for ((kind, id), row) in view.all(&REVOKED).filter(|(_, row)| row.until > view.now()) {
        match kind {
            revoked::TOKEN => list.tokens.push(id),
            revoked::SESSION => list.sessions.push(id),
            revoked::CLIENT => list.clients.push(id),
            revoked::USER => list.epochs.push((id, row.epoch)),
            // A later program's kind, which this one could not check anyway.
            _ => {}
        }
    }
    Answer::Revocations(list)
}

/// Clients after an id.
pub(super) fn clients(view: &View<'_>, after: Option<String>, limit: u32) -> Answer {
    let limit = limit.clamp(1, PAGE_MAX) as usize;
    let later = |id: &String| after.as_ref().is_none_or(|after| id > after);
    let found = view.all(&CLIENTS).filter(|(id, _)| later(id)).take(limit + 1);
    let mut clients: Vec<_> = found.map(|(id, client)| client.profile(&id)).collect();
    let more = clients.len() > limit;
    clients.truncate(limit);
    Answer::Clients { clients, more }
}
