//! A payment came to nothing: the reservation is free for another attempt.

use contracts::payments::Failure;
use contracts::reservations::{self, Reservations};

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
    record.happened(turn.now(), TimelineEvent::Failed { code: code.to_owned() });
    let (reservation, payment) = (record.reservation, record.id);
    if turn.get(&CURRENT, &reservation) == Some(payment) {
        turn.remove(&CURRENT, &reservation);
    }
    save(turn, &record);
    // Also where reservations said no itself: it knows then that nothing is open.
    turn.send::<Reservations>(reservation.0, &reservations::Command::PaymentFailed { reservation, payment });
}
