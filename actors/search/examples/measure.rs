//! Measures the latency and the memory of search: `cargo run --release -p search --example measure`.

use std::time::{Duration, Instant};

use contracts::search::{CityName, FindHotels, Night, Sort, UpdateHotel, UpdateNights};
use contracts::{Date, HotelId, HotelProfile, RatePlanId, RoomTypeId, Stay};
use gazetteer::{Cities, Lookup, Rank};
use group::testing::Bench;
use protocol::{Principal, Timestamp};
use search::Search;

fn main() {
    println!("idle: {} kB resident", resident());
    measure_cities();
    println!("with cities: {} kB resident", resident());
    let start = Instant::now();
    let demo: Vec<HotelProfile> = search::demo::hotels().collect();
    println!("{} hotels generated in {:?}", demo.len(), start.elapsed());
    let model =
        demo.iter().find(|hotel| hotel.city == "Berlin" && hotel.room_types.len() >= 3).expect("Berlin");
    for count in [10, 100, 1_000] {
        measure_city(model, count);
    }
    let bench = Bench::new(Search::new());
    demo.into_iter().for_each(|hotel| apply(&bench, hotel));
    println!("demo loaded: {} kB resident", resident());
    let start = Instant::now();
    let again = Bench::on(Search::new(), bench.memory());
    println!("index rebuilt in {:?}, violations {:?}", start.elapsed(), again.violations());
}

fn measure_cities() {
    let cities = Cities::new();
    for typed in [
        "s",
        "sa",
        "с",
        "mun",
        "Munich",
        "California",
        "san fr",
        "Munihc",
        "Barcleona",
        "San Fransisko",
        "Мюнхен",
        "xqzzwvkj",
    ] {
        let hotels = |rank: Rank| u32::from(rank.0 < 300);
        let lookup = Lookup { text: typed, languages: &["de".to_owned()], hotels: &hotels };
        let (took, found) = each(500, || cities.find(&lookup, 10).len());
        println!("cities {typed:?}: {took:?} ({found} found)");
    }
}

fn apply(bench: &Bench<Search>, hotel: HotelProfile) {
    let update = UpdateHotel { hotel, at: Timestamp(1) };
    bench.call(&Principal::service("reservations"), update).expect("updates are not refused");
}

/// Measures a city with `count` variants of a hotel at different prices, a tenth of whose nights are set.
fn measure_city(model: &HotelProfile, count: usize) {
    let bench = Bench::new(Search::new());
    for number in 0..count {
        let mut hotel = model.clone();
        hotel.id = HotelId::of_reference(&number.to_string());
        hotel.latitude += (number % 97) as f64 / 5_000.0;
        hotel.rating_tenths = 60 + (number % 38) as u8;
        for room in &mut hotel.room_types {
            room.id = RoomTypeId::of_name(hotel.id, &room.name);
            for plan in &mut room.rate_plans {
                plan.id = RatePlanId::of_name(room.id, &plan.name);
                plan.amount += (number * 7_919 % 10_007) as i64;
            }
        }
        let room_types: Vec<RoomTypeId> = hotel.room_types.iter().map(|room| room.id).collect();
        let id = hotel.id;
        apply(&bench, hotel);
        for room_type in room_types {
            let touched =
                (0..50).map(|night| (Date(20_790 + night * 10 + number as i32 % 10), 1 + number as u32 % 3));
            let nights = touched.map(|(date, taken)| (date, Night { taken, ..Night::default() })).collect();
            let update = UpdateNights { hotel: id, room_type, nights, at: Timestamp(2) };
            bench.call(&Principal::service("reservations"), update).expect("updates are not refused");
        }
    }
    for sort in [Sort::Recommended, Sort::Rating, Sort::Distance, Sort::Price] {
        let mut day = 0;
        let (took, found) = each(20_000, || {
            day = (day + 1) % 400;
            let stay = Stay::new(Date(20_800 + day), Date(20_803 + day)).expect("a stay");
            let sought = FindHotels {
                city: CityName::Name("Berlin".into()),
                stay: Some(stay),
                guests: 2,
                rooms: 1,
                price_min: None,
                price_max: None,
                stars: Vec::new(),
                amenities: Vec::new(),
                sort,
                limit: 20,
                after: None,
                languages: Vec::new(),
            };
            bench.call(&Principal::anonymous(), sought).expect("a city").hotels.len()
        });
        println!("{count} hotels, {sort:?}: {took:?} a page ({found} found)");
    }
}

/// The mean duration of `runs` runs, and the result of the last one.
fn each(runs: u32, mut run: impl FnMut() -> usize) -> (Duration, usize) {
    let mut last = 0;
    let start = Instant::now();
    for _ in 0..runs {
        last = run();
    }
    (start.elapsed() / runs, last)
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or_default()
}
