//! What may be said to `search`: hotels and how many rooms are free, as fed by reservations; finding them.

use std::sync::Arc;

use protocol::{Access, Contract, ReadConsistency, Route, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Currency, Date, HotelId, HotelProfile, RatePlanId, RoomTypeId, Stay};

/// The contract.
#[derive(Debug, Clone, Copy)]
pub struct Search;

/// What is particular about one night of a room type. A night without an entry has the room type's own rooms, its
/// season's prices, and no restriction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Night {
    /// Rooms in the calendar for this night; none: the room type's own number.
    pub rooms: Option<u32>,
    /// Rooms held or sold.
    pub taken: u32,
    /// Prices that override the season's, minor units.
    pub prices: Vec<(RatePlanId, i64)>,
    /// Nothing is sold.
    pub stop_sell: bool,
    /// The shortest stay for guests who arrive on this day; 0 and 1 are no restriction.
    pub min_stay: u8,
    /// No arrival on this day.
    pub closed_to_arrival: bool,
    /// No departure on this day.
    pub closed_to_departure: bool,
}

/// What changes the index. All of it comes from reservations.
#[allow(clippy::large_enum_variant)] // A command is moved a few times and stored nowhere as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// A hotel is new or was changed.
    HotelChanged {
        /// As it is now.
        hotel: HotelProfile,
        /// When, by the clock of reservations.
        at: Timestamp,
    },
    /// Some nights of a room type were changed.
    NightsChanged {
        /// Of which hotel.
        hotel: HotelId,
        /// Of which room type.
        room_type: RoomTypeId,
        /// The nights as they are now.
        nights: Vec<(Date, Night)>,
        /// When, by the clock of reservations.
        at: Timestamp,
    },
    /// Rooms were taken or given back for consecutive nights; everything else about the nights stays.
    RoomsTaken {
        /// Of which hotel.
        hotel: HotelId,
        /// Of which room type.
        room_type: RoomTypeId,
        /// The first night.
        from: Date,
        /// Rooms held or sold now, night by night.
        taken: Vec<u32>,
        /// When, by the clock of reservations.
        at: Timestamp,
    },
}

/// What a command that was obeyed answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Noted.
    Done,
}

/// The domain's "no".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("no such hotel")]
    NoSuchHotel,
    /// No city is called so, and none has this id.
    #[error("no such city")]
    NoSuchCity,
    /// The day of arrival is over everywhere in the city.
    #[error("check-in is before {today}, which is today in the city")]
    StayInThePast {
        /// Today in the city.
        today: Date,
    },
}

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Query {
    /// One hotel. Answered by [`Answer::Hotel`].
    Hotel(HotelId),
    /// Hotels of a city. Answered by [`Answer::Hotels`].
    FindHotels(FindHotels),
    /// Cities that a guest may mean who has typed so much. Answered by [`Answer::Cities`].
    Cities {
        /// As typed, in any script; nothing: the most populous cities.
        text: String,
        /// At most so many.
        limit: u8,
    },
    /// One city, by GeoNames' id or by name. Answered by [`Answer::Cities`], with one.
    City(CityName),
    /// Cities that have hotels: those with most first. Answered by [`Answer::Cities`].
    TopCities {
        /// At most so many.
        limit: u8,
    },
}

/// A city as guests give it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CityName {
    /// GeoNames' id.
    Id(u32),
    /// A name in any language, perhaps with the country behind a comma: the most populous place of that name.
    Name(String),
}

impl CityName {
    /// What the id of a city is written with, before GeoNames' number.
    pub const PREFIX: &'static str = "cty_";

    /// A city as guests write it: an id ([`City::written_id`], or GeoNames' bare number), else a name.
    pub fn written(text: &str) -> Self {
        let number = text.strip_prefix(Self::PREFIX).unwrap_or(text);
        number.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Id)
    }
}

/// The order of hotels. Hotels that are alike in it follow by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum Sort {
    /// Well rated, starred and central ones first.
    #[default]
    Recommended,
    /// Cheapest first; hotels whose currency is not the city's usual one behind all others.
    Price,
    /// Best rated first.
    Rating,
    /// Nearest to the city's centre first.
    Distance,
}

/// Which hotels are sought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindHotels {
    /// Where.
    pub city: CityName,
    /// When. With dates, only hotels are found that have rooms for them; without, all.
    pub stay: Option<Stay>,
    /// How many sleep there, in all rooms together; at least 1.
    pub guests: u16,
    /// How many rooms of one type; at least 1.
    pub rooms: u16,
    /// The total (without dates: a night's) is at least this, in minor units of the hotel's currency.
    pub price_min: Option<i64>,
    /// The total (without dates: a night's) is at most this.
    pub price_max: Option<i64>,
    /// One of these classes; empty: any.
    pub stars: Vec<u8>,
    /// All of these words.
    pub amenities: Vec<String>,
    /// In which order.
    pub sort: Sort,
    /// At most so many.
    pub limit: u8,
    /// Only those behind this place.
    pub after: Option<Place>,
}

/// A hotel's place in an order. It stays meaningful when hotels come, go or change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// 0, or more for what comes behind all others whatever its key.
    pub group: u32,
    /// Ascending.
    pub key: i64,
    /// Among equals.
    pub hotel: HotelId,
}

/// A city.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct City {
    /// GeoNames' id.
    pub id: u32,
    /// As GeoNames calls it.
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
    /// How many active hotels it has here.
    pub hotels: u32,
}

impl City {
    /// The id as the API writes it: `cty_2867714`.
    pub fn written_id(&self) -> String {
        format!("{}{}", CityName::PREFIX, self.id)
    }
}

/// A hotel in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoundHotel {
    /// Which.
    pub id: HotelId,
    /// As guests know it.
    pub name: Arc<str>,
    /// Street and number.
    pub address: Arc<str>,
    /// 0 to 5.
    pub stars: u8,
    /// Tenths, 0 to 100; 0 when there is none yet.
    pub rating_tenths: u8,
    /// From the city's centre, in metres.
    pub distance_metres: u32,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// IANA name.
    pub time_zone: Arc<str>,
    /// Short words, sorted.
    pub amenities: Arc<[String]>,
    /// Addresses of photos.
    pub photos: Arc<[String]>,
    /// Of all its prices.
    pub currency: Currency,
    /// The least that these rooms cost for a night in the coming year, taxes included, going by seasons: for lists
    /// without dates.
    pub from: i64,
    /// What is cheapest for the stay; none without dates.
    pub offer: Option<FoundOffer>,
    /// Made up, and marked as such.
    pub demo: bool,
}

/// The cheapest way to stay at a hotel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoundOffer {
    /// Which rooms.
    pub room_type: RoomTypeId,
    /// Their name.
    pub room_type_name: Arc<str>,
    /// At what conditions.
    pub rate_plan: RatePlanId,
    /// Their name.
    pub rate_plan_name: Arc<str>,
    /// Of the rooms for all nights, without the taxes that are not included; minor units.
    pub nightly: i64,
    /// With all taxes: what reservations will ask.
    pub total: i64,
    /// How many rooms are free on each of the nights.
    pub rooms_left: u32,
    /// Until when cancelling is free; none: it is not, or no longer.
    pub free_cancellation_until: Option<Timestamp>,
}

/// Hotels of a city.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoundHotels {
    /// The city that was meant.
    pub city: City,
    /// In the order asked for.
    pub hotels: Vec<FoundHotel>,
    /// The place of the last of them, if there are more.
    pub next: Option<Place>,
    /// What reservations had said up to this instant is reflected.
    pub as_of: Timestamp,
}

/// A hotel with what search knows of its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HotelDetails {
    /// As its owner describes it.
    pub profile: HotelProfile,
    /// Its city.
    pub city: City,
    /// From the city's centre, in metres.
    pub distance_metres: u32,
    /// When it was last changed.
    pub changed_at: Timestamp,
}

/// What a query finds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// A hotel.
    Hotel(Box<HotelDetails>),
    /// Hotels of a city.
    Hotels(FoundHotels),
    /// Cities.
    Cities(Vec<City>),
}

impl Contract for Search {
    const SERVICE: &'static str = "search";
    type Command = Command;
    type Reply = Reply;
    type Refusal = Refusal;
    type Query = Query;
    type Answer = Answer;

    fn route_command(_: &Command) -> Route {
        Route::SINGLE
    }

    fn route_query(_: &Query) -> Route {
        Route::SINGLE
    }

    /// All that guests ask may be answered by any replica: lists say how old they are ([`FoundHotels::as_of`]), and a
    /// hotel when it was last changed.
    fn query_consistency(query: &Query) -> ReadConsistency {
        match query {
            Query::Hotel(_)
            | Query::FindHotels(_)
            | Query::Cities { .. }
            | Query::City(_)
            | Query::TopCities { .. } => ReadConsistency::BoundedStaleness,
        }
    }

    fn command_access(_: &Command) -> Access {
        Access::services(&["reservations"])
    }

    fn query_access(_: &Query) -> Access {
        Access::ANYONE
    }
}
