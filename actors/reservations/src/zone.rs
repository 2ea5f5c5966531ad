//! The hotel's own clock. Zones come from the program, never from the machine, so that replicas agree.

use contracts::{Cancellation, Date, reservations::Policy};
use jiff::tz::TimeZone;
use protocol::Timestamp;

/// The hour of check-in that deadlines are counted back from, by the hotel's clock.
pub const CHECK_IN_HOUR: i8 = 15;

/// The hour of departure, by the hotel's clock.
pub const CHECK_OUT_HOUR: i8 = 11;

/// Whether there is a zone of this name. Imports are refused where there is not.
pub fn exists(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

/// The zone. A name that an older program accepted and this one does not know counts as UTC.
pub fn named(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// The hotel's date.
pub fn today(zone: &str, now: Timestamp) -> Date {
    local(zone, now).date().into()
}

/// The hotel's wall clock.
pub fn local(zone: &str, at: Timestamp) -> jiff::ZonedDateTime {
    let at = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.to_zoned_datetime(named(zone))
}

/// The instant when the hotel's clock shows a full hour of a day; where the clock is set forward over it, the hour after.
pub fn instant(zone: &str, date: Date, hour: i8) -> Timestamp {
    let local = date.civil().at(hour, 0, 0, 0).to_zoned_datetime(named(zone));
    Timestamp(local.map_or(i64::from(date.0) * 86_400_000, |local| local.timestamp().as_millisecond()))
}

/// A policy in instants: free until so many hours (as clocks run, not as they are set) before check-in.
pub fn policy(zone: &str, check_in: Date, cancellation: Cancellation) -> Policy {
    let start = instant(zone, check_in, CHECK_IN_HOUR);
    let free_until = cancellation.free_until_hours.map(|hours| start.plus_secs(-3600 * i64::from(hours)));
    Policy { free_until, penalty_percent: cancellation.penalty_percent }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn deadlines_are_counted_back_from_the_hotels_three_oclock() {
        let table = [
            // An ordinary day, in winter and in summer.
            ("Europe/Berlin", "2026-12-24", 24, "2026-12-23T14:00:00Z"),
            ("Europe/Berlin", "2026-07-01", 24, "2026-06-30T13:00:00Z"),
            // Clocks are set forward in the night before, back in the night before: 24 hours are 24 hours.
            ("Europe/Berlin", "2027-03-28", 24, "2027-03-27T13:00:00Z"),
            ("Europe/Berlin", "2026-10-25", 24, "2026-10-24T14:00:00Z"),
            ("America/New_York", "2026-03-08", 48, "2026-03-06T19:00:00Z"),
            ("America/New_York", "2026-11-01", 6, "2026-11-01T14:00:00Z"),
            // Three quarters of an hour.
            ("Asia/Kathmandu", "2026-12-24", 0, "2026-12-24T09:15:00Z"),
            ("Asia/Kathmandu", "2026-12-24", 72, "2026-12-21T09:15:00Z"),
            ("Pacific/Kiritimati", "2027-01-01", 24, "2026-12-31T01:00:00Z"),
        ];
        for (zone, check_in, hours, expected) in table {
            let policy = policy(
                zone,
                date(check_in),
                Cancellation { free_until_hours: Some(hours), penalty_percent: 50 },
            );
            assert_eq!(policy.free_until, Some(at(expected)), "{zone} {check_in} {hours}");
        }
    }

    #[test]
    fn today_is_the_hotels() {
        let now = at("2026-11-23T19:00:00Z");
        for (zone, expected) in [
            ("Europe/Berlin", "2026-11-23"),
            ("America/New_York", "2026-11-23"),
            ("Asia/Kathmandu", "2026-11-24"),
            ("Pacific/Kiritimati", "2026-11-24"),
            ("Nowhere/Land", "2026-11-23"),
        ] {
            assert_eq!(today(zone, now), date(expected), "{zone}");
        }
        assert!(exists("Asia/Kathmandu"));
        assert!(!exists("Nowhere/Land"));
    }
}
