//! The invariants: each is a function that returns its violations. Unit tests, the simulation and `auberge check` call them.

use std::collections::BTreeMap;

use contracts::reservations::{PaymentState, Reservation, Status, TimelineEvent};
use contracts::{Date, RoomTypeId};
use group::View;

use crate::chunk::night_at;
use crate::state::{
    ADMISSIONS, BY_HOTEL, BY_OWNER, CALENDAR, COUNTERS, RESERVATIONS, ROOMS, rank, short_hash,
};
use crate::zone;

/// The violations of all invariants.
pub fn all(view: &View<'_>) -> Vec<String> {
    let checks = [
        never_more_rooms_taken_than_exist,
        rooms_taken_are_those_of_live_reservations,
        confirmed_implies_paid,
        held_implies_an_expiry_time,
        a_departure_date_and_a_due_refund_fit_the_status,
        counters_are_the_sums_of_admissions,
        timelines_are_ordered,
        every_reservation_is_in_its_indices,
        links_are_numbered_from_one,
    ];
    checks.into_iter().flat_map(|check| check(view)).collect()
}

/// For each room type and each night from the hotel's current date on, the rooms held and sold do not exceed the inventory.
/// (The inventory of past nights may be reduced.)
pub fn never_more_rooms_taken_than_exist(view: &View<'_>) -> Vec<String> {
    let mut violations = Vec::new();
    for ((room_type, chunk), row) in view.all(&CALENDAR) {
        let Some(facts) = view.get(&ROOMS, &room_type) else {
            violations.push(format!("{room_type} has a calendar but no hotel"));
            continue;
        };
        let today = zone::today(&facts.time_zone, view.now());
        for index in 0..32 {
            let (night, taken, rooms) = (night_at(chunk, index), row.taken(index), row.rooms(index));
            let rooms = rooms.unwrap_or(facts.rooms);
            if night >= today && taken > rooms {
                violations.push(format!("{room_type} on {night}: {taken} rooms taken of {rooms}"));
            }
        }
    }
    violations
}

/// The rooms taken in the calendar equal the rooms of live reservations.
pub fn rooms_taken_are_those_of_live_reservations(view: &View<'_>) -> Vec<String> {
    let mut nights: BTreeMap<(RoomTypeId, Date), i64> = BTreeMap::new();
    for reservation in reservations(view).filter(|reservation| reservation.status.takes_rooms()) {
        for night in reservation.taken_nights() {
            *nights.entry((reservation.room_type(), night)).or_default() +=
                i64::from(reservation.quote.rooms);
        }
    }
    for ((room_type, chunk), row) in view.all(&CALENDAR) {
        for index in 0..32 {
            *nights.entry((room_type, night_at(chunk, index))).or_default() -= i64::from(row.taken(index));
        }
    }
    let violation = |((room_type, night), more): ((RoomTypeId, Date), i64)| {
        format!("{room_type} on {night}: reservations take {more} rooms more than the calendar has")
    };
    nights.into_iter().filter(|(_, more)| *more != 0).map(violation).collect()
}

/// A reservation that is confirmed, checked in, checked out or a no-show is paid in full, without a payment if its total is 0;
/// a hold is not paid, and has something to pay.
pub fn confirmed_implies_paid(view: &View<'_>) -> Vec<String> {
    let unpaid = |reservation: &Reservation| match reservation.status {
        Status::Confirmed | Status::CheckedIn | Status::CheckedOut | Status::NoShow => {
            reservation.paid() != reservation.quote.total
                || (reservation.quote.total > 0) != matches!(reservation.payment, PaymentState::Paid { .. })
        }
        Status::Held => {
            reservation.quote.total == 0 || matches!(reservation.payment, PaymentState::Paid { .. })
        }
        Status::Expired | Status::Cancelled => false,
    };
    reservations(view)
        .filter(unpaid)
        .map(|found| format!("{} is {} and not paid correctly", found.id, found.status.as_str()))
        .collect()
}

/// A hold has an expiry time, and no other reservation has one.
pub fn held_implies_an_expiry_time(view: &View<'_>) -> Vec<String> {
    let wrong = |found: &Reservation| (found.status == Status::Held) != found.hold_expires_at.is_some();
    reservations(view)
        .filter(wrong)
        .map(|found| format!("{}: an expiry time is missing or superfluous", found.id))
        .collect()
}

/// Only a checked-out reservation has a departure date, which is not before check-in. Only a no-show has a due refund.
pub fn a_departure_date_and_a_due_refund_fit_the_status(view: &View<'_>) -> Vec<String> {
    let wrong = |found: &Reservation| {
        (found.status == Status::CheckedOut) != found.departed_on.is_some()
            || found.departed_on.is_some_and(|date| date < found.stay().check_in())
            || (found.refund_due_at.is_some() && found.status != Status::NoShow)
    };
    reservations(view)
        .filter(wrong)
        .map(|found| {
            format!("{}: departure date or due refund do not fit {}", found.id, found.status.as_str())
        })
        .collect()
}

/// A counter of holds or rooms is the sum of the admissions that count for it.
pub fn counters_are_the_sums_of_admissions(view: &View<'_>) -> Vec<String> {
    let mut sums: BTreeMap<u128, i64> = BTreeMap::new();
    for (_, row) in view.all(&ADMISSIONS) {
        for (key, amount) in row
            .owner
            .into_iter()
            .map(|key| (key, 1))
            .chain(row.addresses.into_iter().map(|key| (key, i64::from(row.rooms))))
        {
            *sums.entry(key).or_default() += amount;
        }
    }
    for (key, row) in view.all(&COUNTERS) {
        *sums.entry(key).or_default() -= i64::from(row.amount);
    }
    sums.into_iter()
        .filter(|(_, more)| *more != 0)
        .map(|(key, more)| format!("the hold counter {key:032x} lacks {more} of what is admitted"))
        .collect()
}

/// Timelines are in the order of time, from creation to the last change.
pub fn timelines_are_ordered(view: &View<'_>) -> Vec<String> {
    let wrong = |found: &Reservation| {
        let times: Vec<_> = found.timeline.iter().map(|(at, _)| *at).collect();
        !times.is_sorted()
            || times.first() != Some(&found.created_at)
            || times.last() > Some(&found.updated_at)
    };
    reservations(view)
        .filter(wrong)
        .map(|found| format!("the timeline of {} is not in the order of time", found.id))
        .collect()
}

/// Each reservation is in the index of its owner and, once it is confirmed, of its hotel.
pub fn every_reservation_is_in_its_indices(view: &View<'_>) -> Vec<String> {
    let missing = |found: &Reservation| {
        let by_owner = view.has(&BY_OWNER, &(short_hash(&found.owner), rank(found.created_at), found.id));
        let by_hotel = view.has(&BY_HOTEL, &(found.hotel(), found.stay().check_in(), found.id));
        let guest = matches!(
            found.status,
            Status::Confirmed | Status::CheckedIn | Status::CheckedOut | Status::NoShow
        );
        !by_owner || (guest && !by_hotel)
    };
    reservations(view).filter(missing).map(|found| format!("{} is missing in an index", found.id)).collect()
}

/// The first link of a reservation has the number 1, and each event that replaced it raised the number.
pub fn links_are_numbered_from_one(view: &View<'_>) -> Vec<String> {
    let wrong = |found: &Reservation| {
        let replaced =
            found.timeline.iter().filter(|(_, event)| *event == TimelineEvent::LinkReplaced).count();
        // Long timelines do not contain all events.
        (found.link as usize) < replaced + 1
    };
    reservations(view)
        .filter(wrong)
        .map(|found| format!("{}: its link has no valid number", found.id))
        .collect()
}

fn reservations<'a>(view: &'a View<'_>) -> impl Iterator<Item = Reservation> + 'a {
    view.all(&RESERVATIONS).map(|(_, row)| Reservation::from(row))
}
