//! Payment events, cancellations and refunds.

mod common;

use common::*;
use contracts::payments::{self, NotPayable, Payments, Quoted, RefundPayment, RefundReason};
use contracts::reservations::{
    CalendarChange, GetPayable, Nights, PaymentFailed, PaymentState, PaymentSucceeded, Refund, RefundChanged,
    RefundStatus, Refusal, Reservation, SetCalendar, Status, TimelineEvent,
};
use contracts::{Money, PaymentId, RefundId, Stay};
use protocol::Principal;
use reservations::{Effect, Occasion, Recipient};

const DAY: &str = "2026-12-24";

fn events(bench: &ReservationBench, id: contracts::ReservationId) -> Vec<TimelineEvent> {
    read(bench, &payments(), id).unwrap().timeline.into_iter().map(|(_, event)| event).collect()
}

fn mails(id: contracts::ReservationId, occasion: Occasion) -> [Effect; 2] {
    [Recipient::Guest, Recipient::Hotel].map(|to| Effect::Mail { reservation: id, occasion, to })
}

fn refund(
    id: contracts::ReservationId,
    payment: u128,
    amount: i64,
    reason: RefundReason,
) -> payments::Command {
    let amount = Money::new(amount, hotel().currency);
    RefundPayment { payment: PaymentId(payment), reservation: id, amount, reason }.into()
}

#[test]
fn a_paid_hold_is_confirmed_and_mailed_once() {
    let bench = open();
    let held = hold(&bench, &user("ann"), quote(&bench, nights(DAY, 2), 1)).unwrap();
    open_payment(&bench, held.id, 7);
    let quoted = bench.sent::<Payments>();
    let [payments::Command::Quoted(Quoted { payment: PaymentId(7), answer: Ok(payable) })] =
        quoted.as_slice()
    else {
        panic!("{quoted:?}")
    };
    assert_eq!(payable.amount, held.total());
    assert_eq!(
        payable.lines,
        [("2026-12-24 · Double".to_owned(), 10_000), ("2026-12-25 · Double".to_owned(), 10_000)]
    );
    assert_eq!((payable.room.as_str(), payable.hotel_city.as_str()), ("Double, Flexible", "München, DE"));
    // Starting a payment does not extend the hold. A card that the bank accepts extends it by ten minutes, once.
    assert_eq!(
        read(&bench, &user("ann"), held.id).unwrap().hold_expires_at,
        Some(held.created_at.plus_secs(900))
    );
    accept_payment(&bench, held.id, 7);
    accept_payment(&bench, held.id, 7);
    assert_eq!(
        read(&bench, &user("ann"), held.id).unwrap().hold_expires_at,
        Some(held.created_at.plus_secs(1500))
    );
    bench.advance_secs(1499);
    assert_eq!(status(&bench, held.id), Status::Held);
    pay(&bench, &held, 7);
    pay(&bench, &held, 7);
    assert_eq!(
        events(&bench, held.id),
        [
            TimelineEvent::Held,
            TimelineEvent::PaymentStarted,
            TimelineEvent::HoldExtended,
            TimelineEvent::Confirmed
        ]
    );
    assert_eq!(bench.effects(), mails(held.id, Occasion::Confirmed));
    assert_eq!(bench.sent::<Payments>(), []);
    let confirmed = read(&bench, &user("ann"), held.id).unwrap();
    assert_eq!(confirmed.payment, PaymentState::Paid { payment: PaymentId(7), amount: 21_000 });
    assert_eq!(confirmed.hold_expires_at, None);
    bench.advance_secs(86_400);
    assert_eq!(status(&bench, held.id), Status::Confirmed);
    assert_eq!(bench.violations(), [] as [String; 0]);
}

#[test]
fn a_payment_is_quoted_or_refused_with_a_reason() {
    let answer = |bench: &ReservationBench, id, payment| {
        open_payment(bench, id, payment);
        match bench.sent::<Payments>().remove(0) {
            payments::Command::Quoted(quoted) => quoted.answer.map(|payable| payable.amount.amount),
            other => panic!("{other:?}"),
        }
    };
    let bench = open();
    let held = hold(&bench, &user("ann"), quote(&bench, nights(DAY, 1), 1)).unwrap();
    assert_eq!(
        answer(&bench, contracts::ReservationId(held.id.0 ^ 1), 1),
        Err(NotPayable::NoSuchReservation)
    );
    assert_eq!(answer(&bench, held.id, 1), Ok(10_500));
    assert_eq!(answer(&bench, held.id, 1), Ok(10_500));
    assert_eq!(answer(&bench, held.id, 2), Err(NotPayable::PaymentOpen));
    let failed = |payment| PaymentFailed { reservation: held.id, payment: PaymentId(payment) };
    bench.call(&payments(), failed(9)).unwrap();
    assert_eq!(answer(&bench, held.id, 2), Err(NotPayable::PaymentOpen));
    bench.call(&payments(), failed(1)).unwrap();
    assert_eq!(answer(&bench, held.id, 2), Ok(10_500));
    // Declined cards do not extend the hold, however many payments are started.
    assert_eq!(
        read(&bench, &user("ann"), held.id).unwrap().hold_expires_at,
        Some(held.created_at.plus_secs(900))
    );
    assert_eq!(
        events(&bench, held.id),
        [
            TimelineEvent::Held,
            TimelineEvent::PaymentStarted,
            TimelineEvent::PaymentFailed,
            TimelineEvent::PaymentStarted
        ]
    );
    pay(&bench, &held, 2);
    assert_eq!(answer(&bench, held.id, 3), Err(NotPayable::NotHeld));
    let gone = hold(&bench, &user("ann"), quote(&bench, nights(DAY, 1), 1)).unwrap();
    bench.advance_secs(900);
    assert_eq!(answer(&bench, gone.id, 4), Err(NotPayable::NotHeld));
}

#[test]
fn failed_payments_do_not_grow_a_row_without_bound() {
    let bench = open();
    let held = hold(&bench, &user("ann"), quote(&bench, nights(DAY, 1), 1)).unwrap();
    for payment in 0..100 {
        open_payment(&bench, held.id, payment);
        let failed = PaymentFailed { reservation: held.id, payment: PaymentId(payment) };
        bench.call(&payments(), failed).unwrap();
    }
    pay(&bench, &held, 100);
    let timeline = events(&bench, held.id);
    assert_eq!((timeline.len(), timeline.last()), (61, Some(&TimelineEvent::Confirmed)));
}

#[test]
fn the_payable_amount_is_read_by_those_who_may_pay() {
    let bench = open();
    let held = hold(&bench, &user("ann"), quote(&bench, nights(DAY, 1), 1)).unwrap();
    let ask = |caller: &Principal| {
        bench.call(caller, GetPayable { reservation: held.id }).map(|payable| payable.amount.amount)
    };
    assert_eq!(ask(&user("ann")), Ok(10_500));
    assert_eq!(ask(&user("bob")), Err(Refusal::NoSuchReservation));
    open_payment(&bench, held.id, 1);
    assert_eq!(ask(&user("ann")), Err(Refusal::NotPayable(NotPayable::PaymentOpen)));
    pay(&bench, &held, 1);
    assert_eq!(ask(&user("ann")), Err(Refusal::NotPayable(NotPayable::NotHeld)));
}

/// The event that a refund of the payment of `reservation` has changed.
fn refund_changed(
    bench: &ReservationBench,
    reservation: &Reservation,
    payment: u128,
    status: payments::RefundStatus,
    (refunded, pending, failed): (i64, i64, i64),
) -> Reservation {
    let (id, amount) = (reservation.id, Money::new(1, reservation.currency()));
    let (payment, refund) = (PaymentId(payment), RefundId(1));
    let changed =
        RefundChanged { reservation: id, payment, refund, amount, status, refunded, pending, failed };
    bench.call(&payments(), changed).unwrap();
    read(bench, &payments(), id).unwrap()
}

#[test]
fn a_late_payment_is_refunded_in_full() {
    let bench = open();
    let ann = user("ann");
    // Expired before the payment succeeded, and the rooms are sold to others.
    let late = hold(&bench, &ann, quote(&bench, nights(DAY, 1), 2)).unwrap();
    open_payment(&bench, late.id, 1);
    bench.advance_secs(900);
    assert_eq!(status(&bench, late.id), Status::Expired);
    let other = confirmed(&bench, &user("bob"), nights(DAY, 1));
    // Cancelled before the payment succeeded: the rooms are free, and the guest does not want them.
    let far = nights("2027-02-01", 1);
    let cancelled_before = hold(&bench, &ann, quote(&bench, far, 1)).unwrap();
    open_payment(&bench, cancelled_before.id, 2);
    cancel(&bench, &ann, cancelled_before.id).unwrap();
    // Paid twice.
    let twice = confirmed(&bench, &ann, far);
    // A wrong amount, also after the hold has expired.
    let wrong = hold(&bench, &ann, quote(&bench, nights("2027-01-05", 1), 1)).unwrap();
    bench.advance_secs(900);
    let short = hold(&bench, &ann, quote(&bench, far, 1)).unwrap();
    bench.sent::<Payments>();
    bench.effects();
    let table = [
        (&late, 1, 21_000, Status::Expired, Some(RefundStatus::Pending)),
        (&cancelled_before, 2, 10_500, Status::Cancelled, Some(RefundStatus::Pending)),
        (&twice, 3, 10_500, Status::Confirmed, None),
        (&short, 4, 10_499, Status::Held, None),
        (&wrong, 5, 10_499, Status::Expired, Some(RefundStatus::Pending)),
    ];
    for (reservation, payment, amount, after, refunding) in table {
        let sum = Money::new(amount, reservation.currency());
        pay_sum(&bench, reservation, payment, sum);
        assert_eq!(
            bench.sent::<Payments>(),
            [refund(reservation.id, payment, amount, RefundReason::TooLate)]
        );
        let found = read(&bench, &ann, reservation.id).unwrap();
        assert_eq!(found.status, after);
        assert_eq!(found.refund.map(|refund| refund.status), refunding);
        assert_eq!(found.timeline.last().unwrap().1, TimelineEvent::PaidTooLate);
        assert_eq!(bench.effects(), []);
        let succeeded = payments::RefundStatus::Succeeded;
        let found = refund_changed(&bench, reservation, payment, succeeded, (amount, 0, 0));
        assert_eq!(found.refund.map(|refund| refund.status), refunding.map(|_| RefundStatus::Succeeded));
        assert_eq!(bench.violations(), [] as [String; 0]);
    }
    assert_eq!(status(&bench, other.id), Status::Confirmed);
    // Also for an unknown reservation.
    let unknown = contracts::ReservationId(late.id.0 ^ 1);
    let amount = Money::new(5, hotel().currency);
    bench
        .call(&payments(), PaymentSucceeded { reservation: unknown, payment: PaymentId(5), amount })
        .unwrap();
    assert_eq!(bench.sent::<Payments>(), [refund(unknown, 5, 5, RefundReason::TooLate)]);
}

#[test]
fn a_late_payment_takes_the_rooms_again_if_they_are_free() {
    let bench = open();
    let ann = user("ann");
    let stay = nights(DAY, 2);
    let held = hold(&bench, &ann, quote(&bench, stay, 2)).unwrap();
    open_payment(&bench, held.id, 7);
    bench.advance_secs(900);
    assert_eq!(status(&bench, held.id), Status::Expired);
    assert_eq!(taken(&bench, held.room_type(), date(DAY)), 0);
    // The hotel closes the night meanwhile: the stay was promised before.
    let change = CalendarChange { stop_sell: Some(true), ..CalendarChange::default() };
    let nights = Nights { from: date(DAY), to: date(DAY) };
    let request = SetCalendar { hotel: hotel().id, room_type: held.room_type(), nights, change };
    bench.call(&administrator(), request).unwrap();
    bench.sent::<contracts::search::Search>();
    bench.effects();
    bench.sent::<Payments>();
    pay(&bench, &held, 7);
    pay(&bench, &held, 7);
    assert_eq!(status(&bench, held.id), Status::Confirmed);
    assert_eq!(
        events(&bench, held.id),
        [
            TimelineEvent::Held,
            TimelineEvent::PaymentStarted,
            TimelineEvent::Expired,
            TimelineEvent::RoomsTakenAgain,
            TimelineEvent::Confirmed
        ]
    );
    assert_eq!(taken(&bench, held.room_type(), date(DAY)), 2);
    assert_eq!(bench.effects(), mails(held.id, Occasion::Confirmed));
    assert_eq!(bench.sent::<Payments>(), []);
    assert!(
        matches!(&bench.sent::<contracts::search::Search>()[..], [contracts::search::Command::UpdateTakenRooms(update)] if update.taken == [2, 2])
    );
    assert_eq!(bench.violations(), [] as [String; 0]);

    // One night is sold out: none is taken.
    let bench = open();
    let held = hold(&bench, &ann, quote(&bench, stay, 2)).unwrap();
    open_payment(&bench, held.id, 7);
    bench.advance_secs(900);
    confirmed(&bench, &user("bob"), common::nights("2026-12-25", 1));
    pay(&bench, &held, 7);
    assert_eq!(status(&bench, held.id), Status::Expired);
    assert_eq!(
        (taken(&bench, held.room_type(), date(DAY)), taken(&bench, held.room_type(), date("2026-12-25"))),
        (0, 1)
    );
    assert_eq!(bench.violations(), [] as [String; 0]);

    // The stay has begun long ago.
    let bench = open();
    let held = hold(&bench, &ann, quote(&bench, stay, 1)).unwrap();
    open_payment(&bench, held.id, 7);
    bench.advance_secs(900);
    bench.set_now(at("2026-12-25T09:00:00Z"));
    pay(&bench, &held, 7);
    assert_eq!(status(&bench, held.id), Status::Expired);
    assert_eq!(events(&bench, held.id).last(), Some(&TimelineEvent::PaidTooLate));
}

#[test]
fn a_hold_that_ends_has_its_open_payment_cancelled() {
    let cancels = |payment| payments::CancelPayment { payment: PaymentId(payment) }.into();
    let bench = open();
    let ann = user("ann");
    let expires = hold(&bench, &ann, quote(&bench, nights(DAY, 1), 1)).unwrap();
    open_payment(&bench, expires.id, 1);
    bench.sent::<Payments>();
    bench.advance_secs(900);
    assert_eq!(bench.sent::<Payments>(), [cancels(1)]);
    let released = hold(&bench, &ann, quote(&bench, nights(DAY, 1), 1)).unwrap();
    open_payment(&bench, released.id, 2);
    bench.sent::<Payments>();
    cancel(&bench, &ann, released.id).unwrap();
    assert_eq!(bench.sent::<Payments>(), [cancels(2)]);
    // The answer of payments: nothing is open any more.
    bench.call(&payments(), PaymentFailed { reservation: released.id, payment: PaymentId(2) }).unwrap();
    assert_eq!(read(&bench, &ann, released.id).unwrap().payment, PaymentState::Unpaid);
    // A hold without an open payment, and one that is paid.
    let unpaid = hold(&bench, &ann, quote(&bench, nights(DAY, 1), 1)).unwrap();
    bench.advance_secs(900);
    assert_eq!(status(&bench, unpaid.id), Status::Expired);
    assert_eq!(bench.sent::<Payments>(), []);
}

#[test]
fn the_cancellation_fee_follows_the_policy_in_the_hotels_time_zone() {
    // Free until 24 hours before 15:00 local time, 80 % after that. The total is 105.00.
    let table = [
        ("Europe/Berlin", "2026-12-23T14:00:00Z", 10_500),
        ("Europe/Berlin", "2026-12-23T14:00:00.001Z", 2_100),
        ("America/New_York", "2026-12-23T20:00:00Z", 10_500),
        ("America/New_York", "2026-12-23T20:00:01Z", 2_100),
        ("Asia/Kathmandu", "2026-12-23T09:15:00Z", 10_500),
        ("Asia/Kathmandu", "2026-12-23T09:16:00Z", 2_100),
    ];
    for (zone, when, back) in table {
        let bench = open_with(hotel_in("grand", zone));
        let paid = confirmed(&bench, &user("ann"), nights(DAY, 1));
        bench.sent::<Payments>();
        bench.effects();
        bench.set_now(at(when));
        assert_eq!(
            read(&bench, &user("ann"), paid.id).unwrap().refund_at(at(when)).amount,
            back,
            "{zone} {when}"
        );
        let cancelled = cancel(&bench, &user("ann"), paid.id).unwrap();
        assert_eq!(
            (cancelled.status, cancelled.penalty),
            (Status::Cancelled, 10_500 - back),
            "{zone} {when}"
        );
        assert_eq!(cancelled.refund, Some(Refund { amount: back, status: RefundStatus::Pending }));
        assert_eq!(bench.sent::<Payments>(), [refund(paid.id, paid.id.0, back, RefundReason::Cancelled)]);
        assert_eq!(bench.effects(), mails(paid.id, Occasion::Cancelled));
        assert_eq!(bench.violations(), [] as [String; 0]);
    }
}

#[test]
fn daylight_saving_time_does_not_move_a_deadline() {
    // Summer time begins in the night before 28 March 2027 in Berlin: 24 hours before 15:00 CEST is 14:00 CET.
    let bench = open();
    let paid = confirmed(&bench, &user("ann"), nights("2027-03-28", 1));
    assert_eq!(paid.quote.policy.free_until, Some(at("2027-03-27T13:00:00Z")));
    bench.set_now(at("2027-03-27T13:00:01Z"));
    assert_eq!(cancel(&bench, &user("ann"), paid.id).unwrap().penalty, 8_400);
}

#[test]
fn a_non_refundable_rate_refunds_nothing_and_a_hold_is_free_to_cancel() {
    let bench = open();
    let saver = offers(&bench, nights(DAY, 1), 2, 1).unwrap().remove(1).quote;
    assert_eq!(saver.plan_name, "Saver");
    let held = hold(&bench, &user("ann"), saver.clone()).unwrap();
    assert_eq!(cancel(&bench, &user("ann"), held.id).unwrap().penalty, 0);
    let paid = hold(&bench, &user("ann"), saver).unwrap();
    open_payment(&bench, paid.id, 1);
    pay(&bench, &paid, 1);
    bench.sent::<Payments>();
    let cancelled = cancel(&bench, &user("ann"), paid.id).unwrap();
    assert_eq!((cancelled.penalty, cancelled.refund), (9_450, None));
    assert_eq!(bench.sent::<Payments>(), []);
}

#[test]
fn cancelling_again_returns_the_same_and_an_expired_hold_stays_expired() {
    let bench = open();
    let ann = user("ann");
    let paid = confirmed(&bench, &ann, nights(DAY, 1));
    let cancelled = cancel(&bench, &ann, paid.id).unwrap();
    bench.sent::<Payments>();
    bench.advance_secs(60);
    assert_eq!(cancel(&bench, &ann, paid.id), Ok(cancelled));
    assert_eq!(bench.sent::<Payments>(), []);
    let late = hold(&bench, &ann, quote(&bench, nights(DAY, 1), 1)).unwrap();
    bench.advance_secs(900);
    assert_eq!(cancel(&bench, &ann, late.id), Err(Refusal::WrongStatus { status: Status::Expired }));
}

#[test]
fn refunds_by_staff_and_by_cancellation_add_up() {
    use payments::RefundStatus::{Failed, Pending, Succeeded};
    let bench = open();
    let ann = user("ann");
    let paid = confirmed(&bench, &ann, nights(DAY, 1));
    let changed = |status, sums| {
        let found = refund_changed(&bench, &paid, paid.id.0, status, sums);
        (found.refund.map(|refund| (refund.amount, refund.status)), found.refunded)
    };
    assert_eq!(changed(Pending, (0, 1_000, 0)), (Some((1_000, RefundStatus::Pending)), 0));
    assert_eq!(changed(Succeeded, (1_000, 0, 0)), (Some((1_000, RefundStatus::Succeeded)), 1_000));
    assert_eq!(changed(Succeeded, (1_500, 0, 0)), (Some((1_500, RefundStatus::Succeeded)), 1_500));
    bench.sent::<Payments>();
    let cancelled = cancel(&bench, &ann, paid.id).unwrap();
    assert_eq!(cancelled.refund, Some(Refund { amount: 9_000, status: RefundStatus::Pending }));
    // Payments gets the total, because another refund may be on its way there.
    assert_eq!(bench.sent::<Payments>(), [refund(paid.id, paid.id.0, 10_500, RefundReason::Cancelled)]);
    // A refund by staff settles before payments has started that of the cancellation.
    assert_eq!(changed(Succeeded, (1_600, 0, 0)), (Some((8_900, RefundStatus::Pending)), 1_600));
    let before = read(&bench, &ann, paid.id).unwrap();
    assert_eq!(changed(Pending, (1_600, 8_900, 0)), (Some((8_900, RefundStatus::Pending)), 1_600));
    assert_eq!(read(&bench, &ann, paid.id).unwrap().version, before.version, "nothing has changed");
    assert_eq!(changed(Failed, (1_600, 0, 8_900)), (Some((8_900, RefundStatus::Failed)), 1_600));
    assert_eq!(changed(Pending, (1_600, 8_900, 0)), (Some((8_900, RefundStatus::Pending)), 1_600));
    assert_eq!(changed(Succeeded, (10_500, 0, 0)), (Some((10_500, RefundStatus::Succeeded)), 10_500));
    // The first one fails days later.
    assert_eq!(changed(Failed, (9_500, 0, 1_000)), (Some((1_000, RefundStatus::Failed)), 9_500));
    assert_eq!(events(&bench, paid.id).last(), Some(&TimelineEvent::RefundFailed));
    assert_eq!(bench.violations(), [] as [String; 0]);
}

#[test]
fn a_refund_that_fails_before_the_cancellation_is_part_of_what_is_owed() {
    let bench = open();
    let ann = user("ann");
    let paid = confirmed(&bench, &ann, nights(DAY, 1));
    let (succeeded, failed) = (payments::RefundStatus::Succeeded, payments::RefundStatus::Failed);
    refund_changed(&bench, &paid, paid.id.0, succeeded, (1_000, 0, 0));
    refund_changed(&bench, &paid, paid.id.0, failed, (0, 0, 1_000));
    bench.sent::<Payments>();
    let cancelled = cancel(&bench, &ann, paid.id).unwrap();
    assert_eq!(cancelled.refund, Some(Refund { amount: 10_500, status: RefundStatus::Pending }));
    assert_eq!(bench.sent::<Payments>(), [refund(paid.id, paid.id.0, 10_500, RefundReason::Cancelled)]);
}

#[test]
fn a_stay_of_sixty_nights_is_held_and_released() {
    let bench = open();
    let from = date(DAY);
    let stay = Stay::new(from, from.plus_days(60)).unwrap();
    let held = hold(&bench, &user("ann"), quote(&bench, stay, 2)).unwrap();
    assert_eq!(held.quote.nightly.len(), 60);
    cancel(&bench, &user("ann"), held.id).unwrap();
    assert_eq!(bench.violations(), [] as [String; 0]);
}
