//! Operations of the front desk: the lists of a day, check-in, check-out and no-show.

use contracts::reservations::{CheckIn, CheckOut, DayList, GetDayList, NoShow, Reservation, Reservations};
use contracts::{HotelId, ReservationId};
use edge::{ApiError, Page, SerdeJson, SignedIn, WithETag};
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query as Parameter};
use protocol::Variant;

use super::response::ReservationResponse;
use super::{Shared, Tag, now};

pub(super) struct Api(pub Shared);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Properties")]
impl Api {
    /// List the arrivals of a date
    #[oai(path = "/properties/:property_id/arrivals", method = "get", operation_id = "listArrivals")]
    async fn arrivals(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The property
        property_id: Path<String>,
        /// The hotel's local date
        date: Parameter<edge::Date>,
    ) -> Result<SerdeJson<Page<ReservationResponse>>, ApiError> {
        self.day_list(&caller, &property_id, date.0, DayList::Arrivals).await
    }

    /// List the departures of a date
    #[oai(path = "/properties/:property_id/departures", method = "get", operation_id = "listDepartures")]
    async fn departures(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The property
        property_id: Path<String>,
        /// The hotel's local date
        date: Parameter<edge::Date>,
    ) -> Result<SerdeJson<Page<ReservationResponse>>, ApiError> {
        self.day_list(&caller, &property_id, date.0, DayList::Departures).await
    }

    /// List the in-house guests of a date
    #[oai(path = "/properties/:property_id/in-house", method = "get", operation_id = "listInHouse")]
    async fn in_house(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The property
        property_id: Path<String>,
        /// The hotel's local date
        date: Parameter<edge::Date>,
    ) -> Result<SerdeJson<Page<ReservationResponse>>, ApiError> {
        self.day_list(&caller, &property_id, date.0, DayList::InHouse).await
    }

    /// Check a guest in
    #[oai(path = "/reservations/:reservation_id/check-in", method = "post", operation_id = "checkIn")]
    async fn check_in(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The reservation
        reservation_id: Path<String>,
    ) -> Result<WithETag<ReservationResponse>, ApiError> {
        self.set_status(&caller, &reservation_id, |reservation| CheckIn { reservation }).await
    }

    /// Check a guest out
    #[oai(path = "/reservations/:reservation_id/check-out", method = "post", operation_id = "checkOut")]
    async fn check_out(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The reservation
        reservation_id: Path<String>,
    ) -> Result<WithETag<ReservationResponse>, ApiError> {
        self.set_status(&caller, &reservation_id, |reservation| CheckOut { reservation }).await
    }

    /// Mark a reservation as a no-show
    ///
    /// Allowed from the hour of check-in on. Costs what a cancellation costs at that time, and releases the rooms.
    #[oai(path = "/reservations/:reservation_id/no-show", method = "post", operation_id = "noShow")]
    async fn no_show(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The reservation
        reservation_id: Path<String>,
    ) -> Result<WithETag<ReservationResponse>, ApiError> {
        self.set_status(&caller, &reservation_id, |reservation| NoShow { reservation }).await
    }
}

impl Api {
    async fn day_list(
        &self,
        caller: &SignedIn,
        property: &str,
        date: edge::Date,
        list: DayList,
    ) -> Result<SerdeJson<Page<ReservationResponse>>, ApiError> {
        let hotel = rest::id_in_path::<HotelId>(property)?;
        let request = GetDayList { hotel, date: rest::contract_date(date), list };
        let page = self.0.call(&caller.call(), request).await?;
        let items = page.items.into_iter().map(|(_, found)| ReservationResponse::new(found, now()));
        Ok(SerdeJson(Page::single(items.collect())))
    }

    async fn set_status<M>(
        &self,
        caller: &SignedIn,
        reservation: &str,
        request: impl Fn(ReservationId) -> M,
    ) -> Result<WithETag<ReservationResponse>, ApiError>
    where
        M: Variant<Contract = Reservations, Reply = Reservation>,
    {
        let id = rest::id_in_path::<ReservationId>(reservation)?;
        let changed = self.0.call(&caller.call(), request(id)).await?;
        Ok(WithETag::new(changed.version.into(), ReservationResponse::new(changed, now())))
    }
}
