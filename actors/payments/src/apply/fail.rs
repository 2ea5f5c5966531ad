//! A payment failed: the reservation is free for another attempt.

use contracts::payments::Failure;
use contracts::reservations::PaymentFailed;

use super::{T, save};
use crate::state::{CURRENT, Record, Stage, TimelineEvent};

pub(super) fn fail(turn: &mut T<'_>, mut record: Record, code: &str) {
    if !record.stage.is_open() {
        save(turn, &record);
        return;
    }
    record.stage = Stage::Failed;
    record.redirect_url = None;
    record.failure = Some(Failure { code: code.to_owned() });
    record.record(turn.now(), TimelineEvent::Failed { code: code.to_owned() });
    let (reservation, payment) = (record.reservation, record.id);
    if turn.get(&CURRENT, &reservation) == Some(payment) {
        turn.remove(&CURRENT, &reservation);
    }
    save(turn, &record);
    // Also if reservations refused the payment, so that its state has no open payment.
    turn.emit(reservation.0, PaymentFailed { reservation, payment });
}
