//! Records that a guest session has opened a booking with its secret link.

use contracts::ui::{Refusal, RememberBooking};
use group::Turn;

use crate::service::{ForgetBooking, Ui};
use crate::state::{OPENED, OPENED_MAX, Opened, REMEMBERED_SECS, is_guest};

pub(crate) fn remember(turn: &mut Turn<'_, Ui>, request: RememberBooking) -> Result<(), Refusal> {
    let RememberBooking { guest, link } = request;
    let reservation = link.reservation;
    if !is_guest(&guest) {
        return Err(Refusal::NoGuest);
    }
    // No writes above this line, no refusals below it.
    let opened = turn.scan(&OPENED, &guest, OPENED_MAX + 1);
    let is_new = !opened.iter().any(|((_, id), _)| *id == reservation);
    if is_new
        && opened.len() >= OPENED_MAX
        && let Some((oldest, _)) = opened.iter().min_by_key(|((_, id), opened)| (opened.at, *id))
    {
        turn.remove(&OPENED, oldest);
    }
    turn.put(&OPENED, &(guest.clone(), reservation), &Opened { at: turn.now(), link: link.number });
    turn.schedule(turn.now().plus_secs(REMEMBERED_SECS), ForgetBooking { guest, reservation });
    Ok(())
}
