//! Queries for the bookings that a guest session has opened.

use contracts::ReservationId;
use contracts::ui::{HasOpenedBooking, ListOpenedBookings, Refusal};
use group::View;

use crate::state::{OPENED, is_guest};

/// The opened bookings, most recently opened first.
pub(crate) fn list(view: &View<'_>, request: &ListOpenedBookings) -> Result<Vec<ReservationId>, Refusal> {
    if !is_guest(&request.guest) {
        return Err(Refusal::NoGuest);
    }
    let mut found: Vec<_> = view.scan(&OPENED, &request.guest).map(|((_, id), last)| (last, id)).collect();
    found.sort_by(|one, other| other.cmp(one));
    Ok(found.into_iter().map(|(_, id)| id).collect())
}

pub(crate) fn has_opened(view: &View<'_>, request: HasOpenedBooking) -> bool {
    view.has(&OPENED, &(request.guest, request.reservation))
}
