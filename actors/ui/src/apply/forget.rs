//! Removes all opened bookings of a guest session.

use contracts::ui::{ForgetBookings, Refusal};
use group::Turn;

use crate::service::Ui;
use crate::state::{OPENED, OPENED_MAX, is_guest};

pub(crate) fn forget(turn: &mut Turn<'_, Ui>, request: &ForgetBookings) -> Result<(), Refusal> {
    let guest = &request.guest;
    if !is_guest(guest) {
        return Err(Refusal::NoGuest);
    }
    let opened = turn.scan(&OPENED, guest, OPENED_MAX + 1);
    for (key, _) in opened {
        turn.remove(&OPENED, &key);
    }
    Ok(())
}
