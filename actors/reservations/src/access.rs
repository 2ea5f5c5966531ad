//! Whose things are whose. The contract has checked scopes already; here is ownership.

use contracts::reservations::{Refusal, Reservation};
use contracts::{HotelId, scope};
use protocol::Principal;

/// Administrators: who manages hotels and is bound to none, or operates the cluster.
pub(crate) fn is_administrator(caller: &Principal) -> bool {
    (caller.has_scope(scope::HOTEL_MANAGE) && caller.resources.is_empty())
        || caller.has_scope(scope::CLUSTER_MANAGE)
}

/// Staff of this hotel, or an administrator.
pub(crate) fn manages(caller: &Principal, hotel: HotelId) -> bool {
    is_administrator(caller)
        || (caller.has_scope(scope::HOTEL_MANAGE)
            && caller.resources.iter().any(|bound| *bound == hotel.to_string()))
}

/// A refusal for everybody who does not manage this hotel.
pub(crate) fn require_manager(caller: &Principal, hotel: HotelId) -> Result<(), Refusal> {
    if manages(caller, hotel) { Ok(()) } else { Err(Refusal::NotYourHotel) }
}

/// Who may see and change a reservation: its owner, staff of its hotel, administrators, and services that act for nobody
/// (the pages after they have checked a secret link, payments for receipts, our own mails).
pub(crate) fn may_see(caller: &Principal, reservation: &Reservation) -> bool {
    let trusted = caller.on_behalf_of.is_none()
        && matches!(caller.as_service(), Some("ui" | "payments" | "reservations"));
    let owns = !caller.is_anonymous() && caller.effective_subject() == reservation.owner;
    trusted || owns || manages(caller, reservation.hotel())
}
