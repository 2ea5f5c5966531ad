//! Results: filters left, cards right; everything that was chosen is in the address.

use contracts::search::{self, City, FindHotels, FoundHotel, FoundHotels, Place, Query, Search, Sort};
use contracts::{Currency, Money};
use group::Failure;
use poem::{Response, handler};
use serde_json::{Value, json};

use super::ask;
use super::search::{Line, escape};
use crate::format::{self, count, money};
use crate::picture::{self, Sight};
use crate::trouble::Trouble;
use crate::visit::{Fields, Visit};

/// Hotels on a page.
const PAGE: u8 = 20;

const SORTS: [(Sort, &str, &str); 4] = [
    (Sort::Recommended, "recommended", "Recommended"),
    (Sort::Price, "price", "Lowest price"),
    (Sort::Rating, "rating", "Best rated"),
    (Sort::Distance, "distance", "Nearest"),
];

/// Amenities as they are shown: word, label, icon; what guests ask for most comes first.
pub(super) const AMENITIES: [(&str, &str, &str); 19] = [
    ("wifi", "Wi-Fi", "wifi"),
    ("breakfast", "Breakfast", "breakfast"),
    ("pool", "Pool", "pool"),
    ("spa", "Spa", "spa"),
    ("restaurant", "Restaurant", "restaurant"),
    ("parking", "Parking", "parking"),
    ("air-conditioning", "Air conditioning", "air"),
    ("family", "Family rooms", "people"),
    ("accessible", "Step-free", "accessible"),
    ("pets", "Pets welcome", "pets"),
    ("garden", "Garden", "garden"),
    ("bar", "Bar", "bar"),
    ("gym", "Gym", "gym"),
    ("airport-shuttle", "Airport shuttle", "bus"),
    ("ev-charging", "Car charging", "bolt"),
    ("bicycles", "Bicycles", "bike"),
    ("laundry", "Laundry", "laundry"),
    ("concierge", "Concierge", "bell"),
    ("lift", "Lift", "lift"),
];

/// Amenities offered as filters: the first so many.
const FILTERS: usize = 10;

/// What was chosen beside city, dates and company.
struct Choice {
    stars: Vec<u8>,
    amenities: Vec<String>,
    min_price: String,
    max_price: String,
    sort: Sort,
}

impl Choice {
    fn of(fields: &Fields) -> Self {
        let mut stars: Vec<u8> =
            fields.all("stars").filter_map(|text| text.parse().ok()).filter(|stars| *stars <= 5).collect();
        stars.sort_unstable();
        stars.dedup();
        let digits =
            |name: &str| fields.get(name).chars().filter(char::is_ascii_digit).take(9).collect::<String>();
        let sort = SORTS.into_iter().find(|(_, word, _)| *word == fields.get("sort"));
        let mut amenities: Vec<_> =
            fields.all("amenities").take(20).map(|word| word.chars().take(40).collect()).collect();
        amenities.sort_unstable();
        amenities.dedup();
        Self {
            stars,
            amenities,
            min_price: digits("min_price"),
            max_price: digits("max_price"),
            sort: sort.map_or(Sort::default(), |(sort, ..)| sort),
        }
    }

    /// How many filters are on.
    fn active(&self) -> usize {
        let prices = [&self.min_price, &self.max_price];
        self.stars.len() + self.amenities.len() + prices.into_iter().filter(|price| !price.is_empty()).count()
    }

    /// The part of an address that says the same, in this order.
    fn query(&self, sort: Sort) -> String {
        let mut out = String::new();
        for stars in &self.stars {
            out.push_str(&format!("&stars={stars}"));
        }
        for word in &self.amenities {
            out.push_str(&format!("&amenities={}", escape(word)));
        }
        for (name, value) in [("min_price", &self.min_price), ("max_price", &self.max_price)] {
            if !value.is_empty() {
                out.push_str(&format!("&{name}={value}"));
            }
        }
        if let Some((_, word, _)) = SORTS.iter().find(|(one, ..)| *one == sort && sort != Sort::default()) {
            out.push_str(&format!("&sort={word}"));
        }
        out
    }
}

#[handler]
pub(super) async fn results(mut visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    let mut line = Line::of(&fields, visit.now);
    let (choice, city_text) = (Choice::of(&fields), line.place.clone());
    if city_text.is_empty() {
        line.errors.insert("city", "Where would you like to stay?".to_owned());
    }
    let currency = fields.get("currency").parse::<Currency>().ok();
    let digits = currency.and_then(|currency| render::minor_digits(currency.code())).unwrap_or(2);
    let minor = |text: &str| text.parse::<i64>().ok().map(|units| units.saturating_mul(10i64.pow(digits)));
    let base = format!("/search?city={}&{}", escape(&city_text), line.query());
    let question = format!("{base}{}", choice.query(choice.sort));
    let after = read_cursor(&visit, fields.get("cursor"), &question);
    let mut found = None;
    if line.is_fine() {
        let query = FindHotels {
            city: ask::city_name(&city_text),
            stay: line.stay,
            guests: line.guests,
            rooms: line.rooms,
            price_min: minor(&choice.min_price),
            price_max: minor(&choice.max_price),
            stars: choice.stars.clone(),
            amenities: choice.amenities.clone(),
            sort: choice.sort,
            limit: PAGE,
            after,
        };
        match visit.site.deps.client.query::<Search>(&visit.anonymous(), Query::FindHotels(query)).await {
            Ok(search::Answer::Hotels(hotels)) => found = Some(hotels),
            Ok(other) => return Err(Trouble::Broken(format!("search answered hotels with {other:?}"))),
            Err(Failure::Refused(search::Refusal::StayInThePast { today })) => {
                let today = format::day(visit.locale, today);
                line.errors.insert("dates", format!("The day of arrival is over: it is {today} there."));
            }
            Err(Failure::Refused(search::Refusal::NoSuchCity | search::Refusal::NoSuchHotel)) => {
                line.errors.insert(
                    "city",
                    format!("We know no place called “{city_text}”. Perhaps it is spelt differently?"),
                );
            }
            Err(failure) => return Err(failure.into()),
        }
    }
    if let Some(found) = &found {
        line.place = ask::full_name(&found.city);
    }
    let also = match &found {
        Some(found) => namesakes(&visit, found, &line).await,
        None => Vec::new(),
    };
    show(&mut visit, &line, &choice, found, also, Addresses { base, question, is_first: after.is_none() })
}

struct Addresses {
    /// City, dates and company.
    base: String,
    /// And everything chosen.
    question: String,
    is_first: bool,
}

fn show(
    visit: &mut Visit,
    line: &Line,
    choice: &Choice,
    found: Option<FoundHotels>,
    also: Vec<Value>,
    at: Addresses,
) -> Result<Response, Trouble> {
    let currency = found.as_ref().and_then(|found| found.hotels.first()).map(|hotel| hotel.currency);
    let cards: Vec<_> = found
        .iter()
        .flat_map(|found| found.hotels.iter().map(|hotel| card(visit, line, &found.city, hotel)))
        .collect();
    let next = found.as_ref().and_then(|found| found.next);
    let next_href =
        next.map(|place| format!("{}&cursor={}", at.question, write_cursor(visit, place, &at.question)));
    let heading = found
        .as_ref()
        .map_or_else(|| "Find a hotel".to_owned(), |found| format!("Hotels in {}", found.city.name));
    let summary = match line.stay {
        Some(stay) => format!(
            "{} to {} · {}, {}",
            format::day_month(visit.locale, stay.check_in()),
            format::day(visit.locale, stay.check_out()),
            count(line.guests, "guest"),
            count(line.rooms, "room")
        ),
        None => String::new(),
    };
    let keep = [
        ("city", line.place.clone()),
        ("check_in", line.check_in.clone()),
        ("check_out", line.check_out.clone()),
        ("guests", line.guests.to_string()),
        ("rooms", line.rooms.to_string()),
        (
            "sort",
            SORTS.iter().find(|(sort, ..)| *sort == choice.sort).map_or("", |(_, word, _)| word).to_owned(),
        ),
        ("currency", currency.map(|currency| currency.to_string()).unwrap_or_default()),
    ];
    let keep: Vec<_> = keep
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    let stars =
        [5u8, 4, 3, 2, 1].map(|stars| json!({ "value": stars, "checked": choice.stars.contains(&stars) }));
    let sorts = SORTS.map(|(sort, _, label)| {
        json!({ "label": label, "current": sort == choice.sort, "href": format!("{}{}", at.base, choice.query(sort)) })
    });
    let amenities = AMENITIES[..FILTERS].iter().map(|(word, label, _)| {
        json!({ "value": word, "label": label, "checked": choice.amenities.iter().any(|chosen| chosen == word) })
    });
    let amenities: Vec<_> = amenities.collect();
    let view = json!({
        "search": line, "heading": heading, "summary": summary, "cards": cards, "also": also,
        "sorts": sorts,
        "filters": {
            "active": choice.active(), "keep": keep, "clear_href": at.base,
            "min_price": choice.min_price, "max_price": choice.max_price,
            "currency": currency.map(|currency| currency.to_string()),
            "stars": stars,
            "amenities": amenities,
        },
        "empty": empty(found.as_ref(), choice, &at),
        "next_href": next_href,
        "first_href": (!at.is_first).then_some(&at.question),
        "as_of": found.as_ref().filter(|found| !found.hotels.is_empty())
            .map(|found| format::instant(visit.locale, found.as_of, &found.city.time_zone)),
    });
    visit.page("results.html", &heading, view)
}

fn card(visit: &Visit, line: &Line, city: &City, hotel: &FoundHotel) -> Value {
    let sight = Sight {
        hotel: hotel.id,
        name: &hotel.name,
        stars: hotel.stars,
        latitude: hotel.latitude,
        population: city.population,
        time_zone: &hotel.time_zone,
        photos: &hotel.photos,
    };
    let nights = line.stay.map_or(1, |stay| stay.length());
    let total = hotel.offer.as_ref().map_or(hotel.from, |offer| offer.total);
    let price = |amount: i64| money(visit.locale, Money::new(amount, hotel.currency));
    let mut facts: Vec<_> = hotel.offer.iter().map(|offer| json!({ "icon": "key", "label": format!("{}, {}", offer.room_type_name, offer.rate_plan_name) })).collect();
    facts.extend(by_weight(&hotel.amenities).into_iter().take(4).map(amenity));
    let free_until = hotel.offer.as_ref().and_then(|offer| offer.free_cancellation_until);
    json!({
        "href": format!("/hotels/{}?{}", hotel.id, line.query()),
        "name": hotel.name, "stars": hotel.stars, "rating": rating(hotel.rating_tenths),
        "distance": distance(hotel.distance_metres, &city.name), "facts": facts,
        "total": price(total), "nights": format!("{}, {}", count(nights, "night"), count(line.guests, "guest")),
        "per_night": (nights > 1).then(|| price(per_night(total, nights))),
        "free_until": free_until.map(|until| format!("Free cancellation until {}", format::deadline(visit.locale, until, &hotel.time_zone, visit.now))),
        "picture": picture::of_hotel(&sight, visit.now, false),
    })
}

/// Half up, as everything is rounded here.
pub(super) fn per_night(total: i64, nights: u32) -> i64 {
    let nights = i64::from(nights.max(1));
    (total + nights / 2).div_euclid(nights)
}

/// `8.4` and what that means.
pub(super) fn rating(tenths: u8) -> Option<Value> {
    let word = match tenths {
        0 => return None,
        90.. => "Outstanding",
        80.. => "Very good",
        70.. => "Good",
        60.. => "Pleasant",
        _ => "Simple",
    };
    Some(json!({ "value": format!("{}.{}", tenths / 10, tenths % 10), "word": word }))
}

/// `850 m from the centre of Paris`.
pub(super) fn distance(metres: u32, city: &str) -> String {
    match metres {
        0..100 => format!("In the centre of {city}"),
        100..1_000 => format!("{} m from the centre of {city}", metres / 50 * 50),
        1_000..20_000 => format!("{}.{} km from the centre of {city}", metres / 1_000, metres % 1_000 / 100),
        20_000.. => format!("{} km from the centre of {city}", metres / 1_000),
    }
}

/// Amenities in the order in which guests ask for them; unknown ones behind.
pub(super) fn by_weight(words: &[String]) -> Vec<&str> {
    let weight =
        |word: &str| AMENITIES.iter().position(|(known, ..)| *known == word).unwrap_or(AMENITIES.len());
    let mut sorted: Vec<_> = words.iter().map(String::as_str).collect();
    sorted.sort_by_key(|word| weight(word));
    sorted
}

/// An amenity with its icon; a word that we do not know is shown as it is.
pub(super) fn amenity(word: &str) -> Value {
    let plain = word.to_lowercase().replace([' ', '_'], "-");
    let known = AMENITIES.iter().find(|(known, ..)| *known == plain);
    match known {
        Some((_, label, icon)) => json!({ "icon": icon, "label": label }),
        None => {
            let mut letters = word.replace(['-', '_'], " ");
            if let Some(first) = letters.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            json!({ "icon": "dot", "label": letters })
        }
    }
}

fn empty(found: Option<&FoundHotels>, choice: &Choice, at: &Addresses) -> Value {
    let picture = found.map_or_else(
        || picture::of_city(1, 47.0, 8_000),
        |found| picture::of_city(found.city.id, found.city.latitude, found.city.population),
    );
    match found {
        None => json!({
            "title": "One thing is missing", "text": "Please look at the line above, and search again.",
            "href": null, "action": "", "picture": picture,
        }),
        Some(_) if choice.active() > 0 => json!({
            "title": "No hotel has all of that", "text": "With fewer filters there may be one.",
            "href": at.base, "action": "Clear the filters", "picture": picture,
        }),
        Some(found) if found.city.hotels == 0 => json!({
            "title": format!("No hotels in {} yet", found.city.name), "text": "We do not know a hotel there. A larger place nearby may have one.",
            "href": "/", "action": "Cities to start from", "picture": picture,
        }),
        Some(found) => json!({
            "title": format!("{} is full on these days", found.city.name),
            "text": "Every room is taken for at least one of the nights. Other dates or a shorter stay may work, or fewer guests to a room.",
            "href": null, "action": "", "picture": picture,
        }),
    }
}

/// Other places of the same name.
async fn namesakes(visit: &Visit, found: &FoundHotels, line: &Line) -> Vec<Value> {
    let query = Query::Cities { text: found.city.name.to_string(), limit: 6 };
    let others = ask::cities(visit, query).await.unwrap_or_default();
    let same = others.iter().filter(|city| city.id != found.city.id && city.name == found.city.name);
    same.take(3).map(|city| json!({ "name": ask::full_name(city), "href": format!("/search?city={}&{}", city.id, line.query()) })).collect()
}

fn write_cursor(visit: &Visit, place: Place, question: &str) -> String {
    let name = protocol::codec::hash128(&[b"results", question.as_bytes()]);
    visit.site.deps.sessions.seal(&(name.to_string(), place), None)
}

/// A cursor of other filters, or one that nobody sealed, begins at the first page.
fn read_cursor(visit: &Visit, cursor: &str, question: &str) -> Option<Place> {
    let (name, place): (String, Place) = visit.site.deps.sessions.open(cursor, visit.now).ok()?;
    (name == protocol::codec::hash128(&[b"results", question.as_bytes()]).to_string()).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_filters_come_back_in_the_address() {
        let pairs = [
            ("stars", "4"),
            ("stars", "3"),
            ("stars", "9"),
            ("stars", "x"),
            ("amenities", "pool & spa"),
            ("min_price", "100 €"),
            ("sort", "price"),
        ];
        let fields = Fields(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect());
        let choice = Choice::of(&fields);
        assert_eq!(
            choice.query(choice.sort),
            "&stars=3&stars=4&amenities=pool+%26+spa&min_price=100&sort=price"
        );
        assert_eq!(choice.query(Sort::Recommended), "&stars=3&stars=4&amenities=pool+%26+spa&min_price=100");
        assert_eq!(choice.active(), 4);
    }

    #[test]
    fn words_for_numbers() {
        assert_eq!(distance(40, "Bern"), "In the centre of Bern");
        assert_eq!(distance(849, "Bern"), "800 m from the centre of Bern");
        assert_eq!(distance(1_250, "Bern"), "1.2 km from the centre of Bern");
        assert_eq!(distance(31_900, "Bern"), "31 km from the centre of Bern");
        assert_eq!(rating(0), None);
        assert_eq!(rating(84).unwrap()["value"], "8.4");
        assert_eq!(amenity("pool")["label"], "Pool");
        assert_eq!(amenity("roof_terrace")["label"], "Roof terrace");
        assert_eq!(amenity("été")["label"], "été");
        assert_eq!(per_night(1_000, 3), 333);
        assert_eq!(per_night(500, 3), 167);
    }
}
