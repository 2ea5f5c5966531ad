//! The life of one reservation: room hold, changes, cancellation, check-in and check-out.

use protocol::{Access, Request, Route};
use serde::{Deserialize, Serialize};

use super::{AdmissionId, Guest, Quote, Reservation, Reservations};
use crate::{Money, ReservationId, scope};

/// The most rooms of one reservation.
pub const ROOMS_MAX: u32 = 50;

/// Holds rooms for every night of a stay, or for none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Price and conditions, from an opened offer.
    pub quote: Quote,
    pub guest: Guest,
    /// Special requests of the guest.
    pub requests: Option<String>,
    /// The booker's own reference.
    pub reference: Option<String>,
    /// The admission that was counted for it; only callers who manage the hotel need none.
    pub admission: Option<AdmissionId>,
}

impl Request for Hold {
    type Contract = Reservations;
    type Reply = Reservation;

    fn route(&self) -> Route {
        Route::Slot(self.quote.hotel.slot())
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::RESERVATIONS_WRITE]).or_services(&["ui"])
    }
}

/// Changes guest details or special requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modify {
    pub reservation: ReservationId,
    /// The version that the reservation must have.
    pub expect: Option<u32>,
    pub guest: Option<Guest>,
    /// `Some(None)` removes the requests.
    pub requests: Option<Option<String>>,
}

impl Request for Modify {
    type Contract = Reservations;
    type Reply = Reservation;

    fn route(&self) -> Route {
        Route::Slot(self.reservation.slot())
    }

    fn access(&self) -> Access {
        OWNER_OR_STAFF
    }
}

/// Cancels a reservation. A guest or partner pays what the cancellation policy says; when the hotel cancels, everything is
/// refunded unless it sets a fee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    pub reservation: ReservationId,
    /// The version that the reservation must have.
    pub expect: Option<u32>,
    /// The cancellation fee that the hotel keeps. Only the hotel may set it; `None` means no fee when the hotel cancels.
    pub penalty: Option<Money>,
}

impl Request for Cancel {
    type Contract = Reservations;
    type Reply = Reservation;

    fn route(&self) -> Route {
        Route::Slot(self.reservation.slot())
    }

    fn access(&self) -> Access {
        OWNER_OR_STAFF
    }
}

/// Those who may change a reservation, if the state shows that it is theirs.
pub(super) const OWNER_OR_STAFF: Access =
    Access::scopes(&[scope::RESERVATIONS_WRITE, scope::HOTEL_MANAGE]).or_services(&["ui"]);

/// Reads one reservation, for those who may see it: its owner, the bearer of its secret link, staff of its hotel,
/// administrators; `payments` and `reservations` in their own name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetReservation {
    pub reservation: ReservationId,
}

impl Request for GetReservation {
    type Contract = Reservations;
    type Reply = Reservation;

    fn route(&self) -> Route {
        Route::Slot(self.reservation.slot())
    }

    fn access(&self) -> Access {
        super::list::READERS
    }
}

/// Reads one reservation by the secret link that was mailed to its guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetReservationByLink {
    pub reservation: ReservationId,
    /// The link's tag, see [`BookingLink`](super::BookingLink).
    pub tag: String,
}

impl Request for GetReservationByLink {
    type Contract = Reservations;
    type Reply = Reservation;

    fn route(&self) -> Route {
        Route::Slot(self.reservation.slot())
    }

    fn access(&self) -> Access {
        // The tag is the credential.
        Access::ANYONE
    }
}
