//! Rates, inventory and restrictions by night.

use contracts::reservations::{self, Answer, Command, Nights, Query};
use contracts::{HotelId, RatePlanId, RoomTypeId};
use edge::{ApiError, Json, NoContent, Page, SerdeJson, SignedIn};
use poem_openapi::param::{Path, Query as Parameter};
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use serde::Serialize;

use super::{Shared, Tag, unexpected};

pub(super) struct Api(pub Shared);

/// A price of a rate plan.
#[derive(Debug, Clone, Object)]
struct PriceChange {
    /// The rate plan.
    #[oai(validator(max_length = 40))]
    rate_plan_id: String,
    /// Minor units for a room and a night; null: the season's price again.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    amount: Option<i64>,
}

/// What to set for each night of a range. What is left out stays.
#[derive(Debug, Object)]
struct CalendarChange {
    /// The first night.
    from: edge::Date,
    /// The last night, included.
    to: edge::Date,
    /// How many rooms there are; null: the room type's own number again.
    #[oai(validator(minimum(value = "0"), maximum(value = "100000")))]
    rooms: MaybeUndefined<u32>,
    /// Prices.
    #[oai(validator(max_items = 20))]
    prices: Option<Vec<PriceChange>>,
    /// Whether nothing is sold.
    stop_sell: Option<bool>,
    /// The shortest stay for guests who arrive on these days, in nights.
    #[oai(validator(minimum(value = "0"), maximum(value = "60")))]
    min_stay: Option<u8>,
    /// Whether nobody may arrive on these days.
    closed_to_arrival: Option<bool>,
    /// Whether nobody may leave on these days.
    closed_to_departure: Option<bool>,
}

/// A price of a rate plan.
#[derive(Debug, Clone, Object, Serialize)]
pub struct NightPrice {
    /// The rate plan.
    pub rate_plan_id: String,
    /// Minor units for a room.
    pub amount: i64,
}

/// A night of a room type.
#[derive(Debug, Clone, Object, Serialize)]
pub struct CalendarNight {
    /// The day on which it begins.
    pub date: edge::Date,
    /// How many rooms there are, where it is not the room type's own number.
    pub rooms: Option<u32>,
    /// How many are held or sold.
    pub taken: u32,
    /// What it costs.
    pub prices: Vec<NightPrice>,
    /// Whether nothing is sold.
    pub stop_sell: bool,
    /// The shortest stay for guests who arrive, in nights.
    pub min_stay: u32,
    /// Whether nobody may arrive.
    pub closed_to_arrival: bool,
    /// Whether nobody may leave.
    pub closed_to_departure: bool,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Properties")]
impl Api {
    /// Nights of a room type
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
        match self.0.query(&caller.call(), Query::Calendar { hotel, room_type, nights }).await? {
            Answer::Calendar(nights) => {
                Ok(SerdeJson(Page::single(nights.into_iter().map(CalendarNight::from).collect())))
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Set rates, inventory or restrictions for a range of nights
    ///
    /// For all of them or none: inventory below what is held and sold is refused, naming the night.
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
        change: Json<CalendarChange>,
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
        self.0.command(&caller.call(), Command::SetCalendar { hotel, room_type, nights, change }).await?;
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
