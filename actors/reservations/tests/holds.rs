//! Holding rooms: what is promised is kept, what is not there is refused.

mod common;

use common::*;
use contracts::reservations::{Change, Command, Nights, Refusal, Settings, Status, What};
use contracts::search::{self, Search};
use contracts::{Date, HotelProfile};
use protocol::Principal;

const DAY: &str = "2026-12-24";

#[test]
fn a_hold_takes_rooms_tells_search_and_ends_after_a_quarter_of_an_hour() {
    let desk = open();
    let double = hotel().room_types[0].id;
    let held = hold(&desk, &user("ann"), quote(&desk, nights(DAY, 3), 2)).unwrap();
    assert_eq!(held.status, Status::Held);
    assert_eq!((held.version, held.owner.as_str()), (1, "usr_ann"));
    // Two rooms, three nights, 100.00 each, and 5 % city tax on top.
    assert_eq!(held.quote.nightly, [20_000, 20_000, 20_000]);
    assert_eq!(held.total().amount, 63_000);
    assert_eq!(held.quote.taxes.iter().map(|tax| tax.amount).collect::<Vec<_>>(), [3_925, 3_000]);
    assert_eq!(held.hold_expires_at, Some(desk.now().plus_secs(900)));
    assert_eq!(held.id.slot(), hotel().id.slot());
    let told = |taken: u32| search::Command::RoomsTaken {
        hotel: hotel().id,
        room_type: double,
        from: date(DAY),
        taken: vec![taken; 3],
        at: desk.now(),
    };
    assert_eq!(desk.sent::<Search>(), [told(2)]);
    desk.advance_secs(899);
    assert_eq!((status(&desk, held.id), taken(&desk, double, date(DAY))), (Status::Held, 2));
    desk.advance_secs(1);
    assert_eq!((status(&desk, held.id), taken(&desk, double, date(DAY))), (Status::Expired, 0));
    assert_eq!(desk.sent::<Search>(), [told(0)]);
    let expired = read(&desk, &user("ann"), held.id).unwrap();
    assert_eq!(
        expired.timeline.iter().map(|(_, what)| *what).collect::<Vec<_>>(),
        [What::Held, What::Expired]
    );
    assert_eq!(desk.effects(), []);
    assert_eq!(desk.violations(), [] as [String; 0]);
}

#[test]
fn a_hold_over_two_calendar_rows_takes_each_night_once() {
    let desk = open();
    let double = hotel().room_types[0].id;
    // 20800 is a multiple of 32.
    let first = Date(20_800);
    let stay = contracts::Stay::new(first.plus_days(-2), first.plus_days(2)).unwrap();
    let held = hold(&desk, &user("ann"), quote(&desk, stay, 1)).unwrap();
    let expected = [(-3, 0), (-2, 1), (-1, 1), (0, 1), (1, 1), (2, 0)];
    for (day, rooms) in expected {
        assert_eq!(taken(&desk, double, first.plus_days(day)), rooms, "{day}");
    }
    cancel(&desk, &user("ann"), held.id).unwrap();
    assert!(expected.iter().all(|(day, _)| taken(&desk, double, first.plus_days(*day)) == 0));
    assert_eq!(desk.violations(), [] as [String; 0]);
}

#[test]
fn holds_are_refused_with_a_reason_and_leave_nothing() {
    type Spoil = fn(&Desk, &mut contracts::reservations::Quote);
    fn reimport(desk: &Desk, change: impl Fn(&mut HotelProfile)) {
        let mut changed = hotel();
        change(&mut changed);
        desk.command(&administrator(), Command::ImportHotels { hotels: vec![changed] }).unwrap();
    }
    fn set(desk: &Desk, change: Change) {
        let (hotel, room_type) = (hotel().id, hotel().room_types[0].id);
        let nights = Nights { from: date("2026-12-25"), to: date("2026-12-25") };
        desk.command(&administrator(), Command::SetCalendar { hotel, room_type, nights, change }).unwrap();
    }
    let christmas = date("2026-12-25");
    let table: [(&str, Spoil, Refusal); 13] = [
        (
            "somebody took one of two",
            |desk, _| {
                hold(desk, &user("bob"), quote(desk, nights("2026-12-25", 1), 1)).unwrap();
            },
            Refusal::SoldOut { night: christmas },
        ),
        (
            "fewer rooms in the calendar",
            |desk, _| set(desk, Change { rooms: Some(Some(1)), ..Change::default() }),
            Refusal::SoldOut { night: christmas },
        ),
        (
            "stop-sell",
            |desk, _| set(desk, Change { stop_sell: Some(true), ..Change::default() }),
            Refusal::StopSell { night: christmas },
        ),
        ("hotel off sale", |desk, _| reimport(desk, |hotel| hotel.active = false), Refusal::Inactive),
        (
            "room type off sale",
            |desk, _| reimport(desk, |hotel| drop(hotel.room_types.remove(0))),
            Refusal::Inactive,
        ),
        (
            "rate plan off sale",
            |desk, _| reimport(desk, |hotel| hotel.room_types[0].rate_plans[0].active = false),
            Refusal::Inactive,
        ),
        ("too late", |desk, _| desk.advance_secs(1801), Refusal::OfferExpired),
        (
            "another hotel's room",
            |_, quote| quote.hotel = hotel_in("other", "UTC").id,
            Refusal::NoSuchRoomType,
        ),
        ("no room at all", |_, quote| quote.rooms = 0, invalid("rooms", "1 to 50 rooms are booked at once")),
        ("too many rooms", |_, quote| quote.rooms = 51, invalid("rooms", "1 to 50 rooms are booked at once")),
        (
            "a night without price",
            |_, quote| quote.nightly.truncate(2),
            invalid("offer", "its prices do not add up"),
        ),
        ("a kinder total", |_, quote| quote.total -= 1, invalid("offer", "its prices do not add up")),
        (
            "past the horizon",
            |desk, _| {
                let settings = Settings { horizon_days: 10, ..Settings::default() };
                desk.command(&administrator(), Command::Configure { slot: hotel().id.slot(), settings })
                    .unwrap();
            },
            Refusal::BeyondHorizon { last: date("2026-12-03") },
        ),
    ];
    for (what, spoil, expected) in table {
        let desk = open();
        let mut promised = quote(&desk, nights(DAY, 3), 2);
        spoil(&desk, &mut promised);
        desk.sent::<Search>();
        assert_eq!(hold(&desk, &user("ann"), promised), Err(expected), "{what}");
        assert_eq!(desk.sent::<Search>(), [], "{what}");
        assert_eq!(desk.violations(), [] as [String; 0], "{what}");
    }
}

fn invalid(field: &str, why: &str) -> Refusal {
    Refusal::Invalid { field: field.into(), why: why.into() }
}

#[test]
fn nobody_and_services_of_their_own_hold_nothing() {
    let desk = open();
    let why = invalid("owner", "a reservation is made by somebody, or for somebody");
    assert_eq!(hold(&desk, &Principal::service("ui"), quote(&desk, nights(DAY, 1), 1)), Err(why));
    let held = hold(&desk, &guest_session("gst_1"), quote(&desk, nights(DAY, 1), 1)).unwrap();
    assert_eq!(held.owner, "gst_1");
}

#[test]
fn a_changed_price_is_honoured_until_the_offer_expires() {
    let desk = open();
    let before = quote(&desk, nights(DAY, 1), 1);
    let mut dearer = hotel();
    dearer.room_types[0].rate_plans[0].amount = 50_000;
    desk.command(&administrator(), Command::ImportHotels { hotels: vec![dearer] }).unwrap();
    desk.advance_secs(1800);
    assert_eq!(quote(&desk, nights(DAY, 1), 1).total, 52_500);
    assert_eq!(hold(&desk, &user("ann"), before).unwrap().total().amount, 10_500);
}

#[test]
fn no_stay_begins_before_the_hotels_today() {
    // 12:00 UTC on 23 November: the 24th has begun on Kiritimati, 14 hours ahead.
    for (zone, first) in [
        ("Europe/Berlin", "2026-11-23"),
        ("America/New_York", "2026-11-23"),
        ("Asia/Kathmandu", "2026-11-23"),
        ("Pacific/Kiritimati", "2026-11-24"),
    ] {
        let id = hotel_in("grand", zone).id;
        let desk = open_with(hotel_in("grand", zone));
        let today = date(first);
        let stay = |from: Date| contracts::Stay::new(from, from.plus_days(1)).unwrap();
        assert!(!offers_at(&desk, id, stay(today), 1, 1).unwrap().is_empty(), "{zone}");
        assert_eq!(
            offers_at(&desk, id, stay(today.plus_days(-1)), 1, 1),
            Err(Refusal::InThePast { today }),
            "{zone}"
        );
        let last = today.plus_days(550);
        assert!(offers_at(&desk, id, stay(last.plus_days(-1)), 1, 1).is_ok());
        assert_eq!(offers_at(&desk, id, stay(last), 1, 1), Err(Refusal::BeyondHorizon { last }), "{zone}");
    }
}

#[test]
fn unpaid_holds_are_limited_for_guests_and_for_clients_where_set() {
    let mut large = hotel();
    large.room_types[0].rooms = 100;
    let settings =
        Settings { client_unpaid_holds_max: [("agency".to_owned(), 2)].into(), ..Settings::default() };
    for (caller, limit) in [
        (user("ann"), Some(5)),
        (guest_session("gst_1"), Some(5)),
        (client("agency"), Some(2)),
        (client("partner"), None),
    ] {
        let desk = open_with(large.clone());
        desk.command(
            &administrator(),
            Command::Configure { slot: large.id.slot(), settings: settings.clone() },
        )
        .unwrap();
        let mut held = Vec::new();
        for _ in 0..limit.unwrap_or(20) {
            held.push(hold(&desk, &caller, quote(&desk, nights(DAY, 1), 1)).unwrap());
        }
        let again = || hold(&desk, &caller, quote(&desk, nights(DAY, 1), 1));
        let Some(limit) = limit else { continue };
        assert_eq!(again(), Err(Refusal::TooManyHolds { limit }), "{}", caller.actor());
        // Others are not concerned; what is paid or given back does not count.
        hold(&desk, &user("bob"), quote(&desk, nights(DAY, 1), 1)).unwrap();
        open_payment(&desk, held[0].id, 1);
        pay(&desk, &held[0], 1);
        again().unwrap();
        assert!(again().is_err());
        desk.advance_secs(900);
        again().unwrap();
        assert_eq!(desk.violations(), [] as [String; 0]);
    }
}

#[test]
fn offers_are_what_fits_is_free_and_allowed() {
    let rooms_in = |desk: &Desk, guests, rooms| {
        let found = offers(desk, nights(DAY, 2), guests, rooms).unwrap();
        found
            .iter()
            .map(|offer| format!("{} {} {}", offer.quote.room_name, offer.quote.plan_name, offer.rooms_left))
            .collect::<Vec<_>>()
    };
    let desk = open();
    let all = ["Double Flexible 2", "Double Saver 2", "Single Flexible 1", "Single Saver 1"];
    assert_eq!(rooms_in(&desk, 1, 1), all);
    assert_eq!(rooms_in(&desk, 2, 1), all[..2]);
    assert_eq!(rooms_in(&desk, 4, 2), all[..2]);
    assert_eq!(rooms_in(&desk, 5, 2), [] as [&str; 0]);
    assert_eq!(rooms_in(&desk, 3, 3), [] as [&str; 0]);
    assert_eq!(
        offers(&desk, nights(DAY, 1), 1, 0),
        Err(invalid("rooms", "1 to 50 rooms are booked at once"))
    );
    assert_eq!(offers(&desk, nights(DAY, 1), 0, 1), Err(invalid("guests", "each room has a guest")));
    assert_eq!(
        offers_at(&desk, hotel_in("other", "UTC").id, nights(DAY, 1), 1, 1),
        Err(Refusal::NoSuchHotel)
    );
    let restrictions: [(&str, Change, bool); 8] = [
        ("2026-12-24", Change { min_stay: Some(2), ..Change::default() }, true),
        ("2026-12-24", Change { min_stay: Some(3), ..Change::default() }, false),
        ("2026-12-25", Change { min_stay: Some(3), ..Change::default() }, true),
        ("2026-12-24", Change { closed_to_arrival: Some(true), ..Change::default() }, false),
        ("2026-12-25", Change { closed_to_arrival: Some(true), ..Change::default() }, true),
        ("2026-12-26", Change { closed_to_departure: Some(true), ..Change::default() }, false),
        ("2026-12-26", Change { stop_sell: Some(true), ..Change::default() }, true),
        ("2026-12-25", Change { stop_sell: Some(true), ..Change::default() }, false),
    ];
    for (day, change, offered) in restrictions {
        let desk = open();
        let nights = Nights { from: date(day), to: date(day) };
        let (hotel, room_type) = (hotel().id, hotel().room_types[0].id);
        let set = Command::SetCalendar { hotel, room_type, nights, change: change.clone() };
        desk.command(&staff(hotel), set).unwrap();
        assert_eq!(!rooms_in(&desk, 2, 1).is_empty(), offered, "{day} {change:?}");
    }
}

#[test]
fn a_hold_writes_three_small_rows() {
    let desk = open();
    let own = |desk: &Desk| desk.rows().into_iter().filter(|(key, _)| key[0] >= 32).collect::<Vec<_>>();
    let before = own(&desk);
    hold(&desk, &client("partner"), quote(&desk, nights(DAY, 3), 1)).unwrap();
    let written: Vec<_> = own(&desk).into_iter().filter(|row| !before.contains(row)).collect();
    assert_eq!(written.iter().map(|(key, _)| key[0]).collect::<Vec<_>>(), [34, 35, 36]);
    let bytes: usize = written.iter().map(|(key, value)| key.len() + value.len()).sum();
    assert!(bytes < 500, "{bytes}");
}
