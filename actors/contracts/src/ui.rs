//! The contract of `ui`: which bookings a guest session has opened with secret links.
//!
//! A guest without an account acts as `gst_…`, a name in the sealed cookie of one browser. Reservations made that way
//! belong to it and are found in `reservations`. This service adds the bookings that were opened in the browser with a
//! secret link from a mail.

use protocol::{Access, Request, Route, Slot, codec};
use serde::{Deserialize, Serialize};

use crate::ReservationId;
use crate::reservations::BookingLink;

/// The shard of a guest session.
fn route(guest: &str) -> Route {
    Route::Slot(Slot::of(codec::hash128(&[b"guest", guest.as_bytes()])))
}

/// Remembers that a guest session has opened a booking with its secret link. A later link replaces an earlier one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RememberBooking {
    /// The guest session, `gst_…`.
    pub guest: String,
    pub link: BookingLink,
}

/// Removes all opened bookings of a guest session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForgetBookings {
    /// The guest session, `gst_…`.
    pub guest: String,
}

/// Lists the links with which a guest session has opened bookings, most recently opened first. A link may be invalid by now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListOpenedBookings {
    /// The guest session, `gst_…`.
    pub guest: String,
}

/// Reads the link with which a guest session has opened a booking, if it has. The link may be invalid by now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GetOpenedBooking {
    /// The guest session, `gst_…`.
    pub guest: String,
    pub reservation: ReservationId,
}

/// Implements [`Request`] for a message about a guest session.
macro_rules! guest_request {
    ($Message:ty => $Reply:ty) => {
        impl Request for $Message {
            type Contract = Ui;
            type Reply = $Reply;

            fn route(&self) -> Route {
                route(&self.guest)
            }

            fn access(&self) -> Access {
                Access::services(&["ui"])
            }
        }
    };
}
guest_request!(RememberBooking => ());
guest_request!(ForgetBookings => ());
guest_request!(ListOpenedBookings => Vec<BookingLink>);
guest_request!(GetOpenedBooking => Option<BookingLink>);

/// A domain refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The name is not a valid name of a guest session.
    #[error("not a guest session")]
    NoGuest,
}

protocol::contract! {
    /// The service `ui`.
    pub struct Ui = "ui";
    refusal Refusal;

    /// Commands, stored by position.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Command { RememberBooking, ForgetBookings }

    /// Replies to commands, stored by position.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Reply { Done(()) }

    /// Queries.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Query { ListOpenedBookings, GetOpenedBooking }

    /// Replies to queries.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Answer { Bookings(Vec<BookingLink>), Opened(Option<BookingLink>) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logs and idempotency rows contain these bytes.
    #[test]
    fn stored_bytes_are_still_read() {
        let remember = RememberBooking {
            guest: "gst_a".into(),
            link: BookingLink { reservation: ReservationId(7), number: 3 },
        };
        let commands: [(Command, &[u8]); 2] = [
            (remember.into(), b"\x01\x00\x05gst_a\x07\x03"),
            (ForgetBookings { guest: "gst_a".into() }.into(), b"\x01\x01\x05gst_a"),
        ];
        for (command, bytes) in commands {
            assert_eq!(codec::encode(&command), bytes, "{command:?}");
            assert_eq!(codec::decode::<Command>(bytes), Ok(command));
        }
        assert_eq!(codec::encode(&Reply::from(())), [1, 0]);
    }
}
