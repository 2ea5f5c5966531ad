//! Rng that fall the same way for the same id: the pictures are functions of their data.

/// SplitMix64, which is short, well spread and the same everywhere.
#[derive(Debug, Clone)]
pub(super) struct Rng(u64);

impl Rng {
    /// Rng for one picture, or for one purpose within it, so that a change to one part leaves the others as they were.
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

    /// From 0 up to, not including, `sides`.
    pub fn below(&mut self, sides: usize) -> usize {
        (self.next() % sides.max(1) as u64) as usize
    }

    /// From `least` to `most`.
    pub fn between(&mut self, least: f32, most: f32) -> f32 {
        least + (most - least) * ((self.next() >> 40) as f32 / (1u64 << 24) as f32)
    }

    /// True in `share` (0 to 1) of all throws.
    pub fn chance(&mut self, share: f32) -> bool {
        self.between(0.0, 1.0) < share
    }

    /// One of some.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}
