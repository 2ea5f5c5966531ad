//! Colours.

/// Red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour(u8, u8, u8);

impl Colour {
    /// The colour of a number such as `0xfbf7f0`.
    pub const fn of(rgb: u32) -> Self {
        Self((rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8)
    }

    /// Mixes in a share (0 to 1) of `other`.
    pub fn mix(self, other: Self, share: f32) -> Self {
        let part = |a: u8, b: u8| {
            (f32::from(a) + (f32::from(b) - f32::from(a)) * share.clamp(0.0, 1.0)).round() as u8
        };
        Self(part(self.0, other.0), part(self.1, other.1), part(self.2, other.2))
    }

    /// Mixes in a share of warm white.
    pub fn lighter(self, share: f32) -> Self {
        self.mix(Self::of(0xff_fdf6), share)
    }

    /// Mixes in a share of warm black.
    pub fn darker(self, share: f32) -> Self {
        self.mix(Self::of(0x2a_2420), share)
    }
}

impl std::fmt::Display for Colour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}
