//! Lists of reservations: one shard's part of a page. `contracts::reservations::merge_pages` joins the parts.

use contracts::reservations::{ListBy, ListReservations, Position, Refusal, Reservation, ReservationPage};
use contracts::{Date, HotelId, ReservationId};
use group::View;
use protocol::Principal;

use super::reservation;
use crate::access;
use crate::state::{BY_HOTEL, BY_OWNER, BY_REFERENCE, short_hash};

/// The most reservations that are scanned for one page. No turn is applied during a query, so this bound keeps a page to a
/// few milliseconds. A page that ends here is short and has a next page.
pub(super) const SCANNED_MAX: usize = 1_000;

pub(super) fn list_reservations(
    view: &View<'_>,
    caller: &Principal,
    request: &ListReservations,
) -> Result<ReservationPage, Refusal> {
    match request.by {
        ListBy::Owner => Ok(by_owner(view, caller, request)),
        ListBy::Hotel(hotel) => {
            access::require_manager(caller, hotel)?;
            Ok(by_hotel(view, hotel, request))
        }
    }
}

fn by_owner(view: &View<'_>, caller: &Principal, request: &ListReservations) -> ReservationPage {
    let owner = caller.effective_subject();
    if owner.is_empty() {
        return ReservationPage { items: Vec::new(), scanned_to: None };
    }
    let owner_hash = short_hash(owner);
    let is_owned = |reservation: &Reservation| reservation.owner == owner;
    let after = request.after.unwrap_or(Position { rank: 0, reservation: ReservationId(0) });
    let position = |rank, reservation| Position { rank, reservation };
    match &request.reference {
        Some(reference) => {
            let prefix = (owner_hash, short_hash(reference));
            let after = (prefix.0, prefix.1, after.rank, after.reservation);
            let rows = view.scan_after(&BY_REFERENCE, &prefix, &after, false);
            page(view, rows.map(|((_, _, rank, id), ())| position(rank, id)), request, is_owned)
        }
        None => {
            let after = (owner_hash, after.rank, after.reservation);
            let prefix = (owner_hash,);
            let rows = view.scan_after(&BY_OWNER, &prefix, &after, false);
            page(view, rows.map(|((_, rank, id), ())| position(rank, id)), request, is_owned)
        }
    }
}

fn by_hotel(view: &View<'_>, hotel: HotelId, request: &ListReservations) -> ReservationPage {
    // After every reservation of the day before the first.
    let first =
        request.check_in_from.map(|from| position_by_check_in(from.plus_days(-1), ReservationId(u128::MAX)));
    let after = request.after.max(first);
    let last = request.check_in_to.unwrap_or(Date(i32::MAX));
    let after = after
        .map_or((hotel, Date(i32::MIN), ReservationId(0)), |at| (hotel, check_in_of(at), at.reservation));
    let prefix = (hotel,);
    let rows =
        view.scan_after(&BY_HOTEL, &prefix, &after, false).take_while(|((_, date, _), ())| *date <= last);
    page(view, rows.map(|((_, date, id), ())| position_by_check_in(date, id)), request, |_| true)
}

fn page(
    view: &View<'_>,
    positions: impl Iterator<Item = Position>,
    request: &ListReservations,
    is_visible: impl Fn(&Reservation) -> bool,
) -> ReservationPage {
    let limit = request.limit.clamp(1, 100) as usize;
    let mut items = Vec::new();
    for (scanned, position) in (1..).zip(positions) {
        if let Some(found) = reservation(view, position.reservation)
            .filter(|found| is_visible(found) && matches_filters(found, request))
        {
            items.push((position, found));
        }
        if items.len() == limit || scanned == SCANNED_MAX {
            return ReservationPage { items, scanned_to: Some(position) };
        }
    }
    ReservationPage { items, scanned_to: None }
}

fn matches_filters(reservation: &Reservation, request: &ListReservations) -> bool {
    let check_in = reservation.stay().check_in();
    request.status.is_none_or(|status| reservation.status == status)
        && request.check_in_from.is_none_or(|from| check_in >= from)
        && request.check_in_to.is_none_or(|to| check_in <= to)
        && request.updated_since.is_none_or(|since| reservation.updated_at >= since)
        && request
            .reference
            .as_ref()
            .is_none_or(|reference| reservation.reference.as_ref() == Some(reference))
}

/// The position of a reservation in a hotel's list.
pub(super) fn position_by_check_in(date: Date, reservation: ReservationId) -> Position {
    Position { rank: (i64::from(date.0) - i64::from(i32::MIN)).unsigned_abs(), reservation }
}

fn check_in_of(position: Position) -> Date {
    let days = i64::try_from(position.rank).unwrap_or(i64::MAX).saturating_add(i64::from(i32::MIN));
    Date(i32::try_from(days).unwrap_or(i32::MAX))
}
