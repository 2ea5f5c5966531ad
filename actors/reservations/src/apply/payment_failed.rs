//! A payment came to nothing: another may be tried while the hold lasts.

use contracts::reservations::{PaymentState, Reply, TimelineEvent};
use contracts::{PaymentId, ReservationId};
use group::Turn;

use super::{find, note, save};
use crate::Reservations;

pub(super) fn payment_failed(
    turn: &mut Turn<'_, Reservations>,
    id: ReservationId,
    payment: PaymentId,
) -> Reply {
    if let Some(mut reservation) = find(turn, id)
        && reservation.payment == PaymentState::Open(payment)
    {
        reservation.payment = PaymentState::Unpaid;
        note(&mut reservation, turn.now(), TimelineEvent::PaymentFailed);
        save(turn, reservation);
    }
    Reply::Done
}
