//! Currency, prices and taxes of a country. The data are in `data/countries.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use contracts::{Currency, TaxRule};
use serde::Deserialize;

use super::culture::Culture;

/// A country in which there are demo hotels.
#[derive(Debug, Clone)]
pub(super) struct Country {
    pub culture: &'static Culture,
    pub currency: Currency,
    /// Decimal digits of the currency's minor unit.
    decimals: u32,
    units_per_dollar: f64,
    /// The price of a night in a three-star double room, in US dollars.
    pub double_room_dollars: f64,
    pub taxes: Vec<TaxRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CountryData {
    culture: String,
    currency: String,
    units_per_dollar: f64,
    double_room_dollars: f64,
    taxes: Vec<TaxData>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaxData {
    name: String,
    percent: f64,
    included: bool,
}

static COUNTRIES: LazyLock<BTreeMap<String, Country>> = LazyLock::new(|| {
    let countries: BTreeMap<String, CountryData> =
        toml::from_str(include_str!("data/countries.toml")).expect("countries.toml is valid");
    countries.into_iter().map(|(code, data)| (code, Country::from(data))).collect()
});

impl From<CountryData> for Country {
    fn from(data: CountryData) -> Self {
        let exponent = iso_currency::Currency::from_code(&data.currency).and_then(|known| known.exponent());
        let tax = |tax: TaxData| TaxRule {
            name: tax.name,
            basis_points: (tax.percent * 100.0).round() as u32,
            included: tax.included,
        };
        Self {
            culture: Culture::named(&data.culture).expect("a culture of cultures.toml"),
            currency: data.currency.parse().expect("a currency code"),
            decimals: exponent.expect("a currency with minor units").into(),
            units_per_dollar: data.units_per_dollar,
            double_room_dollars: data.double_room_dollars,
            taxes: data.taxes.into_iter().map(tax).collect(),
        }
    }
}

impl Country {
    /// The country of this ISO 3166-1 code; none if it has no demo hotels.
    pub fn of_code(code: &str) -> Option<&'static Self> {
        COUNTRIES.get(code)
    }

    /// A price in minor units of the currency, rounded to two or three significant digits.
    pub fn price(&self, dollars: f64) -> i64 {
        let major = (dollars * self.units_per_dollar).max(1.0);
        let digits = major.log10().floor() as i32 + 1;
        let least = if self.decimals == 3 { 0.5 } else { 1.0 };
        let step = 10f64.powi(digits - 3).max(least);
        ((major / step).round() * step * 10f64.powi(self.decimals as i32)).round() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_a_country() {
        for code in COUNTRIES.keys() {
            assert!(gazetteer::country(code).is_some(), "{code}");
        }
    }

    #[test]
    fn prices_are_rounded_to_significant_digits() {
        let prices =
            [("DE", 104.3, 9_600), ("JP", 85.0, 12_800), ("ID", 45.0, 74_300_000), ("KW", 110.0, 34_000)];
        for (code, dollars, minor) in prices {
            assert_eq!(Country::of_code(code).unwrap().price(dollars), minor, "{code}");
        }
    }
}
