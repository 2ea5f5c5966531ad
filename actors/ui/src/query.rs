//! Queries for the bookings that a guest session has opened.

use contracts::reservations::BookingLink;
use contracts::ui::{GetOpenedBooking, ListOpenedBookings, Refusal};
use group::View;

use crate::state::{OPENED, is_guest};

/// The opened bookings, most recently opened first.
pub(crate) fn list(view: &View<'_>, request: &ListOpenedBookings) -> Result<Vec<BookingLink>, Refusal> {
    if !is_guest(&request.guest) {
        return Err(Refusal::NoGuest);
    }
    let opened = view.scan(&OPENED, &request.guest);
    let mut found: Vec<_> = opened
        .map(|((_, reservation), opened)| (opened.at, BookingLink { reservation, number: opened.link }))
        .collect();
    found.sort_by(|one, other| other.cmp(one));
    Ok(found.into_iter().map(|(_, link)| link).collect())
}

pub(crate) fn opened(view: &View<'_>, request: GetOpenedBooking) -> Option<BookingLink> {
    let GetOpenedBooking { guest, reservation } = request;
    let opened = view.get(&OPENED, &(guest, reservation))?;
    Some(BookingLink { reservation, number: opened.link })
}
