//! The queries. Each reads one consistent state.

mod calendar;
mod day_list;
mod list;
mod offers;

use contracts::payments::{NotPayable, Payable};
use contracts::reservations::{
    Answer, BookingLink, GetGuestContact, GetHotel, GetManagedHotel, GetPayable, GetReservation,
    GetReservationByLink, GuestContact, ListManagedHotels, ManagedHotel, PaymentState, Query, Refusal,
    Reservation, Status,
};
use contracts::{HotelId, HotelProfile, ReservationId, managed_hotels, manages_all_hotels};
use group::View;
use protocol::Principal;

use crate::booking_links;
use crate::payable::payable;
use crate::state::{HOTELS, HotelRow, RESERVATIONS};
use crate::{Reservations, access};

/// How many earlier links are recognized as replaced, so that a request costs little.
const EARLIER_LINKS_CHECKED: u32 = 32;

pub(crate) fn dispatch(
    service: &Reservations,
    view: &View<'_>,
    caller: &Principal,
    query: Query,
) -> Result<Answer, Refusal> {
    Ok(match query {
        Query::GetHotel(request) => get_hotel(view, &request)?.into(),
        Query::GetManagedHotel(request) => get_managed_hotel(view, caller, &request)?.into(),
        Query::ListManagedHotels(request) => list_managed_hotels(view, caller, &request).into(),
        Query::GetOffers(request) => offers::get_offers(view, &request)?.into(),
        Query::GetReservation(request) => get_reservation(view, caller, &request)?.into(),
        Query::GetReservationByLink(request) => get_reservation_by_link(service, view, &request)?.into(),
        Query::ListReservations(request) => list::list_reservations(view, caller, &request)?.into(),
        Query::GetPayable(request) => get_payable(view, caller, &request)?.into(),
        Query::GetCalendar(request) => calendar::get_calendar(view, caller, &request)?.into(),
        Query::GetDayList(request) => day_list::get_day_list(view, caller, &request)?.into(),
        Query::GetGuestContact(request) => get_guest_contact(view, caller, &request)?.into(),
    })
}

fn get_hotel(view: &View<'_>, request: &GetHotel) -> Result<HotelProfile, Refusal> {
    Ok(HotelProfile { email: None, ..hotel(view, request.hotel)?.hotel })
}

fn get_managed_hotel(
    view: &View<'_>,
    caller: &Principal,
    request: &GetManagedHotel,
) -> Result<ManagedHotel, Refusal> {
    let row = hotel(view, request.hotel)?;
    if caller.as_service() != Some("reservations") {
        access::require_manager(caller, request.hotel)?;
    }
    Ok(row.into())
}

/// All hotels for callers who manage all of them; for others the hotels that their token names.
fn list_managed_hotels(
    view: &View<'_>,
    caller: &Principal,
    request: &ListManagedHotels,
) -> Vec<ManagedHotel> {
    let limit = request.limit.clamp(1, 101) as usize;
    if manages_all_hotels(caller) {
        let after = request.after.unwrap_or(HotelId(0));
        // The empty tuple is a prefix of every key.
        let rows = view.scan_after(&HOTELS, &(), &after, false).take(limit);
        return rows.map(|(_, row)| row.into()).collect();
    }
    let rest =
        managed_hotels(caller).into_iter().filter(|hotel| request.after.is_none_or(|after| *hotel > after));
    rest.filter_map(|hotel| view.get(&HOTELS, &hotel)).take(limit).map(HotelRow::into).collect()
}

fn get_reservation(
    view: &View<'_>,
    caller: &Principal,
    request: &GetReservation,
) -> Result<Reservation, Refusal> {
    visible(view, caller, request.reservation)
}

fn get_reservation_by_link(
    service: &Reservations,
    view: &View<'_>,
    request: &GetReservationByLink,
) -> Result<Reservation, Refusal> {
    let found = reservation(view, request.reservation).ok_or(Refusal::NoSuchReservation)?;
    let is_tag_of = |number| {
        let link = BookingLink { reservation: found.id, number };
        booking_links::verify(&service.links, link, &request.tag)
    };
    if is_tag_of(found.link) {
        return Ok(found);
    }
    // Only whoever has had a valid link learns that there is a newer one.
    let earlier = found.link.saturating_sub(EARLIER_LINKS_CHECKED)..found.link;
    if earlier.rev().any(is_tag_of) { Err(Refusal::LinkReplaced) } else { Err(Refusal::NoSuchReservation) }
}

/// How to reach the guest. Staff is not told the link: what they do, they do in their own name.
fn get_guest_contact(
    view: &View<'_>,
    caller: &Principal,
    request: &GetGuestContact,
) -> Result<GuestContact, Refusal> {
    let found = visible(view, caller, request.reservation)?;
    if !access::has_guest_rights(caller, &found) && !access::mails_guests(caller) {
        return Err(Refusal::NotTheGuest);
    }
    let link = found.link();
    Ok(GuestContact { name: found.guest.name, email: found.guest.email, link })
}

fn get_payable(view: &View<'_>, caller: &Principal, request: &GetPayable) -> Result<Payable, Refusal> {
    let reservation = visible(view, caller, request.reservation)?;
    if reservation.quote.total == 0 {
        return Err(Refusal::NotPayable(NotPayable::NothingDue));
    }
    match (reservation.status, &reservation.payment) {
        (Status::Held, PaymentState::Open(_)) => Err(Refusal::NotPayable(NotPayable::PaymentOpen)),
        (Status::Held, _) => Ok(payable(&reservation, &hotel(view, reservation.hotel())?.hotel)),
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

fn hotel(view: &View<'_>, id: HotelId) -> Result<HotelRow, Refusal> {
    view.get(&HOTELS, &id).ok_or(Refusal::NoSuchHotel)
}

fn reservation(view: &View<'_>, id: ReservationId) -> Option<Reservation> {
    view.get(&RESERVATIONS, &id).map(Reservation::from)
}

/// The reservation, if the caller may see it.
fn visible(view: &View<'_>, caller: &Principal, id: ReservationId) -> Result<Reservation, Refusal> {
    let found = reservation(view, id).filter(|found| access::may_see(caller, found));
    found.ok_or(Refusal::NoSuchReservation)
}
