//! Ownership of reservations and hotels. Scopes are already checked by the contract.

use contracts::HotelId;
pub(crate) use contracts::manages_hotel as manages;
use contracts::reservations::{BookingLink, Refusal, Reservation};
use protocol::Principal;

/// Refuses callers who do not manage this hotel.
pub(crate) fn require_manager(caller: &Principal, hotel: HotelId) -> Result<(), Refusal> {
    if manages(caller, hotel) { Ok(()) } else { Err(Refusal::NotYourHotel) }
}

/// Whether the caller may see and change a reservation: whoever has the guest's rights, staff of its hotel, administrators,
/// and services that mail the guest.
pub(crate) fn may_see(caller: &Principal, reservation: &Reservation) -> bool {
    has_guest_rights(caller, reservation) || mails_guests(caller) || manages(caller, reservation.hotel())
}

/// Whether the caller has the guest's rights: the owner, and the bearer of the valid secret link.
pub(crate) fn has_guest_rights(caller: &Principal, reservation: &Reservation) -> bool {
    let owns = !caller.is_anonymous() && caller.effective_subject() == reservation.owner;
    owns || BookingLink::of_caller(caller) == Some(reservation.link())
}

/// Whether the caller is a service, in its own name, that mails guests: `payments` receipts, `reservations` confirmations.
pub(crate) fn mails_guests(caller: &Principal) -> bool {
    caller.on_behalf_of.is_none() && matches!(caller.as_service(), Some("payments" | "reservations"))
}
