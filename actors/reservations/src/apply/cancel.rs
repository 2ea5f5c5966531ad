//! Cancels a reservation. A hold is released free of charge. A guest or partner who cancels a paid reservation pays what its
//! policy says at this instant, and can cancel until the end of the check-in day. The hotel can cancel until check-out; then
//! everything is refunded, unless staff sets a fee.

use contracts::Money;
use contracts::reservations::{
    CHECK_OUT_HOUR, Cancel, CancelledBy, Refusal, Reservation, Status, TimelineEvent,
};
use group::Turn;
use protocol::{Principal, Timestamp};

use super::{cancel_open_payment, find_expected, mail, record, release_rooms, save, settle};
use crate::{Occasion, Reservations, access, zone};

pub(super) fn cancel(turn: &mut Turn<'_, Reservations>, request: Cancel) -> Result<Reservation, Refusal> {
    let mut reservation = find_expected(turn, request.reservation, request.expect)?;
    let now = turn.now();
    let by = cancelled_by(turn.caller(), &reservation, request.penalty)?;
    let (paid, penalty) = match reservation.status {
        Status::Held => (false, held_penalty(request.penalty)?),
        Status::Confirmed => {
            let until = cancellable_until(&reservation, by);
            if now > until {
                return Err(Refusal::TooLateToCancel { until, by });
            }
            (true, paid_penalty(&reservation, by, request.penalty, now)?)
        }
        // A retry, because the first reply was lost.
        Status::Cancelled => return Ok(reservation),
        status @ (Status::CheckedIn | Status::CheckedOut | Status::Expired | Status::NoShow) => {
            return Err(Refusal::WrongStatus { status });
        }
    };
    // No writes above this line, no refusals below it.
    release_rooms(turn, &reservation);
    cancel_open_payment(turn, &reservation);
    reservation.status = Status::Cancelled;
    reservation.cancelled_by = Some(by);
    reservation.hold_expires_at = None;
    record(&mut reservation, now, TimelineEvent::Cancelled);
    if paid {
        settle(turn, &mut reservation, penalty);
        mail(turn, reservation.id, Occasion::Cancelled);
    }
    Ok(save(turn, reservation))
}

/// Who cancels. A person's own booking is cancelled by the guest, even if this person works for the hotel, unless the request
/// sets the fee.
fn cancelled_by(
    caller: &Principal,
    reservation: &Reservation,
    penalty: Option<Money>,
) -> Result<CancelledBy, Refusal> {
    let owner = reservation.owner.as_str();
    let is_person = owner.starts_with("usr_") || owner.starts_with("gst_");
    let own_booking = is_person && caller.effective_subject() == owner;
    if access::manages(caller, reservation.hotel()) && (!own_booking || penalty.is_some()) {
        return Ok(CancelledBy::Hotel);
    }
    if penalty.is_some() {
        return Err(invalid_penalty("only the hotel may set the cancellation fee"));
    }
    // Pages are used by guests, also for bookings that a partner made.
    let is_guest = is_person || caller.as_service().is_some();
    Ok(if is_guest { CancelledBy::Guest } else { CancelledBy::Partner })
}

/// Until when a paid reservation can be cancelled. Afterwards the hotel records a no-show or refunds the payment.
fn cancellable_until(reservation: &Reservation, by: CancelledBy) -> Timestamp {
    match by {
        CancelledBy::Guest | CancelledBy::Partner => reservation.quote.policy.guest_until,
        CancelledBy::Hotel => {
            zone::instant(&reservation.quote.time_zone, reservation.stay().check_out(), CHECK_OUT_HOUR)
        }
    }
}

fn held_penalty(requested: Option<Money>) -> Result<i64, Refusal> {
    match requested {
        None | Some(Money { amount: 0, .. }) => Ok(0),
        Some(_) => Err(invalid_penalty("nothing has been paid yet: a hold is cancelled free of charge")),
    }
}

fn paid_penalty(
    reservation: &Reservation,
    by: CancelledBy,
    requested: Option<Money>,
    now: Timestamp,
) -> Result<i64, Refusal> {
    match (by, requested) {
        (CancelledBy::Guest | CancelledBy::Partner, _) => Ok(reservation.penalty_at(now)),
        (CancelledBy::Hotel, None) => Ok(0),
        (CancelledBy::Hotel, Some(fee)) if fee.currency != reservation.currency() => Err(Refusal::Invalid {
            field: "penalty/currency".to_owned(),
            why: format!("the reservation is in {}", reservation.currency()),
        }),
        (CancelledBy::Hotel, Some(fee)) if fee.amount % fee.currency.rounding_increment() != 0 => {
            let (step, currency) = (fee.currency.rounding_increment(), fee.currency);
            Err(invalid_penalty(&format!("amounts in {currency} must be a multiple of {step} minor units")))
        }
        (CancelledBy::Hotel, Some(fee)) if (0..=reservation.paid()).contains(&fee.amount) => Ok(fee.amount),
        (CancelledBy::Hotel, Some(_)) => {
            Err(invalid_penalty(&format!("between 0 and {}, the amount paid", reservation.paid())))
        }
    }
}

fn invalid_penalty(why: &str) -> Refusal {
    Refusal::Invalid { field: "penalty".to_owned(), why: why.to_owned() }
}
