//! The front desk: who comes, who leaves, who stays.

use contracts::reservations::{Answer, Command, DayList, Query};
use contracts::{HotelId, ReservationId};
use edge::{ApiError, Page, SerdeJson, SignedIn, WithETag};
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query as Parameter};

use super::response::ReservationResponse;
use super::{Shared, Tag, now, reservation_of, unexpected};

pub(super) struct Api(pub Shared);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Properties")]
impl Api {
    /// Who arrives on a day
    #[oai(path = "/properties/:property_id/arrivals", method = "get", operation_id = "listArrivals")]
    async fn arrivals(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The property
        property_id: Path<String>,
        /// The day, by the hotel's calendar
        date: Parameter<edge::Date>,
    ) -> Result<SerdeJson<Page<ReservationResponse>>, ApiError> {
        self.day(&caller, &property_id, date.0, DayList::Arrivals).await
    }

    /// Who leaves on a day
    #[oai(path = "/properties/:property_id/departures", method = "get", operation_id = "listDepartures")]
    async fn departures(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The property
        property_id: Path<String>,
        /// The day, by the hotel's calendar
        date: Parameter<edge::Date>,
    ) -> Result<SerdeJson<Page<ReservationResponse>>, ApiError> {
        self.day(&caller, &property_id, date.0, DayList::Departures).await
    }

    /// Who stays for the night of a day
    #[oai(path = "/properties/:property_id/in-house", method = "get", operation_id = "listInHouse")]
    async fn in_house(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The property
        property_id: Path<String>,
        /// The day, by the hotel's calendar
        date: Parameter<edge::Date>,
    ) -> Result<SerdeJson<Page<ReservationResponse>>, ApiError> {
        self.day(&caller, &property_id, date.0, DayList::InHouse).await
    }

    /// The guest arrived
    #[oai(path = "/reservations/:reservation_id/check-in", method = "post", operation_id = "checkIn")]
    async fn check_in(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The reservation
        reservation_id: Path<String>,
    ) -> Result<WithETag<ReservationResponse>, ApiError> {
        self.step(&caller, &reservation_id, Command::CheckIn).await
    }

    /// The guest left
    #[oai(path = "/reservations/:reservation_id/check-out", method = "post", operation_id = "checkOut")]
    async fn check_out(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The reservation
        reservation_id: Path<String>,
    ) -> Result<WithETag<ReservationResponse>, ApiError> {
        self.step(&caller, &reservation_id, Command::CheckOut).await
    }

    /// Nobody came
    ///
    /// From the hour of check-in on. Costs what a cancellation costs then, and puts the rooms on sale again.
    #[oai(path = "/reservations/:reservation_id/no-show", method = "post", operation_id = "noShow")]
    async fn no_show(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The reservation
        reservation_id: Path<String>,
    ) -> Result<WithETag<ReservationResponse>, ApiError> {
        self.step(&caller, &reservation_id, Command::NoShow).await
    }
}

impl Api {
    async fn day(
        &self,
        caller: &SignedIn,
        property: &str,
        date: edge::Date,
        list: DayList,
    ) -> Result<SerdeJson<Page<ReservationResponse>>, ApiError> {
        let hotel = rest::id_in_path::<HotelId>(property)?;
        let query = Query::HotelDay { hotel, date: rest::contract_date(date), list };
        match self.0.query(&caller.call(), query).await? {
            Answer::Reservations(page) => {
                let shown = page.items.into_iter().map(|(_, found)| ReservationResponse::new(found, now()));
                Ok(SerdeJson(Page::single(shown.collect())))
            }
            other => Err(unexpected(&other)),
        }
    }

    async fn step(
        &self,
        caller: &SignedIn,
        reservation: &str,
        command: impl Fn(ReservationId) -> Command,
    ) -> Result<WithETag<ReservationResponse>, ApiError> {
        let id = rest::id_in_path::<ReservationId>(reservation)?;
        let changed = reservation_of(self.0.command(&caller.call(), command(id)).await?)?;
        Ok(WithETag::new(changed.version.into(), ReservationResponse::new(changed, now())))
    }
}
