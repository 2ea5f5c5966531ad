//! Dates and instants in JSON.

use std::fmt;
use std::str::FromStr;

use poem_openapi::registry::MetaSchema;
use protocol::Timestamp;

/// A local date without a time zone: `2026-11-23`, `format: date`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub jiff::civil::Date);

impl FromStr for Date {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Exactly `YYYY-MM-DD`: jiff would also accept a time and a time zone after the date.
        let shaped = text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        let date = if shaped { text.parse().ok() } else { None };
        date.map(Self).ok_or("must be a date of the form YYYY-MM-DD")
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

crate::__string_type!(Date, "string_date", MetaSchema::new_with_format("string", "date"));

/// An instant: RFC 3339 in UTC, `format: date-time`, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub Timestamp);

impl From<Timestamp> for Instant {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp)
    }
}

impl From<Instant> for Timestamp {
    fn from(instant: Instant) -> Self {
        instant.0
    }
}

impl FromStr for Instant {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let instant: Result<jiff::Timestamp, _> = text.parse();
        match instant {
            Ok(instant) if text.len() <= 40 => Ok(Self(Timestamp(instant.as_millisecond()))),
            _ => Err("must be an instant of the form 2026-11-23T15:00:00Z"),
        }
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within = |millis| jiff::Timestamp::from_millisecond(millis).ok();
        // Instants outside of the calendar's range are shown as the first or last one in it.
        let nearest = if self.0.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        within(self.0.0).unwrap_or(nearest).fmt(f)
    }
}

crate::__string_type!(Instant, "string_date-time", MetaSchema::new_with_format("string", "date-time"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_dates_are_accepted() {
        assert_eq!("2026-02-28".parse::<Date>().unwrap().to_string(), "2026-02-28");
        for bad in [
            "",
            "2026-2-8",
            "2026-02-30",
            "2026-02-28T10:00",
            "20260228",
            "2026-02-28 ",
            "+002026-02-28",
            "x",
        ] {
            assert!(bad.parse::<Date>().is_err(), "{bad}");
        }
    }

    #[test]
    fn instants_are_written_in_utc() {
        assert_eq!(Instant(Timestamp(1_700_000_000_000)).to_string(), "2023-11-14T22:13:20Z");
        assert_eq!(Instant(Timestamp(1_700_000_000_120)).to_string(), "2023-11-14T22:13:20.12Z");
        assert_eq!("2023-11-14T23:13:20+01:00".parse::<Instant>().unwrap().0, Timestamp(1_700_000_000_000));
        assert!(Instant(Timestamp(i64::MAX)).to_string().starts_with("9999-12-"));
        for bad in ["", "2023-11-14", "2023-11-14T22:13:20", "now"] {
            assert!(bad.parse::<Instant>().is_err(), "{bad}");
        }
    }
}
