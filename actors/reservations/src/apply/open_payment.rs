//! A payment was started: sends the amount that is owed. The hold is not extended before the bank has accepted the card.

use contracts::PaymentId;
use contracts::payments::{NotPayable, Quoted};
use contracts::reservations::{OpenPayment, PaymentState, Reservation, Status, TimelineEvent};
use group::Turn;

use super::{find, record, save};
use crate::Reservations;
use crate::payable::payable;
use crate::state::HOTELS;

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
    if reservation.quote.total == 0 {
        return Err(NotPayable::NothingDue);
    }
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
    reservation.payment = PaymentState::Open(payment);
    record(&mut reservation, turn.now(), TimelineEvent::PaymentStarted);
    save(turn, reservation);
}
