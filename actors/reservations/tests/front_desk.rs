//! The front desk: when guests are checked in and out, early departure, and undoing.

mod common;

use common::*;
use contracts::payments::{self, Payments};
use contracts::reservations::{
    CheckIn, CheckOut, DayList, DeskAction, GetDayList, LocalHour, NoShow, Refusal, Reservation,
    Reservations as Contract, Status, TimelineEvent, Undo,
};
use contracts::search::{self, Search};
use contracts::{Date, ReservationId};
use protocol::Variant;

fn desk<M>(bench: &ReservationBench, request: M) -> Result<Reservation, Refusal>
where
    M: Variant<Contract = Contract, Reply = Reservation>,
{
    bench.call(&staff(hotel().id), request)
}

fn undo(bench: &ReservationBench, id: ReservationId, action: DeskAction) -> Result<Reservation, Refusal> {
    desk(bench, Undo { reservation: id, expect: None, action })
}

fn double() -> contracts::RoomTypeId {
    hotel().room_types[0].id
}

fn taken_on(bench: &ReservationBench, days: [&str; 3]) -> [u32; 3] {
    days.map(|day| taken(bench, double(), date(day)))
}

fn events(reservation: &Reservation) -> Vec<TimelineEvent> {
    // From the arrival on.
    let before = [TimelineEvent::Held, TimelineEvent::PaymentStarted, TimelineEvent::Confirmed];
    reservation.timeline.iter().map(|(_, event)| *event).filter(|event| !before.contains(event)).collect()
}

#[test]
fn a_guest_is_checked_in_after_midnight_until_the_hour_of_check_out() {
    // Times in UTC; the hotel is one hour ahead.
    let table = [
        ("the evening before", "2026-11-23T22:59:59Z", false),
        ("from midnight on", "2026-11-23T23:00:00Z", true),
        ("half past midnight of the next day", "2026-11-24T23:30:00Z", true),
        ("before the hour of check-out", "2026-11-25T09:59:59Z", true),
        ("at the hour of check-out", "2026-11-25T10:00:00Z", false),
    ];
    for (case, now, allowed) in table {
        let bench = open();
        let paid = confirmed(&bench, &user("ann"), nights("2026-11-24", 1));
        bench.set_now(at(now));
        let found = desk(&bench, CheckIn { reservation: paid.id }).map(|found| found.status);
        let hour = |day: &str, hour| LocalHour { date: date(day), hour };
        let (from, until) = (hour("2026-11-24", 0), Some(hour("2026-11-25", 11)));
        let expected = if allowed { Ok(Status::CheckedIn) } else { Err(Refusal::NotNow { from, until }) };
        assert_eq!(found, expected, "{case}");
        // The guest then departs on the next day as booked.
        if allowed {
            bench.set_now(at("2026-11-25T10:30:00Z"));
            let departed = desk(&bench, CheckOut { reservation: paid.id }).unwrap();
            assert_eq!(departed.departed_on, Some(date("2026-11-25")), "{case}");
            assert!(!events(&departed).contains(&TimelineEvent::DepartedEarly), "{case}");
        }
        assert_eq!(bench.violations(), [] as [String; 0], "{case}");
    }
    let refusal = Refusal::NotNow {
        from: LocalHour { date: date("2026-11-24"), hour: 0 },
        until: Some(LocalHour { date: date("2026-11-25"), hour: 11 }),
    };
    let text = "this is possible from 2026-11-24 00:00 to 2026-11-25 11:00, the hotel's local time";
    assert_eq!(refusal.to_string(), text);
}

#[test]
fn a_no_show_is_recorded_from_the_hour_of_check_in_on_also_after_the_stay() {
    for (now, allowed) in
        [("2026-11-24T13:59:59Z", false), ("2026-11-24T14:00:00Z", true), ("2026-12-20T08:00:00Z", true)]
    {
        let bench = open();
        let paid = confirmed(&bench, &user("ann"), nights("2026-11-24", 1));
        bench.set_now(at(now));
        let found = desk(&bench, NoShow { reservation: paid.id }).map(|found| found.status);
        let from = LocalHour { date: date("2026-11-24"), hour: 15 };
        let expected = if allowed { Ok(Status::NoShow) } else { Err(Refusal::NotNow { from, until: None }) };
        assert_eq!(found, expected, "{now}");
        assert_eq!(bench.violations(), [] as [String; 0], "{now}");
    }
}

const DAYS: [&str; 3] = ["2026-11-24", "2026-11-25", "2026-11-26"];

/// A guest of three nights, checked in on the first evening.
fn in_house() -> (ReservationBench, Reservation) {
    let bench = open();
    let paid = confirmed(&bench, &user("ann"), nights(DAYS[0], 3));
    bench.set_now(at("2026-11-24T17:00:00Z"));
    let arrived = desk(&bench, CheckIn { reservation: paid.id }).unwrap();
    bench.sent::<Search>();
    bench.sent::<Payments>();
    (bench, arrived)
}

#[test]
fn an_early_departure_releases_the_nights_that_are_left() {
    let (bench, guest) = in_house();
    bench.set_now(at("2026-11-25T08:00:00Z"));
    let departed = desk(&bench, CheckOut { reservation: guest.id }).unwrap();
    assert_eq!((departed.status, departed.departed_on), (Status::CheckedOut, Some(date(DAYS[1]))));
    assert_eq!(
        events(&departed),
        [TimelineEvent::CheckedIn, TimelineEvent::CheckedOut, TimelineEvent::DepartedEarly]
    );
    assert_eq!(taken_on(&bench, DAYS), [1, 0, 0]);
    let freed = search::Command::from(search::UpdateTakenRooms {
        hotel: hotel().id,
        room_type: double(),
        from: date(DAYS[1]),
        taken: vec![0, 0],
        at: bench.now(),
    });
    assert_eq!(bench.sent::<Search>(), [freed]);
    // What was charged is not changed.
    assert_eq!(bench.sent::<Payments>(), []);
    assert_eq!((departed.penalty, departed.latest_refund(), departed.paid()), (0, None, guest.paid()));
    let listed = |list, day: &str| {
        let request = GetDayList { hotel: hotel().id, date: date(day), list };
        bench.call(&staff(hotel().id), request).unwrap().items.len()
    };
    assert_eq!(DAYS.map(|day| listed(DayList::InHouse, day)), [1, 0, 0]);
    assert_eq!(DAYS.map(|day| listed(DayList::Departures, day)), [0, 1, 0]);
    assert_eq!(listed(DayList::Departures, "2026-11-27"), 0);
    // Both doubles can be sold again.
    hold(&bench, &user("bob"), quote(&bench, nights(DAYS[1], 2), 2)).unwrap();
    assert_eq!(bench.violations(), [] as [String; 0]);
}

#[test]
fn a_departure_on_the_day_of_arrival_releases_all_nights() {
    let (bench, guest) = in_house();
    let departed = desk(&bench, CheckOut { reservation: guest.id }).unwrap();
    assert_eq!(departed.departed_on, Some(date(DAYS[0])));
    assert_eq!(taken_on(&bench, DAYS), [0, 0, 0]);
    assert_eq!(bench.violations(), [] as [String; 0]);
}

#[test]
fn a_check_in_is_undone_on_the_same_day() {
    let (bench, guest) = in_house();
    let undone = undo(&bench, guest.id, DeskAction::CheckIn).unwrap();
    assert_eq!((undone.status, undone.version), (Status::Confirmed, guest.version + 1));
    assert_eq!(events(&undone), [TimelineEvent::CheckedIn, TimelineEvent::CheckInUndone]);
    // A retry returns the same reservation.
    assert_eq!(undo(&bench, guest.id, DeskAction::CheckIn), Ok(undone));
    assert_eq!(taken_on(&bench, DAYS), [1, 1, 1]);
    desk(&bench, CheckIn { reservation: guest.id }).unwrap();
    bench.set_now(at("2026-11-24T23:00:00Z"));
    let today = date("2026-11-25");
    assert_eq!(undo(&bench, guest.id, DeskAction::CheckIn), Err(Refusal::WrongDay { today }));
    assert_eq!(bench.violations(), [] as [String; 0]);
}

#[test]
fn undoing_is_for_staff_of_the_hotel_for_the_last_action_and_for_the_expected_version() {
    let (bench, guest) = in_house();
    let request = |expect| Undo { reservation: guest.id, expect, action: DeskAction::CheckIn };
    let other = staff(hotel_in("other", "UTC").id);
    assert_eq!(bench.call(&other, request(None)), Err(Refusal::NoSuchReservation));
    let status = Status::CheckedIn;
    assert_eq!(undo(&bench, guest.id, DeskAction::CheckOut), Err(Refusal::WrongStatus { status }));
    assert_eq!(undo(&bench, guest.id, DeskAction::NoShow), Err(Refusal::WrongStatus { status }));
    assert_eq!(desk(&bench, request(Some(guest.version - 1))), Err(Refusal::Changed));
    desk(&bench, request(Some(guest.version))).unwrap();
    // Undoing and repeating does not grow the timeline without bound.
    let refused = (0..200).find_map(|_| {
        desk(&bench, CheckIn { reservation: guest.id }).unwrap();
        undo(&bench, guest.id, DeskAction::CheckIn).err()
    });
    assert_eq!(refused, Some(Refusal::WrongDay { today: date(DAYS[0]) }));
}

#[test]
fn an_undone_departure_takes_its_nights_again_only_if_they_are_free() {
    let (bench, guest) = in_house();
    bench.set_now(at("2026-11-25T08:00:00Z"));
    let departed = desk(&bench, CheckOut { reservation: guest.id }).unwrap();
    // Two doubles exist. Others hold both of them on the last night.
    let other = hold(&bench, &user("bob"), quote(&bench, nights(DAYS[2], 1), 2)).unwrap();
    let night = date(DAYS[2]);
    assert_eq!(undo(&bench, guest.id, DeskAction::CheckOut), Err(Refusal::SoldOut { night }));
    assert_eq!(read(&bench, &user("ann"), guest.id), Ok(departed));
    assert_eq!(taken_on(&bench, DAYS), [1, 0, 2]);
    cancel(&bench, &user("bob"), other.id).unwrap();
    bench.sent::<Search>();
    let undone = undo(&bench, guest.id, DeskAction::CheckOut).unwrap();
    assert_eq!((undone.status, undone.departed_on), (Status::CheckedIn, None));
    assert_eq!(undone.timeline.last().unwrap().1, TimelineEvent::CheckOutUndone);
    assert_eq!(taken_on(&bench, DAYS), [1, 1, 1]);
    assert_eq!(bench.sent::<Search>().len(), 1);
    assert_eq!(bench.violations(), [] as [String; 0]);
    // The next departure is the booked one, and is undone without taking a night.
    bench.set_now(at("2026-11-27T08:00:00Z"));
    desk(&bench, CheckOut { reservation: guest.id }).unwrap();
    assert_eq!(undo(&bench, guest.id, DeskAction::CheckOut).unwrap().status, Status::CheckedIn);
    assert_eq!(bench.violations(), [] as [String; 0]);
}

/// The refunds that were sent to payments.
fn refunds(bench: &ReservationBench) -> Vec<i64> {
    let amount = |command| match command {
        payments::Command::RefundPayment(refund) => Some(refund.amount.amount),
        _ => None,
    };
    bench.sent::<Payments>().into_iter().filter_map(amount).collect()
}

/// A reservation of three nights for 315.00, and its no-show on the first evening. 80 % are kept.
fn absent() -> (ReservationBench, Reservation) {
    let bench = open();
    let paid = confirmed(&bench, &user("ann"), nights(DAYS[0], 3));
    bench.set_now(at("2026-11-24T22:00:00Z"));
    let marked = desk(&bench, NoShow { reservation: paid.id }).unwrap();
    assert_eq!((marked.penalty, marked.latest_refund().unwrap().amount), (25_200, 6_300));
    assert_eq!(taken_on(&bench, DAYS), [0, 0, 0]);
    assert_eq!(refunds(&bench), [] as [i64; 0], "until midnight it can be undone");
    (bench, marked)
}

#[test]
fn a_no_show_is_refunded_at_the_end_of_the_day() {
    let (bench, marked) = absent();
    bench.set_now(at("2026-11-24T22:59:59Z"));
    assert_eq!(refunds(&bench), [] as [i64; 0]);
    bench.advance_secs(1);
    assert_eq!(refunds(&bench), [6_300]);
    let settled = read(&bench, &user("ann"), marked.id).unwrap();
    assert_eq!((settled.refund, settled.penalty), (marked.latest_refund(), 25_200));
    let today = date(DAYS[1]);
    assert_eq!(undo(&bench, marked.id, DeskAction::NoShow), Err(Refusal::WrongDay { today }));
    assert_eq!(bench.violations(), [] as [String; 0]);
}

#[test]
fn an_undone_no_show_is_confirmed_again_and_nothing_is_refunded() {
    let (bench, marked) = absent();
    let undone = undo(&bench, marked.id, DeskAction::NoShow).unwrap();
    assert_eq!((undone.status, undone.penalty, undone.latest_refund()), (Status::Confirmed, 0, None));
    assert_eq!(events(&undone), [TimelineEvent::NoShow, TimelineEvent::NoShowUndone]);
    assert_eq!(taken_on(&bench, DAYS), [1, 1, 1]);
    // Recorded again: the refund is sent once, although two timers fire.
    desk(&bench, NoShow { reservation: marked.id }).unwrap();
    bench.advance_secs(3_600);
    assert_eq!(refunds(&bench), [6_300]);
    assert_eq!(bench.violations(), [] as [String; 0]);
}

#[test]
fn an_undone_no_show_stays_one_if_a_night_is_sold() {
    let (bench, marked) = absent();
    let other = hold(&bench, &user("bob"), quote(&bench, nights(DAYS[1], 1), 2)).unwrap();
    let night = date(DAYS[1]);
    assert_eq!(undo(&bench, marked.id, DeskAction::NoShow), Err(Refusal::SoldOut { night }));
    assert_eq!(taken_on(&bench, DAYS), [0, 2, 0]);
    assert_eq!(status(&bench, marked.id), Status::NoShow);
    cancel(&bench, &user("bob"), other.id).unwrap();
    bench.set_now(at("2026-11-24T22:59:00Z"));
    undo(&bench, marked.id, DeskAction::NoShow).unwrap();
    assert_eq!(bench.violations(), [] as [String; 0]);
}

#[test]
fn a_night_that_is_over_is_taken_again_whatever_its_inventory_is_now() {
    // At half past midnight, last night's arrival is recorded as a no-show; then the guest arrives.
    let bench = open();
    let paid = confirmed(&bench, &user("ann"), nights(DAYS[0], 1));
    bench.set_now(at("2026-11-24T23:30:00Z"));
    desk(&bench, NoShow { reservation: paid.id }).unwrap();
    undo(&bench, paid.id, DeskAction::NoShow).unwrap();
    assert_eq!(desk(&bench, CheckIn { reservation: paid.id }).unwrap().status, Status::CheckedIn);
    let last: Date = date(DAYS[0]);
    assert_eq!(taken(&bench, double(), last), 1);
    assert_eq!(bench.violations(), [] as [String; 0]);
}
