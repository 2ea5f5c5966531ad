//! The bank accepted the card of an open payment, which takes longer: extends the hold, once.

use contracts::reservations::{PaymentAccepted, PaymentState, Status, TimelineEvent};
use group::Turn;

use super::{find, record, save};
use crate::Reservations;
use crate::state::{SETTINGS, Timer};

pub(super) fn payment_accepted(turn: &mut Turn<'_, Reservations>, request: PaymentAccepted) {
    let Some(mut reservation) = find(turn, request.reservation) else { return };
    let is_open = reservation.payment == PaymentState::Open(request.payment);
    if reservation.status != Status::Held || !is_open || reservation.extended {
        return;
    }
    let now = turn.now();
    let settings = turn.get(&SETTINGS, &0).unwrap_or_default();
    let expires_at =
        reservation.hold_expires_at.unwrap_or(now).plus_secs(i64::from(settings.hold_extension_secs));
    reservation.extended = true;
    reservation.hold_expires_at = Some(expires_at);
    record(&mut reservation, now, TimelineEvent::HoldExtended);
    turn.schedule(expires_at, Timer::ExpireHold(reservation.id));
    save(turn, reservation);
}
