//! Local time of hotels. The time zone database is compiled in, never the machine's, so that replicas agree.

use contracts::reservations::{CHECK_IN_HOUR, Policy};
use contracts::{Cancellation, Date};
use jiff::tz::TimeZone;
use protocol::Timestamp;

/// Whether a time zone with this name exists. Hotels with an unknown time zone are refused.
pub fn exists(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

/// The time zone with this name. Names that an older release accepted and this one does not know are read as UTC.
fn named(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// The local date.
pub fn today(zone: &str, now: Timestamp) -> Date {
    local(zone, now).date().into()
}

/// The local date and time.
pub fn local(zone: &str, at: Timestamp) -> jiff::ZonedDateTime {
    let at = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.to_zoned_datetime(named(zone))
}

/// The instant of a full hour of a local date. If daylight saving time skips that hour, the hour after it.
pub fn instant(zone: &str, date: Date, hour: i8) -> Timestamp {
    let local = date.civil().at(hour, 0, 0, 0).to_zoned_datetime(named(zone));
    Timestamp(local.map_or(i64::from(date.0) * 86_400_000, |local| local.timestamp().as_millisecond()))
}

/// The next midnight.
pub fn end_of_day(zone: &str, now: Timestamp) -> Timestamp {
    instant(zone, today(zone, now).plus_days(1), 0)
}

/// The cancellation policy of a stay. `free_until_hours` counts elapsed hours before check-in, whatever daylight saving time
/// does. Guests can cancel until the check-in day ends.
pub fn policy(zone: &str, check_in: Date, cancellation: Cancellation) -> Policy {
    let start = instant(zone, check_in, CHECK_IN_HOUR);
    let free_until = cancellation.free_until_hours.map(|hours| start.plus_secs(-3600 * i64::from(hours)));
    let guest_until = Timestamp(end_of_day(zone, start).millis() - 1);
    Policy { free_until, penalty_percent: cancellation.penalty_percent, guest_until }
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
    fn deadlines_are_counted_back_from_the_local_check_in_hour() {
        let table = [
            // An ordinary day, in winter and in summer.
            ("Europe/Berlin", "2026-12-24", 24, "2026-12-23T14:00:00Z"),
            ("Europe/Berlin", "2026-07-01", 24, "2026-06-30T13:00:00Z"),
            // Daylight saving time begins or ends in the night before: 24 hours are still 24 hours.
            ("Europe/Berlin", "2027-03-28", 24, "2027-03-27T13:00:00Z"),
            ("Europe/Berlin", "2026-10-25", 24, "2026-10-24T14:00:00Z"),
            ("America/New_York", "2026-03-08", 48, "2026-03-06T19:00:00Z"),
            ("America/New_York", "2026-11-01", 6, "2026-11-01T14:00:00Z"),
            // An offset with three quarters of an hour.
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
    fn today_is_the_local_date() {
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
