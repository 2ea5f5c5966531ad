//! Lookups of real names.

use super::{Cities, CityRecord, Lookup, Rank};

/// Lookups as if the 400 most populous cities had hotels.
fn complete(typed: &str, limit: usize) -> Vec<CityRecord> {
    let hotels = |rank: Rank| u32::from(rank.0 < 400);
    let lookup = Lookup { text: typed, languages: &[], hotels: &hotels };
    Cities::new().find(&lookup, limit).into_iter().map(|found| found.city).collect()
}

fn first(typed: &str) -> Option<CityRecord> {
    complete(typed, 10).into_iter().next()
}

fn meant(typed: &str) -> Option<CityRecord> {
    let hotels = |rank: Rank| u32::from(rank.0 < 400);
    let lookup = Lookup { text: typed, languages: &[], hotels: &hotels };
    Cities::new().first(&lookup).map(|found| found.city)
}

#[test]
fn cities_are_found_by_name_in_any_language() {
    const MUNICH: u32 = 2_867_714;
    const SAO_PAULO: u32 = 3_448_439;
    const KRAKOW: u32 = 3_094_802;
    const NEW_YORK: u32 = 5_128_581;
    const TOKYO: u32 = 1_850_147;
    let table = [
        (
            MUNICH,
            &[
                "Munich",
                "münchen",
                "Munchen",
                "Muenchen",
                "Monaco di Baviera",
                "Мюнхен",
                "ミュンヘン",
                "慕尼黑",
                "뮌헨",
                "Munich, DE",
                "munich, germany",
            ][..],
        ),
        (SAO_PAULO, &["São Paulo", "sao paulo", "SAO PAULO", "Sao-Paulo", "圣保罗"]),
        (KRAKOW, &["Kraków", "Krakow", "Cracow", "Krakau", "Cracovia"]),
        (NEW_YORK, &["New York", "new york city", "Nueva York", "Нью-Йорк", "ニューヨーク", "NYC"]),
        (TOKYO, &["東京", "Tokyo", "Tokio", "tōkyō", "Токио"]),
        (2_643_743, &["London", "Londres", "Londra", "Лондон", "ロンドン"]),
        (2_988_507, &["Paris", "Parigi", "París", "巴黎"]),
        (2_761_369, &["Vienna", "Wien", "Vienne", "Bécs"]),
        (2_886_242, &["Köln", "Koeln", "Cologne", "koln"]),
        (3_093_133, &["Łódź", "Lodz"]),
        (745_044, &["İstanbul", "Istanbul", "Стамбул", "إسطنبول"]),
        (360_630, &["Cairo", "القاهرة", "Le Caire"]),
        (1_273_294, &["Delhi", "दिल्ली"]),
        (2_950_159, &["Berlin", "Берлин", "ベルリン", "柏林"]),
    ];
    for (id, names) in table {
        for name in names {
            let meant = meant(name);
            assert_eq!(meant.map(|record| record.id), Some(id), "{name}: {meant:?}");
            let found = first(name);
            assert_eq!(found.map(|record| record.id), Some(id), "{name}: {found:?}");
        }
    }
}

#[test]
fn beginnings_and_typing_errors_are_completed() {
    let table = [
        ("mun", "Munich"),
        ("par", "Paris"),
        ("new yo", "New York City"),
        ("ミュン", "Munich"),
        ("Мюн", "Munich"),
        ("mila", "Milan"),
        ("Munihc", "Munich"),
        ("Muncih", "Munich"),
        ("Barclona", "Barcelona"),
        ("Barcleona", "Barcelona"),
        ("Amstredam", "Amsterdam"),
        ("Copenhagn", "Copenhagen"),
        ("San Fransisko", "San Francisco"),
        ("newyork", "New York City"),
        ("Edinburg", "Edinburgh"),
        ("Stokholm", "Stockholm"),
        ("Johanesbourg", "Johannesburg"),
        ("Мюнхн", "Munich"),
    ];
    for (typed, name) in table {
        let found = complete(typed, 5);
        assert!(found.iter().take(2).any(|record| record.name == name), "{typed}: {found:?}");
    }
    for typed in ["xqzzw", "zzzzzzzzzzzz", &"a".repeat(5_000)] {
        assert_eq!(first(typed), None, "{typed}");
    }
}

#[test]
fn a_name_selects_the_most_populous_city_of_that_name() {
    for (name, country, id) in [
        ("Paris", "FR", 2_988_507),
        ("Birmingham", "GB", 2_655_603),
        ("Santiago", "CL", 3_871_336),
        ("Melbourne", "AU", 2_158_177),
    ] {
        let cities = Cities::new().named(name);
        assert!(cities.is_sorted_by_key(|record| record.rank), "{name}");
        assert_eq!((cities[0].country, cities[0].id), (country, id), "{name}");
    }
    assert_eq!(meant("Paris, US").map(|record| record.time_zone), Some("America/Chicago"));
    assert!(Cities::new().named("Springfield").len() > 5);
    assert_eq!(meant("xqzzw"), None);
}

#[test]
fn completions_are_distinct_and_sorted_by_population() {
    for typed in ["", "s", "sa", "san", "ber", "東", "а"] {
        let found = complete(typed, 20);
        assert_eq!(found.len(), 20, "{typed}");
        let mut ids: Vec<u32> = found.iter().map(|record| record.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 20, "{typed}");
        if typed.chars().count() < 2 {
            assert!(found.is_sorted_by_key(|record| record.rank), "{typed}: {found:?}");
        }
    }
}

#[test]
fn every_city_is_found_by_id_name_and_position() {
    let cities = Cities::new();
    assert!(cities.count() > 30_000);
    for record in cities.all().step_by(97) {
        assert_eq!(cities.by_id(record.id), Some(record));
        assert!(cities.named(record.name).contains(&record), "{record:?}");
        let near = cities.nearest(record.latitude, record.longitude, 1_000.0).expect("itself");
        assert_eq!((near.latitude, near.longitude), (record.latitude, record.longitude));
    }
    assert_eq!(cities.by_id(0), None);
    assert_eq!(cities.nearest(0.0, -150.0, 50_000.0), None);
}

#[test]
fn the_city_of_a_hotel_is_selected_by_name_and_position() {
    let table = [
        // The name matches in this country.
        ("München", "DE", 48.1, 11.6, 2_867_714),
        // Two cities of the country have the name: the nearer one.
        ("Frankfurt", "DE", 50.1, 8.7, 2_925_533),
        // A borough of the same name is nearer, but less populous.
        ("Hong Kong", "HK", 22.27, 114.17, 1_819_729),
        // No city has the name: the nearest city within 50 km.
        ("Schwabing-West bei der Au", "DE", 48.1374, 11.5755, 2_867_714),
        // The name matches only in another country: the nearest city.
        ("Paris", "DE", 48.1374, 11.5755, 2_867_714),
        // No city is within 50 km: the nearest city, so that every hotel has one.
        ("Bouvet", "NO", -54.42, 3.38, 3_367_804),
    ];
    for (city, country, latitude, longitude, id) in table {
        let record = Cities::new().of_hotel(city, country, latitude, longitude);
        assert_eq!(record.id, id, "{city}: {record:?}");
    }
    Cities::new().of_hotel("", "", f64::NAN, f64::INFINITY);
}
