//! The front desk: check-in, check-out, no-show, and undoing them.

use protocol::{Access, Request, Route};
use serde::{Deserialize, Serialize};

use super::{Reservation, Reservations};
use crate::{ReservationId, scope};

/// Front desk: the guest arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckIn {
    pub reservation: ReservationId,
}

impl Request for CheckIn {
    type Contract = Reservations;
    type Reply = Reservation;

    fn route(&self) -> Route {
        Route::Slot(self.reservation.slot())
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::HOTEL_MANAGE])
    }
}

/// Front desk: the guest departed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckOut {
    pub reservation: ReservationId,
}

impl Request for CheckOut {
    type Contract = Reservations;
    type Reply = Reservation;

    fn route(&self) -> Route {
        Route::Slot(self.reservation.slot())
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::HOTEL_MANAGE])
    }
}

/// Front desk: the guest did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoShow {
    pub reservation: ReservationId,
}

impl Request for NoShow {
    type Contract = Reservations;
    type Reply = Reservation;

    fn route(&self) -> Route {
        Route::Slot(self.reservation.slot())
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::HOTEL_MANAGE])
    }
}

/// An action of the front desk that can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeskAction {
    CheckIn,
    CheckOut,
    NoShow,
}

/// Front desk: an action was a mistake. Allowed until midnight at the hotel. Nights that the action released are taken again
/// if they are still free; otherwise nothing changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    pub reservation: ReservationId,
    /// The version that the reservation must have.
    pub expect: Option<u32>,
    pub action: DeskAction,
}

impl Request for Undo {
    type Contract = Reservations;
    type Reply = Reservation;

    fn route(&self) -> Route {
        Route::Slot(self.reservation.slot())
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::HOTEL_MANAGE])
    }
}
