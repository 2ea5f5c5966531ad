//! Links to a guest's booking, and whether documents about it are marked as a test.

use contracts::reservations::link_path;
use contracts::{HotelProfile, ReservationId};
use token::LinkKey;

/// Builds the links in mails and documents.
#[derive(Debug, Clone)]
pub struct BookingLinks {
    /// The configured public address, such as `https://auberge.example`. It never comes from a request.
    pub public_url: String,
    /// `cluster_key.links("booking-link")`.
    pub key: LinkKey,
    /// Whether the bank is the sandbox bank. If so, every page, mail and document is marked TEST.
    pub sandbox: bool,
}

impl BookingLinks {
    /// The secret link to a reservation. It authorizes its bearer to see and cancel the reservation, so it is sent to the
    /// guest only.
    pub fn secret_link(&self, reservation: ReservationId) -> String {
        let tag = self.key.tag(&[&reservation.to_string()]);
        format!("{}{}", self.root(), link_path(reservation, &tag))
    }

    /// The address of the same page without the secret, for callers who sign in.
    pub fn plain_link(&self, reservation: ReservationId) -> String {
        format!("{}/bookings/{reservation}", self.root())
    }

    /// Whether documents about this hotel are marked TEST.
    pub fn is_test(&self, hotel: &HotelProfile) -> bool {
        self.sandbox || hotel.demo
    }

    /// The host of the public address, for message ids and calendar UIDs.
    pub fn host(&self) -> &str {
        let host = self.root().split_once("://").map_or(self.root(), |(_, rest)| rest);
        let host = host.split(['/', ':']).next().unwrap_or_default();
        if host.is_empty() { "localhost" } else { host }
    }

    fn root(&self) -> &str {
        self.public_url.trim_end_matches('/')
    }
}
