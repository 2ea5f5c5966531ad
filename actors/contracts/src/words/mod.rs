//! Words that several services use.

mod date;
mod hotel;
mod id;
mod money;

pub use date::{Date, Stay, StayError};
pub use hotel::{Cancellation, HotelProfile, RatePlanProfile, RoomTypeProfile, Season, TaxRule};
pub use id::{HotelId, IdError, PaymentId, RatePlanId, RefundId, ReservationId, RoomTypeId, UserId};
pub use money::{Currency, CurrencyError, Money};

/// Scopes that access tokens bear.
pub mod scope {
    /// Reading one's reservations.
    pub const RESERVATIONS_READ: &str = "reservations:read";
    /// Making and changing reservations.
    pub const RESERVATIONS_WRITE: &str = "reservations:write";
    /// Reading one's payments.
    pub const PAYMENTS_READ: &str = "payments:read";
    /// Paying and refunding.
    pub const PAYMENTS_WRITE: &str = "payments:write";
    /// One's own account.
    pub const PROFILE: &str = "profile";
    /// Making documents.
    pub const DOCUMENTS: &str = "documents";
    /// Changing document templates.
    pub const TEMPLATES_MANAGE: &str = "templates:manage";
    /// Hotel staff: properties, calendars, arrivals; bound to hotels unless an administrator's.
    pub const HOTEL_MANAGE: &str = "hotel:manage";
    /// Operators who look.
    pub const CLUSTER_READ: &str = "cluster:read";
    /// Operators who act. An administrator has this one and [`HOTEL_MANAGE`], bound to no hotel.
    pub const CLUSTER_MANAGE: &str = "cluster:manage";
    /// All of them.
    pub const ALL: [&str; 10] = [
        RESERVATIONS_READ,
        RESERVATIONS_WRITE,
        PAYMENTS_READ,
        PAYMENTS_WRITE,
        PROFILE,
        DOCUMENTS,
        TEMPLATES_MANAGE,
        HOTEL_MANAGE,
        CLUSTER_READ,
        CLUSTER_MANAGE,
    ];
}
