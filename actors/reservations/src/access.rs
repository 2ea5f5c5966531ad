//! Ownership of reservations and hotels. Scopes are already checked by the contract.

use contracts::HotelId;
pub(crate) use contracts::manages_hotel as manages;
use contracts::reservations::{Refusal, Reservation};
use protocol::Principal;

/// Refuses callers who do not manage this hotel.
pub(crate) fn require_manager(caller: &Principal, hotel: HotelId) -> Result<(), Refusal> {
    if manages(caller, hotel) { Ok(()) } else { Err(Refusal::NotYourHotel) }
}

/// Whether the caller may see and change a reservation: its owner, staff of its hotel, administrators, and services in their
/// own name (`ui` after it has verified a secret link, `payments` for receipts, `reservations` for its mails).
pub(crate) fn may_see(caller: &Principal, reservation: &Reservation) -> bool {
    let trusted = caller.on_behalf_of.is_none()
        && matches!(caller.as_service(), Some("ui" | "payments" | "reservations"));
    let owns = !caller.is_anonymous() && caller.effective_subject() == reservation.owner;
    trusted || owns || manages(caller, reservation.hotel())
}
