//! Value types that several contracts share.

mod date;
mod hotel;
mod id;
mod money;

pub use date::{Date, Stay, StayError};
pub use hotel::{Cancellation, HotelProfile, RatePlanProfile, RoomTypeProfile, Season, TaxRule};
pub use id::{HotelId, IdError, PaymentId, RatePlanId, RefundId, ReservationId, RoomTypeId, UserId};
pub use money::{Currency, CurrencyError, Money};
