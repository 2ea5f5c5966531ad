//! Admission: unpaid holds are counted by owner and by address before they are made.

mod common;

use common::*;
use contracts::HotelId;
use contracts::reservations::{
    Admission, AdmissionEnd, AdmissionId, AdmitHold, Configure, EndAdmission, Hold, Refusal, Settings,
    Status, VisitorAddress,
};
use protocol::Principal;

const DAY: &str = "2026-12-24";

fn session(number: u32) -> Principal {
    guest_session(&format!("gst_{number:020}"))
}

fn address(address: u128, network: u128) -> VisitorAddress {
    VisitorAddress { address, network: Some(network) }
}

fn request(number: u128, hotel: HotelId, rooms: u32, address: VisitorAddress) -> AdmitHold {
    AdmitHold { admission: AdmissionId(number), hotel, rooms, address }
}

/// Asks for rooms of a property from an address, with a new session each time.
struct Visitors {
    bench: ReservationBench,
    asked: std::cell::Cell<u32>,
}

impl Visitors {
    fn new() -> Self {
        Self { bench: open(), asked: 0.into() }
    }

    fn ask(&self, property: u128, rooms: u32, address: VisitorAddress) -> Admission {
        self.ask_as(&session(self.asked.get()), property, rooms, address)
    }

    fn ask_as(&self, caller: &Principal, property: u128, rooms: u32, address: VisitorAddress) -> Admission {
        self.asked.set(self.asked.get() + 1);
        let request = request(self.asked.get().into(), HotelId(property), rooms, address);
        self.bench.call(caller, request).unwrap()
    }

    /// How many rooms an address gets, one by one, over properties that are chosen in turn.
    fn rooms(&self, properties: std::ops::Range<u128>, address: VisitorAddress) -> u32 {
        let mut property = properties.cycle();
        (0..1_000)
            .take_while(|_| self.ask(property.next().unwrap(), 1, address) == Admission::Counted)
            .count() as u32
    }
}

#[test]
fn an_address_holds_few_rooms_whatever_its_sessions_are() {
    // All rooms of one property; of one after the other; and of many.
    for (properties, expected) in [(0..1, 10), (0..2, 20), (0..13, 20)] {
        let visitors = Visitors::new();
        assert_eq!(visitors.rooms(properties.clone(), HERE), expected, "{properties:?}");
        assert_eq!(visitors.bench.violations(), [] as [String; 0]);
    }
    // The property's limit leaves the others bookable.
    let visitors = Visitors::new();
    assert_eq!(visitors.rooms(0..1, HERE), 10);
    assert_eq!(visitors.ask(1, 2, HERE), Admission::Counted);
    // Another address is not concerned, and neither is a visitor with an account at the same one.
    let visitors = Visitors::new();
    assert_eq!(visitors.rooms(0..13, HERE), 20);
    assert_eq!(visitors.ask(0, 1, VisitorAddress { address: 8, network: None }), Admission::Counted);
    assert_eq!(visitors.ask_as(&user("ann"), 0, 2, HERE), Admission::Counted);
}

#[test]
fn accounts_of_an_address_are_limited_together() {
    let visitors = Visitors::new();
    let names: Vec<_> = (0..30).map(|number| user(&number.to_string())).collect();
    let counted = names
        .iter()
        .filter(|name| visitors.ask_as(name, visitors.asked.get().into(), 1, HERE) == Admission::Counted);
    assert_eq!(counted.count(), 20);
}

#[test]
fn the_addresses_of_an_ipv6_network_are_limited_together() {
    let visitors = Visitors::new();
    let mut held = 0;
    for host in 1..100 {
        held += visitors.rooms(0..13, address(host, 9));
    }
    assert_eq!(held, 80);
    assert_eq!(visitors.ask(0, 1, address(1_000, 10)), Admission::Counted);
    let visitors = Visitors::new();
    let of_one_property: u32 = (1..100).map(|host| visitors.rooms(0..1, address(host, 9))).sum();
    assert_eq!(of_one_property, 40);
}

#[test]
fn an_address_beyond_its_limit_waits_longer_each_time() {
    let visitors = Visitors::new();
    let started = visitors.bench.now();
    assert_eq!(visitors.rooms(0..1, HERE), 10);
    let waits = |visitors: &Visitors| match visitors.ask(0, 1, HERE) {
        Admission::Later { retry_after_secs } => retry_after_secs,
        other => panic!("{other:?}"),
    };
    // The first refusal was counted above. Asking again before the time is over changes nothing.
    assert_eq!(waits(&visitors), 60);
    visitors.bench.advance_secs(20);
    assert_eq!(waits(&visitors), 40);
    visitors.bench.advance_secs(40);
    for expected in [120, 240, 480] {
        assert_eq!(waits(&visitors), expected);
        visitors.bench.advance_secs(i64::from(expected));
    }
    assert_eq!(waits(&visitors), 960);
    // Meanwhile the rooms do not count any more: whoever has waited can book, but only as many rooms as before.
    visitors.bench.advance_secs(960);
    assert!(visitors.bench.now() > started.plus_secs(25 * 60));
    assert_eq!(visitors.rooms(0..1, HERE), 10);
    assert_eq!(waits(&visitors), 1_920);
    visitors.bench.advance_secs(1_920);
    assert_eq!(visitors.rooms(0..1, HERE), 10);
    assert_eq!(waits(&visitors), 3_600);
    // After a day without a refusal everything is forgotten, and no row is left.
    visitors.bench.advance_secs(3_600 + 86_400);
    let rows = visitors.bench.rows().into_iter().filter(|(key, _)| matches!(key[0], 40 | 41)).count();
    assert_eq!(rows, 0);
    assert_eq!(visitors.rooms(0..1, HERE), 10);
    assert_eq!(waits(&visitors), 60);
    assert_eq!(visitors.bench.violations(), [] as [String; 0]);
}

#[test]
fn more_rooms_than_the_limit_are_refused_at_once() {
    let bench = open();
    let ask = |rooms, place| bench.call(&session(1), request(1, HotelId(1), rooms, place));
    assert_eq!(ask(11, HERE), Err(Refusal::TooManyRooms { limit: 10 }));
    assert_eq!(ask(10, HERE), Ok(Admission::Counted));
    // A client has no limit of rooms.
    assert_eq!(bench.call(&client("partner"), request(2, HotelId(1), 50, HERE)), Ok(Admission::Counted));
    let why = "1 to 50 rooms are booked at once";
    let refusal = Refusal::Invalid { field: "rooms".into(), why: why.into() };
    assert_eq!(bench.call(&client("partner"), request(3, HotelId(1), 51, HERE)), Err(refusal));
}

#[test]
fn a_repeated_admission_counts_once_and_belongs_to_its_owner() {
    let settings = Settings { unpaid_holds_max: 1, ..Settings::default() };
    let bench = open();
    bench.call(&administrator(), Configure { slot: hotel().id.slot(), settings }).unwrap();
    let one = request(1, hotel().id, 2, HERE);
    for _ in 0..3 {
        assert_eq!(bench.call(&session(1), one.clone()), Ok(Admission::Counted));
    }
    let refused = Err(Refusal::TooManyHolds { limit: 1 });
    assert_eq!(bench.call(&session(1), request(2, hotel().id, 2, HERE)), refused);
    // The same number of another owner is another admission.
    assert_eq!(bench.call(&session(2), one.clone()), Ok(Admission::Counted));
    let end = |caller: &Principal, owner: Option<&Principal>, end| {
        let owner = owner.map(|owner| owner.effective_subject().to_owned());
        bench.call(caller, EndAdmission { owner, admission: one.admission, end })
    };
    // Its owner can only give it back. The service itself reports the end of a hold.
    for caller in [session(1), session(2), user("ann"), administrator()] {
        assert_eq!(end(&caller, None, AdmissionEnd::Paid), Err(Refusal::NoSuchReservation));
        assert_eq!(end(&caller, Some(&session(1)), AdmissionEnd::Refused), Err(Refusal::NoSuchReservation));
    }
    assert_eq!(bench.call(&session(1), request(2, hotel().id, 2, HERE)), refused);
    end(&session(1), None, AdmissionEnd::Refused).unwrap();
    assert_eq!(bench.call(&session(1), request(2, hotel().id, 2, HERE)), Ok(Admission::Counted));
    // Given back is given back: the number cannot be used for another hold.
    assert_eq!(bench.call(&session(1), one.clone()), Ok(Admission::Counted));
    end(&Principal::service("reservations"), Some(&session(1)), AdmissionEnd::Released).unwrap();
    assert_eq!(bench.violations(), [] as [String; 0]);
}

#[test]
fn a_paid_hold_counts_no_more_and_a_released_one_counts_on_for_its_address() {
    let bench = open();
    let full = |bench: &ReservationBench, number: u128, rooms: u32| {
        let asked = bench.call(&session(99), request(number, hotel().id, rooms, HERE)).unwrap();
        if asked == Admission::Counted {
            let admission = AdmissionId(number);
            bench
                .call(&session(99), EndAdmission { owner: None, admission, end: AdmissionEnd::Refused })
                .unwrap();
        }
        asked != Admission::Counted
    };
    for (paid, still_counted) in [(true, false), (false, true)] {
        let bench = open();
        let held = hold(&bench, &session(1), quote(&bench, nights(DAY, 1), 2)).unwrap();
        assert!(full(&bench, 1, 9), "two rooms count");
        bench.advance_secs(61);
        if paid {
            pay(&bench, &held, 7);
        } else {
            cancel(&bench, &session(1), held.id).unwrap();
        }
        deliver(&bench);
        assert_eq!(full(&bench, 2, 9), still_counted, "paid: {paid}");
        // The session itself can hold again at once.
        let settings = Settings { unpaid_holds_max: 1, ..Settings::default() };
        bench.call(&administrator(), Configure { slot: hotel().id.slot(), settings }).unwrap();
        bench.advance_secs(120);
        hold(&bench, &session(1), quote(&bench, nights("2027-01-10", 1), 1)).unwrap();
        assert_eq!(bench.violations(), [] as [String; 0]);
    }
    // An expired hold counts for its address until the longest lifetime is over.
    let held = hold(&bench, &session(1), quote(&bench, nights(DAY, 1), 2)).unwrap();
    bench.advance_secs(900);
    assert_eq!(status(&bench, held.id), Status::Expired);
    deliver(&bench);
    assert!(full(&bench, 3, 9));
    bench.advance_secs(600);
    assert!(!full(&bench, 4, 9));
    assert_eq!(bench.violations(), [] as [String; 0]);
}

#[test]
fn a_hold_needs_an_admission_unless_its_caller_manages_the_hotel() {
    let bench = open();
    let request = |quote| Hold { quote, guest: guest(), requests: None, reference: None, admission: None };
    for caller in [session(1), user("ann"), client("partner")] {
        let quote = quote(&bench, nights(DAY, 1), 1);
        assert_eq!(bench.call(&caller, request(quote)), Err(Refusal::NotAdmitted));
    }
    let clerk = |hotel: HotelId| Principal {
        scopes: vec!["hotel:manage".into(), "reservations:write".into()],
        ..staff(hotel)
    };
    let elsewhere = clerk(hotel_in("other", "UTC").id);
    assert_eq!(bench.call(&elsewhere, request(quote(&bench, nights(DAY, 1), 1))), Err(Refusal::NotAdmitted));
    let admit = |caller: &Principal| bench.call(caller, self::request(1, hotel().id, 1, HERE));
    assert_eq!(admit(&elsewhere), Ok(Admission::Counted));
    assert_eq!(admit(&clerk(hotel().id)), Ok(Admission::Exempt));
    bench.call(&clerk(hotel().id), request(quote(&bench, nights(DAY, 1), 1))).unwrap();
    assert_eq!(admit(&administrator()), Ok(Admission::Exempt));
}

#[test]
fn users_of_a_named_client_are_not_limited_by_address() {
    let settings =
        Settings { client_unpaid_holds_max: [("cli_app".to_owned(), 500)].into(), ..Settings::default() };
    for (client_id, expected) in [("cli_app", 30), ("cli_other", 20)] {
        let visitors = Visitors::new();
        let configure = Configure { slot: hotel().id.slot(), settings: settings.clone() };
        visitors.bench.call(&administrator(), configure).unwrap();
        let counted = (0..30u32).filter(|number| {
            let caller = Principal { client_id: client_id.into(), ..user(&number.to_string()) };
            visitors.ask_as(&caller, u128::from(*number), 1, HERE) == Admission::Counted
        });
        assert_eq!(counted.count(), expected, "{client_id}");
    }
}
