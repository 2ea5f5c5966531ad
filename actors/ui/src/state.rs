//! Stored trees.
//!
//! | tree | key | value | meaning |
//! |---|---|---|---|
//! | `opened` | guest session, reservation | [`Opened`] | the session has opened the booking with its secret link |

use contracts::ReservationId;
use group::Tree;
use protocol::Timestamp;
use serde::{Deserialize, Serialize};

/// The bookings that guest sessions have opened.
pub(crate) const OPENED: Tree<(String, ReservationId), Opened> = Tree::new(32, "opened");

/// How a guest session last opened a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opened {
    pub at: Timestamp,
    /// The number of the link. Only `reservations` knows whether it is still valid.
    pub link: u32,
}

/// Opened bookings of one guest session. Beyond this limit, the one opened longest ago is removed.
pub(crate) const OPENED_MAX: usize = 50;

/// How long an opened booking is remembered after it was last opened, in seconds: two years, which is longer than any
/// booking lies in the future.
pub(crate) const REMEMBERED_SECS: i64 = 2 * 366 * 24 * 3600;

/// The longest name of a guest session, in bytes.
pub(crate) const GUEST_BYTES_MAX: usize = 64;

/// Whether this is a name of a guest session.
pub(crate) fn is_guest(name: &str) -> bool {
    name.len() <= GUEST_BYTES_MAX && name.strip_prefix("gst_").is_some_and(|rest| rest.len() >= 16)
}
