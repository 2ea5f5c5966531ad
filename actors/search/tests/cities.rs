//! What people type and the city that they expect.

mod common;

use common::*;
use contracts::search::{CityMatch, CityMatchKind, CityName, FindHotels, Refusal, SuggestCities};
use group::testing::Bench;
use protocol::{Principal, Timestamp};
use search::Search;

/// The least share of queries whose first answer is right, and the same for the first five answers.
const FIRST_MIN: f64 = 0.98;
const FIRST_FIVE_MIN: f64 = 0.995;

/// A service with one hotel in each city that has demo hotels.
fn demo() -> Bench<Search> {
    let bench = Bench::new(Search::new());
    let mut last = String::new();
    for hotel in search::demo::hotels() {
        let city = format!("{} {} {}", hotel.city, hotel.country, hotel.time_zone);
        if city != last {
            last = city;
            let update = contracts::search::UpdateHotel { hotel, at: Timestamp(1) };
            bench.call(&Principal::service("reservations"), update).expect("updates are not refused");
        }
    }
    bench
}

fn suggest(bench: &Bench<Search>, text: &str, language: &str, limit: u8) -> Vec<CityMatch> {
    let languages = Some(language).filter(|language| *language != "-").map(str::to_owned);
    let request = SuggestCities { text: text.to_owned(), limit, languages: languages.into_iter().collect() };
    bench.call(&Principal::anonymous(), request).expect("a list")
}

fn key(found: &CityMatch) -> String {
    format!("{} {}", found.city.name, found.city.country)
}

#[test]
fn people_find_the_city_that_they_expect() {
    let bench = demo();
    let (mut first, mut first_five, mut all) = (0, 0, 0);
    let lines = include_str!("data/city_queries.tsv").lines();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [expected, language, queries] = fields[..] else { panic!("3 fields in `{line}`") };
        let expected: Vec<&str> = expected.split(" / ").collect();
        for query in queries.split(" | ") {
            let found: Vec<String> = suggest(&bench, query, language, 5).iter().map(key).collect();
            let position = found.iter().position(|city| expected.contains(&city.as_str()));
            all += 1;
            first += usize::from(position == Some(0));
            first_five += usize::from(position.is_some());
            if position != Some(0) {
                println!("{query} ({language}): {} expected, found {}", expected[0], found.join(", "));
            }
        }
    }
    let share = |count: usize| count as f64 / f64::from(all);
    println!("{all} queries: success@1 {:.3}, success@5 {:.3}", share(first), share(first_five));
    assert!(all >= 400, "{all} queries");
    assert!(share(first) >= FIRST_MIN, "success@1 is {:.3}", share(first));
    assert!(share(first_five) >= FIRST_FIVE_MIN, "success@5 is {:.3}", share(first_five));
}

#[test]
fn the_search_takes_the_first_city_of_the_list() {
    let bench = demo();
    let lines = include_str!("data/city_queries.tsv").lines();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let query = fields[2].split(" | ").next().expect("a query");
        let languages: Vec<String> =
            Some(fields[1]).filter(|tag| *tag != "-").map(str::to_owned).into_iter().collect();
        let listed = suggest(&bench, query, fields[1], 7);
        let sought = FindHotels { city: CityName::Name(query.to_owned()), languages, ..sought(None) };
        let taken = bench.call(&Principal::anonymous(), sought);
        match &listed[..] {
            [first, ..] if first.kind != CityMatchKind::Spelling => {
                assert_eq!(taken.expect("a city").city.id, first.city.id, "{query}");
            }
            similar => {
                let Err(Refusal::UncertainCity { candidates }) = taken else { panic!("{query}: {taken:?}") };
                assert_eq!(candidates[0].id, similar[0].city.id, "{query}");
            }
        }
    }
}

#[test]
fn nonsense_finds_nothing() {
    let bench = demo();
    for text in [
        "xqzzw",
        "asdfgh",
        "qwertz",
        "🏨",
        "🗼🗼",
        "!!!",
        "…",
        "12345",
        "zzzz",
        "\u{202e}",
        "aaaaaaaaaa",
        "bnmxcv",
    ] {
        let found = suggest(&bench, text, "-", 5);
        assert!(found.is_empty(), "{text}: {:?}", found.iter().map(key).collect::<Vec<_>>());
        let sought = FindHotels { city: CityName::Name(text.to_owned()), ..sought(None) };
        assert_eq!(bench.call(&Principal::anonymous(), sought).unwrap_err(), Refusal::NoSuchCity, "{text}");
    }
    assert_eq!(suggest(&bench, "", "-", 5).len(), 5, "an empty text lists the most populous cities");
}

#[test]
fn the_name_that_matched_is_told() {
    let bench = demo();
    let table = [
        ("monaco di bav", "Munich", "Monaco di Baviera", CityMatchKind::Prefix),
        ("mün", "Munich", "Munich", CityMatchKind::Prefix),
        ("munchen", "Munich", "München", CityMatchKind::Name),
        ("Munich", "Munich", "Munich", CityMatchKind::Name),
        ("LHR", "London", "LHR", CityMatchKind::Code),
        ("toscana", "Florence", "Toscana", CityMatchKind::Area),
        ("Bombay", "Mumbai", "Bombay", CityMatchKind::Name),
        ("東京", "Tokyo", "東京", CityMatchKind::Name),
        ("Barclona", "Barcelona", "Barcelona", CityMatchKind::Spelling),
        ("francisco", "San Francisco", "San Francisco", CityMatchKind::Word),
    ];
    for (text, city, name, kind) in table {
        let found = suggest(&bench, text, "-", 1);
        let found = found.first().unwrap_or_else(|| panic!("{text}"));
        assert_eq!((&*found.city.name, &*found.name, found.kind), (city, name, kind), "{text}");
    }
}

#[test]
fn the_full_name_of_a_city_selects_it() {
    let bench = demo();
    for (text, language) in [
        ("Paris", "-"),
        ("Springfield", "-"),
        ("San Jose", "-"),
        ("Valencia", "-"),
        ("Portland", "-"),
        ("San", "-"),
    ] {
        for found in suggest(&bench, text, language, 10) {
            let again = suggest(&bench, &found.city.full_name, "-", 1);
            assert_eq!(again.first().map(|one| one.city.id), Some(found.city.id), "{}", found.city.full_name);
        }
    }
}
