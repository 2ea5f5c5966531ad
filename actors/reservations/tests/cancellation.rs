//! Until when and by whom a reservation can be cancelled, and who pays for it.

mod common;

use common::*;
use contracts::payments::{Payments, RefundPayment, RefundReason};
use contracts::reservations::{
    Cancel, CancelledBy, CheckIn, CheckOut, DayList, GetDayList, NoShow, Refund, RefundStatus, Refusal,
    Reservation, Status,
};
use contracts::{Money, PaymentId, ReservationId};
use protocol::Principal;

/// The check-in date. Guests can cancel free of charge until 24 hours before 15:00 in Berlin, for 80 % of 105.00 after that.
const DAY: &str = "2026-12-24";
const LAST_MOMENT: &str = "2026-12-24T22:59:59.999Z";
const CHECK_OUT: &str = "2026-12-26T10:00:00Z";

fn paid(bench: &ReservationBench, owner: &Principal) -> Reservation {
    let paid = confirmed(bench, owner, nights(DAY, 2));
    bench.sent::<Payments>();
    bench.effects();
    paid
}

fn cancel_for(
    bench: &ReservationBench,
    caller: &Principal,
    reservation: ReservationId,
    penalty: Option<Money>,
) -> Result<Reservation, Refusal> {
    bench.call(caller, Cancel { reservation, expect: None, penalty })
}

fn euros(amount: i64) -> Option<Money> {
    Some(Money::new(amount, hotel().currency))
}

#[test]
fn guests_and_partners_can_cancel_until_the_check_in_day_ends_at_the_hotel() {
    // The total is 210.00; 42.00 are refunded after the deadline.
    let table = [
        ("Europe/Berlin", LAST_MOMENT, "2026-12-24T23:00:00Z"),
        ("America/New_York", "2026-12-25T04:59:59.999Z", "2026-12-25T05:00:00Z"),
        ("Asia/Kathmandu", "2026-12-24T18:14:59.999Z", "2026-12-24T18:15:00Z"),
    ];
    for (zone, last, after) in table {
        for (owner, by) in [
            (user("ann"), CancelledBy::Guest),
            (guest_session("gst_1"), CancelledBy::Guest),
            (client("agency"), CancelledBy::Partner),
        ] {
            let bench = open_with(hotel_in("grand", zone));
            let (early, late) = (paid(&bench, &owner), paid(&bench, &owner));
            bench.set_now(at(last));
            assert_eq!(read(&bench, &owner, early.id).unwrap().refund_at(at(last)).amount, 4_200);
            let cancelled = cancel(&bench, &owner, early.id).unwrap();
            assert_eq!((cancelled.penalty, cancelled.cancelled_by), (16_800, Some(by)), "{zone}");
            bench.sent::<Payments>();
            bench.effects();
            bench.set_now(at(after));
            let before = read(&bench, &owner, late.id).unwrap();
            assert_eq!(before.refund_at(at(after)).amount, 0, "the page promises what cancelling does");
            let refused = Err(Refusal::TooLateToCancel { until: at(last), by });
            assert_eq!(cancel(&bench, &owner, late.id), refused, "{zone}");
            assert_eq!(read(&bench, &owner, late.id), Ok(before), "nothing is written");
            assert_eq!((bench.sent::<Payments>(), bench.effects()), (vec![], vec![]));
            // A retry of the first request is still answered.
            assert_eq!(cancel(&bench, &owner, early.id), Ok(cancelled));
            assert_eq!(bench.violations(), [] as [String; 0]);
        }
    }
}

#[test]
fn a_stay_that_is_over_cannot_be_cancelled_by_anybody() {
    let bench = open();
    let (ann, clerk) = (user("ann"), staff(hotel().id));
    let late = paid(&bench, &ann);
    bench.set_now(at(CHECK_OUT).plus_secs(1));
    let bearer = Principal { on_behalf_of: Some(late.link().subject()), ..Principal::service("ui") };
    for caller in [&ann, &clerk, &administrator(), &bearer] {
        let refused = cancel(&bench, caller, late.id);
        assert!(matches!(refused, Err(Refusal::TooLateToCancel { .. })), "{caller:?}: {refused:?}");
    }
    // The night audit lists it until staff marks it, and then it cannot be cancelled either.
    let overdue = |date_: &str| {
        let request = GetDayList { hotel: hotel().id, date: date(date_), list: DayList::Overdue };
        bench.call(&clerk, request).unwrap().items.into_iter().map(|(_, found)| found.id).collect::<Vec<_>>()
    };
    assert_eq!(
        (overdue(DAY), overdue("2026-12-25"), overdue("2027-02-01")),
        (vec![], vec![late.id], vec![late.id])
    );
    bench.call(&clerk, NoShow { reservation: late.id }).unwrap();
    assert_eq!(overdue("2026-12-27"), []);
    assert_eq!(cancel(&bench, &ann, late.id), Err(Refusal::WrongStatus { status: Status::NoShow }));
    assert_eq!(cancel(&bench, &clerk, late.id), Err(Refusal::WrongStatus { status: Status::NoShow }));
}

#[test]
fn a_guest_whose_check_in_was_not_recorded_is_checked_out_after_the_stay() {
    let bench = open();
    let (ann, clerk) = (user("ann"), staff(hotel().id));
    let stayed = paid(&bench, &ann);
    bench.set_now(at(CHECK_OUT).plus_secs(-1));
    let too_early = Err(Refusal::WrongStatus { status: Status::Confirmed });
    assert_eq!(bench.call(&clerk, CheckOut { reservation: stayed.id }), too_early);
    bench.set_now(at(CHECK_OUT).plus_secs(30 * 86_400));
    let departed = bench.call(&clerk, CheckOut { reservation: stayed.id }).unwrap();
    assert_eq!((departed.status, departed.departed_on), (Status::CheckedOut, Some(date("2026-12-26"))));
    assert_eq!((departed.penalty, departed.refund), (0, None));
    assert_eq!(bench.sent::<Payments>(), [], "the stay stays paid");
    assert_eq!(taken(&bench, stayed.room_type(), date(DAY)), 1);
    assert_eq!(cancel(&bench, &ann, stayed.id), Err(Refusal::WrongStatus { status: Status::CheckedOut }));
    assert_eq!(bench.violations(), [] as [String; 0]);
}

#[test]
fn a_hotel_that_cancels_refunds_everything_unless_staff_sets_a_fee() {
    let pms =
        Principal { resources: vec![hotel().id.to_string()], ..principal("pms", &contracts::scope::ALL) };
    let table = [
        (user("ann"), staff(hotel().id), None, 0),
        (user("ann"), administrator(), None, 0),
        (client("agency"), staff(hotel().id), euros(0), 0),
        (client("agency"), staff(hotel().id), euros(16_800), 16_800),
        (user("ann"), staff(hotel().id), euros(21_000), 21_000),
        // The hotel's own client made the reservation for a guest.
        (pms.clone(), pms, None, 0),
    ];
    for (owner, canceller, fee, kept) in table {
        let bench = open();
        let paid = paid(&bench, &owner);
        // After the end of the check-in day, when the policy's fee would apply and guests cannot cancel any more.
        bench.set_now(at("2026-12-25T09:00:00Z"));
        let cancelled = cancel_for(&bench, &canceller, paid.id, fee).unwrap();
        assert_eq!((cancelled.status, cancelled.penalty), (Status::Cancelled, kept), "{canceller:?} {fee:?}");
        assert_eq!(cancelled.cancelled_by, Some(CancelledBy::Hotel));
        let back = 21_000 - kept;
        let refund = (back > 0).then_some(Refund { amount: back, status: RefundStatus::Pending });
        assert_eq!(cancelled.refund, refund);
        let (amount, payment) = (Money::new(back, paid.currency()), PaymentId(paid.id.0));
        let reservation = paid.id;
        let sent = RefundPayment { payment, reservation, amount, reason: RefundReason::Cancelled }.into();
        assert_eq!(bench.sent::<Payments>(), if back > 0 { vec![sent] } else { vec![] });
        assert_eq!(taken(&bench, paid.room_type(), date(DAY)), 0);
        assert_eq!(bench.violations(), [] as [String; 0]);
    }
}

#[test]
fn a_clerk_who_cancels_a_private_booking_is_a_guest_unless_the_clerk_sets_the_fee() {
    let bench = open();
    let clerk = Principal {
        resources: vec![hotel().id.to_string()],
        ..principal("usr_staff", &[contracts::scope::HOTEL_MANAGE, contracts::scope::RESERVATIONS_WRITE])
    };
    let (own, other) = (paid(&bench, &clerk), paid(&bench, &clerk));
    bench.set_now(at(LAST_MOMENT));
    let cancelled = cancel_for(&bench, &clerk, own.id, None).unwrap();
    assert_eq!((cancelled.penalty, cancelled.cancelled_by), (16_800, Some(CancelledBy::Guest)));
    let cancelled = cancel_for(&bench, &clerk, other.id, euros(100)).unwrap();
    assert_eq!((cancelled.penalty, cancelled.cancelled_by), (100, Some(CancelledBy::Hotel)));
}

#[test]
fn a_fee_is_refused_by_name_if_it_is_not_the_hotels_or_does_not_fit() {
    let bench = open();
    let (ann, agency, clerk) = (user("ann"), client("agency"), staff(hotel().id));
    let (paid, partners) = (paid(&bench, &ann), paid(&bench, &agency));
    let dollars = Some(Money::new(100, "USD".parse().unwrap()));
    let elsewhere = staff(hotel_in("other", "UTC").id);
    let table = [
        (&ann, paid.id, euros(0), "penalty", "only the hotel may set the cancellation fee"),
        (&agency, partners.id, euros(0), "penalty", "only the hotel may set the cancellation fee"),
        (&clerk, paid.id, euros(-1), "penalty", "between 0 and 21000, the amount paid"),
        (&clerk, paid.id, euros(21_001), "penalty", "between 0 and 21000, the amount paid"),
        (&clerk, paid.id, dollars, "penalty/currency", "the reservation is in EUR"),
    ];
    for (caller, id, fee, field, why) in table {
        let refused = Err(Refusal::Invalid { field: field.into(), why: why.into() });
        assert_eq!(cancel_for(&bench, caller, id, fee), refused, "{caller:?} {fee:?}");
    }
    assert_eq!(cancel_for(&bench, &elsewhere, paid.id, euros(5)), Err(Refusal::NoSuchReservation));
    assert_eq!(status(&bench, paid.id), Status::Confirmed);
    assert_eq!((bench.sent::<Payments>(), bench.effects()), (vec![], vec![]));
    // Nothing of a hold can be kept.
    let held = hold(&bench, &ann, quote(&bench, nights("2026-12-30", 1), 1)).unwrap();
    let refused = cancel_for(&bench, &clerk, held.id, euros(5));
    assert!(matches!(&refused, Err(Refusal::Invalid { field, .. }) if field == "penalty"), "{refused:?}");
    let released = cancel_for(&bench, &clerk, held.id, None).unwrap();
    assert_eq!((released.cancelled_by, released.penalty), (Some(CancelledBy::Hotel), 0));
}

#[test]
fn a_guest_who_is_in_the_hotel_or_has_left_cannot_cancel() {
    let bench = open();
    let (ann, clerk) = (user("ann"), staff(hotel().id));
    let paid = paid(&bench, &ann);
    bench.set_now(at("2026-12-24T16:00:00Z"));
    bench.call(&clerk, CheckIn { reservation: paid.id }).unwrap();
    for caller in [&ann, &clerk] {
        assert_eq!(cancel(&bench, caller, paid.id), Err(Refusal::WrongStatus { status: Status::CheckedIn }));
    }
}
