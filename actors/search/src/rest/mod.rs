//! The REST API of search: public, and made for being asked often.

mod city;
mod hotel;
mod list;
mod text;

use std::collections::BTreeSet;

use contracts::search::{CityName, FindHotels, GetHotel, Position, Refusal, Search, Sort, SuggestCities};
use contracts::{HotelId, Stay};
use edge::{ApiError, Caller, Cursor, Cursors, Limit, Page, Problem, SerdeJson, WithETag, problem_types};
use poem_openapi::param::{Path, Query};
use poem_openapi::{OpenApi, Tags};
use protocol::Variant;

pub use city::City;
pub use hotel::Hotel;
pub use list::{HotelItem, HotelList};
pub use text::{Text, Texts};

edge::problems! {
    /// The city that was given is none.
    NO_SUCH_CITY = "no-such-city", "There is no such city", 404;
    /// Nobody arrives yesterday.
    STAY_IN_THE_PAST = "stay-in-the-past", "The stay begins in the past", 422;
}

#[derive(Tags)]
enum Tag {
    /// Finding cities and hotels: public, without a token
    Search,
}

/// The order of a list of hotels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, poem_openapi::Enum)]
#[oai(rename = "HotelSort", rename_all = "snake_case")]
pub enum Order {
    /// Well rated, starred and central ones first
    Recommended,
    /// Cheapest first
    Price,
    /// Best rated first
    Rating,
    /// Nearest to the city's centre first
    Distance,
}

impl From<Order> for Sort {
    fn from(order: Order) -> Self {
        match order {
            Order::Recommended => Self::Recommended,
            Order::Price => Self::Price,
            Order::Rating => Self::Rating,
            Order::Distance => Self::Distance,
        }
    }
}

/// The API.
#[derive(Debug)]
pub struct Api {
    client: group::Client,
    cursors: Cursors,
}

/// The API of search, for `src/services.rs`.
pub fn api(client: group::Client, cursors: Cursors) -> Api {
    Api { client, cursors }
}

/// A refusal as clients hear it.
fn problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NoSuchHotel => {
            Problem::new(&problem_types::NOT_FOUND).detail("There is nothing under this id.")
        }
        Refusal::NoSuchCity => Problem::new(&NO_SUCH_CITY)
            .detail("No city has this id, and none is called so.")
            .field("/city", "no such city"),
        Refusal::StayInThePast { today } => Problem::new(&STAY_IN_THE_PAST)
            .detail(format!("It is {today} in the city."))
            .field("/check_in", format!("not before {today}")),
    }
}

impl Api {
    async fn call<M: Variant<Contract = Search>>(
        &self,
        caller: &Caller,
        request: M,
    ) -> Result<M::Reply, ApiError> {
        let reply = self.client.call(&caller.call(), request).await;
        reply.map_err(|failure| edge::api_error(failure, problem))
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Search")]
impl Api {
    /// Cities
    ///
    /// What a guest may mean who has typed so much of a city's name, in any language or script, with at most a few typing
    /// mistakes: most likely first. One page only.
    #[oai(path = "/cities", method = "get", operation_id = "listCities")]
    async fn cities(
        &self,
        caller: Caller,
        /// The beginning of a name, perhaps with a country behind a comma; without it, the most populous cities.
        #[oai(validator(max_length = 120))]
        q: Query<Option<String>>,
        limit: Query<Limit>,
    ) -> Result<SerdeJson<Page<City>>, ApiError> {
        let limit = limit.0.get() as u8;
        let request = SuggestCities { text: q.0.unwrap_or_default(), limit };
        let cities = self.call(&caller, request).await?;
        Ok(SerdeJson(Page::single(cities.into_iter().map(City::from).collect())))
    }

    /// Hotels of a city
    ///
    /// With dates, the hotels that have rooms for them, each with the cheapest way to stay; the total contains all mandatory
    /// taxes and is what an offer for it will say. Without dates, all hotels, with what a night costs at least.
    #[oai(path = "/hotels", method = "get", operation_id = "listHotels")]
    #[allow(clippy::too_many_arguments)] // One a query parameter.
    async fn hotels(
        &self,
        caller: Caller,
        /// A city's id (`cty_…`), or a name in any language, which means the most populous place of that name.
        #[oai(validator(min_length = 1, max_length = 120))]
        city: Query<String>,
        /// The day of arrival, at the hotel; together with `check_out`.
        check_in: Query<Option<edge::Date>>,
        /// The day of departure; at most 60 nights later.
        check_out: Query<Option<edge::Date>>,
        /// How many sleep there, in all rooms together.
        #[oai(default = "two", validator(minimum(value = "1"), maximum(value = "500")))]
        guests: Query<u16>,
        /// How many rooms, all of one type.
        #[oai(default = "one", validator(minimum(value = "1"), maximum(value = "50")))]
        rooms: Query<u16>,
        /// The least total, in minor units of the hotel's currency; without dates, of a night.
        #[oai(validator(minimum(value = "0")))]
        min_price: Query<Option<i64>>,
        /// The greatest total, likewise.
        #[oai(validator(minimum(value = "0")))]
        max_price: Query<Option<i64>>,
        /// Classes, separated by commas: `4,5`.
        #[oai(validator(max_length = 20))]
        stars: Query<Option<String>>,
        /// Amenities that must all be there, separated by commas: `wifi,pool`.
        #[oai(validator(max_length = 400))]
        amenities: Query<Option<String>>,
        /// The order; `recommended` unless told.
        sort: Query<Option<Order>>,
        limit: Query<Limit>,
        cursor: Query<Option<Cursor>>,
    ) -> Result<SerdeJson<HotelList>, ApiError> {
        let mut request = FindHotels {
            city: CityName::parse(city.0.trim()),
            stay: stay(check_in.0, check_out.0)?,
            guests: guests.0,
            rooms: rooms.0,
            price_min: min_price.0,
            price_max: max_price.0,
            stars: classes(stars.0.as_deref())?,
            amenities: words(amenities.0.as_deref())?,
            sort: sort.0.map_or(Sort::Recommended, Sort::from),
            limit: 0,
            after: None,
        };
        // A cursor is valid for the same query with any limit.
        let list = ("listHotels", request.clone());
        request.limit = limit.0.get() as u8;
        request.after = self.cursors.decode::<Position>(&list, cursor.0)?;
        let stay = request.stay;
        let found = self.call(&caller, request).await?;
        let next = found.next.map(|next| self.cursors.encode(&list, &next));
        Ok(SerdeJson(HotelList::new(found, stay, next)))
    }

    /// One hotel
    ///
    /// With its room types and rate plans. What they cost for given dates is said by its offers.
    #[oai(path = "/hotels/:hotel_id", method = "get", operation_id = "getHotel")]
    async fn hotel(
        &self,
        caller: Caller,
        /// The hotel's id
        hotel_id: Path<String>,
    ) -> Result<WithETag<Hotel>, ApiError> {
        let id: HotelId = rest::id_in_path(&hotel_id)?;
        let details = self.call(&caller, GetHotel { hotel: id }).await?;
        Ok(WithETag::new(details.changed_at.millis().unsigned_abs(), Hotel::from(*details)))
    }
}

const fn two() -> u16 {
    2
}

const fn one() -> u16 {
    1
}

/// Both dates or neither.
fn stay(check_in: Option<edge::Date>, check_out: Option<edge::Date>) -> Result<Option<Stay>, ApiError> {
    match (check_in, check_out) {
        (None, None) => Ok(None),
        (Some(check_in), Some(check_out)) => rest::stay(check_in, check_out).map(Some),
        (Some(_), None) => Err(ApiError::unprocessable("/check_out", "missing beside check_in")),
        (None, Some(_)) => Err(ApiError::unprocessable("/check_in", "missing beside check_out")),
    }
}

/// Classes of hotels, each once.
fn classes(text: Option<&str>) -> Result<Vec<u8>, ApiError> {
    let wrong = || ApiError::invalid("/stars", "numbers from 0 to 5, separated by commas");
    let class = |part: &str| part.trim().parse().ok().filter(|stars| *stars <= 5).ok_or_else(wrong);
    let classes: BTreeSet<u8> = parts(text).map(class).collect::<Result<_, _>>()?;
    Ok(classes.into_iter().collect())
}

/// Amenities in lower case, each once.
fn words(text: Option<&str>) -> Result<Vec<String>, ApiError> {
    const WORDS_MAX: usize = 20;
    let words: BTreeSet<String> = parts(text).map(|part| part.trim().to_lowercase()).collect();
    if words.len() > WORDS_MAX {
        return Err(ApiError::invalid("/amenities", format!("at most {WORDS_MAX} words")));
    }
    Ok(words.into_iter().collect())
}

fn parts(text: Option<&str>) -> impl Iterator<Item = &str> {
    text.unwrap_or_default().split(',').filter(|part| !part.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_in_parameters_are_read_or_refused() {
        let table = [
            (None, Some(vec![])),
            (Some(""), Some(vec![])),
            (Some("4"), Some(vec![4])),
            (Some("5, 4,5"), Some(vec![4, 5])),
            (Some("6"), None),
            (Some("-1"), None),
            (Some("four"), None),
        ];
        for (text, expected) in table {
            assert_eq!(classes(text).ok(), expected, "{text:?}");
        }
        assert_eq!(words(Some("Wifi, pool,wifi")).unwrap(), ["pool", "wifi"]);
        let many: Vec<String> = (0..21).map(|number| number.to_string()).collect();
        assert!(words(Some(&many.join(","))).is_err());
    }

    #[test]
    fn problem_types_are_those_that_clients_know() {
        assert_eq!(
            edge::problem_table(ALL),
            "404 no-such-city: There is no such city\n422 stay-in-the-past: The stay begins in the past\n"
        );
    }

    #[test]
    fn the_document_is_one_that_generators_can_read() {
        let documents =
            edge::OpenApiDocuments::new(None, contracts::scope::DESCRIBED).with::<Api>("search", "Search");
        let document = documents.of("search").expect("added above");
        assert_eq!(edge::lint_document(document), Vec::<String>::new());
        for path in ["/v1/cities", "/v1/hotels", "/v1/hotels/{hotel_id}"] {
            assert!(document["paths"][path]["get"]["operationId"].is_string(), "{path}");
        }
    }
}
