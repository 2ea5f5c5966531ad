//! Who comes to a hotel on a day, who leaves, who sleeps there.

use contracts::reservations::{Day, Page, Reservation};
use contracts::{Date, HotelId, ReservationId, Stay};
use group::View;

use super::list::{LOOKED_AT_MAX, place_of};
use super::reservation_of;
use crate::state::BY_HOTEL;

pub(super) fn day(view: &View<'_>, hotel: HotelId, date: Date, which: Day) -> Page {
    // Whoever is there on a day arrived at most the longest stay before.
    let first = match which {
        Day::Arrivals => date,
        Day::Departures | Day::InHouse => date.plus_days(-Stay::NIGHTS_MAX),
    };
    let after = (hotel, first.plus_days(-1), ReservationId(u128::MAX));
    let part = (hotel,);
    let rows = view.scan_after(&BY_HOTEL, &part, &after, false).take_while(|((_, day, _), ())| *day <= date);
    let found = rows.filter_map(|((_, day, id), ())| Some((place_of(day, id), reservation_of(view, id)?)));
    let items = found.filter(|(_, found)| found.status.takes_rooms() && counts(found, date, which));
    Page { items: items.take(LOOKED_AT_MAX).collect(), looked_to: None }
}

fn counts(reservation: &Reservation, date: Date, which: Day) -> bool {
    let stay = reservation.stay();
    match which {
        Day::Arrivals => stay.check_in() == date,
        Day::Departures => stay.check_out() == date,
        Day::InHouse => stay.check_in() <= date && date < stay.check_out(),
    }
}
