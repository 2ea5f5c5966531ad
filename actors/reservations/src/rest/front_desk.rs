//! Operations of the front desk: the lists of a day, check-in, check-out, no-show, and undoing them.

use contracts::reservations::{
    CheckIn, CheckOut, DayList, DeskAction, GetDayList, NoShow, Reservation, Reservations, Undo,
};
use contracts::{HotelId, ReservationId};
use edge::{ApiError, IfMatch, Page, SerdeJson, SignedIn, WithETag};
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query as Parameter};
use protocol::Variant;

use super::response::ReservationResponse;
use super::{Shared, Tag, expected_version, now};

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

    /// List overdue arrivals
    ///
    /// For the night audit: confirmed reservations with a check-in in the 60 days before the date whose guests are neither
    /// checked in nor marked as no-shows. They stay confirmed until staff checks them in or, after the stay, out, marks them as
    /// no-shows, or cancels them.
    #[oai(
        path = "/properties/:property_id/overdue-arrivals",
        method = "get",
        operation_id = "listOverdueArrivals"
    )]
    async fn overdue_arrivals(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The property
        property_id: Path<String>,
        /// The hotel's local date
        date: Parameter<edge::Date>,
    ) -> Result<SerdeJson<Page<ReservationResponse>>, ApiError> {
        self.day_list(&caller, &property_id, date.0, DayList::Overdue).await
    }

    /// Check a guest in
    ///
    /// Allowed from the beginning of the check-in date to 11:00 on the check-out date, the hotel's local time; otherwise 409
    /// `wrong-day` with `from` and `until`.
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
    ///
    /// Before the last night it is an early departure: the nights from `departed_on` on are released. The price stays the
    /// same; refund a part with `POST /v1/payments/{payment_id}/refunds`. After the stay, a confirmed reservation can be checked
    /// out too: its check-in was not recorded.
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
    /// Allowed from 15:00 on the check-in date, the hotel's local time. Costs what a cancellation costs at that time, and
    /// releases the rooms. The rest is refunded at the end of the day, because until then the no-show can be undone.
    #[oai(path = "/reservations/:reservation_id/no-show", method = "post", operation_id = "noShow")]
    async fn no_show(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The reservation
        reservation_id: Path<String>,
    ) -> Result<WithETag<ReservationResponse>, ApiError> {
        self.set_status(&caller, &reservation_id, |reservation| NoShow { reservation }).await
    }

    /// Undo a check-in
    ///
    /// Allowed until midnight at the hotel. The reservation is confirmed again. Repeating it changes nothing.
    #[oai(path = "/reservations/:reservation_id/check-in", method = "delete", operation_id = "undoCheckIn")]
    async fn undo_check_in(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
        /// The reservation
        reservation_id: Path<String>,
    ) -> Result<WithETag<ReservationResponse>, ApiError> {
        self.undo(&caller, &reservation_id, if_match.0.as_ref(), DeskAction::CheckIn).await
    }

    /// Undo a check-out
    ///
    /// Allowed until midnight at the hotel. The guest is checked in again. Nights that an early departure released are taken
    /// again if they are free; otherwise 409 `sold-out` with the `night`, and nothing changes.
    #[oai(path = "/reservations/:reservation_id/check-out", method = "delete", operation_id = "undoCheckOut")]
    async fn undo_check_out(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
        /// The reservation
        reservation_id: Path<String>,
    ) -> Result<WithETag<ReservationResponse>, ApiError> {
        self.undo(&caller, &reservation_id, if_match.0.as_ref(), DeskAction::CheckOut).await
    }

    /// Undo a no-show
    ///
    /// Allowed until midnight at the hotel. The reservation is confirmed again, and nothing is kept or refunded. Its nights are
    /// taken again if they are free; otherwise 409 `sold-out` with the `night`, and nothing changes.
    #[oai(path = "/reservations/:reservation_id/no-show", method = "delete", operation_id = "undoNoShow")]
    async fn undo_no_show(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
        /// The reservation
        reservation_id: Path<String>,
    ) -> Result<WithETag<ReservationResponse>, ApiError> {
        self.undo(&caller, &reservation_id, if_match.0.as_ref(), DeskAction::NoShow).await
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

    async fn undo(
        &self,
        caller: &SignedIn,
        reservation: &str,
        if_match: Option<&IfMatch>,
        action: DeskAction,
    ) -> Result<WithETag<ReservationResponse>, ApiError> {
        let reservation = rest::id_in_path::<ReservationId>(reservation)?;
        let expect = expected_version(if_match)?;
        let undone = self.0.call(&caller.call(), Undo { reservation, expect, action }).await?;
        Ok(WithETag::new(undone.version.into(), ReservationResponse::new(undone, now())))
    }
}
