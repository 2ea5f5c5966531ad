//! Holds: quoted prices are kept, and unavailable rooms are refused.

mod common;

use common::*;
use contracts::reservations::{
    CalendarChange, Configure, Hold, ImportHotels, Nights, Quote, Refusal, Restriction, SetCalendar,
    Settings, Status, TimelineEvent,
};
use contracts::search::{self, Search};
use contracts::{Date, HotelProfile};
use protocol::Principal;

const DAY: &str = "2026-12-24";

#[test]
fn a_hold_takes_rooms_notifies_search_and_expires_after_fifteen_minutes() {
    let bench = open();
    let double = hotel().room_types[0].id;
    let held = hold(&bench, &user("ann"), quote(&bench, nights(DAY, 3), 2)).unwrap();
    assert_eq!(held.status, Status::Held);
    assert_eq!((held.version, held.owner.as_str()), (1, "usr_ann"));
    // Two rooms, three nights, 100.00 each, and 5 % city tax on top.
    assert_eq!(held.quote.nightly, [20_000, 20_000, 20_000]);
    assert_eq!(held.total().amount, 63_000);
    assert_eq!(held.quote.taxes.iter().map(|tax| tax.amount).collect::<Vec<_>>(), [3_925, 3_000]);
    assert_eq!(held.hold_expires_at, Some(bench.now().plus_secs(900)));
    assert_eq!(held.id.slot(), hotel().id.slot());
    let rooms_taken = |taken: u32| {
        search::Command::from(search::UpdateTakenRooms {
            hotel: hotel().id,
            room_type: double,
            from: date(DAY),
            taken: vec![taken; 3],
            at: bench.now(),
        })
    };
    assert_eq!(bench.sent::<Search>(), [rooms_taken(2)]);
    bench.advance_secs(899);
    assert_eq!((status(&bench, held.id), taken(&bench, double, date(DAY))), (Status::Held, 2));
    bench.advance_secs(1);
    assert_eq!((status(&bench, held.id), taken(&bench, double, date(DAY))), (Status::Expired, 0));
    assert_eq!(bench.sent::<Search>(), [rooms_taken(0)]);
    let expired = read(&bench, &user("ann"), held.id).unwrap();
    assert_eq!(
        expired.timeline.iter().map(|(_, event)| *event).collect::<Vec<_>>(),
        [TimelineEvent::Held, TimelineEvent::Expired]
    );
    assert_eq!(bench.effects(), []);
    assert_eq!(bench.violations(), [] as [String; 0]);
}

#[test]
fn a_hold_over_two_calendar_rows_takes_each_night_once() {
    let bench = open();
    let double = hotel().room_types[0].id;
    // 20800 is a multiple of 32.
    let first = Date(20_800);
    let stay = contracts::Stay::new(first.plus_days(-2), first.plus_days(2)).unwrap();
    let held = hold(&bench, &user("ann"), quote(&bench, stay, 1)).unwrap();
    let expected = [(-3, 0), (-2, 1), (-1, 1), (0, 1), (1, 1), (2, 0)];
    for (day, rooms) in expected {
        assert_eq!(taken(&bench, double, first.plus_days(day)), rooms, "{day}");
    }
    cancel(&bench, &user("ann"), held.id).unwrap();
    assert!(expected.iter().all(|(day, _)| taken(&bench, double, first.plus_days(*day)) == 0));
    assert_eq!(bench.violations(), [] as [String; 0]);
}

#[test]
fn a_refused_hold_has_a_reason_and_changes_nothing() {
    type Prepare = fn(&ReservationBench, &mut Quote);
    fn reimport(bench: &ReservationBench, change: impl Fn(&mut HotelProfile)) {
        let mut changed = hotel();
        change(&mut changed);
        bench.call(&administrator(), ImportHotels { hotels: vec![changed] }).unwrap();
    }
    fn set(bench: &ReservationBench, change: CalendarChange) {
        let (hotel, room_type) = (hotel().id, hotel().room_types[0].id);
        let nights = Nights { from: date("2026-12-25"), to: date("2026-12-25") };
        bench.call(&administrator(), SetCalendar { hotel, room_type, nights, change }).unwrap();
    }
    let christmas = date("2026-12-25");
    let table: [(&str, Prepare, Refusal); 17] = [
        (
            "another guest holds one of two rooms",
            |bench, _| {
                hold(bench, &user("bob"), quote(bench, nights("2026-12-25", 1), 1)).unwrap();
            },
            Refusal::SoldOut { night: christmas },
        ),
        (
            "fewer rooms in the calendar",
            |bench, _| set(bench, CalendarChange { rooms: Some(Some(1)), ..CalendarChange::default() }),
            Refusal::SoldOut { night: christmas },
        ),
        (
            "stop-sell",
            |bench, _| set(bench, CalendarChange { stop_sell: Some(true), ..CalendarChange::default() }),
            Refusal::StopSell { night: christmas },
        ),
        ("hotel off sale", |bench, _| reimport(bench, |hotel| hotel.active = false), Refusal::Inactive),
        (
            "room type off sale",
            |bench, _| reimport(bench, |hotel| drop(hotel.room_types.remove(0))),
            Refusal::Inactive,
        ),
        (
            "rate plan off sale",
            |bench, _| reimport(bench, |hotel| hotel.room_types[0].rate_plans[0].active = false),
            Refusal::Inactive,
        ),
        ("an expired offer", |bench, _| bench.advance_secs(1801), Refusal::OfferExpired),
        (
            "a room type of another hotel",
            |_, quote| quote.hotel = hotel_in("other", "UTC").id,
            Refusal::NoSuchRoomType,
        ),
        ("no rooms", |_, quote| quote.rooms = 0, invalid("rooms", "1 to 50 rooms are booked at once")),
        (
            "a closed night",
            |bench, _| {
                set_day(bench, "2026-12-25", CalendarChange { stop_sell: Some(true), ..Default::default() });
            },
            Refusal::StopSell { night: date("2026-12-25") },
        ),
        (
            "closed to arrival",
            |bench, _| {
                set_day(bench, DAY, CalendarChange { closed_to_arrival: Some(true), ..Default::default() });
            },
            restricted(Restriction::ClosedToArrival { day: date(DAY) }),
        ),
        (
            "closed to departure, on a day in another calendar row than the nights",
            |bench, quote| {
                let stay = nights("2027-01-12", 3);
                *quote = Quote { stay, ..common::quote(bench, stay, 2) };
                let change = CalendarChange { closed_to_departure: Some(true), ..Default::default() };
                set_day(bench, "2027-01-15", change);
            },
            restricted(Restriction::ClosedToDeparture { day: date("2027-01-15") }),
        ),
        (
            "shorter than the minimum stay",
            |bench, _| set_day(bench, DAY, CalendarChange { min_stay: Some(4), ..Default::default() }),
            restricted(Restriction::MinStay { day: date(DAY), nights: 4 }),
        ),
        ("too many rooms", |_, quote| quote.rooms = 51, invalid("rooms", "1 to 50 rooms are booked at once")),
        (
            "a night without a price",
            |_, quote| quote.nightly.truncate(2),
            invalid("offer", "its prices do not add up"),
        ),
        ("a reduced total", |_, quote| quote.total -= 1, invalid("offer", "its prices do not add up")),
        (
            "after the horizon",
            |bench, _| {
                let settings = Settings { horizon_days: 10, ..Settings::default() };
                bench.call(&administrator(), Configure { slot: hotel().id.slot(), settings }).unwrap();
            },
            Refusal::BeyondHorizon { last: date("2026-12-03") },
        ),
    ];
    for (case, prepare, expected) in table {
        let bench = open();
        let mut quote = quote(&bench, nights(DAY, 3), 2);
        prepare(&bench, &mut quote);
        bench.sent::<Search>();
        assert_eq!(hold(&bench, &user("ann"), quote), Err(expected), "{case}");
        assert_eq!(bench.sent::<Search>(), [], "{case}");
        assert_eq!(bench.violations(), [] as [String; 0], "{case}");
    }
}

fn restricted(restriction: Restriction) -> Refusal {
    Refusal::Restricted { restriction }
}

/// Changes one day of the doubles' calendar.
fn set_day(bench: &ReservationBench, day: &str, change: CalendarChange) {
    let (hotel, day) = (hotel(), date(day));
    let (room_type, nights) = (hotel.room_types[0].id, Nights { from: day, to: day });
    bench.call(&administrator(), SetCalendar { hotel: hotel.id, room_type, nights, change }).unwrap();
}

#[test]
fn restrictions_that_do_not_concern_the_stay_leave_the_offer_valid() {
    let bench = open();
    let quote = quote(&bench, nights(DAY, 2), 1);
    // Arrival on the second day, departure on the first, a minimum stay that is met, and a night after the stay.
    set_day(&bench, "2026-12-25", CalendarChange { closed_to_arrival: Some(true), ..Default::default() });
    let first = CalendarChange { closed_to_departure: Some(true), min_stay: Some(2), ..Default::default() };
    set_day(&bench, DAY, first);
    set_day(&bench, "2026-12-26", CalendarChange { stop_sell: Some(true), ..Default::default() });
    hold(&bench, &user("ann"), quote).unwrap();
}

fn invalid(field: &str, why: &str) -> Refusal {
    Refusal::Invalid { field: field.into(), why: why.into() }
}

#[test]
fn a_service_in_its_own_name_cannot_hold() {
    let bench = open();
    let refusal = invalid("owner", "a reservation needs an owner: a user, a guest session or a client");
    assert_eq!(hold(&bench, &Principal::service("ui"), quote(&bench, nights(DAY, 1), 1)), Err(refusal));
    let held = hold(&bench, &guest_session("gst_1"), quote(&bench, nights(DAY, 1), 1)).unwrap();
    assert_eq!(held.owner, "gst_1");
}

#[test]
fn a_quoted_price_is_kept_until_the_offer_expires() {
    let bench = open();
    let before = quote(&bench, nights(DAY, 1), 1);
    let mut dearer = hotel();
    dearer.room_types[0].rate_plans[0].amount = 50_000;
    bench.call(&administrator(), ImportHotels { hotels: vec![dearer] }).unwrap();
    bench.advance_secs(1800);
    assert_eq!(quote(&bench, nights(DAY, 1), 1).total, 52_500);
    assert_eq!(hold(&bench, &user("ann"), before).unwrap().total().amount, 10_500);
}

#[test]
fn a_stay_cannot_begin_before_the_hotels_local_date() {
    // At 12:00 UTC on 23 November it is the 24th on Kiritimati, 14 hours ahead.
    for (zone, first) in [
        ("Europe/Berlin", "2026-11-23"),
        ("America/New_York", "2026-11-23"),
        ("Asia/Kathmandu", "2026-11-23"),
        ("Pacific/Kiritimati", "2026-11-24"),
    ] {
        let id = hotel_in("grand", zone).id;
        let bench = open_with(hotel_in("grand", zone));
        let today = date(first);
        let stay = |from: Date| contracts::Stay::new(from, from.plus_days(1)).unwrap();
        assert!(!offers_at(&bench, id, stay(today), 1, 1).unwrap().is_empty(), "{zone}");
        assert_eq!(
            offers_at(&bench, id, stay(today.plus_days(-1)), 1, 1),
            Err(Refusal::InThePast { today }),
            "{zone}"
        );
        let last = today.plus_days(550);
        assert!(offers_at(&bench, id, stay(last.plus_days(-1)), 1, 1).is_ok());
        assert_eq!(offers_at(&bench, id, stay(last), 1, 1), Err(Refusal::BeyondHorizon { last }), "{zone}");
    }
}

#[test]
fn unpaid_holds_are_limited_for_guests_and_clients() {
    let mut large = hotel();
    large.room_types[0].rooms = 100;
    let settings = Settings {
        client_unpaid_holds_max: [("agency".to_owned(), 2)].into(),
        client_unpaid_holds_default: 3,
        ..Settings::default()
    };
    for (caller, limit) in
        [(user("ann"), 5), (guest_session("gst_1"), 5), (client("agency"), 2), (client("partner"), 3)]
    {
        let bench = open_with(large.clone());
        bench
            .call(&administrator(), Configure { slot: large.id.slot(), settings: settings.clone() })
            .unwrap();
        let mut held = Vec::new();
        for _ in 0..limit {
            held.push(hold(&bench, &caller, quote(&bench, nights(DAY, 1), 1)).unwrap());
        }
        let again = || hold(&bench, &caller, quote(&bench, nights(DAY, 1), 1));
        assert_eq!(again(), Err(Refusal::TooManyHolds { limit }), "{}", caller.effective_subject());
        // The limit is per owner; paid and expired reservations do not count.
        hold(&bench, &user("bob"), quote(&bench, nights(DAY, 1), 1)).unwrap();
        open_payment(&bench, held[0].id, 1);
        pay(&bench, &held[0], 1);
        deliver(&bench);
        again().unwrap();
        assert!(again().is_err());
        bench.advance_secs(900);
        deliver(&bench);
        again().unwrap();
        assert_eq!(bench.violations(), [] as [String; 0]);
    }
}

#[test]
fn offers_fit_the_guests_are_available_and_are_not_restricted() {
    let rooms_in = |bench: &ReservationBench, guests, rooms| {
        let found = offers(bench, nights(DAY, 2), guests, rooms).unwrap();
        found
            .iter()
            .map(|offer| format!("{} {} {}", offer.quote.room_name, offer.quote.plan_name, offer.rooms_left))
            .collect::<Vec<_>>()
    };
    let bench = open();
    let all = ["Double Flexible 2", "Double Saver 2", "Single Flexible 1", "Single Saver 1"];
    assert_eq!(rooms_in(&bench, 1, 1), all);
    assert_eq!(rooms_in(&bench, 2, 1), all[..2]);
    assert_eq!(rooms_in(&bench, 4, 2), all[..2]);
    assert_eq!(rooms_in(&bench, 5, 2), [] as [&str; 0]);
    assert_eq!(rooms_in(&bench, 3, 3), [] as [&str; 0]);
    assert_eq!(
        offers(&bench, nights(DAY, 1), 1, 0),
        Err(invalid("rooms", "1 to 50 rooms are booked at once"))
    );
    assert_eq!(
        offers(&bench, nights(DAY, 1), 0, 1),
        Err(invalid("guests", "at least one guest for each room"))
    );
    assert_eq!(
        offers_at(&bench, hotel_in("other", "UTC").id, nights(DAY, 1), 1, 1),
        Err(Refusal::NoSuchHotel)
    );
    let restrictions: [(&str, CalendarChange, bool); 8] = [
        ("2026-12-24", CalendarChange { min_stay: Some(2), ..CalendarChange::default() }, true),
        ("2026-12-24", CalendarChange { min_stay: Some(3), ..CalendarChange::default() }, false),
        ("2026-12-25", CalendarChange { min_stay: Some(3), ..CalendarChange::default() }, true),
        ("2026-12-24", CalendarChange { closed_to_arrival: Some(true), ..CalendarChange::default() }, false),
        ("2026-12-25", CalendarChange { closed_to_arrival: Some(true), ..CalendarChange::default() }, true),
        (
            "2026-12-26",
            CalendarChange { closed_to_departure: Some(true), ..CalendarChange::default() },
            false,
        ),
        ("2026-12-26", CalendarChange { stop_sell: Some(true), ..CalendarChange::default() }, true),
        ("2026-12-25", CalendarChange { stop_sell: Some(true), ..CalendarChange::default() }, false),
    ];
    for (day, change, offered) in restrictions {
        let bench = open();
        let nights = Nights { from: date(day), to: date(day) };
        let (hotel, room_type) = (hotel().id, hotel().room_types[0].id);
        let set = SetCalendar { hotel, room_type, nights, change: change.clone() };
        bench.call(&staff(hotel), set).unwrap();
        assert_eq!(!rooms_in(&bench, 2, 1).is_empty(), offered, "{day} {change:?}");
    }
}

#[test]
fn a_hold_writes_three_small_rows() {
    let bench = open();
    let own = |bench: &ReservationBench| {
        bench.rows().into_iter().filter(|(key, _)| key[0] >= 32).collect::<Vec<_>>()
    };
    let (partner, quote) = (client("partner"), quote(&bench, nights(DAY, 3), 1));
    // Written by the shard that counts unpaid holds.
    let admission = admit(&bench, &partner, &quote, HERE).unwrap();
    let before = own(&bench);
    let request = Hold { quote, guest: guest(), requests: None, reference: None, admission };
    bench.call(&partner, request).unwrap();
    let written: Vec<_> = own(&bench).into_iter().filter(|row| !before.contains(row)).collect();
    assert_eq!(written.iter().map(|(key, _)| key[0]).collect::<Vec<_>>(), [34, 35, 36]);
    let bytes: usize = written.iter().map(|(key, value)| key.len() + value.len()).sum();
    assert!(bytes < 500, "{bytes}");
}
