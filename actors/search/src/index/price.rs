//! Prices of nights by season, without looking at a calendar twice: a stay is a few kinds of nights.

use contracts::{Season, Stay};

/// What is sought for given dates.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub check_in: i32,
    pub check_out: i32,
    pub nights: u32,
    pub guests: u32,
    pub rooms: u32,
    /// Month, weekday, and how many of the nights are such: at most 21 kinds.
    pub kinds: Vec<(u8, u8, i64)>,
}

impl Wanted {
    /// Rooms for a stay.
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

    /// What a room costs for all nights, by season alone.
    pub fn by_season(&self, amount: i64, season: &Season) -> i64 {
        self.kinds.iter().fold(0i64, |sum, (month, weekday, count)| {
            let price =
                night(amount, season.months[usize::from(*month)], season.weekdays[usize::from(*weekday)]);
            sum.saturating_add(price.saturating_mul(*count))
        })
    }

    /// How many of the nights lie in each month.
    pub fn nights_by_month(&self) -> [i64; 12] {
        let mut nights = [0; 12];
        for (month, _, count) in &self.kinds {
            nights[usize::from(*month)] += count;
        }
        nights
    }
}

/// `contracts::pricing::night_price` for a night without a price of its own: the same to the cent, but without 128 bits
/// where 64 suffice.
pub(crate) fn night(amount: i64, month: u16, weekday: u16) -> i64 {
    let factor = u64::from(month) * u64::from(weekday);
    if (0..1 << 31).contains(&amount) {
        return ((amount.unsigned_abs() * factor + 500_000) / 1_000_000) as i64;
    }
    let price = (i128::from(amount) * i128::from(factor) + 500_000) / 1_000_000;
    i64::try_from(price).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use contracts::pricing::night_price;
    use contracts::{Cancellation, Date, RatePlanId, RatePlanProfile};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nights_cost_what_reservations_say(
            amount in prop_oneof![0..100_000i64, 0..i64::MAX], months: [u16; 12], weekdays: [u16; 7], day in 10_000..30_000i32,
            length in 1..=60i32,
        ) {
            let season = Season { months, weekdays };
            let cancellation = Cancellation { free_until_hours: None, penalty_percent: 0 };
            let plan = RatePlanProfile { id: RatePlanId(0), name: String::new(), amount, cancellation, active: true };
            let stay = Stay::new(Date(day), Date(day + length)).unwrap();
            let theirs = stay.nights().map(|night| night_price(&plan, &season, night, None)).fold(0i64, i64::saturating_add);
            prop_assert_eq!(Wanted::new(stay, 1, 1).by_season(amount, &season), theirs);
        }
    }
}
