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
    /// Names in other languages, joined by `|`.
    pub(crate) names: &'static str,
}

static COUNTRIES: LazyLock<Vec<Country>> = LazyLock::new(|| {
    let read = |line: &'static str| {
        let mut fields = line.split('\t');
        let mut next = || fields.next().unwrap_or_default();
        let (code, name, currency, continent, _languages) = (next(), next(), next(), next(), next());
        Country { code, name, currency, continent, names: next() }
    };
    include_str!("../data/countries.tsv").lines().map(read).collect()
});

/// All countries, sorted by code.
pub fn countries() -> &'static [Country] {
    &COUNTRIES
}

/// The country with this upper-case code.
pub fn country(code: &str) -> Option<&'static Country> {
    COUNTRIES.binary_search_by(|country| country.code.cmp(code)).ok().map(|at| &COUNTRIES[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_found_by_code() {
        assert!(countries().is_sorted_by_key(|country| country.code));
        assert_eq!(country("DE").map(|country| (country.name, country.currency)), Some(("Germany", "EUR")));
    }
}
