//! Random numbers that depend only on the seed, on every machine and in every release: splitmix64, implemented here because
//! no library guarantees that.
//!
//! Source: Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014); the constants of its `mix64`.

/// The only source of randomness in a run.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// A generator with this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// The next 128 bits.
    pub const fn wide(&mut self) -> u128 {
        (self.next() as u128) << 64 | self.next() as u128
    }

    /// A number below `count`, which is at least 1. The bias of the remainder does not matter here.
    pub const fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }

    /// A number from `from` to `to`, both included.
    pub const fn between(&mut self, from: i64, to: i64) -> i64 {
        from + (self.next() % (to - from + 1) as u64) as i64
    }

    /// True with a probability of `percent` %.
    pub const fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    /// A random element; `None` if there is none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        if of.is_empty() { None } else { Some(&of[self.below(of.len())]) }
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn the_same_seed_throws_the_same_on_every_machine() {
        // The values of Vigna's reference implementation for the seed 1234567.
        let mut rng = Rng::new(1_234_567);
        assert_eq!([rng.next(), rng.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
        assert!((0..1000).all(|_| (3..=5).contains(&rng.between(3, 5))));
    }
}
