//! A payment was started: sends the amount that is owed, and extends the hold once.

use contracts::PaymentId;
use contracts::payments::{NotPayable, Quoted};
use contracts::reservations::{OpenPayment, PaymentState, Reservation, Status, TimelineEvent};
use group::Turn;

use super::{find, record, save};
use crate::Reservations;
use crate::payable::payable;
use crate::state::{HOTELS, SETTINGS, Timer};

pub(super) fn open_payment(turn: &mut Turn<'_, Reservations>, request: OpenPayment) {
    let OpenPayment { reservation: id, payment } = request;
    let found = find(turn, id).ok_or(NotPayable::NoSuchReservation);
    let answer = found.and_then(|found| check_payable(found, payment)).map(|reservation| {
        let hotel =
            turn.get(&HOTELS, &reservation.hotel()).expect("a reservation's hotel is never removed").hotel;
        let quoted = payable(&reservation, &hotel);
        open(turn, reservation, payment);
        quoted
    });
    turn.emit(id.0, Quoted { payment, answer });
}

fn check_payable(reservation: Reservation, payment: PaymentId) -> Result<Reservation, NotPayable> {
    match (reservation.status, &reservation.payment) {
        (Status::Held, PaymentState::Open(other)) if *other != payment => Err(NotPayable::PaymentOpen),
        (Status::Held, _) => Ok(reservation),
        (
            Status::Confirmed
            | Status::CheckedIn
            | Status::CheckedOut
            | Status::Expired
            | Status::Cancelled
            | Status::NoShow,
            _,
        ) => Err(NotPayable::NotHeld),
    }
}

fn open(turn: &mut Turn<'_, Reservations>, mut reservation: Reservation, payment: PaymentId) {
    if reservation.payment == PaymentState::Open(payment) {
        return;
    }
    let now = turn.now();
    reservation.payment = PaymentState::Open(payment);
    if reservation.extended {
        record(&mut reservation, now, TimelineEvent::PaymentStarted);
    } else {
        let settings = turn.get(&SETTINGS, &0).unwrap_or_default();
        let expires_at =
            reservation.hold_expires_at.unwrap_or(now).plus_secs(i64::from(settings.hold_extension_secs));
        reservation.extended = true;
        reservation.hold_expires_at = Some(expires_at);
        record(&mut reservation, now, TimelineEvent::HoldExtended);
        turn.schedule(expires_at, Timer::ExpireHold(reservation.id));
    }
    save(turn, reservation);
}
