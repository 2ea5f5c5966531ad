//! Dates and stays.

use contracts::{Stay, StayError};
use edge::ApiError;

/// Converts a date for the API.
pub fn date(date: contracts::Date) -> edge::Date {
    edge::Date(date.civil())
}

/// Converts a date of the API.
pub fn contract_date(date: edge::Date) -> contracts::Date {
    date.0.into()
}

/// The stay between two dates.
///
/// # Errors
/// 422 that names `check_out`.
pub fn stay(check_in: edge::Date, check_out: edge::Date) -> Result<Stay, ApiError> {
    Stay::new(contract_date(check_in), contract_date(check_out))
        .map_err(|error: StayError| ApiError::unprocessable("/check_out", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_convert_both_ways_and_stays_have_at_least_one_night() {
        for text in ["1970-01-01", "2026-11-23", "2028-02-29"] {
            let parsed: edge::Date = text.parse().unwrap();
            assert_eq!(date(contract_date(parsed)), parsed);
        }
        let day = |text: &str| text.parse::<edge::Date>().unwrap();
        assert_eq!(stay(day("2026-12-24"), day("2026-12-26")).unwrap().length(), 2);
        for (check_in, check_out) in
            [("2026-12-24", "2026-12-24"), ("2026-12-24", "2026-12-23"), ("2026-01-01", "2027-01-01")]
        {
            let error = stay(day(check_in), day(check_out)).unwrap_err();
            assert_eq!(
                (error.problem().status().as_u16(), error.problem().errors()[0].pointer.as_str()),
                (422, "/check_out")
            );
        }
    }
}
