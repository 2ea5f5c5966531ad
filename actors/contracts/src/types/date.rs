//! Local dates and stays.

use jiff::civil;
use serde::{Deserialize, Serialize};

/// A local date at the hotel, in days since 1970-01-01.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    storekey::Encode,
    storekey::Decode,
)]
pub struct Date(pub i32);

const EPOCH: civil::Date = civil::date(1970, 1, 1);

impl Date {
    /// The date with year, month and day.
    pub fn civil(self) -> civil::Date {
        EPOCH
            .checked_add(jiff::Span::new().days(self.0.clamp(-4_371_000, 2_932_000)))
            .unwrap_or(civil::Date::MAX)
    }

    /// The date `days` later.
    #[must_use]
    pub const fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The month; January is 0.
    pub fn month0(self) -> usize {
        usize::from(self.civil().month().unsigned_abs()) - 1
    }

    /// The weekday; Monday is 0.
    pub const fn weekday0(self) -> usize {
        (self.0 + 3).rem_euclid(7) as usize
    }
}

impl From<civil::Date> for Date {
    fn from(date: civil::Date) -> Self {
        Self(date.since(EPOCH).map_or(i32::MAX, |span| span.get_days()))
    }
}

impl std::str::FromStr for Date {
    type Err = jiff::Error;
    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse::<civil::Date>().map(Self::from)
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.civil(), f)
    }
}

impl std::fmt::Debug for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// The nights from check-in to the one before check-out. At least one, at most [`Stay::NIGHTS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    check_in: Date,
    check_out: Date,
}

/// Why two dates are no stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StayError {
    /// Check-out is not after check-in.
    #[error("check-out must be after check-in")]
    Backwards,
    /// More nights than [`Stay::NIGHTS_MAX`].
    #[error("a stay is at most {} nights", Stay::NIGHTS_MAX)]
    TooLong,
}

impl Stay {
    /// The maximum length of a stay, in nights.
    pub const NIGHTS_MAX: i32 = 60;

    /// The stay between two dates.
    ///
    /// # Errors
    /// See [`StayError`].
    pub const fn new(check_in: Date, check_out: Date) -> Result<Self, StayError> {
        if check_out.0 <= check_in.0 {
            Err(StayError::Backwards)
        } else if check_out.0 - check_in.0 > Self::NIGHTS_MAX {
            Err(StayError::TooLong)
        } else {
            Ok(Self { check_in, check_out })
        }
    }

    /// The day of arrival.
    pub const fn check_in(&self) -> Date {
        self.check_in
    }

    /// The day of departure.
    pub const fn check_out(&self) -> Date {
        self.check_out
    }

    /// The nights, each by the date on which it begins.
    pub fn nights(&self) -> impl Iterator<Item = Date> + use<> {
        (self.check_in.0..self.check_out.0).map(Date)
    }

    /// The number of nights.
    pub const fn length(&self) -> u32 {
        (self.check_out.0 - self.check_in.0).unsigned_abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_convert_from_and_to_the_calendar() {
        for (text, days, weekday, month) in
            [("1970-01-01", 0, 3, 0), ("2026-11-23", 20_780, 0, 10), ("1969-12-31", -1, 2, 11)]
        {
            let date: Date = text.parse().unwrap();
            assert_eq!((date.0, date.weekday0(), date.month0()), (days, weekday, month), "{text}");
            assert_eq!(date.to_string(), text);
        }
        assert!("2026-02-30".parse::<Date>().is_err());
    }

    #[test]
    fn a_stay_has_at_least_one_night_and_at_most_the_maximum() {
        let stay = Stay::new(Date(10), Date(12)).unwrap();
        assert_eq!(stay.nights().collect::<Vec<_>>(), [Date(10), Date(11)]);
        assert_eq!(Stay::new(Date(10), Date(10)), Err(StayError::Backwards));
        assert_eq!(Stay::new(Date(10), Date(71)), Err(StayError::TooLong));
    }
}
