//! The REST API of search. It is public and optimized for frequent requests.

mod city;
mod hotel;
mod list;
mod text;

use std::collections::BTreeSet;

use contracts::reservations::default_guests;
use contracts::search::{CityName, FindHotels, GetHotel, Position, Refusal, Search, Sort, SuggestCities};
use contracts::{HotelId, Stay};
use edge::{ApiError, Caller, Cursor, Cursors, Limit, Page, Problem, SerdeJson, WithETag, problem_types};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{OpenApi, Tags};
use protocol::Variant;

pub use city::{City, CityMatch, CityMatchKind};
pub use hotel::Hotel;
pub use list::{HotelItem, HotelList};
pub use text::{Text, Texts};

edge::problems! {
    /// No city has the requested id or name.
    NO_SUCH_CITY = "no-such-city", "There is no such city", 404;
    /// The check-in date is in the past.
    STAY_IN_THE_PAST = "stay-in-the-past", "The stay begins in the past", 422;
}

#[derive(Tags)]
enum Tag {
    /// Search for cities and hotels. Requests need no token.
    Search,
}

/// The order of a list of hotels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, poem_openapi::Enum)]
#[oai(rename = "HotelSort", rename_all = "snake_case")]
pub enum Order {
    /// Hotels with a good rating, many stars and a central location first
    Recommended,
    /// Lowest price first
    Price,
    /// Best rating first
    Rating,
    /// Shortest distance to the centre of the city first
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

/// The problem document for a refusal.
fn problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NoSuchHotel => {
            Problem::new(&problem_types::NOT_FOUND).detail("There is no resource with this id.")
        }
        Refusal::NoSuchCity => Problem::new(&NO_SUCH_CITY)
            .detail("No city has this id or name.")
            .field("/city", "not a known city"),
        Refusal::UncertainCity { candidates } => {
            let names: Vec<&str> = candidates.iter().map(|one| one.full_name.as_str()).collect();
            let detail = format!("No city has this name. Did you mean {}?", names.join("; "));
            let listed: Vec<_> = candidates
                .iter()
                .map(|one| {
                    let id = format!("{}{}", CityName::PREFIX, one.id);
                    serde_json::json!({ "id": id, "full_name": one.full_name })
                })
                .collect();
            Problem::new(&NO_SUCH_CITY)
                .detail(detail)
                .with("candidates", &listed)
                .field("/city", "not a known city; see `candidates`")
        }
        Refusal::StayInThePast { today } => Problem::new(&STAY_IN_THE_PAST)
            .detail(format!("The check-in date is before today, {today} in the city."))
            .field("/check_in", format!("before {today}")),
        Refusal::Party(error) => Problem::new(&problem_types::UNPROCESSABLE)
            .field(format!("/{}", error.field()), error.to_string()),
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
    /// List cities
    ///
    /// Returns the cities that a text can mean: whole names and beginnings of names in any language or script, regions, and
    /// codes of airports. Names in English, in the local language, and in the languages of `Accept-Language` come before
    /// names in other languages, and cities with hotels before others. Names with typing errors are found if nothing else
    /// matches. The first city is the one that the text selects in `GET /v1/hotels`. There is only one page.
    #[oai(path = "/cities", method = "get", operation_id = "listCities")]
    async fn cities(
        &self,
        caller: Caller,
        /// A name or the beginning of one, optionally followed by a region or a country, such as `Paris, Texas`. If omitted,
        /// the most populous cities are returned.
        #[oai(validator(max_length = 120))]
        q: Query<Option<String>>,
        limit: Query<Limit>,
        /// The languages of the caller
        #[oai(name = "Accept-Language")]
        accept_language: Header<Option<String>>,
    ) -> Result<SerdeJson<Page<CityMatch>>, ApiError> {
        let limit = limit.0.get() as u8;
        let languages = languages(&accept_language);
        let request = SuggestCities { text: q.0.unwrap_or_default(), limit, languages };
        let cities = self.call(&caller, request).await?;
        Ok(SerdeJson(Page::single(cities.into_iter().map(CityMatch::from).collect())))
    }

    /// List hotels of a city
    ///
    /// With dates, returns the hotels that have available rooms, each with its cheapest offer. The total includes all
    /// mandatory taxes and equals the total of the offer. Without dates, returns all hotels with their lowest price of a
    /// night.
    #[oai(path = "/hotels", method = "get", operation_id = "listHotels")]
    #[allow(clippy::too_many_arguments)] // One argument for each query parameter.
    async fn hotels(
        &self,
        caller: Caller,
        /// The id of a city (`cty_…`), or a text that selects the first city of `GET /v1/cities`. A name with typing errors selects
        /// none; the problem has the likely cities as `candidates`.
        #[oai(validator(min_length = 1, max_length = 120))]
        city: Query<String>,
        /// The check-in date. Requires `check_out`.
        check_in: Query<Option<edge::Date>>,
        /// The check-out date, at most 60 nights after `check_in`.
        check_out: Query<Option<edge::Date>>,
        /// The number of guests in all rooms together, at least one for each room. If omitted, two, or one for each room if
        /// there are more rooms.
        #[oai(validator(minimum(value = "1"), maximum(value = "1000")))]
        guests: Query<Option<u16>>,
        /// The number of rooms, all of one room type.
        #[oai(default = "one", validator(minimum(value = "1"), maximum(value = "50")))]
        rooms: Query<u16>,
        /// The lowest total, in minor units of the hotel's currency: `20050` for 200.50 EUR. Without dates, the lowest price of
        /// a night.
        #[oai(validator(minimum(value = "0")))]
        min_price: Query<Option<i64>>,
        /// The highest total, in minor units of the hotel's currency: `20050` for 200.50 EUR. Without dates, the highest price
        /// of a night.
        #[oai(validator(minimum(value = "0")))]
        max_price: Query<Option<i64>>,
        /// The accepted numbers of stars, separated by commas, such as `4,5`.
        #[oai(validator(max_length = 20))]
        stars: Query<Option<String>>,
        /// The required amenities, separated by commas, such as `wifi,pool`.
        #[oai(validator(max_length = 400))]
        amenities: Query<Option<String>>,
        /// The sort order. The default is `recommended`.
        sort: Query<Option<Order>>,
        limit: Query<Limit>,
        cursor: Query<Option<Cursor>>,
        /// The languages of the caller, for the name of the city
        #[oai(name = "Accept-Language")]
        accept_language: Header<Option<String>>,
    ) -> Result<SerdeJson<HotelList>, ApiError> {
        let mut request = FindHotels {
            city: CityName::parse(city.0.trim()),
            stay: stay(check_in.0, check_out.0)?,
            guests: guests.0.unwrap_or_else(|| default_guests(rooms.0.into()) as u16),
            rooms: rooms.0,
            price_min: min_price.0,
            price_max: max_price.0,
            stars: parse_stars(stars.0.as_deref())?,
            amenities: parse_amenities(amenities.0.as_deref())?,
            sort: sort.0.map_or(Sort::Recommended, Sort::from),
            limit: 0,
            after: None,
            languages: languages(&accept_language),
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

    /// Get a hotel
    ///
    /// Returns a hotel with its room types and rate plans. Prices for dates are part of offers.
    #[oai(path = "/hotels/:hotel_id", method = "get", operation_id = "getHotel")]
    async fn hotel(
        &self,
        caller: Caller,
        /// The id of the hotel
        hotel_id: Path<String>,
    ) -> Result<WithETag<Hotel>, ApiError> {
        let id: HotelId = rest::id_in_path(&hotel_id)?;
        let details = self.call(&caller, GetHotel { hotel: id }).await?;
        Ok(WithETag::new(details.changed_at.millis().unsigned_abs(), Hotel::from(*details)))
    }
}

fn languages(header: &Header<Option<String>>) -> Vec<String> {
    header.0.as_deref().map(edge::accepted_languages).unwrap_or_default()
}

const fn one() -> u16 {
    1
}

/// The stay between two dates. Both dates are required, or neither.
fn stay(check_in: Option<edge::Date>, check_out: Option<edge::Date>) -> Result<Option<Stay>, ApiError> {
    match (check_in, check_out) {
        (None, None) => Ok(None),
        (Some(check_in), Some(check_out)) => rest::stay(check_in, check_out).map(Some),
        (Some(_), None) => Err(ApiError::unprocessable("/check_out", "required with check_in")),
        (None, Some(_)) => Err(ApiError::unprocessable("/check_in", "required with check_out")),
    }
}

/// Parses numbers of stars. Duplicates are removed.
fn parse_stars(text: Option<&str>) -> Result<Vec<u8>, ApiError> {
    let wrong = || ApiError::invalid("/stars", "not numbers from 0 to 5, separated by commas");
    let parse = |part: &str| part.trim().parse().ok().filter(|stars| *stars <= 5).ok_or_else(wrong);
    let stars: BTreeSet<u8> = parts(text).map(parse).collect::<Result<_, _>>()?;
    Ok(stars.into_iter().collect())
}

/// Parses amenities. They are converted to lower case, and duplicates are removed.
fn parse_amenities(text: Option<&str>) -> Result<Vec<String>, ApiError> {
    const AMENITIES_MAX: usize = 20;
    let amenities: BTreeSet<String> = parts(text).map(|part| part.trim().to_lowercase()).collect();
    if amenities.len() > AMENITIES_MAX {
        return Err(ApiError::invalid("/amenities", format!("at most {AMENITIES_MAX} amenities")));
    }
    Ok(amenities.into_iter().collect())
}

fn parts(text: Option<&str>) -> impl Iterator<Item = &str> {
    text.unwrap_or_default().split(',').filter(|part| !part.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_in_parameters_are_parsed_or_refused() {
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
            assert_eq!(parse_stars(text).ok(), expected, "{text:?}");
        }
        assert_eq!(parse_amenities(Some("Wifi, pool,wifi")).unwrap(), ["pool", "wifi"]);
        let many: Vec<String> = (0..21).map(|number| number.to_string()).collect();
        assert!(parse_amenities(Some(&many.join(","))).is_err());
    }

    #[test]
    fn problem_types_do_not_change() {
        assert_eq!(
            edge::problem_table(ALL),
            "404 no-such-city: There is no such city\n422 stay-in-the-past: The stay begins in the past\n"
        );
    }

    #[test]
    fn the_openapi_document_passes_the_lint() {
        let documents =
            edge::OpenApiDocuments::new(None, contracts::scope::DESCRIBED).with::<Api>("search", "Search");
        let document = documents.of("search").expect("added above");
        assert_eq!(edge::lint_document(document), Vec::<String>::new());
        for path in ["/v1/cities", "/v1/hotels", "/v1/hotels/{hotel_id}"] {
            assert!(document["paths"][path]["get"]["operationId"].is_string(), "{path}");
        }
    }
}
