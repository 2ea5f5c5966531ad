//! Limits of a hotel's description.

/// The most room types of a hotel that are on sale or listed in one description.
pub(crate) const ROOM_TYPES_MAX: usize = 50;
/// The same for the rate plans of a room type.
pub(crate) const RATE_PLANS_MAX: usize = 20;
/// How many room types are kept with a hotel, with those off sale. Beyond it, the ones that have been off sale longest are
/// removed, unless rooms of them are held or sold.
pub(crate) const ROOM_TYPES_KEPT: usize = 2 * ROOM_TYPES_MAX;
/// The same for the rate plans of a room type.
pub(crate) const RATE_PLANS_KEPT: usize = 2 * RATE_PLANS_MAX;
/// The most calendar rows of one room type: all nights that can be sold, and years of past ones.
pub(crate) const CALENDAR_ROWS_MAX: usize = 1_000;
