//! The dates for which a stay can be booked.

use contracts::reservations::Refusal;
use contracts::{Date, Stay};
use protocol::Timestamp;

use crate::zone;

/// Refuses stays that begin before the hotel's current date, or end after the last night that is sold.
pub(crate) fn check(time_zone: &str, stay: Stay, now: Timestamp, horizon_days: u32) -> Result<(), Refusal> {
    let today = zone::today(time_zone, now);
    let last = Date(today.0.saturating_add_unsigned(horizon_days));
    if stay.check_in() < today {
        Err(Refusal::InThePast { today })
    } else if stay.check_out() > last {
        Err(Refusal::BeyondHorizon { last })
    } else {
        Ok(())
    }
}
