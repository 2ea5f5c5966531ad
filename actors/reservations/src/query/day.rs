//! Who comes to a hotel on a day, who leaves, who sleeps there.

use contracts::reservations::{DayList, Reservation, ReservationPage};
use contracts::{Date, HotelId, ReservationId, Stay};
use group::View;

use super::list::{LOOKED_AT_MAX, place_of};
use super::reservation_of;
use crate::state::BY_HOTEL;

pub(super) fn day(view: &View<'_>, hotel: HotelId, date: Date, list: DayList) -> ReservationPage {
    // Whoever is there on a day arrived at most the longest stay before.
    let first = match list {
        DayList::Arrivals => date,
        DayList::Departures | DayList::InHouse => date.plus_days(-Stay::NIGHTS_MAX),
    };
    let after = (hotel, first.plus_days(-1), ReservationId(u128::MAX));
    let part = (hotel,);
    let rows = view.scan_after(&BY_HOTEL, &part, &after, false).take_while(|((_, day, _), ())| *day <= date);
    let found = rows.filter_map(|((_, day, id), ())| Some((place_of(day, id), reservation_of(view, id)?)));
    let items = found.filter(|(_, found)| found.status.takes_rooms() && counts(found, date, list));
    ReservationPage { items: items.take(LOOKED_AT_MAX).collect(), scanned_to: None }
}

fn counts(reservation: &Reservation, date: Date, list: DayList) -> bool {
    let stay = reservation.stay();
    match list {
        DayList::Arrivals => stay.check_in() == date,
        DayList::Departures => stay.check_out() == date,
        DayList::InHouse => stay.check_in() <= date && date < stay.check_out(),
    }
}
