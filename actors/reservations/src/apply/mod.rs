//! The transitions, one per file.

mod admission;
mod calendar;
mod cancel;
mod configure;
mod currency;
mod expire;
mod front_desk;
mod hold;
mod hotel;
mod links;
mod modify;
mod open_payment;
mod payment_accepted;
mod payment_failed;
mod payment_succeeded;
mod refund_changed;
mod retired;
mod undo;

pub(crate) use admission::{forget_admission, forget_refusals};
pub(crate) use expire::expire;
pub(crate) use front_desk::settle_no_show;

use contracts::reservations::{
    AdmissionEnd, Command, EndAdmission, PaymentState, Refund, RefundStatus, Refusal, Reply, Reservation,
    Status, TimelineEvent,
};
use contracts::{Money, PaymentId, ReservationId, Stay, payments};
use group::Turn;
use protocol::Timestamp;

use crate::calendar::{Calendar, last_night};
use crate::state::{BY_HOTEL, RESERVATIONS};
use crate::{Effect, Occasion, Recipient, Reservations, access};

#[allow(clippy::unit_arg, reason = "requests without a result reply with the unit value")]
pub(crate) fn dispatch(turn: &mut Turn<'_, Reservations>, command: Command) -> Result<Reply, Refusal> {
    Ok(match command {
        Command::ImportHotels(request) => hotel::import(turn, request)?.into(),
        Command::OpenPayment(request) => open_payment::open_payment(turn, request).into(),
        Command::PaymentSucceeded(request) => payment_succeeded::payment_succeeded(turn, request).into(),
        Command::PaymentFailed(request) => payment_failed::payment_failed(turn, request).into(),
        Command::RefundChanged(request) => refund_changed::refund_changed(turn, request).into(),
        Command::Hold(request) => hold::hold(turn, request)?.into(),
        Command::Modify(request) => modify::modify(turn, request)?.into(),
        Command::Cancel(request) => cancel::cancel(turn, request)?.into(),
        Command::PutHotel(request) => hotel::put(turn, request)?.into(),
        Command::SetCalendar(request) => calendar::set_calendar(turn, request)?.into(),
        Command::CheckIn(request) => front_desk::check_in(turn, request)?.into(),
        Command::CheckOut(request) => front_desk::check_out(turn, request)?.into(),
        Command::NoShow(request) => front_desk::no_show(turn, request)?.into(),
        Command::AdmitHold(request) => admission::admit_hold(turn, &request)?.into(),
        Command::EndAdmission(request) => admission::end_admission(turn, &request)?.into(),
        Command::Undo(request) => undo::undo(turn, &request)?.into(),
        Command::Configure(request) => configure::configure(turn, &request).into(),
        Command::PaymentAccepted(request) => payment_accepted::payment_accepted(turn, request).into(),
        Command::AddRoomType(request) => hotel::add_room_type(turn, request)?.into(),
        Command::SendLink(request) => links::send_link(turn, request)?.into(),
        Command::RevokeLinks(request) => links::revoke_links(turn, request)?.into(),
    })
}

/// The length of a timeline after which only changes of status are recorded, so that failed payments do not grow a row
/// without bound.
const TIMELINE_MAX: usize = 60;

fn find(turn: &Turn<'_, Reservations>, id: ReservationId) -> Option<Reservation> {
    turn.get(&RESERVATIONS, &id).map(Reservation::from)
}

/// The reservation, if the caller may see and change it.
fn find_visible(turn: &Turn<'_, Reservations>, id: ReservationId) -> Result<Reservation, Refusal> {
    let found = find(turn, id).filter(|reservation| access::may_see(turn.caller(), reservation));
    found.ok_or(Refusal::NoSuchReservation)
}

/// Like [`find_visible`], if the reservation has the version that the caller expects.
fn find_expected(
    turn: &Turn<'_, Reservations>,
    id: ReservationId,
    expect: Option<u32>,
) -> Result<Reservation, Refusal> {
    let reservation = find_visible(turn, id)?;
    match expect {
        Some(version) if version != reservation.version => Err(Refusal::Changed),
        Some(_) | None => Ok(reservation),
    }
}

/// Appends to the timeline.
fn record(reservation: &mut Reservation, now: Timestamp, event: TimelineEvent) {
    let changes_status = match event {
        TimelineEvent::PaymentStarted
        | TimelineEvent::PaymentFailed
        | TimelineEvent::Changed
        | TimelineEvent::LinkReplaced => false,
        TimelineEvent::Held
        | TimelineEvent::HoldExtended
        | TimelineEvent::Confirmed
        | TimelineEvent::Expired
        | TimelineEvent::Cancelled
        | TimelineEvent::PaidTooLate
        | TimelineEvent::Refunded
        | TimelineEvent::RefundFailed
        | TimelineEvent::CheckedIn
        | TimelineEvent::CheckedOut
        | TimelineEvent::NoShow
        | TimelineEvent::DepartedEarly
        | TimelineEvent::CheckInUndone
        | TimelineEvent::CheckOutUndone
        | TimelineEvent::NoShowUndone
        | TimelineEvent::RoomsTakenAgain => true,
    };
    if changes_status || reservation.timeline.len() < TIMELINE_MAX {
        reservation.timeline.push((now, event));
    }
}

/// Writes a changed reservation as its next version.
fn save(turn: &mut Turn<'_, Reservations>, mut reservation: Reservation) -> Reservation {
    end_admission_of_former_hold(turn, &mut reservation);
    reservation.version += 1;
    reservation.updated_at = turn.now();
    turn.put(&RESERVATIONS, &reservation.id, &reservation.clone().into());
    reservation
}

/// A hold that was paid or has ended does not count as unpaid any more.
fn end_admission_of_former_hold(turn: &mut Turn<'_, Reservations>, reservation: &mut Reservation) {
    let end = match reservation.status {
        Status::Held => return,
        Status::Confirmed | Status::CheckedIn | Status::CheckedOut | Status::NoShow => AdmissionEnd::Paid,
        Status::Expired | Status::Cancelled => AdmissionEnd::Released,
    };
    if let Some(admission) = reservation.admission.take() {
        let owner = Some(reservation.owner.clone());
        turn.emit(reservation.id.0, EndAdmission { owner, admission, end });
    }
}

/// Confirms a held reservation, which is paid or has a total of 0. The caller saves it.
fn confirm(turn: &mut Turn<'_, Reservations>, reservation: &mut Reservation) {
    reservation.status = Status::Confirmed;
    reservation.hold_expires_at = None;
    record(reservation, turn.now(), TimelineEvent::Confirmed);
    turn.put(&BY_HOTEL, &(reservation.hotel(), reservation.stay().check_in(), reservation.id), &());
    mail(turn, reservation.id, Occasion::Confirmed);
}

/// Releases the rooms of a reservation and notifies search.
fn release_rooms(turn: &mut Turn<'_, Reservations>, reservation: &Reservation) {
    release_nights(turn, reservation, reservation.stay());
}

/// Releases the rooms of a reservation for some of its nights and notifies search.
fn release_nights(turn: &mut Turn<'_, Reservations>, reservation: &Reservation, nights: Stay) {
    let mut calendar =
        Calendar::of_turn(turn, reservation.room_type(), nights.check_in(), last_night(nights));
    calendar.take(nights, -i64::from(reservation.quote.rooms));
    calendar.write(turn);
    calendar.notify_search(turn, reservation.hotel(), nights);
}

/// The hold has ended: its open payment is cancelled at the bank. If that is too late, payments reports the success.
fn cancel_open_payment(turn: &mut Turn<'_, Reservations>, reservation: &Reservation) {
    if let PaymentState::Open(payment) = reservation.payment {
        turn.emit(reservation.id.0, payments::CancelPayment { payment });
    }
}

/// Requests a refund from payments, unless the amount is 0. The amount is what the guest gets back in total.
fn send_refund(
    turn: &mut Turn<'_, Reservations>,
    reservation: ReservationId,
    payment: PaymentId,
    amount: Money,
    reason: payments::RefundReason,
) {
    if amount.amount > 0 {
        turn.emit(reservation.0, payments::RefundPayment { payment, reservation, amount, reason });
    }
}

/// Ends a paid reservation: keeps the penalty and refunds the rest.
fn settle(turn: &mut Turn<'_, Reservations>, reservation: &mut Reservation, penalty: i64) {
    let due = (reservation.paid() - reservation.refunded - penalty).max(0);
    reservation.penalty = penalty;
    if due > 0
        && let PaymentState::Paid { payment, .. } = reservation.payment
    {
        reservation.refund = Some(Refund { amount: due, status: RefundStatus::Pending });
        // With all that was refunded before or is on its way, which payments knows better.
        let amount = Money::new(reservation.paid() - penalty, reservation.currency());
        send_refund(turn, reservation.id, payment, amount, payments::RefundReason::Cancelled);
    }
}

/// Sends a mail to the guest only.
fn mail_guest(turn: &mut Turn<'_, Reservations>, reservation: ReservationId, occasion: Occasion) {
    turn.effect(reservation.0, &Effect::Mail { reservation, occasion, to: Recipient::Guest });
}

/// Sends mails to the guest and to the hotel. The two have different ordering keys, so that a hotel's broken mailbox does not
/// delay the guest's mails.
fn mail(turn: &mut Turn<'_, Reservations>, reservation: ReservationId, occasion: Occasion) {
    for (to, salt) in [(Recipient::Guest, 0), (Recipient::Hotel, 1)] {
        turn.effect(reservation.0 ^ salt, &Effect::Mail { reservation, occasion, to });
    }
}
