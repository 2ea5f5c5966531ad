//! Queries for the bookings that a guest session has opened.

use contracts::ui::{Answer, Query, Refusal};
use group::View;

use crate::state::{OPENED, is_guest};

pub(crate) fn answer(view: &View<'_>, query: Query) -> Result<Answer, Refusal> {
    match query {
        Query::Bookings { guest } => {
            if !is_guest(&guest) {
                return Err(Refusal::NoGuest);
            }
            let mut found: Vec<_> = view.scan(&OPENED, &guest).map(|((_, id), last)| (last, id)).collect();
            found.sort_by(|one, other| other.cmp(one));
            Ok(Answer::Bookings(found.into_iter().map(|(_, id)| id).collect()))
        }
        Query::Knows { guest, reservation } => Ok(Answer::Knows(view.has(&OPENED, &(guest, reservation)))),
    }
}
