//! Replaces the secret link to a reservation: when its guest or the hotel asks for it, and when the guest's mail address
//! changes.

use contracts::reservations::{Refusal, Reservation, RevokeLinks, SendLink, TimelineEvent};
use group::Turn;

use super::{find_expected, mail_guest, record, save};
use crate::{Occasion, Reservations};

/// The shortest time between two mails with a new link, in seconds.
const SEND_INTERVAL_SECS: i64 = 60;

pub(super) fn send_link(
    turn: &mut Turn<'_, Reservations>,
    request: SendLink,
) -> Result<Reservation, Refusal> {
    let mut reservation = find_expected(turn, request.reservation, request.expect)?;
    // Before the confirmation the guest has had no mail, and nobody has shown that the address is the guest's.
    if !reservation.was_confirmed() {
        return Err(Refusal::WrongStatus { status: reservation.status });
    }
    let now = turn.now();
    if let Some(sent_at) = reservation.link_sent_at {
        let wait = sent_at.plus_secs(SEND_INTERVAL_SECS).millis() - now.millis();
        if wait > 0 {
            let wait_secs = u32::try_from((wait + 999) / 1_000).unwrap_or(u32::MAX);
            return Err(Refusal::LinkJustSent { wait_secs });
        }
    }
    // No writes above this line, no refusals below it.
    reservation.link_sent_at = Some(now);
    replace_link(turn, &mut reservation);
    mail_guest(turn, reservation.id, Occasion::LinkReplaced { number: reservation.link });
    Ok(save(turn, reservation))
}

pub(super) fn revoke_links(
    turn: &mut Turn<'_, Reservations>,
    request: RevokeLinks,
) -> Result<Reservation, Refusal> {
    let mut reservation = find_expected(turn, request.reservation, request.expect)?;
    replace_link(turn, &mut reservation);
    Ok(save(turn, reservation))
}

/// Makes the current link invalid.
pub(super) fn replace_link(turn: &Turn<'_, Reservations>, reservation: &mut Reservation) {
    reservation.link = reservation.link.saturating_add(1);
    record(reservation, turn.now(), TimelineEvent::LinkReplaced);
}
