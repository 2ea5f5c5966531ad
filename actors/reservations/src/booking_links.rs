//! Links to a guest's booking, and whether documents about it are marked as a test.

use contracts::reservations::{BookingLink, booking_path};
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
    /// The secret link to a reservation. It authorizes its bearer to see and cancel the reservation, so only those get it who
    /// may do so anyway, see [`contracts::reservations::GetGuestContact`].
    pub fn secret_link(&self, link: BookingLink) -> String {
        format!("{}{}", self.root(), link.path(&tag(&self.key, link)))
    }

    /// The address of the same page without the secret, for callers who sign in.
    pub fn plain_link(&self, reservation: ReservationId) -> String {
        format!("{}{}", self.root(), booking_path(reservation))
    }

    /// Leads staff to the reservation, over the sign-in page if they are signed out.
    pub fn staff_link(&self, reservation: ReservationId) -> String {
        format!("{}/sign-in?next={}", self.root(), booking_path(reservation))
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

/// The tag in the URL of a link.
fn tag(key: &LinkKey, link: BookingLink) -> String {
    key.tag(&link.parts().each_ref().map(String::as_str))
}

/// Whether the tag is that of this link.
pub(crate) fn verify(key: &LinkKey, link: BookingLink, tag: &str) -> bool {
    key.verify(&link.parts().each_ref().map(String::as_str), tag)
}
