//! Changes guest details or special requests, until check-out. A new mail address gets a new secret link, and the one that
//! the old mailbox has opens nothing.

use contracts::reservations::{BookingLink, Modify, Refusal, Reservation, Status, TimelineEvent};
use group::Turn;

use super::links::replace_link;
use super::{find_expected, mail_guest, record, save};
use crate::{Occasion, Reservations};

pub(super) fn modify(turn: &mut Turn<'_, Reservations>, request: Modify) -> Result<Reservation, Refusal> {
    let mut reservation = find_expected(turn, request.reservation, request.expect)?;
    match reservation.status {
        Status::Held | Status::Confirmed | Status::CheckedIn => {}
        status @ (Status::CheckedOut | Status::Expired | Status::Cancelled | Status::NoShow) => {
            return Err(Refusal::WrongStatus { status });
        }
    }
    let moves = request.guest.as_ref().is_some_and(|guest| guest.email != reservation.guest.email);
    // Whoever was given the link could otherwise lock the guest out.
    if moves && BookingLink::of_caller(turn.caller()).is_some() {
        return Err(Refusal::Invalid {
            field: "guest/email".into(),
            why: "whoever opened the booking with its link cannot change the mail address: contact the hotel"
                .into(),
        });
    }
    // No writes above this line, no refusals below it.
    let before = (reservation.guest.clone(), reservation.requests.clone());
    reservation.guest = request.guest.unwrap_or(reservation.guest);
    reservation.requests = request.requests.unwrap_or(reservation.requests);
    if (&reservation.guest, &reservation.requests) != (&before.0, &before.1) {
        record(&mut reservation, turn.now(), TimelineEvent::Changed);
        if moves {
            replace_link(turn, &mut reservation);
            // A hold has had no mail yet. Its confirmation goes to the new address.
            if reservation.was_confirmed() {
                let number = reservation.link;
                mail_guest(turn, reservation.id, Occasion::LinkReplaced { number });
            }
        }
        reservation = save(turn, reservation);
    }
    Ok(reservation)
}
