//! The response for a list of hotels.

use std::borrow::Cow;
use std::sync::Arc;

use contracts::Stay;
use contracts::search as found;
use edge::Cursor;
use poem_openapi::Object;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde::Serialize;

use super::City;
use super::text::{Text, Texts};

/// A page of hotels.
#[derive(Debug, Clone, Object, Serialize)]
pub struct HotelList {
    /// The hotels of this page.
    pub items: Vec<HotelItem>,
    /// The cursor of the next page. Null on the last page.
    pub next_cursor: Next,
    /// The time of the newest change of availability, prices or hotels that this list includes.
    pub as_of: edge::Instant,
    /// The city.
    pub city: City,
}

/// A hotel in a list. If the request has dates, it includes the cheapest offer.
#[derive(Debug, Clone, PartialEq, Object, Serialize)]
pub struct HotelItem {
    /// The id.
    pub id: String,
    /// The name.
    pub name: Text,
    /// The number of stars, from 0 (unrated) to 5.
    pub stars: u8,
    /// The guests' rating, from 0.1 to 10. Omitted if there is none.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<f64>,
    /// The name of the city.
    pub city: Text,
    /// The id of the city.
    pub city_id: Text,
    /// The country code (ISO 3166-1 alpha-2).
    pub country: Text,
    /// The street and number.
    pub address: Text,
    /// The distance from the centre of the city, in kilometres.
    pub distance_km: f64,
    /// The latitude, in degrees north.
    pub latitude: f64,
    /// The longitude, in degrees east.
    pub longitude: f64,
    /// The time zone (IANA name).
    pub time_zone: Text,
    /// The amenities, such as `wifi`, in alphabetical order.
    pub amenities: Texts,
    /// The URLs of the photos.
    pub photos: Texts,
    /// Whether this is a fictional hotel for demonstrations.
    pub demo: bool,
    /// The lowest price of a night for the requested rooms in the cheapest season, including mandatory taxes.
    pub from: rest::Money,
    /// The total of the cheapest offer, including mandatory taxes. Omitted if the request has no dates.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<rest::Money>,
    /// The cheapest offer. Omitted if the request has no dates.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<CheapestOffer>,
}

/// The cheapest offer of a hotel.
#[derive(Debug, Clone, PartialEq, Object, Serialize)]
pub struct CheapestOffer {
    /// The id of the room type.
    pub room_type_id: String,
    /// The name of the room type.
    pub room_type: Text,
    /// The id of the rate plan.
    pub rate_plan_id: String,
    /// The name of the rate plan.
    pub rate_plan: Text,
    /// The number of nights.
    pub nights: u32,
    /// The price of all nights and rooms, without the taxes that are not included in the prices of nights.
    pub nightly_total: rest::Money,
    /// The number of rooms of this type that are available on every night.
    pub rooms_left: u32,
    /// The end of free cancellation. Omitted if cancellation is not free.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_cancellation_until: Option<edge::Instant>,
}

/// The fields that all hotels of a list have in common.
struct SharedFields {
    city: Text,
    city_id: Text,
    country: Text,
    nights: u32,
}

impl HotelList {
    /// The response for the hotels that were found.
    pub(super) fn new(found: found::FoundHotels, stay: Option<Stay>, next: Option<Cursor>) -> Self {
        let shared = SharedFields {
            city: Arc::clone(&found.city.name).into(),
            city_id: found.city.api_id().into(),
            country: Arc::clone(&found.city.country).into(),
            nights: stay.map_or(0, |stay| stay.length()),
        };
        let items = found.hotels.into_iter().map(|hotel| HotelItem::new(hotel, &shared)).collect();
        Self { items, next_cursor: Next(next), as_of: found.as_of.into(), city: City::from(found.city) }
    }
}

impl HotelItem {
    fn new(hotel: found::FoundHotel, shared: &SharedFields) -> Self {
        let money = |amount| rest::Money::new(amount, hotel.currency);
        Self {
            id: hotel.id.to_string(),
            name: hotel.name.into(),
            stars: hotel.stars,
            rating: rating(hotel.rating_tenths),
            city: shared.city.clone(),
            city_id: shared.city_id.clone(),
            country: shared.country.clone(),
            address: hotel.address.into(),
            distance_km: kilometres(hotel.distance_metres),
            latitude: hotel.latitude,
            longitude: hotel.longitude,
            time_zone: hotel.time_zone.into(),
            amenities: hotel.amenities.into(),
            photos: hotel.photos.into(),
            demo: hotel.demo,
            from: money(hotel.from),
            total: hotel.offer.as_ref().map(|offer| money(offer.total)),
            offer: hotel.offer.map(|offer| CheapestOffer {
                room_type_id: offer.room_type.to_string(),
                room_type: offer.room_type_name.into(),
                rate_plan_id: offer.rate_plan.to_string(),
                rate_plan: offer.rate_plan_name.into(),
                nights: shared.nights,
                nightly_total: money(offer.nightly),
                rooms_left: offer.rooms_left,
                free_cancellation_until: offer.free_cancellation_until.map(Into::into),
            }),
        }
    }
}

/// The rating in points. `None` if there is none.
pub(super) fn rating(tenths: u8) -> Option<f64> {
    (tenths > 0).then(|| f64::from(tenths) / 10.0)
}

/// Kilometres, rounded to ten metres.
pub(super) fn kilometres(metres: u32) -> f64 {
    f64::from(metres.saturating_add(5) / 10) / 100.0
}

/// The `next_cursor` of a page: a string or null, as in the other lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Next(Option<Cursor>);

impl Type for Next {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "next_cursor".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema { nullable: true, ..MetaSchema::new("string") }))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromJSON for Next {
    fn parse_from_json(value: Option<serde_json::Value>) -> ParseResult<Self> {
        Option::<Cursor>::parse_from_json(value).map(Self).map_err(|_| ParseError::custom("not a cursor"))
    }
}

impl ToJSON for Next {
    fn to_json(&self) -> Option<serde_json::Value> {
        Some(self.0.as_ref().map_or(serde_json::Value::Null, |cursor| cursor.to_string().into()))
    }
}
