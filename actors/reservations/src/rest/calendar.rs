//! Operations on the calendar: rates, inventory and restrictions of single nights.

use contracts::reservations::{self, GetCalendar, Nights, SetCalendar};
use contracts::{HotelId, RatePlanId, RoomTypeId};
use edge::{ApiError, MergePatch, NoContent, Page, SerdeJson, SignedIn};
use poem_openapi::param::{Path, Query as Parameter};
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use serde::Serialize;

use super::{Shared, Tag};

pub(super) struct Api(pub Shared);

/// A price of a rate plan.
#[derive(Debug, Clone, Object)]
struct PriceChange {
    /// The rate plan.
    #[oai(validator(max_length = 40))]
    rate_plan_id: String,
    /// The price of a room for a night, in minor units; null: the seasonal price again.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    amount: Option<i64>,
}

/// Changes to each night of a range. Absent fields are unchanged.
#[derive(Debug, Object)]
struct CalendarChange {
    /// The first night.
    from: edge::Date,
    /// The last night, included.
    to: edge::Date,
    /// The number of rooms; null: the room type's own number again.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "100000")))]
    rooms: MaybeUndefined<u32>,
    /// Prices of rate plans.
    #[oai(validator(max_items = 20))]
    prices: Option<Vec<PriceChange>>,
    /// Whether the nights are closed for sale.
    stop_sell: Option<bool>,
    /// The minimum stay of guests who arrive on these days, in nights.
    #[oai(validator(minimum(value = "0"), maximum(value = "60")))]
    min_stay: Option<u8>,
    /// Whether these days are closed to arrival.
    closed_to_arrival: Option<bool>,
    /// Whether these days are closed to departure.
    closed_to_departure: Option<bool>,
}

/// A price of a rate plan.
#[derive(Debug, Clone, Object, Serialize)]
pub struct NightPrice {
    /// The rate plan.
    pub rate_plan_id: String,
    /// The price of a room, in minor units.
    pub amount: i64,
}

/// A night of a room type.
#[derive(Debug, Clone, Object, Serialize)]
pub struct CalendarNight {
    /// The date on which the night begins.
    pub date: edge::Date,
    /// The number of rooms, if it differs from the room type's own.
    pub rooms: Option<u32>,
    /// The number of rooms held or sold.
    pub taken: u32,
    /// The prices of the rate plans.
    pub prices: Vec<NightPrice>,
    /// Whether the night is closed for sale.
    pub stop_sell: bool,
    /// The minimum stay of guests who arrive on this day, in nights.
    pub min_stay: u32,
    /// Whether the day is closed to arrival.
    pub closed_to_arrival: bool,
    /// Whether the day is closed to departure.
    pub closed_to_departure: bool,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Properties")]
impl Api {
    /// Get the calendar of a room type
    #[oai(
        path = "/properties/:property_id/room-types/:room_type_id/calendar",
        method = "get",
        operation_id = "getCalendar"
    )]
    async fn get(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The property
        property_id: Path<String>,
        /// The room type
        room_type_id: Path<String>,
        /// The first night
        from: Parameter<edge::Date>,
        /// The last night, included
        to: Parameter<edge::Date>,
    ) -> Result<SerdeJson<Page<CalendarNight>>, ApiError> {
        let (hotel, room_type) = ids(&property_id, &room_type_id)?;
        let nights = Nights { from: rest::contract_date(from.0), to: rest::contract_date(to.0) };
        let nights = self.0.call(&caller.call(), GetCalendar { hotel, room_type, nights }).await?;
        Ok(SerdeJson(Page::single(nights.into_iter().map(CalendarNight::from).collect())))
    }

    /// Set rates, inventory or restrictions for a range of nights
    ///
    /// Applies to all nights or to none. An inventory below the rooms held and sold is refused; the problem names the night.
    #[oai(
        path = "/properties/:property_id/room-types/:room_type_id/calendar",
        method = "put",
        operation_id = "setCalendar"
    )]
    async fn put(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The property
        property_id: Path<String>,
        /// The room type
        room_type_id: Path<String>,
        change: MergePatch<CalendarChange>,
    ) -> Result<NoContent, ApiError> {
        let (hotel, room_type) = ids(&property_id, &room_type_id)?;
        let change = change.0;
        let nights = Nights { from: rest::contract_date(change.from), to: rest::contract_date(change.to) };
        let mut prices = Vec::new();
        for (index, price) in change.prices.unwrap_or_default().into_iter().enumerate() {
            let plan = rest::id_in_body::<RatePlanId>(
                &price.rate_plan_id,
                &format!("/prices/{index}/rate_plan_id"),
            )?;
            prices.push((plan, price.amount));
        }
        let rooms = match change.rooms {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(rooms) => Some(Some(rooms)),
        };
        let change = reservations::CalendarChange {
            rooms,
            prices,
            stop_sell: change.stop_sell,
            min_stay: change.min_stay,
            closed_to_arrival: change.closed_to_arrival,
            closed_to_departure: change.closed_to_departure,
        };
        self.0.call(&caller.call(), SetCalendar { hotel, room_type, nights, change }).await?;
        Ok(NoContent)
    }
}

impl From<contracts::reservations::CalendarNight> for CalendarNight {
    fn from((date, night, prices): contracts::reservations::CalendarNight) -> Self {
        let price = |(plan, amount): (RatePlanId, i64)| NightPrice { rate_plan_id: plan.to_string(), amount };
        Self {
            date: rest::date(date),
            rooms: night.rooms,
            taken: night.taken,
            prices: prices.into_iter().map(price).collect(),
            stop_sell: night.stop_sell,
            min_stay: night.min_stay.into(),
            closed_to_arrival: night.closed_to_arrival,
            closed_to_departure: night.closed_to_departure,
        }
    }
}

fn ids(property: &str, room_type: &str) -> Result<(HotelId, RoomTypeId), ApiError> {
    Ok((rest::id_in_path(property)?, rest::id_in_path(room_type)?))
}
