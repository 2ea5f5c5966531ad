//! Countries: names and currencies.

use std::sync::LazyLock;

/// A country.
#[derive(Debug, Clone, Copy)]
pub struct Country {
    /// ISO 3166-1 alpha-2.
    pub code: &'static str,
    /// The English name.
    pub name: &'static str,
    /// ISO 4217; empty for a country without one.
    pub currency: &'static str,
    /// The continent code of GeoNames: `AF`, `AN`, `AS`, `EU`, `NA`, `OC` or `SA`.
    pub continent: &'static str,
}

static COUNTRIES: LazyLock<Vec<Country>> = LazyLock::new(|| {
    let read = |line: &'static str| {
        let mut fields = line.split('\t');
        let mut next = || fields.next().unwrap_or_default();
        Country { code: next(), name: next(), currency: next(), continent: next() }
    };
    include_str!("../../cities/countries.tsv").lines().map(read).collect()
});

/// All countries, sorted by code.
pub fn countries() -> &'static [Country] {
    &COUNTRIES
}

/// The country with this upper-case code.
pub fn country(code: &str) -> Option<&'static Country> {
    COUNTRIES.binary_search_by(|country| country.code.cmp(code)).ok().map(|at| &COUNTRIES[at])
}

/// The code of the country with this name or code, in any spelling.
pub(super) fn code_of(text: &str) -> Option<&'static str> {
    let folded = super::normalize::normalize(text);
    let same = |country: &&Country| {
        country.code.eq_ignore_ascii_case(&folded) || super::normalize::normalize(country.name) == folded
    };
    let known = match folded.as_str() {
        "usa" | "united states of america" => country("US"),
        "uk" | "great britain" | "england" | "scotland" | "wales" => country("GB"),
        "uae" => country("AE"),
        _ => countries().iter().find(same),
    };
    known.map(|country| country.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_found_by_code_and_name() {
        assert!(countries().is_sorted_by_key(|country| country.code));
        assert_eq!(country("DE").map(|country| (country.name, country.currency)), Some(("Germany", "EUR")));
        for (text, code) in
            [("de", Some("DE")), ("Germany", Some("DE")), ("USA", Some("US")), ("Atlantis", None), ("", None)]
        {
            assert_eq!(code_of(text), code, "{text}");
        }
    }
}
