//! A payment failed: another attempt is allowed while the hold lasts.

use contracts::reservations::{PaymentFailed, PaymentState, TimelineEvent};
use group::Turn;

use super::{find, record, save};
use crate::Reservations;

pub(super) fn payment_failed(turn: &mut Turn<'_, Reservations>, request: PaymentFailed) {
    if let Some(mut reservation) = find(turn, request.reservation)
        && reservation.payment == PaymentState::Open(request.payment)
    {
        reservation.payment = PaymentState::Unpaid;
        record(&mut reservation, turn.now(), TimelineEvent::PaymentFailed);
        save(turn, reservation);
    }
}
