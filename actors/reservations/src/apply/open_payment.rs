//! Somebody wants to pay: says what is owed, and extends the hold, once.

use contracts::payments::{self, NotPayable};
use contracts::reservations::{PaymentState, Reply, Reservation, Status, TimelineEvent};
use contracts::{PaymentId, ReservationId};
use group::Turn;

use super::{find, note, save};
use crate::Reservations;
use crate::query::payable;
use crate::state::{HOTELS, SETTINGS, Timer};

pub(super) fn open_payment(
    turn: &mut Turn<'_, Reservations>,
    id: ReservationId,
    payment: PaymentId,
) -> Reply {
    let answer =
        match find(turn, id).ok_or(NotPayable::NoSuchReservation).and_then(|found| open(found, payment)) {
            Ok(reservation) => {
                let hotel = turn
                    .get(&HOTELS, &reservation.hotel())
                    .expect("a reservation's hotel is never removed")
                    .hotel;
                let quoted = payable(&reservation, &hotel);
                opened(turn, reservation, payment);
                Ok(quoted)
            }
            Err(refused) => Err(refused),
        };
    turn.send::<payments::Payments>(id.0, &payments::Command::Quoted { payment, answer });
    Reply::Done
}

fn open(reservation: Reservation, payment: PaymentId) -> Result<Reservation, NotPayable> {
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

fn opened(turn: &mut Turn<'_, Reservations>, mut reservation: Reservation, payment: PaymentId) {
    if reservation.payment == PaymentState::Open(payment) {
        return;
    }
    let now = turn.now();
    reservation.payment = PaymentState::Open(payment);
    if reservation.extended {
        note(&mut reservation, now, TimelineEvent::PaymentStarted);
    } else {
        let settings = turn.get(&SETTINGS, &0).unwrap_or_default();
        let ends =
            reservation.hold_expires_at.unwrap_or(now).plus_secs(i64::from(settings.hold_extension_secs));
        reservation.extended = true;
        reservation.hold_expires_at = Some(ends);
        note(&mut reservation, now, TimelineEvent::HoldExtended);
        turn.schedule(ends, Timer::ExpireHold(reservation.id));
    }
    save(turn, reservation);
}
