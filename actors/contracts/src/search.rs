//! The contract of `search`: updates of hotels and their calendars by `reservations`, and queries for hotels and cities.

use std::sync::Arc;

use protocol::{Access, ReadConsistency, Request, Route, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Currency, Date, HotelId, HotelProfile, RatePlanId, RoomTypeId, Stay};

/// The calendar entry of one night of a room type. A night without an entry has the room type's number of rooms, the
/// prices of the season, and no restrictions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Night {
    /// The number of rooms; none: that of the room type.
    pub rooms: Option<u32>,
    /// Rooms that are held or sold.
    pub taken: u32,
    /// Prices that override those of the season, in minor units.
    pub prices: Vec<(RatePlanId, i64)>,
    /// The night is not sold.
    pub stop_sell: bool,
    /// The minimum stay for arrivals on this day, in nights; 0 and 1 are no restriction.
    pub min_stay: u8,
    /// No arrival on this day.
    pub closed_to_arrival: bool,
    /// No departure on this day.
    pub closed_to_departure: bool,
}

/// Stores a hotel that is new or has changed. Ignored if a later version is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpdateHotel {
    pub hotel: HotelProfile,
    /// The time of the change, by the clock of `reservations`.
    pub at: Timestamp,
}

impl Request for UpdateHotel {
    type Contract = Search;
    type Reply = ();

    fn route(&self) -> Route {
        Route::SINGLE
    }

    fn access(&self) -> Access {
        Access::services(&["reservations"])
    }
}

/// Stores some nights of a room type. Values that changed later are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpdateNights {
    pub hotel: HotelId,
    pub room_type: RoomTypeId,
    pub nights: Vec<(Date, Night)>,
    /// The time of the change, by the clock of `reservations`.
    pub at: Timestamp,
}

impl Request for UpdateNights {
    type Contract = Search;
    type Reply = ();

    fn route(&self) -> Route {
        Route::SINGLE
    }

    fn access(&self) -> Access {
        Access::services(&["reservations"])
    }
}

/// Stores how many rooms are taken on consecutive nights. All other values of the nights are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpdateTakenRooms {
    pub hotel: HotelId,
    pub room_type: RoomTypeId,
    /// The first night.
    pub from: Date,
    /// Rooms that are held or sold, for each night.
    pub taken: Vec<u32>,
    /// The time of the change, by the clock of `reservations`.
    pub at: Timestamp,
}

impl Request for UpdateTakenRooms {
    type Contract = Search;
    type Reply = ();

    fn route(&self) -> Route {
        Route::SINGLE
    }

    fn access(&self) -> Access {
        Access::services(&["reservations"])
    }
}

/// Why a query is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    #[error("the hotel does not exist")]
    NoSuchHotel,
    /// No city has this name or id.
    #[error("the city does not exist")]
    NoSuchCity,
    /// The check-in date is in the past.
    #[error("the check-in date is before {today}, the current date in the city")]
    StayInThePast {
        /// The current date in the city.
        today: Date,
    },
    /// The numbers of guests and rooms do not fit: the rule of offers.
    #[error(transparent)]
    Party(#[from] crate::reservations::PartyError),
    /// No city has this name, but some have a similar one.
    #[error("no city has this name; similar names: {}", full_names(candidates))]
    UncertainCity {
        /// The most likely ones first.
        candidates: Vec<CityCandidate>,
    },
}

/// A city that may be meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CityCandidate {
    /// The GeoNames id.
    pub id: u32,
    /// See [`City::full_name`].
    pub full_name: String,
}

fn full_names(candidates: &[CityCandidate]) -> String {
    let names: Vec<&str> = candidates.iter().map(|candidate| candidate.full_name.as_str()).collect();
    names.join("; ")
}

/// Reads one hotel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GetHotel {
    pub hotel: HotelId,
}

impl Request for GetHotel {
    type Contract = Search;
    type Reply = Box<HotelDetails>;

    fn route(&self) -> Route {
        Route::SINGLE
    }

    fn access(&self) -> Access {
        Access::ANYONE
    }

    fn consistency(&self) -> ReadConsistency {
        ReadConsistency::BoundedStaleness
    }
}

/// Suggests cities for a name or the beginning of one, the most likely one first: the city that [`CityName::Name`] selects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SuggestCities {
    /// In any script. When it is empty, the most populous cities are returned.
    pub text: String,
    /// The maximum number of cities.
    pub limit: u8,
    /// The languages of the caller (ISO 639-1), the preferred one first.
    pub languages: Vec<String>,
}

impl Request for SuggestCities {
    type Contract = Search;
    type Reply = Vec<CityMatch>;

    fn route(&self) -> Route {
        Route::SINGLE
    }

    fn access(&self) -> Access {
        Access::ANYONE
    }

    fn consistency(&self) -> ReadConsistency {
        ReadConsistency::BoundedStaleness
    }
}

/// Finds one city. The reply contains exactly one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GetCity {
    pub city: CityName,
}

impl Request for GetCity {
    type Contract = Search;
    type Reply = Vec<City>;

    fn route(&self) -> Route {
        Route::SINGLE
    }

    fn access(&self) -> Access {
        Access::ANYONE
    }

    fn consistency(&self) -> ReadConsistency {
        ReadConsistency::BoundedStaleness
    }
}

/// Lists cities by the number of their hotels, in descending order. Cities without hotels are omitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListTopCities {
    /// The maximum number of cities.
    pub limit: u8,
}

impl Request for ListTopCities {
    type Contract = Search;
    type Reply = Vec<City>;

    fn route(&self) -> Route {
        Route::SINGLE
    }

    fn access(&self) -> Access {
        Access::ANYONE
    }

    fn consistency(&self) -> ReadConsistency {
        ReadConsistency::BoundedStaleness
    }
}

/// How a client names a city.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CityName {
    /// The GeoNames id.
    Id(u32),
    /// A name in any language, the name of a region, or the code of an airport, optionally followed by a region or a country: the
    /// most likely city.
    Name(String),
}

impl CityName {
    /// The prefix of a city's id in the API, before the GeoNames id.
    pub const PREFIX: &'static str = "cty_";

    /// Parses a city: an id ([`City::api_id`] or a GeoNames id), else a name.
    pub fn parse(text: &str) -> Self {
        let number = text.strip_prefix(Self::PREFIX).unwrap_or(text);
        number.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Id)
    }
}

/// The order of hotels. Equal ones are ordered by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum Sort {
    /// By a score of rating, stars and distance, the best first.
    #[default]
    Recommended,
    /// By price, the lowest first. Hotels in the city's most common currency come before all others.
    Price,
    /// By rating, the best first.
    Rating,
    /// By distance from the city's centre, the nearest first.
    Distance,
}

/// Finds hotels in a city, page by page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindHotels {
    pub city: CityName,
    /// With a stay, only hotels with available rooms are found; without, all hotels.
    pub stay: Option<Stay>,
    /// The number of guests in all rooms together; at least 1.
    pub guests: u16,
    /// The number of rooms, all of one type; at least 1.
    pub rooms: u16,
    /// The minimum total (without a stay: for one night), in minor units of the hotel's currency.
    pub price_min: Option<i64>,
    /// The maximum total (without a stay: for one night).
    pub price_max: Option<i64>,
    /// Hotels with one of these numbers of stars; empty: all.
    pub stars: Vec<u8>,
    /// Hotels with all of these amenities.
    pub amenities: Vec<String>,
    pub sort: Sort,
    /// The maximum number of hotels.
    pub limit: u8,
    /// Only hotels after this position.
    pub after: Option<Position>,
    /// The languages of the caller (ISO 639-1), for the name of the city.
    pub languages: Vec<String>,
}

impl Request for FindHotels {
    type Contract = Search;
    type Reply = FoundHotels;

    fn route(&self) -> Route {
        Route::SINGLE
    }

    fn access(&self) -> Access {
        Access::ANYONE
    }

    fn consistency(&self) -> ReadConsistency {
        ReadConsistency::BoundedStaleness
    }
}

/// A hotel's position in an order. It stays valid when hotels are added, removed or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Compared first; greater than 0 for hotels in another currency than the city's most common one.
    pub group: u32,
    /// Compared second, in ascending order.
    pub key: i64,
    /// Compared last.
    pub hotel: HotelId,
}

/// A city.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct City {
    /// The GeoNames id.
    pub id: u32,
    /// The name in GeoNames.
    pub name: Arc<str>,
    /// ISO 3166-1 alpha-2.
    pub country: Arc<str>,
    /// The country's name in English.
    pub country_name: Arc<str>,
    /// Inhabitants.
    pub population: u32,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// IANA name.
    pub time_zone: Arc<str>,
    /// The number of its active hotels.
    pub hotels: u32,
    /// The English name of the region of the first level, such as `Texas`; empty if it is not known.
    pub region: Arc<str>,
    /// A name that selects this city: `Paris, France`; `Paris, Texas, United States` where a more populous one would be selected.
    pub full_name: Arc<str>,
}

/// A city that matches a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CityMatch {
    pub city: City,
    /// The name that matched, as it is written: `Monaco di Baviera`.
    pub name: Arc<str>,
    pub kind: CityMatchKind,
}

/// How a city matches a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CityMatchKind {
    /// The text is a name.
    Name,
    /// A name begins with the text.
    Prefix,
    /// A later word of a name begins with the text.
    Word,
    /// The text is the code of an airport, or an abbreviation.
    Code,
    /// The text is the name of a region or a country that contains the city, or its beginning.
    Area,
    /// The text is similar to a name.
    Spelling,
}

impl City {
    /// The id in the API: `cty_2867714`.
    pub fn api_id(&self) -> String {
        format!("{}{}", CityName::PREFIX, self.id)
    }
}

/// A hotel in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoundHotel {
    pub id: HotelId,
    pub name: Arc<str>,
    /// Street and number.
    pub address: Arc<str>,
    /// 0 to 5.
    pub stars: u8,
    /// In tenths, 0 to 100; 0 without a rating.
    pub rating_tenths: u8,
    /// The distance from the city's centre, in metres.
    pub distance_metres: u32,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// IANA name.
    pub time_zone: Arc<str>,
    /// Sorted.
    pub amenities: Arc<[String]>,
    /// URLs of photos.
    pub photos: Arc<[String]>,
    /// The currency of all its prices.
    pub currency: Currency,
    /// The lowest price of the rooms for one night by the seasons, with taxes: for lists without a stay.
    pub from: i64,
    /// The cheapest offer for the stay; none without a stay.
    pub offer: Option<FoundOffer>,
    /// Whether it is a demo hotel.
    pub demo: bool,
}

/// The cheapest offer of a hotel for a stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoundOffer {
    pub room_type: RoomTypeId,
    pub room_type_name: Arc<str>,
    pub rate_plan: RatePlanId,
    pub rate_plan_name: Arc<str>,
    /// The sum for all rooms and nights without the taxes that are added, in minor units.
    pub nightly: i64,
    /// The total with all taxes: the price that `reservations` quotes.
    pub total: i64,
    /// The number of rooms that are available on every night.
    pub rooms_left: u32,
    /// When free cancellation ends; none if there is none or it has ended.
    pub free_cancellation_until: Option<Timestamp>,
}

/// Hotels of a city.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoundHotels {
    /// The city that was found.
    pub city: City,
    /// In the requested order.
    pub hotels: Vec<FoundHotel>,
    /// The position of the last one, if more hotels follow.
    pub next: Option<Position>,
    /// The time up to which changes in `reservations` are reflected.
    pub as_of: Timestamp,
}

/// A hotel and its location.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HotelDetails {
    pub profile: HotelProfile,
    pub city: City,
    /// The distance from the city's centre, in metres.
    pub distance_metres: u32,
    /// The time of its last change.
    pub changed_at: Timestamp,
}

protocol::contract! {
    /// The service `search`.
    pub struct Search = "search";
    refusal Refusal;

    /// Commands, stored by position. All are sent by `reservations`.
    #[allow(clippy::large_enum_variant)] // Commands are moved a few times and not kept in memory.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Command { UpdateHotel, UpdateNights, UpdateTakenRooms }

    /// Replies to commands, stored by position.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Reply { Done(()) }

    /// Queries. All may be answered by any replica: lists contain their age ([`FoundHotels::as_of`]), and hotels the time of
    /// their last change.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Query { GetHotel, FindHotels, SuggestCities, GetCity, ListTopCities }

    /// Replies to queries.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Answer { Hotel(Box<HotelDetails>), Hotels(FoundHotels), Cities(Vec<City>), CityMatches(Vec<CityMatch>) }
}

#[cfg(test)]
mod tests {
    use protocol::codec;

    use super::*;

    /// Logs, outboxes and calls of other nodes contain these bytes.
    #[test]
    fn the_encoding_of_messages_is_stable() {
        let (hotel, room_type, at) = (HotelId(1), RoomTypeId(2), Timestamp(3));
        let night = Night { taken: 4, ..Night::default() };
        let update = UpdateNights { hotel, room_type, nights: vec![(Date(5), night)], at };
        assert_eq!(codec::encode(&Command::from(update)), [1, 1, 1, 2, 1, 10, 0, 4, 0, 0, 0, 0, 0, 6]);
        let update = UpdateTakenRooms { hotel, room_type, from: Date(5), taken: vec![7], at };
        let bytes = [1, 2, 1, 2, 10, 1, 7, 6];
        assert_eq!(codec::encode(&Command::from(update.clone())), bytes);
        assert_eq!(codec::decode(&bytes), Ok(Command::from(update)));
        assert_eq!(codec::encode(&Reply::Done(())), [1, 0]);

        assert_eq!(codec::encode(&Query::from(GetHotel { hotel })), [1, 0, 1]);
        let suggest = SuggestCities { text: "a".into(), limit: 9, languages: vec!["de".into()] };
        assert_eq!(codec::encode(&Query::from(suggest)), [1, 2, 1, b'a', 9, 1, 2, b'd', b'e']);
        assert_eq!(codec::encode(&Query::from(GetCity { city: CityName::Id(6) })), [1, 3, 0, 6]);
        assert_eq!(codec::encode(&Query::from(ListTopCities { limit: 8 })), [1, 4, 8]);
        assert_eq!(codec::encode(&Answer::Cities(Vec::new())), [1, 2, 0]);
    }
}
