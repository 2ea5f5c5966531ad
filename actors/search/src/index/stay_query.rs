//! A query for a stay, and seasonal prices of its nights, grouped by month and weekday.

use contracts::{Currency, Season, Stay, pricing};

/// A query for rooms for a stay.
#[derive(Debug)]
pub(crate) struct StayQuery {
    pub check_in: i32,
    pub check_out: i32,
    pub nights: u32,
    pub guests: u32,
    pub rooms: u32,
    /// The number of nights by month and weekday: at most 21 combinations.
    pub kinds: Vec<(u8, u8, i64)>,
}

impl StayQuery {
    /// A query for rooms for a stay.
    pub fn new(stay: Stay, guests: u32, rooms: u32) -> Self {
        let mut kinds: Vec<(u8, u8, i64)> = Vec::new();
        for night in stay.nights() {
            let (month, weekday) = (night.month0() as u8, night.weekday0() as u8);
            match kinds.iter_mut().find(|kind| (kind.0, kind.1) == (month, weekday)) {
                Some(kind) => kind.2 += 1,
                None => kinds.push((month, weekday, 1)),
            }
        }
        let (check_in, check_out) = (stay.check_in().0, stay.check_out().0);
        Self { check_in, check_out, nights: stay.length(), guests, rooms, kinds }
    }

    /// The price of a room for all nights by the season, without calendar prices.
    pub fn by_season(&self, amount: i64, season: &Season, currency: Currency) -> i64 {
        self.kinds.iter().fold(0i64, |sum, (month, weekday, count)| {
            let price = night_price(
                amount,
                season.months[usize::from(*month)],
                season.weekdays[usize::from(*weekday)],
                currency,
            );
            sum.saturating_add(price.saturating_mul(*count))
        })
    }

    /// The number of nights in each month.
    pub fn nights_by_month(&self) -> [i64; 12] {
        let mut nights = [0; 12];
        for (month, _, count) in &self.kinds {
            nights[usize::from(*month)] += count;
        }
        nights
    }
}

/// `contracts::pricing::night_price` for a night without a calendar price: the same result, in 64 bits if they suffice.
pub(crate) fn night_price(amount: i64, month: u16, weekday: u16, currency: Currency) -> i64 {
    let factor = u64::from(month) * u64::from(weekday);
    if (0..1 << 31).contains(&amount) && currency.rounding_increment() == 1 {
        return ((amount.unsigned_abs() * factor + 500_000) / 1_000_000) as i64;
    }
    pricing::round(i128::from(amount) * i128::from(factor), 1_000_000, currency)
}

#[cfg(test)]
mod tests {
    use contracts::pricing::night_price;
    use contracts::{Cancellation, Date, RatePlanId, RatePlanProfile};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn prices_are_those_of_contracts_pricing(
            amount in prop_oneof![0..100_000i64, 0..i64::MAX], months: [u16; 12], weekdays: [u16; 7], day in 10_000..30_000i32,
            length in 1..=60i32, code in prop_oneof!["EUR", "KWD", "MGA"],
        ) {
            let currency: Currency = code.parse().unwrap();
            let season = Season { months, weekdays };
            let cancellation = Cancellation { free_until_hours: None, penalty_percent: 0 };
            let plan = RatePlanProfile { id: RatePlanId(0), name: String::new(), amount, cancellation, active: true, reference: None };
            let stay = Stay::new(Date(day), Date(day + length)).unwrap();
            let theirs = stay.nights().map(|night| night_price(&plan, &season, night, None, currency)).fold(0i64, i64::saturating_add);
            prop_assert_eq!(StayQuery::new(stay, 1, 1).by_season(amount, &season, currency), theirs);
        }
    }
}
