//! The arrivals, departures and in-house guests of a hotel on a date.

use contracts::reservations::{DayList, GetDayList, Refusal, Reservation, ReservationPage, Status};
use contracts::{Date, ReservationId, Stay};
use group::View;
use protocol::Principal;

use super::list::{SCANNED_MAX, position_by_check_in};
use super::reservation;
use crate::access;
use crate::state::BY_HOTEL;

pub(super) fn get_day_list(
    view: &View<'_>,
    caller: &Principal,
    request: &GetDayList,
) -> Result<ReservationPage, Refusal> {
    let GetDayList { hotel, date, list } = *request;
    access::require_manager(caller, hotel)?;
    // Guests who are in the hotel on a date arrived at most the longest stay before.
    let first = match list {
        DayList::Arrivals => date,
        DayList::Departures | DayList::InHouse | DayList::Overdue => date.plus_days(-Stay::NIGHTS_MAX),
    };
    let after = (hotel, first.plus_days(-1), ReservationId(u128::MAX));
    let prefix = (hotel,);
    let rows =
        view.scan_after(&BY_HOTEL, &prefix, &after, false).take_while(|((_, day, _), ())| *day <= date);
    let found =
        rows.filter_map(|((_, day, id), ())| Some((position_by_check_in(day, id), reservation(view, id)?)));
    let items = found.filter(|(_, found)| found.status.takes_rooms() && is_listed(found, date, list));
    Ok(ReservationPage { items: items.take(SCANNED_MAX).collect(), scanned_to: None })
}

fn is_listed(reservation: &Reservation, date: Date, list: DayList) -> bool {
    let (check_in, departure) = (reservation.stay().check_in(), reservation.departure());
    match list {
        DayList::Arrivals => check_in == date,
        DayList::Departures => departure == date,
        DayList::InHouse => check_in <= date && date < departure,
        DayList::Overdue => check_in < date && reservation.status == Status::Confirmed,
    }
}
