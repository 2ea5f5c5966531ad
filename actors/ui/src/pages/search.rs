//! The search form: parsing and validation.

use std::collections::BTreeMap;

use contracts::reservations::check_party;
use contracts::{Date, Stay};
use protocol::Timestamp;
use serde::Serialize;

use crate::context::Fields;
use crate::format::today_in;

/// The most guests and rooms in one search.
const GUESTS_MAX: u16 = 20;
const ROOMS_MAX: u16 = 9;

/// The error for fewer guests than rooms.
pub(super) const GUESTS_BELOW_ROOMS: &str = "Please choose at least one guest for each room.";

/// How far ahead stays can be booked, in days.
const HORIZON_DAYS: i32 = 548;

/// The search form as typed, and the parsed stay.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SearchForm {
    #[serde(rename = "where")]
    pub place: String,
    pub check_in: String,
    pub check_out: String,
    pub guests: u16,
    pub rooms: u16,
    pub first_day: String,
    pub last_day: String,
    pub errors: BTreeMap<&'static str, String>,
    #[serde(skip)]
    pub stay: Option<Stay>,
}

impl SearchForm {
    /// Parses URL parameters. Without dates, a weekend in two weeks is suggested.
    pub fn of(fields: &Fields, now: Timestamp) -> Self {
        // In some time zones it is still yesterday. The services check against the hotel's local date.
        let today = today_in(now, "UTC").plus_days(-1);
        let (check_in, check_out) = match (fields.get("check_in"), fields.get("check_out")) {
            ("", "") => {
                let friday = next_friday(today.plus_days(14));
                (friday.to_string(), friday.plus_days(2).to_string())
            }
            (check_in, check_out) => (check_in.to_owned(), check_out.to_owned()),
        };
        let mut errors =
            BTreeMap::from([("city", String::new()), ("dates", String::new()), ("guests", String::new())]);
        let stay = match stay(&check_in, &check_out, today) {
            Ok(stay) => Some(stay),
            Err(why) => {
                errors.insert("dates", why);
                None
            }
        };
        let (guests, rooms) = (number(fields.get("guests"), 2), number(fields.get("rooms"), 1));
        if guests == 0 || guests > GUESTS_MAX || rooms == 0 || rooms > ROOMS_MAX {
            errors.insert(
                "guests",
                format!("You can book for 1 to {GUESTS_MAX} guests in 1 to {ROOMS_MAX} rooms at a time."),
            );
        } else if check_party(guests.into(), rooms.into()).is_err() {
            errors.insert("guests", GUESTS_BELOW_ROOMS.to_owned());
        }
        Self {
            place: fields.get("city").chars().take(120).collect(),
            check_in,
            check_out,
            guests: guests.clamp(1, GUESTS_MAX),
            rooms: rooms.clamp(1, ROOMS_MAX),
            first_day: today.to_string(),
            last_day: today.plus_days(HORIZON_DAYS).to_string(),
            errors,
            stay,
        }
    }

    /// Whether the form has no errors.
    pub fn is_valid(&self) -> bool {
        self.errors.values().all(String::is_empty)
    }

    /// Dates, guests and rooms as URL parameters.
    pub fn query(&self) -> String {
        format!(
            "check_in={}&check_out={}&guests={}&rooms={}",
            escape(&self.check_in),
            escape(&self.check_out),
            self.guests,
            self.rooms
        )
    }
}

fn number(text: &str, otherwise: u16) -> u16 {
    if text.is_empty() { otherwise } else { text.parse().unwrap_or(0) }
}

fn next_friday(from: Date) -> Date {
    let days = (4 - from.weekday0() as i32).rem_euclid(7);
    from.plus_days(days)
}

fn stay(check_in: &str, check_out: &str, today: Date) -> Result<Stay, String> {
    let date = |text: &str, what: &str| {
        // jiff also parses dates with times, which are refused here.
        let plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let date = if plain { text.parse::<Date>().ok() } else { None };
        date.ok_or_else(|| format!("Please enter a {what} date, for example 2027-05-14."))
    };
    let (from, to) = (date(check_in, "check-in")?, date(check_out, "check-out")?);
    if from < today {
        return Err("The check-in date is in the past.".to_owned());
    }
    if to > today.plus_days(HORIZON_DAYS) {
        return Err("Stays can be booked up to 18 months ahead.".to_owned());
    }
    Stay::new(from, to).map_err(|error| match error {
        contracts::StayError::Backwards => "The check-out date must be after the check-in date.".to_owned(),
        contracts::StayError::TooLong => format!("You can book up to {} nights at a time.", Stay::NIGHTS_MAX),
    })
}

/// Percent-encodes a URL parameter (RFC 3986 §2.3: unreserved characters are not encoded).
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_435_200_000); // 2026-11-23

    fn form(pairs: &[(&str, &str)]) -> SearchForm {
        let fields = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        SearchForm::of(&Fields(fields), NOW)
    }

    #[test]
    fn a_weekend_is_suggested() {
        let form = form(&[]);
        assert_eq!((form.check_in.as_str(), form.check_out.as_str()), ("2026-12-11", "2026-12-13"));
        assert!(form.is_valid());
        assert_eq!((form.guests, form.rooms), (2, 1));
    }

    #[test]
    fn invalid_input_is_reported_for_its_field() {
        let table = [
            ("2026-12-11", "2026-12-13", "2", "1", ""),
            ("2026-12-13", "2026-12-11", "2", "1", "dates"),
            ("2026-12-13", "2026-12-13", "2", "1", "dates"),
            ("2020-01-01", "2020-01-02", "2", "1", "dates"),
            ("2026-12-01", "2027-12-01", "2", "1", "dates"),
            ("2040-12-01", "2040-12-02", "2", "1", "dates"),
            ("tomorrow", "2026-12-13", "2", "1", "dates"),
            ("2026-12-11", "", "2", "1", "dates"),
            ("2026-12-11T00:00", "2026-12-13", "2", "1", "dates"),
            ("2026-12-11", "2026-12-13", "0", "1", "guests"),
            ("2026-12-11", "2026-12-13", "many", "1", "guests"),
            ("2026-12-11", "2026-12-13", "2", "99", "guests"),
            ("2026-12-11", "2026-12-13", "1", "2", "guests"),
            ("2026-12-11", "2026-12-13", "2", "2", ""),
        ];
        for (check_in, check_out, guests, rooms, wrong) in table {
            let form = form(&[
                ("check_in", check_in),
                ("check_out", check_out),
                ("guests", guests),
                ("rooms", rooms),
            ]);
            let found: Vec<_> =
                form.errors.iter().filter(|(_, why)| !why.is_empty()).map(|(name, _)| *name).collect();
            let expected: Vec<_> = Some(wrong).into_iter().filter(|name| !name.is_empty()).collect();
            assert_eq!(found, expected, "{check_in} {check_out} {guests} {rooms}");
        }
    }

    #[test]
    fn url_parameters_are_percent_encoded() {
        assert_eq!(escape("Zürich, CH&x=1"), "Z%C3%BCrich%2C+CH%26x%3D1");
    }
}
