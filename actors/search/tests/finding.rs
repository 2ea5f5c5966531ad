//! Search at the command boundary: updates from `reservations` as input, lists as output.

mod common;

use common::*;
use contracts::pricing;
use contracts::search::{
    City, CityName, Command, FindHotels, GetCity, GetHotel, ListTopCities, Night, Refusal, Sort,
    SuggestCities, UpdateHotel, UpdateNights, UpdateTakenRooms,
};
use contracts::{Cancellation, HotelProfile, Season, TaxRule};

#[test]
fn totals_equal_the_price_calculation_of_reservations() {
    let bench = bench();
    let mut grand = hotel(
        "grand",
        vec![
            room("Double", 2, 5, vec![plan("Flexible", 12_345), plan("Saver", 11_111)]),
            room("Suite", 4, 2, vec![plan("Flexible", 30_007)]),
        ],
    );
    grand.taxes = vec![
        TaxRule { name: "VAT".into(), basis_points: 700, included: true },
        TaxRule { name: "City".into(), basis_points: 535, included: false },
        TaxRule { name: "Fee".into(), basis_points: 1_475, included: false },
    ];
    for room in &mut grand.room_types {
        room.season = Season {
            months: [801, 822, 933, 1000, 1077, 1191, 1234, 1222, 1390, 1013, 907, 1111],
            weekdays: [901, 903, 907, 911, 1201, 1301, 877],
        };
    }
    add(&bench, &grand);
    let saver = grand.room_types[0].rate_plans[1].id;
    let own = (day(41), Night { prices: vec![(saver, 5_555)], ..Night::default() });
    set_nights(&bench, &grand, vec![own.clone()], 1);
    for (from, to, guests, rooms, room, plan) in [
        (3, 4, 2, 1, 0, 1),
        (7, 30, 2, 1, 0, 1),
        (38, 45, 1, 1, 0, 1),
        (41, 42, 4, 2, 0, 1),
        (5, 65, 4, 1, 1, 0),
    ] {
        let stay = stay(from, to);
        let answer = found(&bench, &contracts::search::FindHotels { guests, rooms, ..sought(Some(stay)) });
        let offer = answer.hotels[0].offer.as_ref().expect("dates were given");
        let room = &grand.room_types[room];
        let plan = &room.rate_plans[plan];
        let nights = stay.nights().map(|night| {
            let set = (night == own.0 && plan.id == saver).then_some(5_555);
            (night, pricing::night_price(plan, &room.season, night, set, grand.currency))
        });
        let quote = pricing::price_stay(nights, u32::from(rooms), &grand.taxes, grand.currency);
        let nightly: i64 = quote.nightly.iter().map(|(_, amount)| amount).sum();
        assert_eq!((offer.room_type, offer.rate_plan), (room.id, plan.id), "{stay:?}");
        assert_eq!((offer.nightly, offer.total), (nightly, quote.total), "{stay:?}");
    }
    assert_valid(&bench);
}

#[test]
fn with_dates_only_available_hotels_are_listed() {
    let night = |change: fn(&mut Night)| {
        let mut night = Night::default();
        change(&mut night);
        night
    };
    // Description, day, night, stay, rooms, and whether the hotel is found.
    type Row = (&'static str, i32, Night, (i32, i32), u16, bool);
    let table: Vec<Row> = vec![
        ("nothing", 10, Night::default(), (9, 12), 5, true),
        ("more rooms than there are", 10, Night::default(), (9, 12), 6, false),
        ("sold out on one night", 10, night(|n| n.taken = 5), (9, 12), 1, false),
        ("sold out the night before", 10, night(|n| n.taken = 5), (11, 12), 1, true),
        ("sold out on the day of departure", 10, night(|n| n.taken = 5), (9, 10), 1, true),
        ("one room left", 10, night(|n| n.taken = 4), (9, 12), 1, true),
        ("one room left for two", 10, night(|n| n.taken = 4), (9, 12), 2, false),
        ("fewer rooms that night", 10, night(|n| n.rooms = Some(2)), (9, 12), 3, false),
        ("more rooms that night only", 10, night(|n| n.rooms = Some(9)), (9, 12), 6, false),
        ("more rooms that night", 10, night(|n| n.rooms = Some(9)), (10, 11), 9, true),
        (
            "more sold than there are",
            10,
            night(|n| {
                n.rooms = Some(2);
                n.taken = 3;
            }),
            (9, 12),
            1,
            false,
        ),
        ("stop-sell", 10, night(|n| n.stop_sell = true), (9, 12), 1, false),
        ("stop-sell on the day of departure", 10, night(|n| n.stop_sell = true), (9, 10), 1, true),
        ("closed to arrival", 10, night(|n| n.closed_to_arrival = true), (10, 12), 1, false),
        ("closed to arrival, stayed over", 10, night(|n| n.closed_to_arrival = true), (9, 12), 1, true),
        ("closed to departure", 10, night(|n| n.closed_to_departure = true), (9, 10), 1, false),
        ("closed to departure, stayed over", 10, night(|n| n.closed_to_departure = true), (9, 12), 1, true),
        ("too short a stay", 10, night(|n| n.min_stay = 3), (10, 12), 1, false),
        ("long enough a stay", 10, night(|n| n.min_stay = 2), (10, 12), 1, true),
        ("least stay of another day", 10, night(|n| n.min_stay = 9), (9, 12), 1, true),
        ("beyond the calendar", 10, Night::default(), (545, 551), 1, false),
        ("the end of the calendar", 10, Night::default(), (545, 550), 1, true),
    ];
    for (what, date, night, (from, to), rooms, expected) in table {
        let bench = bench();
        let plain = plain("plain");
        add(&bench, &plain);
        set_nights(&bench, &plain, vec![(day(date), night)], 1);
        for sort in [Sort::Recommended, Sort::Price, Sort::Rating, Sort::Distance] {
            let guests = rooms.max(2);
            let sought = FindHotels { guests, rooms, sort, ..sought(Some(stay(from, to))) };
            let answer = found(&bench, &sought);
            assert_eq!(!answer.hotels.is_empty(), expected, "{what} {sort:?}");
        }
        assert_eq!(found(&bench, &sought(None)).hotels.len(), 1, "without dates all are listed");
        assert_valid(&bench);
    }
}

/// Five hotels with different attributes.
fn five() -> Vec<HotelProfile> {
    let table = [
        ("a", 15_000, 3, 90, 0.02, &["pool", "wifi"][..]),
        ("b", 9_000, 2, 70, 0.00, &["wifi"]),
        ("c", 30_000, 5, 95, 0.01, &["pool", "spa", "wifi"]),
        ("d", 12_000, 4, 0, 0.05, &[]),
        ("e", 12_000, 4, 70, 0.03, &["spa"]),
    ];
    let make =
        |(reference, amount, stars, rating_tenths, north, amenities): (&str, i64, u8, u8, f64, &[&str])| {
            let mut made = hotel(reference, vec![room("Double", 2, 5, vec![plan("Flexible", amount)])]);
            (made.stars, made.rating_tenths) = (stars, rating_tenths);
            made.latitude += north;
            made.amenities = amenities.iter().map(ToString::to_string).collect();
            made
        };
    table.into_iter().map(make).collect()
}

#[test]
fn lists_are_sorted_and_filtered() {
    let bench = bench();
    let hotels = five();
    hotels.iter().for_each(|hotel| add(&bench, hotel));
    let by_id = |one: &'static str, other: &'static str| {
        let id = |reference: &str| hotels.iter().find(|hotel| hotel.reference == reference).unwrap().id;
        if id(one) < id(other) { [one, other] } else { [other, one] }
    };
    let (de, be) = (by_id("d", "e"), by_id("b", "e"));
    type Change = fn(&mut contracts::search::FindHotels);
    let table: Vec<(Change, Vec<&str>)> = vec![
        (|f| f.sort = Sort::Price, vec!["b", de[0], de[1], "a", "c"]),
        (|f| f.sort = Sort::Rating, vec!["c", "a", be[0], be[1], "d"]),
        (|f| f.sort = Sort::Distance, vec!["b", "c", "a", "e", "d"]),
        (|f| f.sort = Sort::Recommended, vec!["c", "a", "b", "e", "d"]),
        (|f| f.stars = vec![4], vec![de[0], de[1]]),
        (|f| f.stars = vec![2, 5], vec!["b", "c"]),
        (|f| f.stars = vec![1, 200], vec![]),
        (|f| f.amenities = vec!["pool".into()], vec!["a", "c"]),
        (|f| f.amenities = vec!["pool".into(), "spa".into()], vec!["c"]),
        (|f| f.amenities = vec!["helipad".into()], vec![]),
        (|f| f.price_max = Some(24_000), vec!["b", de[0], de[1]]),
        (|f| f.price_min = Some(24_000), vec![de[0], de[1], "a", "c"]),
        (
            |f| {
                f.price_min = Some(18_001);
                f.price_max = Some(23_999);
            },
            vec![],
        ),
        (|f| f.guests = 3, vec![]),
        (
            |f| {
                f.guests = 3;
                f.rooms = 2;
                f.price_max = Some(48_000);
            },
            vec!["b", de[0], de[1]],
        ),
    ];
    for (place, (change, expected)) in table.into_iter().enumerate() {
        for dates in [Some(stay(20, 22)), Some(stay(6, 8))] {
            let mut asked = sought(dates);
            change(&mut asked);
            assert_eq!(names(&found(&bench, &asked).hotels), expected, "row {place}");
        }
    }
    // Without dates, the price bounds apply to the price of a night.
    let mut asked = sought(None);
    asked.price_max = Some(12_000);
    let answer = found(&bench, &asked);
    assert_eq!(names(&answer.hotels), ["b", de[0], de[1]]);
    assert_eq!((answer.hotels[0].from, &answer.hotels[0].offer), (9_000, &None));
    assert_valid(&bench);
}

#[test]
fn pages_have_no_duplicates_and_no_gaps_while_hotels_change() {
    for sort in [Sort::Recommended, Sort::Price, Sort::Rating, Sort::Distance] {
        for dates in [None, Some(stay(20, 22))] {
            let bench = bench();
            let make = |number: i64| {
                let mut made = plain(&format!("{number:02}"));
                made.room_types[0].rate_plans[0].amount = 5_000 + number / 3 * 100;
                made.rating_tenths = 60 + (number % 7) as u8;
                made.latitude += (number % 5) as f64 / 100.0;
                made
            };
            let mut hotels: Vec<_> = (0..30).map(make).collect();
            hotels.iter().for_each(|hotel| add(&bench, hotel));
            let mut asked = contracts::search::FindHotels { sort, limit: 7, ..sought(dates) };
            let mut seen = Vec::new();
            for page in 0.. {
                let answer = found(&bench, &asked);
                assert!(answer.hotels.len() <= 7);
                seen.extend(answer.hotels.into_iter().map(|hotel| hotel.id));
                // Deactivate a hotel that was not listed yet, and add a new one.
                let gone = hotels[..30].iter().position(|hotel| hotel.active && !seen.contains(&hotel.id));
                if let Some(gone) = gone.filter(|_| page < 2) {
                    hotels[gone].active = false;
                    apply(&bench, UpdateHotel { hotel: hotels[gone].clone(), at: at(1) });
                    add(&bench, &make(100 + page));
                }
                asked.after = answer.next;
                if asked.after.is_none() {
                    break;
                }
            }
            let mut distinct = seen.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), seen.len(), "{sort:?}: no duplicates");
            let missed = hotels.iter().filter(|hotel| hotel.active && !seen.contains(&hotel.id));
            assert_eq!(missed.count(), 0, "{sort:?}: no gaps");
            assert_valid(&bench);
        }
    }
}

#[test]
fn late_and_repeated_updates_change_nothing() {
    let plain = plain("plain");
    let mut closed = plain.clone();
    closed.active = false;
    let room_type = plain.room_types[0].id;
    let hotel = plain.id;
    let nights = |taken, stop_sell, millis| -> Command {
        let nights = vec![(day(10), Night { taken, stop_sell, ..Night::default() })];
        UpdateNights { hotel, room_type, nights, at: at(millis) }.into()
    };
    let taken = |taken, millis| -> Command {
        UpdateTakenRooms { hotel, room_type, from: day(10), taken: vec![taken], at: at(millis) }.into()
    };
    let changed = |hotel: &HotelProfile, millis| -> Command {
        UpdateHotel { hotel: hotel.clone(), at: at(millis) }.into()
    };
    // Commands in order of arrival, and the number of rooms left on day 10; `None` if the hotel is not found.
    let table: Vec<(&str, Vec<Command>, Option<u32>)> = vec![
        ("in order", vec![changed(&plain, 1), taken(2, 2)], Some(3)),
        ("nights before their hotel", vec![taken(2, 2), changed(&plain, 1)], Some(3)),
        ("twice", vec![changed(&plain, 1), taken(2, 2), taken(2, 2), changed(&plain, 1)], Some(3)),
        ("an older number", vec![changed(&plain, 1), taken(4, 5), taken(2, 4)], Some(1)),
        ("an older calendar", vec![changed(&plain, 1), taken(4, 5), nights(0, false, 3)], Some(1)),
        ("an older calendar that closes", vec![changed(&plain, 1), taken(4, 5), nights(0, true, 3)], None),
        ("a newer calendar", vec![changed(&plain, 1), taken(4, 2), nights(1, false, 3)], Some(4)),
        ("an older closing", vec![changed(&plain, 1), nights(0, false, 5), nights(0, true, 4)], Some(5)),
        (
            "an update of taken rooms does not lift a stop-sell",
            vec![changed(&plain, 1), nights(0, true, 2), taken(1, 3)],
            None,
        ),
        ("an older hotel", vec![changed(&plain, 5), changed(&closed, 4)], Some(5)),
        ("a newer hotel", vec![changed(&plain, 4), changed(&closed, 5)], None),
    ];
    for (what, commands, expected) in table {
        let bench = bench();
        let latest = commands
            .iter()
            .map(|command| match command {
                Command::UpdateHotel(update) => update.at,
                Command::UpdateNights(update) => update.at,
                Command::UpdateTakenRooms(update) => update.at,
            })
            .max();
        for command in commands {
            apply(&bench, command);
        }
        let answer = found(&bench, &sought(Some(stay(10, 11))));
        let left = answer.hotels.first().and_then(|hotel| Some(hotel.offer.as_ref()?.rooms_left));
        assert_eq!(left, expected, "{what}");
        assert_eq!(Some(answer.as_of), latest, "{what}");
        assert_valid(&bench);
    }
}

#[test]
fn free_cancellation_ends_in_the_time_zone_of_the_hotel() {
    let cancellation = |free_until_hours| Cancellation { free_until_hours, penalty_percent: 50 };
    // Hours before 15:00 on the check-in date, check-in date, end of free cancellation.
    let table = [
        (Some(24), 10, Some("2026-12-02T14:00:00Z")),
        (Some(0), 10, Some("2026-12-03T14:00:00Z")),
        (Some(24), 250, Some("2027-07-30T13:00:00Z")),
        (Some(48), 1, None),
        (None, 10, None),
    ];
    for (hours, check_in, expected) in table {
        let bench = bench();
        let mut plain = plain("plain");
        plain.room_types[0].rate_plans[0].cancellation = cancellation(hours);
        add(&bench, &plain);
        let answer = found(&bench, &sought(Some(stay(check_in, check_in + 1))));
        let until = answer.hotels[0].offer.as_ref().unwrap().free_cancellation_until;
        let until = until.map(|until| jiff::Timestamp::from_millisecond(until.millis()).unwrap().to_string());
        assert_eq!(until.as_deref(), expected, "{hours:?} {check_in}");
    }
}

#[test]
fn invalid_requests_are_refused() {
    let bench = bench();
    add(&bench, &plain("plain"));
    let named =
        |name: &str| contracts::search::FindHotels { city: CityName::Name(name.into()), ..sought(None) };
    assert_eq!(ask(&bench, named("xqzzw")), Err(Refusal::NoSuchCity));
    let unknown = contracts::search::FindHotels { city: CityName::Id(7), ..sought(None) };
    assert_eq!(ask(&bench, unknown), Err(Refusal::NoSuchCity));
    let past = sought(Some(stay(-1, 2)));
    assert_eq!(ask(&bench, past), Err(Refusal::StayInThePast { today: TODAY }));
    assert_eq!(ask(&bench, GetHotel { hotel: contracts::HotelId(7) }), Err(Refusal::NoSuchHotel));
    for name in ["Munich", "münchen", "Мюнхен", "Munich, DE", "Munich Germany"] {
        assert_eq!(found(&bench, &named(name)).hotels.len(), 1, "{name}");
    }
    assert_eq!(found(&bench, &named("Tokyo")).hotels.len(), 0);
}

#[test]
fn cities_have_the_number_of_their_active_hotels() {
    let bench = bench();
    for number in 0..3 {
        add(&bench, &plain(&number.to_string()));
    }
    let mut roman = plain("roman");
    (roman.city, roman.country, roman.latitude, roman.longitude) = ("Roma".into(), "IT".into(), 41.89, 12.51);
    add(&bench, &roman);
    let named = |cities: Result<Vec<City>, Refusal>| -> Vec<(String, u32)> {
        cities.unwrap().into_iter().map(|city| (city.name.to_string(), city.hotels)).collect()
    };
    let list = |names: &[(&str, u32)]| -> Vec<(String, u32)> {
        names.iter().map(|(name, hotels)| ((*name).to_owned(), *hotels)).collect()
    };
    assert_eq!(named(ask(&bench, ListTopCities { limit: 5 })), list(&[("Munich", 3), ("Rome", 1)]));
    let suggest = SuggestCities { text: "munch".into(), limit: 1, languages: Vec::new() };
    let munich: Vec<City> = ask(&bench, suggest).unwrap().into_iter().map(|found| found.city).collect();
    assert_eq!(named(Ok(munich)), list(&[("Munich", 3)]));
    assert_eq!(named(ask(&bench, GetCity { city: CityName::Name("Rom".into()) })), list(&[("Rome", 1)]));
    let details = ask(&bench, GetHotel { hotel: roman.id }).unwrap();
    assert_eq!((&details.profile, &*details.city.name), (&roman, "Rome"));
    assert!(details.distance_metres < 2_000);
    // An inactive hotel can still be read, but is not counted.
    roman.active = false;
    add(&bench, &roman);
    assert_eq!(named(ask(&bench, ListTopCities { limit: 5 })), list(&[("Munich", 3)]));
    assert_valid(&bench);
}

#[test]
fn past_nights_are_deleted_from_calendars() {
    let bench = bench();
    let plain = plain("plain");
    add(&bench, &plain);
    for month in 0..60 {
        take(&bench, &plain, month * 30, &[1; 30], i64::from(month) + 1);
        bench.advance_secs(30 * 86_400);
    }
    // Sixty months need 50 kB. Three months are left, and the idempotency rows of the kernel.
    let bytes = store::State::size(&*bench.memory());
    assert!(bytes < 10_000, "{bytes}");
    assert_valid(&bench);
}
