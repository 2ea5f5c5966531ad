//! Hotels in a list.

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

/// One page of hotels.
#[derive(Debug, Clone, Object, Serialize)]
pub struct HotelList {
    /// The hotels of this page.
    pub items: Vec<HotelItem>,
    /// Where the next page begins; null after the last.
    pub next_cursor: Next,
    /// The instant up to which what reservations say is reflected.
    pub as_of: edge::Instant,
    /// The city that was meant.
    pub city: City,
}

/// A hotel, with the cheapest way to stay there if dates were given.
#[derive(Debug, Clone, PartialEq, Object, Serialize)]
pub struct HotelItem {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Text,
    /// 0 (none) to 5.
    pub stars: u8,
    /// Guests' rating, 0.1 to 10; left out when there is none yet.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<f64>,
    /// The city's name.
    pub city: Text,
    /// The city's id.
    pub city_id: Text,
    /// ISO 3166-1 alpha-2.
    pub country: Text,
    /// Street and number.
    pub address: Text,
    /// From the city's centre, in kilometres.
    pub distance_km: f64,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// IANA name of the time zone.
    pub time_zone: Text,
    /// Short words such as `wifi`, sorted.
    pub amenities: Texts,
    /// Addresses of photos.
    pub photos: Texts,
    /// Made up, for trying the program.
    pub demo: bool,
    /// The least that these rooms cost for a night, all mandatory taxes included, in the cheapest season.
    pub from: rest::Money,
    /// What the stay costs at least, all mandatory taxes included; left out without dates.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<rest::Money>,
    /// How that total is had; left out without dates.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<CheapestOffer>,
}

/// The cheapest way to stay.
#[derive(Debug, Clone, PartialEq, Object, Serialize)]
pub struct CheapestOffer {
    /// The room type's id.
    pub room_type_id: String,
    /// The room type's name.
    pub room_type: Text,
    /// The rate plan's id.
    pub rate_plan_id: String,
    /// The rate plan's name.
    pub rate_plan: Text,
    /// How many nights.
    pub nights: u32,
    /// All nights and rooms, without the taxes that come on top.
    pub nightly_total: rest::Money,
    /// Rooms of this type that are free on each night.
    pub rooms_left: u32,
    /// Until when cancelling is free; left out when it is not, or no longer.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_cancellation_until: Option<edge::Instant>,
}

/// What all hotels of a list have in common.
struct Whole {
    city: Text,
    city_id: Text,
    country: Text,
    nights: u32,
}

impl HotelList {
    /// A page of what was found for a stay.
    pub(super) fn new(found: found::FoundHotels, stay: Option<Stay>, next: Option<Cursor>) -> Self {
        let whole = Whole {
            city: Arc::clone(&found.city.name).into(),
            city_id: found.city.api_id().into(),
            country: Arc::clone(&found.city.country).into(),
            nights: stay.map_or(0, |stay| stay.length()),
        };
        let items = found.hotels.into_iter().map(|hotel| HotelItem::new(hotel, &whole)).collect();
        Self { items, next_cursor: Next(next), as_of: found.as_of.into(), city: City::from(found.city) }
    }
}

impl HotelItem {
    fn new(hotel: found::FoundHotel, whole: &Whole) -> Self {
        let money = |amount| rest::Money::new(amount, hotel.currency);
        Self {
            id: hotel.id.to_string(),
            name: hotel.name.into(),
            stars: hotel.stars,
            rating: rating(hotel.rating_tenths),
            city: whole.city.clone(),
            city_id: whole.city_id.clone(),
            country: whole.country.clone(),
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
                nights: whole.nights,
                nightly_total: money(offer.nightly),
                rooms_left: offer.rooms_left,
                free_cancellation_until: offer.free_cancellation_until.map(Into::into),
            }),
        }
    }
}

/// A rating out of ten; none when nobody has rated.
pub(super) fn rating(tenths: u8) -> Option<f64> {
    (tenths > 0).then(|| f64::from(tenths) / 10.0)
}

/// To ten metres.
pub(super) fn kilometres(metres: u32) -> f64 {
    f64::from(metres.saturating_add(5) / 10) / 100.0
}

/// `next_cursor` of a page: a string or null, as in every other list.
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
