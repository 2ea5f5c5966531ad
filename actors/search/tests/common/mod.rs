//! Sample hotels and requests.
#![allow(dead_code)] // Each test binary uses a part of this module.

use contracts::search::{
    CityName, Command, FindHotels, FoundHotel, FoundHotels, Night, Refusal, Sort, UpdateHotel, UpdateNights,
    UpdateTakenRooms,
};
use contracts::{
    Cancellation, Currency, Date, HotelId, HotelProfile, RatePlanId, RatePlanProfile, RoomTypeId,
    RoomTypeProfile, Season, Stay, TaxRule,
};
use group::testing::Bench;
use protocol::{Principal, Timestamp, Variant};
use search::Search;

/// The GeoNames id of Munich.
pub const MUNICH: u32 = 2_867_714;
/// The bench's clock: 2026-11-23, noon in London.
pub const TODAY: Date = Date(20_780);

pub fn day(days: i32) -> Date {
    TODAY.plus_days(days)
}

pub fn stay(from: i32, to: i32) -> Stay {
    Stay::new(day(from), day(to)).expect("a stay")
}

pub fn at(millis: i64) -> Timestamp {
    Timestamp(1_795_000_000_000 + millis)
}

pub fn plan(name: &str, amount: i64) -> RatePlanProfile {
    let cancellation = Cancellation { free_until_hours: Some(24), penalty_percent: 100 };
    RatePlanProfile {
        id: RatePlanId(0),
        name: name.into(),
        amount,
        cancellation,
        active: true,
        reference: None,
    }
}

pub fn room(name: &str, sleeps: u8, rooms: u32, rate_plans: Vec<RatePlanProfile>) -> RoomTypeProfile {
    RoomTypeProfile {
        id: RoomTypeId(0),
        name: name.into(),
        sleeps,
        rooms,
        rate_plans,
        season: Season::FLAT,
        active: true,
        reference: None,
    }
}

/// An active hotel in the centre of Munich. All ids are derived from `reference`.
pub fn hotel(reference: &str, room_types: Vec<RoomTypeProfile>) -> HotelProfile {
    let mut hotel = HotelProfile {
        id: HotelId::of_reference(reference),
        reference: reference.into(),
        name: format!("Hotel {reference}"),
        city: "München".into(),
        country: "DE".into(),
        address: "Sendlinger Straße 1".into(),
        latitude: 48.137,
        longitude: 11.575,
        time_zone: "Europe/Berlin".into(),
        stars: 3,
        rating_tenths: 80,
        description: String::new(),
        amenities: vec!["wifi".into()],
        currency: Currency::EUR,
        taxes: vec![TaxRule { name: "VAT".into(), basis_points: 700, included: true }],
        email: None,
        photos: Vec::new(),
        room_types,
        active: true,
        demo: false,
    };
    with_ids(&mut hotel);
    hotel
}

/// Derives the ids of room types and rate plans from their names.
pub fn with_ids(hotel: &mut HotelProfile) {
    for room in &mut hotel.room_types {
        room.id = RoomTypeId::of_name(hotel.id, &room.name);
        for plan in &mut room.rate_plans {
            plan.id = RatePlanId::of_name(room.id, &plan.name);
        }
    }
}

/// A hotel with five double rooms at 100.00.
pub fn plain(reference: &str) -> HotelProfile {
    hotel(reference, vec![room("Double", 2, 5, vec![plan("Flexible", 10_000)])])
}

pub fn bench() -> Bench<Search> {
    Bench::new(Search::new())
}

pub fn apply(bench: &Bench<Search>, command: impl Into<Command>) {
    bench.command(&Principal::service("reservations"), command.into()).expect("updates are not refused");
}

pub fn add(bench: &Bench<Search>, hotel: &HotelProfile) {
    apply(bench, UpdateHotel { hotel: hotel.clone(), at: at(0) });
}

pub fn set_nights(bench: &Bench<Search>, hotel: &HotelProfile, nights: Vec<(Date, Night)>, millis: i64) {
    let room_type = hotel.room_types[0].id;
    apply(bench, UpdateNights { hotel: hotel.id, room_type, nights, at: at(millis) });
}

pub fn take(bench: &Bench<Search>, hotel: &HotelProfile, from: i32, taken: &[u32], millis: i64) {
    let room_type = hotel.room_types[0].id;
    apply(
        bench,
        UpdateTakenRooms {
            hotel: hotel.id,
            room_type,
            from: day(from),
            taken: taken.to_vec(),
            at: at(millis),
        },
    );
}

/// A request for two guests and one room in Munich.
pub fn sought(stay: Option<Stay>) -> FindHotels {
    FindHotels {
        city: CityName::Id(MUNICH),
        stay,
        guests: 2,
        rooms: 1,
        price_min: None,
        price_max: None,
        stars: Vec::new(),
        amenities: Vec::new(),
        sort: Sort::Price,
        limit: 20,
        after: None,
        languages: Vec::new(),
    }
}

pub fn ask<M: Variant<Contract = contracts::search::Search>>(
    bench: &Bench<Search>,
    request: M,
) -> Result<M::Reply, Refusal> {
    bench.call(&Principal::anonymous(), request)
}

pub fn found(bench: &Bench<Search>, sought: &FindHotels) -> FoundHotels {
    ask(bench, sought.clone()).unwrap()
}

pub fn names(hotels: &[FoundHotel]) -> Vec<&str> {
    hotels.iter().map(|hotel| hotel.name.trim_start_matches("Hotel ")).collect()
}

/// Asserts that no invariant is violated, now and after a restart.
pub fn assert_valid(bench: &Bench<Search>) {
    assert_eq!(bench.violations(), Vec::<String>::new());
    assert_eq!(Bench::on(Search::new(), bench.memory()).violations(), Vec::<String>::new());
}
