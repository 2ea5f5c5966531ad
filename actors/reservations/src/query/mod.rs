//! Answers, each from one consistent point.

mod calendar;
mod day;
mod list;
mod offers;
mod payable;

pub(crate) use payable::{payable, room};

use contracts::payments::NotPayable;
use contracts::reservations::{Answer, ManagedHotel, PaymentState, Query, Refusal, Reservation, Status};
use contracts::{HotelId, ReservationId};
use group::View;
use protocol::Principal;

use crate::state::{HOTELS, HotelRow, RESERVATIONS};
use crate::{Reservations, access};

pub(crate) fn answer(
    service: &Reservations,
    view: &View<'_>,
    caller: &Principal,
    query: Query,
) -> Result<Answer, Refusal> {
    match query {
        Query::Hotel(id) => {
            let mut hotel = hotel(view, id)?.hotel;
            hotel.email = None;
            Ok(Answer::Hotel(hotel))
        }
        Query::ManagedHotel(id) => {
            let trusted = caller.as_service() == Some("reservations");
            let row = hotel(view, id)?;
            if !trusted {
                access::require_manager(caller, id)?;
            }
            Ok(Answer::ManagedHotel(Box::new(property(row))))
        }
        Query::ManagedHotels { after, limit } => {
            Ok(Answer::ManagedHotels(properties(view, caller, after, limit)))
        }
        Query::Offers { hotel, stay, guests, rooms } => {
            offers::offers(view, hotel, stay, guests, rooms).map(Answer::Offers)
        }
        Query::Reservation(id) => found(callers(view, caller, id)?),
        Query::ByLink { reservation, tag } => {
            if !service.links.verify(&[&reservation.to_string()], &tag) {
                return Err(Refusal::NoSuchReservation);
            }
            found(reservation_of(view, reservation).ok_or(Refusal::NoSuchReservation)?)
        }
        Query::Reservations(listing) => list::list(view, caller, &listing).map(Answer::Reservations),
        Query::Payable(id) => {
            let reservation = callers(view, caller, id)?;
            match (reservation.status, &reservation.payment) {
                (Status::Held, PaymentState::Open(_)) => Err(Refusal::NotPayable(NotPayable::PaymentOpen)),
                (Status::Held, _) => {
                    let hotel = hotel(view, reservation.hotel())?.hotel;
                    Ok(Answer::Payable(Box::new(payable(&reservation, &hotel))))
                }
                (
                    Status::Confirmed
                    | Status::CheckedIn
                    | Status::CheckedOut
                    | Status::Expired
                    | Status::Cancelled
                    | Status::NoShow,
                    _,
                ) => Err(Refusal::NotPayable(NotPayable::NotHeld)),
            }
        }
        Query::Calendar { hotel, room_type, nights } => {
            access::require_manager(caller, hotel)?;
            calendar::calendar(view, hotel, room_type, nights).map(Answer::Calendar)
        }
        Query::HotelDay { hotel, date, list } => {
            access::require_manager(caller, hotel)?;
            Ok(Answer::Reservations(day::day(view, hotel, date, list)))
        }
    }
}

fn found(reservation: Reservation) -> Result<Answer, Refusal> {
    Ok(Answer::Reservation(Box::new(reservation)))
}

fn hotel(view: &View<'_>, id: HotelId) -> Result<HotelRow, Refusal> {
    view.get(&HOTELS, &id).ok_or(Refusal::NoSuchHotel)
}

fn property(row: HotelRow) -> ManagedHotel {
    ManagedHotel { hotel: row.hotel, version: row.version, updated_at: row.updated_at }
}

fn reservation_of(view: &View<'_>, id: ReservationId) -> Option<Reservation> {
    view.get(&RESERVATIONS, &id).map(Reservation::from)
}

fn callers(view: &View<'_>, caller: &Principal, id: ReservationId) -> Result<Reservation, Refusal> {
    let found = reservation_of(view, id).filter(|reservation| access::may_see(caller, reservation));
    found.ok_or(Refusal::NoSuchReservation)
}

/// The hotels that the caller manages: all for administrators, else those that the token is bound to.
fn properties(view: &View<'_>, caller: &Principal, after: Option<HotelId>, limit: u32) -> Vec<ManagedHotel> {
    let limit = limit.clamp(1, 101) as usize;
    if access::is_administrator(caller) {
        // The empty tuple is the beginning of every key.
        let after = after.unwrap_or(HotelId(0));
        return view
            .scan_after(&HOTELS, &(), &after, false)
            .take(limit)
            .map(|(_, row)| property(row))
            .collect();
    }
    let mut bound: Vec<HotelId> = caller.resources.iter().filter_map(|hotel| hotel.parse().ok()).collect();
    bound.sort_unstable();
    let behind = bound.into_iter().filter(|hotel| after.is_none_or(|after| *hotel > after));
    behind.filter_map(|hotel| view.get(&HOTELS, &hotel)).take(limit).map(property).collect()
}
