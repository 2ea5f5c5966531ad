//! Amounts of money in JSON.

use edge::ApiError;
use poem_openapi::Object;
use serde::Serialize;

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
pub struct Money {
    /// The amount in minor units of the currency: `12900` for 129.00 EUR, `129` for 129 JPY.
    pub amount: i64,
    /// The currency code (ISO 4217), such as `EUR`.
    #[oai(validator(pattern = "^[A-Z]{3}$", max_length = 3))]
    pub currency: String,
}

impl From<contracts::Money> for Money {
    fn from(money: contracts::Money) -> Self {
        Self { amount: money.amount, currency: money.currency.to_string() }
    }
}

impl Money {
    /// An amount in minor units of a currency.
    pub fn new(amount: i64, currency: contracts::Currency) -> Self {
        contracts::Money::new(amount, currency).into()
    }

    /// Converts the amount of a request.
    ///
    /// # Errors
    /// 400 that names `pointer/currency` when the currency does not exist.
    pub fn into_contract(self, pointer: &str) -> Result<contracts::Money, ApiError> {
        Ok(contracts::Money::new(self.amount, currency(&self.currency, &format!("{pointer}/currency"))?))
    }
}

/// Parses a currency code.
///
/// # Errors
/// 400 that names the field.
pub fn currency(code: &str, pointer: &str) -> Result<contracts::Currency, ApiError> {
    let known = iso_currency::Currency::from_code(code).is_some();
    let currency = if known { code.parse().ok() } else { None };
    currency.ok_or_else(|| ApiError::invalid(pointer, "not an ISO 4217 currency code, such as EUR"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_existing_currencies_are_accepted() {
        for (code, known) in
            [("EUR", true), ("JPY", true), ("XQQ", false), ("eur", false), ("EURO", false), ("", false)]
        {
            let money = Money { amount: 1, currency: code.to_owned() }.into_contract("/amount");
            assert_eq!(money.is_ok(), known, "{code}");
            if let Err(error) = money {
                assert_eq!(error.problem().errors()[0].pointer, "/amount/currency");
            }
        }
    }
}
