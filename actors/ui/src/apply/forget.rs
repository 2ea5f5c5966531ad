//! Removes all opened bookings of a guest session.

use contracts::ui::{Refusal, Reply};
use group::Turn;

use crate::service::Ui;
use crate::state::{OPENED, OPENED_MAX, is_guest};

pub(crate) fn forget(turn: &mut Turn<'_, Ui>, guest: String) -> Result<Reply, Refusal> {
    if !is_guest(&guest) {
        return Err(Refusal::NoGuest);
    }
    let opened = turn.scan(&OPENED, &guest, OPENED_MAX + 1);
    for (key, _) in opened {
        turn.remove(&OPENED, &key);
    }
    Ok(Reply::Done)
}
