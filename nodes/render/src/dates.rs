//! Formats dates and timestamps in English.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// Style of a formatted date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DateStyle {
    /// `23 Nov 2026`
    Short,
    /// `Mon 23 Nov 2026`
    #[default]
    Medium,
    /// `Monday, 23 November 2026`
    Long,
    /// `2026-11-23`
    Iso,
}

impl DateStyle {
    /// Looks up a style by its name in templates: `short`, `medium`, `long`, `iso`.
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "short" => Some(Self::Short),
            "medium" => Some(Self::Medium),
            "long" => Some(Self::Long),
            "iso" => Some(Self::Iso),
            _ => None,
        }
    }

    const fn pattern(self) -> &'static str {
        match self {
            Self::Short => "%-d %b %Y",
            Self::Medium => "%a %-d %b %Y",
            Self::Long => "%A, %-d %B %Y",
            Self::Iso => "%Y-%m-%d",
        }
    }
}

/// Formats a local date such as `2026-11-23`. `None` if it is not a date.
pub fn format_date(date: &str, style: DateStyle) -> Option<String> {
    let date: Date = date.parse().ok()?;
    Some(date.strftime(style.pattern()).to_string())
}

/// Formats a timestamp (RFC 3339, or milliseconds since the Unix epoch) in an IANA time zone: `Mon 23 Nov 2026, 15:00
/// CET`.
///
/// # Errors
/// What cannot be parsed, without repeating the input.
pub fn format_instant(instant: &str, zone: &str, style: DateStyle) -> Result<String, &'static str> {
    let instant: Timestamp = match instant.parse::<i64>() {
        Ok(millis) => Timestamp::from_millisecond(millis).map_err(|_| "the timestamp is out of range")?,
        Err(_) => instant.parse().map_err(|_| "not an RFC 3339 timestamp")?,
    };
    let zone =
        if zone == "UTC" { TimeZone::UTC } else { TimeZone::get(zone).map_err(|_| "no such time zone")? };
    let local = instant.to_zoned_datetime(zone);
    Ok(format!("{}, {}", local.strftime(style.pattern()), local.strftime("%H:%M %Z")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_formatted_in_each_style() {
        for (style, expect) in [
            (DateStyle::Short, "3 Nov 2026"),
            (DateStyle::Medium, "Tue 3 Nov 2026"),
            (DateStyle::Long, "Tuesday, 3 November 2026"),
            (DateStyle::Iso, "2026-11-03"),
        ] {
            assert_eq!(format_date("2026-11-03", style).as_deref(), Some(expect));
        }
        assert_eq!(format_date("2026-02-30", DateStyle::Short), None);
        assert_eq!(format_date("tomorrow", DateStyle::Short), None);
    }

    #[test]
    fn timestamps_are_formatted_in_the_given_time_zone() {
        for (instant, zone, expect) in [
            ("2026-07-01T21:30:00Z", "Europe/Warsaw", "1 Jul 2026, 23:30 CEST"),
            ("2026-12-01T23:30:00Z", "Europe/Warsaw", "2 Dec 2026, 00:30 CET"),
            ("0", "UTC", "1 Jan 1970, 00:00 UTC"),
        ] {
            assert_eq!(format_instant(instant, zone, DateStyle::Short).as_deref(), Ok(expect));
        }
        assert_eq!(format_instant("2026-07-01", "UTC", DateStyle::Short), Err("not an RFC 3339 timestamp"));
        assert_eq!(format_instant("0", "Mars/Olympus", DateStyle::Short), Err("no such time zone"));
    }
}
