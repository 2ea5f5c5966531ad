//! The trees of the `ui` service.
//!
//! | tree | key | value | meaning |
//! |---|---|---|---|
//! | `opened` | guest, reservation | when, last | this browser has opened this booking with its secret link |

use contracts::ReservationId;
use group::Tree;
use protocol::Timestamp;

/// Which browser has opened which booking, and when last.
pub(crate) const OPENED: Tree<(String, ReservationId), Timestamp> = Tree::new(32, "opened");

/// Bookings that one browser remembers; beyond, the one opened longest ago is forgotten.
pub(crate) const OPENED_MAX: usize = 50;

/// How long a browser's bookings are remembered after the last one was opened, in seconds: two years, as long as the
/// longest stay that can be booked is still of interest.
pub(crate) const REMEMBERED_SECS: i64 = 2 * 366 * 24 * 3600;

/// The longest name of a guest's session, in bytes.
pub(crate) const GUEST_BYTES_MAX: usize = 64;

/// Whether this is the name of a guest's session.
pub(crate) fn is_guest(name: &str) -> bool {
    name.len() <= GUEST_BYTES_MAX && name.strip_prefix("gst_").is_some_and(|rest| rest.len() >= 16)
}
