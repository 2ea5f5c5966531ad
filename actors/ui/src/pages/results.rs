//! Search results: filters and hotel cards. The URL contains the whole search.

use contracts::search::{
    self, City, CityMatch, CityMatchKind, FindHotels, FoundHotel, FoundHotels, Position, Sort,
};
use contracts::{Currency, Money};
use group::Failure;
use poem::{Response, handler};
use serde_json::{Value, json};

use super::lookup;
use super::search::{GUESTS_BELOW_ROOMS, SearchForm, escape};
use crate::context::{Fields, PageContext};
use crate::error::PageError;
use crate::format::{self, Bounds, Locale, count, money, parse_amount};
use crate::picture::{self, PictureSource};

/// Cities that are looked up for a text, and those that are proposed besides the chosen one.
const SUGGESTIONS: u8 = 7;
const RUNNERS_UP: usize = 4;

/// Hotels on a page.
const PAGE: u8 = 20;

const SORTS: [(Sort, &str, &str); 4] = [
    (Sort::Recommended, "recommended", "Recommended"),
    (Sort::Price, "price", "Lowest price"),
    (Sort::Rating, "rating", "Best rated"),
    (Sort::Distance, "distance", "Nearest"),
];

/// Known amenities: key, label, icon. The most popular come first.
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

/// The number of amenities that are offered as filters.
const AMENITY_FILTERS: usize = 10;

/// Filters and sort order.
struct Filters {
    stars: Vec<u8>,
    amenities: Vec<String>,
    /// Prices as typed, in the form of the browser's language.
    min_price: String,
    max_price: String,
    /// The currency of the prices.
    currency: Option<Currency>,
    sort: Sort,
}

impl Filters {
    fn of(fields: &Fields) -> Self {
        let mut stars: Vec<u8> =
            fields.all("stars").filter_map(|text| text.parse().ok()).filter(|stars| *stars <= 5).collect();
        stars.sort_unstable();
        stars.dedup();
        let price = |name: &str| fields.get(name).chars().take(20).collect::<String>();
        let sort = SORTS.into_iter().find(|(_, word, _)| *word == fields.get("sort"));
        let mut amenities: Vec<_> =
            fields.all("amenities").take(20).map(|word| word.chars().take(40).collect()).collect();
        amenities.sort_unstable();
        amenities.dedup();
        Self {
            stars,
            amenities,
            min_price: price("min_price"),
            max_price: price("max_price"),
            currency: fields.get("currency").parse().ok(),
            sort: sort.map_or(Sort::default(), |(sort, ..)| sort),
        }
    }

    fn has_prices(&self) -> bool {
        !self.min_price.is_empty() || !self.max_price.is_empty()
    }

    /// The lowest and the highest price in minor units.
    ///
    /// # Errors
    /// The text for the guest, if a price is not a number.
    fn prices(&self, locale: Locale) -> Result<(Option<i64>, Option<i64>), String> {
        let digits = self.currency.and_then(|currency| render::minor_digits(currency.code())).unwrap_or(2);
        let parse = |text: &str| match text {
            "" => Ok(None),
            text => parse_amount(locale, text, digits).map(Some).ok_or_else(|| {
                let example = format::amount_example(locale, digits);
                format!("Please enter prices as numbers, for example {example}.")
            }),
        };
        let (min, max) = (parse(&self.min_price)?, parse(&self.max_price)?);
        Ok((min.map(|Bounds { at_least, .. }| at_least), max.map(|Bounds { at_most, .. }| at_most)))
    }

    /// The number of active filters.
    fn active(&self) -> usize {
        let prices = [&self.min_price, &self.max_price];
        self.stars.len() + self.amenities.len() + prices.into_iter().filter(|price| !price.is_empty()).count()
    }

    /// The filters as URL parameters, with the given sort order.
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
                out.push_str(&format!("&{name}={}", escape(value)));
            }
        }
        if let Some(currency) = self.currency.filter(|_| self.has_prices()) {
            out.push_str(&format!("&currency={currency}"));
        }
        if let Some((_, word, _)) = SORTS.iter().find(|(one, ..)| *one == sort && sort != Sort::default()) {
            out.push_str(&format!("&sort={word}"));
        }
        out
    }
}

#[handler]
pub(super) async fn results(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    let mut search = SearchForm::of(&fields, context.now);
    let (mut filters, city_text) = (Filters::of(&fields), search.place.clone());
    if city_text.is_empty() {
        search.errors.insert("city", "Where would you like to stay?".to_owned());
    }
    if filters.has_prices() && filters.currency.is_none() && search.is_valid() {
        filters.currency = usual_currency(&context, &city_text).await;
    }
    // Without its prices the filter shows more hotels rather than none, and the error.
    let (prices, price_error) = match filters.prices(context.locale) {
        Ok(prices) => (prices, None),
        Err(why) => ((None, None), Some(why)),
    };
    let base = format!("/search?city={}&{}", escape(&city_text), search.query());
    let filtered = format!("{base}{}", filters.query(filters.sort));
    let after = read_cursor(&context, fields.get("cursor"), &filtered);
    let mut found = None;
    let mut is_uncertain = false;
    if search.is_valid() {
        let query = FindHotels {
            city: lookup::city_name(&city_text),
            stay: search.stay,
            guests: search.guests,
            rooms: search.rooms,
            price_min: prices.0,
            price_max: prices.1,
            stars: filters.stars.clone(),
            amenities: filters.amenities.clone(),
            sort: filters.sort,
            limit: PAGE,
            after,
            languages: context.languages.clone(),
        };
        match context.site.dependencies.client.call(&context.anonymous(), query).await {
            Ok(hotels) => found = Some(hotels),
            Err(Failure::Refused(search::Refusal::StayInThePast { today })) => {
                let today = format::day(context.locale, today);
                search
                    .errors
                    .insert("dates", format!("The check-in date is in the past: today is {today} there."));
            }
            Err(Failure::Refused(search::Refusal::UncertainCity { .. })) => {
                is_uncertain = true;
                search.errors.insert("city", format!("We know no place called “{city_text}”."));
            }
            Err(Failure::Refused(search::Refusal::NoSuchCity | search::Refusal::NoSuchHotel)) => {
                search.errors.insert(
                    "city",
                    format!("We could not find a place called “{city_text}”. Please check the spelling."),
                );
            }
            Err(Failure::Refused(search::Refusal::Party(_))) => {
                search.errors.insert("guests", GUESTS_BELOW_ROOMS.to_owned());
            }
            Err(failure) => return Err(failure.into()),
        }
    }
    if let Some(found) = &found {
        search.place = found.city.full_name.to_string();
    }
    // If `search` is unavailable, the page is shown without other cities.
    let listed = match (&found, is_uncertain) {
        (None, false) => Vec::new(),
        _ => lookup::suggest(&context, city_text.clone(), SUGGESTIONS).await.unwrap_or_default(),
    };
    let chosen = found.as_ref().map(|found| found.city.id);
    let matched = listed.iter().find(|one| Some(one.city.id) == chosen).and_then(lookup::matched_name);
    let matched = matched.zip(found.as_ref()).map(|(name, found)| format!("{name} → {}", found.city.name));
    let also = runners_up(&listed, chosen, &search);
    let links = Links { base, filtered, is_first: after.is_none(), price_error, matched, is_uncertain };
    show(&mut context, &search, &filters, found, also, links)
}

struct Links {
    /// With city, dates, guests and rooms.
    base: String,
    /// With the filters and sort order, too.
    filtered: String,
    is_first: bool,
    price_error: Option<String>,
    /// `Monaco di Baviera → Munich`, if another name of the city was typed.
    matched: Option<String>,
    /// Whether the text only resembles names of cities.
    is_uncertain: bool,
}

fn show(
    context: &mut PageContext,
    search: &SearchForm,
    filters: &Filters,
    found: Option<FoundHotels>,
    also: Vec<Value>,
    links: Links,
) -> Result<Response, PageError> {
    let shown = found.as_ref().and_then(|found| found.hotels.first()).map(|hotel| hotel.currency);
    // Without results, the prices stay in the currency in which they were entered.
    let currency = filters.currency.filter(|_| filters.has_prices()).or(shown);
    let cards: Vec<_> = found
        .iter()
        .flat_map(|found| found.hotels.iter().map(|hotel| card(context, search, &found.city, hotel)))
        .collect();
    let next = found.as_ref().and_then(|found| found.next);
    let next_href = next
        .map(|place| format!("{}&cursor={}", links.filtered, write_cursor(context, place, &links.filtered)));
    let heading = found
        .as_ref()
        .map_or_else(|| "Find a hotel".to_owned(), |found| format!("Hotels in {}", found.city.name));
    let summary = match search.stay {
        Some(stay) => format!(
            "{} to {} · {}, {}",
            format::day_month(context.locale, stay.check_in()),
            format::day(context.locale, stay.check_out()),
            count(search.guests, "guest"),
            count(search.rooms, "room")
        ),
        None => String::new(),
    };
    let keep = [
        ("city", search.place.clone()),
        ("check_in", search.check_in.clone()),
        ("check_out", search.check_out.clone()),
        ("guests", search.guests.to_string()),
        ("rooms", search.rooms.to_string()),
        (
            "sort",
            SORTS.iter().find(|(sort, ..)| *sort == filters.sort).map_or("", |(_, word, _)| word).to_owned(),
        ),
        ("currency", currency.map(|currency| currency.to_string()).unwrap_or_default()),
    ];
    let keep: Vec<_> = keep
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    let stars =
        [5u8, 4, 3, 2, 1].map(|stars| json!({ "value": stars, "checked": filters.stars.contains(&stars) }));
    let sorts = SORTS.map(|(sort, _, label)| {
        json!({ "label": label, "current": sort == filters.sort, "href": format!("{}{}", links.base, filters.query(sort)) })
    });
    let amenities = AMENITIES[..AMENITY_FILTERS].iter().map(|(key, label, _)| {
        json!({ "value": key, "label": label, "checked": filters.amenities.iter().any(|chosen| chosen == key) })
    });
    let amenities: Vec<_> = amenities.collect();
    let view = json!({
        "search": search, "heading": heading, "summary": summary, "cards": cards, "also": also, "matched": links.matched,
        "sorts": sorts,
        "filters": {
            "active": filters.active(), "keep": keep, "clear_href": links.base,
            "min_price": filters.min_price, "max_price": filters.max_price,
            "price_error": links.price_error,
            "currency": currency.map(|currency| currency.to_string()),
            "stars": stars,
            "amenities": amenities,
        },
        "empty": no_results_text(found.as_ref(), search, filters, &links),
        "next_href": next_href,
        "first_href": (!links.is_first).then_some(&links.filtered),
        "as_of": found.as_ref().filter(|found| !found.hotels.is_empty())
            .map(|found| format::instant(context.locale, found.as_of, &found.city.time_zone)),
    });
    context.page("results.html", &heading, view)
}

fn card(context: &PageContext, search: &SearchForm, city: &City, hotel: &FoundHotel) -> Value {
    let source = PictureSource {
        hotel: hotel.id,
        name: &hotel.name,
        stars: hotel.stars,
        latitude: hotel.latitude,
        population: city.population,
        time_zone: &hotel.time_zone,
        photos: &hotel.photos,
    };
    let nights = search.stay.map_or(1, |stay| stay.length());
    let total = hotel.offer.as_ref().map_or(hotel.from, |offer| offer.total);
    let price = |amount: i64| money(context.locale, Money::new(amount, hotel.currency));
    let mut facts: Vec<_> = hotel.offer.iter().map(|offer| json!({ "icon": "key", "label": format!("{}, {}", offer.room_type_name, offer.rate_plan_name) })).collect();
    facts.extend(by_popularity(&hotel.amenities).into_iter().take(4).map(amenity));
    let free_until = hotel.offer.as_ref().and_then(|offer| offer.free_cancellation_until);
    json!({
        "href": format!("/hotels/{}?{}", hotel.id, search.query()),
        "name": hotel.name, "stars": hotel.stars, "rating": rating(hotel.rating_tenths),
        "distance": distance(hotel.distance_metres, &city.name), "facts": facts,
        "total": price(total), "nights": format!("{}, {}", count(nights, "night"), count(search.guests, "guest")),
        "per_night": (nights > 1).then(|| price(per_night(total, nights))),
        "free_until": free_until.map(|until| format!("Free cancellation until {}", format::deadline(context.locale, until, &hotel.time_zone, context.now))),
        "picture": picture::of_hotel(&source, context.now, false),
    })
}

/// The price per night, rounded half up.
pub(super) fn per_night(total: i64, nights: u32) -> i64 {
    let nights = i64::from(nights.max(1));
    (total + nights / 2).div_euclid(nights)
}

/// A rating as `8.4` and a label.
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

/// Amenities by popularity. Unknown amenities come last.
pub(super) fn by_popularity(amenities: &[String]) -> Vec<&str> {
    let rank = |key: &str| AMENITIES.iter().position(|(known, ..)| *known == key).unwrap_or(AMENITIES.len());
    let mut sorted: Vec<_> = amenities.iter().map(String::as_str).collect();
    sorted.sort_by_key(|key| rank(key));
    sorted
}

/// An amenity with its label and icon. The label of an unknown amenity is derived from its key.
pub(super) fn amenity(key: &str) -> Value {
    let normalized = key.to_lowercase().replace([' ', '_'], "-");
    let known = AMENITIES.iter().find(|(known, ..)| *known == normalized);
    match known {
        Some((_, label, icon)) => json!({ "icon": icon, "label": label }),
        None => {
            let mut label = key.replace(['-', '_'], " ");
            if let Some(first) = label.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            json!({ "icon": "dot", "label": label })
        }
    }
}

fn no_results_text(
    found: Option<&FoundHotels>,
    search: &SearchForm,
    filters: &Filters,
    links: &Links,
) -> Value {
    let picture = found.map_or_else(
        || picture::of_city(1, 47.0, 8_000),
        |found| picture::of_city(found.city.id, found.city.latitude, found.city.population),
    );
    match found {
        None if links.is_uncertain => json!({
            "title": "Which place do you mean?",
            "text": "Please choose one of the places above, or correct the spelling and search again.",
            "href": null, "action": "", "picture": picture,
        }),
        None if !search.errors["city"].is_empty() && !search.place.is_empty() => json!({
            "title": "We could not find this place",
            "text": "Please enter a city, a region, a country or an airport code, in any language.",
            "href": "/", "action": "Popular cities", "picture": picture,
        }),
        None => json!({
            "title": "Please check your search", "text": "Correct the field marked above and search again.",
            "href": null, "action": "", "picture": picture,
        }),
        Some(_) if filters.active() > 0 => json!({
            "title": "No hotels match your filters", "text": "Please try fewer filters.",
            "href": links.base, "action": "Clear all filters", "picture": picture,
        }),
        Some(found) if found.city.hotels == 0 => json!({
            "title": format!("No hotels in {} yet", found.city.name), "text": "Please try a larger city nearby.",
            "href": "/", "action": "Popular cities", "picture": picture,
        }),
        Some(found) => json!({
            "title": format!("No rooms available in {} on these dates", found.city.name),
            "text": "Please try other dates, a shorter stay, or more rooms with fewer guests in each.",
            "href": null, "action": "", "picture": picture,
        }),
    }
}

/// The currency of most hotels in a city, in which prices are entered.
async fn usual_currency(context: &PageContext, city: &str) -> Option<Currency> {
    let cheapest = FindHotels {
        city: lookup::city_name(city),
        stay: None,
        guests: 1,
        rooms: 1,
        price_min: None,
        price_max: None,
        stars: Vec::new(),
        amenities: Vec::new(),
        // In this order, hotels in the usual currency come first.
        sort: Sort::Price,
        limit: 1,
        after: None,
        languages: context.languages.clone(),
    };
    let found = context.site.dependencies.client.call(&context.anonymous(), cheapest).await.ok()?;
    found.hotels.first().map(|hotel| hotel.currency)
}

/// Links to the other cities that the text can mean. If it is the name of the chosen city, names that only begin with it are left
/// out.
fn runners_up(listed: &[CityMatch], chosen: Option<u32>, search: &SearchForm) -> Vec<Value> {
    let is_name =
        |kind: CityMatchKind| matches!(kind, CityMatchKind::Name | CityMatchKind::Area | CityMatchKind::Code);
    let by_name = listed.iter().any(|one| Some(one.city.id) == chosen && is_name(one.kind));
    let others = listed.iter().filter(|one| Some(one.city.id) != chosen && (!by_name || is_name(one.kind)));
    let link = |one: &CityMatch| {
        let href = format!("/search?city={}&{}", one.city.id, search.query());
        json!({ "name": one.city.full_name, "href": href })
    };
    others.take(RUNNERS_UP).map(link).collect()
}

fn write_cursor(context: &PageContext, position: Position, search_url: &str) -> String {
    let hash = protocol::codec::hash128(&[b"results", search_url.as_bytes()]);
    context.site.dependencies.sessions.seal(&(hash.to_string(), position), None)
}

/// Opens a cursor. A cursor of another search or an invalid one is ignored: the first page is shown.
fn read_cursor(context: &PageContext, cursor: &str, search_url: &str) -> Option<Position> {
    let (hash, position): (String, Position) =
        context.site.dependencies.sessions.open(cursor, context.now).ok()?;
    (hash == protocol::codec::hash128(&[b"results", search_url.as_bytes()]).to_string()).then_some(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_kept_in_the_url() {
        let pairs = [
            ("stars", "4"),
            ("stars", "3"),
            ("stars", "9"),
            ("stars", "x"),
            ("amenities", "pool & spa"),
            ("min_price", "100 €"),
            ("currency", "EUR"),
            ("sort", "price"),
        ];
        let fields = Fields(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect());
        let filters = Filters::of(&fields);
        assert_eq!(
            filters.query(filters.sort),
            "&stars=3&stars=4&amenities=pool+%26+spa&min_price=100+%E2%82%AC&currency=EUR&sort=price"
        );
        assert_eq!(
            filters.query(Sort::Recommended),
            "&stars=3&stars=4&amenities=pool+%26+spa&min_price=100+%E2%82%AC&currency=EUR"
        );
        assert_eq!(filters.prices(Locale::DEFAULT), Ok((Some(10_000), None)));
        assert_eq!(filters.active(), 4);
    }

    #[test]
    fn distances_ratings_and_amenities_have_labels() {
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
