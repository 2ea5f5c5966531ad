//! Dates and instants, in the hotel's time zone.

use contracts::Date;
use jiff::civil;
use jiff::tz::TimeZone;
use protocol::Timestamp;

use super::{Language, Locale};

type Names<const N: usize> = [&'static str; N];

fn weekdays(language: Language) -> Names<7> {
    match language {
        Language::English => ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
        Language::German => ["Mo.", "Di.", "Mi.", "Do.", "Fr.", "Sa.", "So."],
        Language::French => ["lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim."],
        Language::Spanish => ["lun", "mar", "mié", "jue", "vie", "sáb", "dom"],
        Language::Italian => ["lun", "mar", "mer", "gio", "ven", "sab", "dom"],
        Language::Dutch => ["ma", "di", "wo", "do", "vr", "za", "zo"],
    }
}

fn months(language: Language) -> Names<12> {
    match language {
        Language::English => {
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        }
        Language::German => {
            ["Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."]
        }
        Language::French => [
            "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.",
        ],
        Language::Spanish => {
            ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"]
        }
        Language::Italian => {
            ["gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic"]
        }
        Language::Dutch => {
            ["jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"]
        }
    }
}

/// Formats a date with its year: `Fri 27 Nov 2026`, `Fri, Nov 27, 2026`, `Fr., 27. Nov. 2026`.
pub(crate) fn day(locale: Locale, date: Date) -> String {
    let civil = date.civil();
    let weekday = weekdays(locale.language)[date.weekday0()];
    let comma = if locale.american || locale.language == Language::German { "," } else { "" };
    let rest = if locale.american {
        format!("{}, {}", day_month(locale, date), civil.year())
    } else {
        format!("{} {}", day_month(locale, date), civil.year())
    };
    format!("{weekday}{comma} {rest}")
}

/// Formats a date without its year: `27 Nov`, `Nov 27`, `27. Nov.`.
pub(crate) fn day_month(locale: Locale, date: Date) -> String {
    let (number, month) = (date.civil().day(), months(locale.language)[date.month0()]);
    match locale.language {
        Language::English if locale.american => format!("{month} {number}"),
        Language::German => format!("{number}. {month}"),
        Language::English | Language::French | Language::Spanish | Language::Italian | Language::Dutch => {
            format!("{number} {month}")
        }
    }
}

fn zoned(at: Timestamp, zone: &str) -> civil::DateTime {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let instant = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default();
    zone.to_datetime(instant)
}

/// Formats an instant in a time zone: `Wed 25 Nov 2026, 15:00`.
pub(crate) fn instant(locale: Locale, at: Timestamp, zone: &str) -> String {
    let local = zoned(at, zone);
    format!("{}, {}", day(locale, Date::from(local.date())), time(locale, local))
}

/// Formats a deadline: `Wed 25 Nov, 15:00`, with the year only if the deadline is more than [`NEAR_DAYS`] days from now.
pub(crate) fn deadline(locale: Locale, at: Timestamp, zone: &str, now: Timestamp) -> String {
    let (local, distance_days) = (zoned(at, zone), (at.seconds() - now.seconds()).abs() / 86_400);
    if distance_days > NEAR_DAYS {
        return instant(locale, at, zone);
    }
    let date = Date::from(local.date());
    let comma = if locale.american || locale.language == Language::German { "," } else { "" };
    let weekday = weekdays(locale.language)[date.weekday0()];
    format!("{weekday}{comma} {}, {}", day_month(locale, date), time(locale, local))
}

/// The greatest distance of a deadline from now that is unambiguous without its year, in days.
const NEAR_DAYS: i64 = 270;

fn time(locale: Locale, local: civil::DateTime) -> String {
    if locale.american {
        let (hour, half) = ((local.hour() + 11) % 12 + 1, if local.hour() < 12 { "AM" } else { "PM" });
        format!("{hour}:{:02}\u{a0}{half}", local.minute())
    } else {
        format!("{:02}:{:02}", local.hour(), local.minute())
    }
}

/// The local hour in a time zone, 0 to 23.
pub(crate) fn local_hour(at: Timestamp, zone: &str) -> u8 {
    zoned(at, zone).hour().unsigned_abs()
}

/// The local date in a time zone.
pub(crate) fn today_in(at: Timestamp, zone: &str) -> Date {
    Date::from(zoned(at, zone).date())
}

/// The city of a time zone: `Paris` for `Europe/Paris`.
pub(crate) fn zone_city(zone: &str) -> String {
    zone.rsplit('/').next().unwrap_or(zone).replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_formatted_in_each_language() {
        let date: Date = "2026-11-27".parse().unwrap();
        let table = [
            ("en-GB", "Fri 27 Nov 2026"),
            ("en-US", "Fri, Nov 27, 2026"),
            ("de", "Fr., 27. Nov. 2026"),
            ("fr", "ven. 27 nov. 2026"),
            ("it", "ven 27 nov 2026"),
            ("es", "vie 27 nov 2026"),
            ("nl", "vr 27 nov 2026"),
        ];
        for (tag, expected) in table {
            assert_eq!(day(Locale::accepted(tag), date), expected);
        }
    }

    #[test]
    fn instants_are_formatted_in_the_time_zone_of_the_hotel() {
        let at = Timestamp(1_795_435_200_000);
        for (zone, expected, hour, today) in [
            ("Europe/Paris", "Mon 23 Nov 2026, 13:00", 13, "2026-11-23"),
            ("Asia/Tokyo", "Mon 23 Nov 2026, 21:00", 21, "2026-11-23"),
            ("Pacific/Kiritimati", "Tue 24 Nov 2026, 02:00", 2, "2026-11-24"),
            ("Nowhere/At_All", "Mon 23 Nov 2026, 12:00", 12, "2026-11-23"),
        ] {
            assert_eq!(instant(Locale::DEFAULT, at, zone), expected);
            assert_eq!(local_hour(at, zone), hour);
            assert_eq!(today_in(at, zone).to_string(), today);
        }
        let american = instant(Locale::accepted("en-US"), at, "Europe/Paris");
        assert_eq!(american, "Mon, Nov 23, 2026, 1:00\u{a0}PM");
        assert_eq!(zone_city("America/New_York"), "New York");
    }
}
