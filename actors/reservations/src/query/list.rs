//! Lists of reservations: a shard's part of a page. See `contracts::reservations::merge` for the whole.

use contracts::reservations::{ListBy, ListReservations, Position, Refusal, Reservation, ReservationPage};
use contracts::{Date, HotelId, ReservationId};
use group::View;
use protocol::Principal;

use super::reservation_of;
use crate::access;
use crate::state::{BY_HOTEL, BY_OWNER, BY_REFERENCE, short};

/// Reservations looked at for one page. No turn is applied meanwhile, so this keeps a page to a few milliseconds; a page
/// that ends here is short and says where to go on.
pub(super) const LOOKED_AT_MAX: usize = 1_000;

pub(super) fn list(
    view: &View<'_>,
    caller: &Principal,
    listing: &ListReservations,
) -> Result<ReservationPage, Refusal> {
    match listing.by {
        ListBy::Owner => Ok(callers(view, caller, listing)),
        ListBy::Hotel(hotel) => {
            access::require_manager(caller, hotel)?;
            Ok(hotels(view, hotel, listing))
        }
    }
}

fn callers(view: &View<'_>, caller: &Principal, listing: &ListReservations) -> ReservationPage {
    let owner = caller.effective_subject();
    if owner.is_empty() {
        return ReservationPage { items: Vec::new(), scanned_to: None };
    }
    let hashed = short(owner);
    let mine = |reservation: &Reservation| reservation.owner == owner;
    let after = listing.after.unwrap_or(Position { rank: 0, reservation: ReservationId(0) });
    let place = |rank, reservation| Position { rank, reservation };
    match &listing.reference {
        Some(reference) => {
            let part = (hashed, short(reference));
            let after = (part.0, part.1, after.rank, after.reservation);
            let rows = view.scan_after(&BY_REFERENCE, &part, &after, false);
            page(view, rows.map(|((_, _, rank, id), ())| place(rank, id)), listing, mine)
        }
        None => {
            let after = (hashed, after.rank, after.reservation);
            let part = (hashed,);
            let rows = view.scan_after(&BY_OWNER, &part, &after, false);
            page(view, rows.map(|((_, rank, id), ())| place(rank, id)), listing, mine)
        }
    }
}

fn hotels(view: &View<'_>, hotel: HotelId, listing: &ListReservations) -> ReservationPage {
    // Behind every reservation of the day before the first.
    let first = listing.check_in_from.map(|from| place_of(from.plus_days(-1), ReservationId(u128::MAX)));
    let after = listing.after.max(first);
    let last = listing.check_in_to.unwrap_or(Date(i32::MAX));
    let after =
        after.map_or((hotel, Date(i32::MIN), ReservationId(0)), |at| (hotel, day_of(at), at.reservation));
    let part = (hotel,);
    let rows =
        view.scan_after(&BY_HOTEL, &part, &after, false).take_while(|((_, date, _), ())| *date <= last);
    page(view, rows.map(|((_, date, id), ())| place_of(date, id)), listing, |_| true)
}

fn page(
    view: &View<'_>,
    places: impl Iterator<Item = Position>,
    listing: &ListReservations,
    mine: impl Fn(&Reservation) -> bool,
) -> ReservationPage {
    let limit = listing.limit.clamp(1, 100) as usize;
    let mut items = Vec::new();
    for (looked_at, place) in (1..).zip(places) {
        if let Some(found) =
            reservation_of(view, place.reservation).filter(|found| mine(found) && fits(found, listing))
        {
            items.push((place, found));
        }
        if items.len() == limit || looked_at == LOOKED_AT_MAX {
            return ReservationPage { items, scanned_to: Some(place) };
        }
    }
    ReservationPage { items, scanned_to: None }
}

fn fits(reservation: &Reservation, listing: &ListReservations) -> bool {
    let check_in = reservation.stay().check_in();
    listing.status.is_none_or(|status| reservation.status == status)
        && listing.check_in_from.is_none_or(|from| check_in >= from)
        && listing.check_in_to.is_none_or(|to| check_in <= to)
        && listing.updated_since.is_none_or(|since| reservation.updated_at >= since)
        && listing
            .reference
            .as_ref()
            .is_none_or(|reference| reservation.reference.as_ref() == Some(reference))
}

/// Where a reservation stands in a hotel's list.
pub(super) fn place_of(date: Date, reservation: ReservationId) -> Position {
    Position { rank: (i64::from(date.0) - i64::from(i32::MIN)).unsigned_abs(), reservation }
}

fn day_of(position: Position) -> Date {
    let days = i64::try_from(position.rank).unwrap_or(i64::MAX).saturating_add(i64::from(i32::MIN));
    Date(i32::try_from(days).unwrap_or(i32::MAX))
}
