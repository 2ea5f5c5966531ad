//! A deterministic random number generator, so that a picture is a function of its input.

/// SplitMix64. It is short, well distributed and platform-independent.
#[derive(Debug, Clone)]
pub(super) struct Rng(u64);

impl Rng {
    /// A generator for one purpose within a picture. Separate purposes keep a change to one part of a picture from changing
    /// the others.
    pub fn of(id: u128, purpose: u64) -> Self {
        let mut rng = Self(
            (id >> 64) as u64 ^ (id as u64).rotate_left(29) ^ purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        );
        rng.next();
        rng
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `bound`, exclusive.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// A number from `least` to `most`.
    pub fn between(&mut self, least: f32, most: f32) -> f32 {
        least + (most - least) * ((self.next() >> 40) as f32 / (1u64 << 24) as f32)
    }

    /// `true` with probability `share` (0 to 1).
    pub fn chance(&mut self, share: f32) -> bool {
        self.between(0.0, 1.0) < share
    }

    /// A random item of a slice that is not empty.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}
