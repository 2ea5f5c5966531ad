//! The light at an hour of the day: the sky, the shade on walls, the share of lit windows.

use super::canvas::Canvas;
use super::colour::Colour;
use super::rng::Rng;

/// The light at an hour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Light {
    /// From top to horizon.
    pub sky: [Colour; 3],
    /// The share of lit windows, 0 to 1.
    pub lit: f32,
    /// Whether lamps are on.
    pub lamps: bool,
    tint: Colour,
    shade: f32,
    hour: u8,
}

impl Light {
    /// The light at an hour of the day, 0 to 23.
    pub fn at(hour: u8) -> Self {
        let hour = hour % 24;
        let (sky, tint, shade) = match hour {
            6 | 7 => ([0xbf_d3e0, 0xe9_dccf, 0xf8_d9bd], 0xe8_b79a, 0.12),
            8..=16 => ([0xc4_dde2, 0xe2_e9df, 0xf6_efdd], 0xff_ffff, 0.0),
            17 | 18 => ([0x8f_a9c4, 0xe6_b9a2, 0xf7_d6a6], 0x8c_5a66, 0.16),
            19 | 20 => ([0x35_4468, 0x8d_6a86, 0xe9_a67e], 0x2b_2c50, 0.42),
            _ => ([0x0c_1424, 0x18_253d, 0x33_4562], 0x0f_1a33, 0.64),
        };
        let lit = match hour {
            0 => 0.28,
            1..=4 => 0.10,
            5 | 6 => 0.22,
            7 => 0.2,
            8..=16 => 0.0,
            17 => 0.2,
            18 => 0.42,
            19..=21 => 0.62,
            22 => 0.52,
            _ => 0.4,
        };
        let lamps = !(7..=16).contains(&hour);
        Self { sky: sky.map(Colour::of), lit, lamps, tint: Colour::of(tint), shade, hour }
    }

    /// The colour of a surface in this light.
    pub fn on(&self, colour: Colour) -> Colour {
        colour.mix(self.tint, self.shade)
    }

    /// The colour of a distant surface (0 near, 1 at the horizon). Distance mixes in the colour of the sky.
    pub fn far(&self, colour: Colour, distance: f32) -> Colour {
        self.on(colour).mix(self.sky[2].mix(self.sky[1], 0.4), distance)
    }

    /// The colour of an unlit window.
    pub fn glass(&self) -> Colour {
        match self.hour {
            8..=16 => Colour::of(0x6f_8792),
            6 | 7 | 17 | 18 => Colour::of(0x64_7384),
            19 | 20 => Colour::of(0x2e_3654),
            _ => Colour::of(0x1a_2439),
        }
    }

    /// Whether the sun has set.
    pub fn is_night(&self) -> bool {
        self.hour >= 21 || self.hour < 6
    }

    /// Draws the sky with the sun or moon, clouds, stars and birds.
    pub fn draw_sky(&self, canvas: &mut Canvas, rng: &mut Rng, w: f32, h: f32) {
        canvas.sky(w, h, self.sky);
        // The home page writes text over the left of a wide sky.
        let x = if w > 1_500.0 {
            w * 0.79
        } else if rng.chance(0.5) {
            rng.between(w * 0.08, w * 0.24)
        } else {
            rng.between(w * 0.76, w * 0.92)
        };
        let y = h * rng.between(0.12, 0.26);
        if self.is_night() {
            for _ in 0..(w / 18.0) as usize {
                let star = rng.pick(&[0xff_f3d0, 0xcf_dbf0, 0x9f_b2d4]);
                canvas.circle(
                    rng.between(0.0, w),
                    rng.between(0.0, h * 0.6),
                    rng.between(0.5, 1.3),
                    Colour::of(star),
                );
            }
            canvas.circle(x, y, 17.0, Colour::of(0xf6_ecc9));
            canvas.circle(x + 7.0, y - 4.0, 15.0, self.sky[0].mix(self.sky[1], 0.25));
        } else {
            let (sun, low) =
                if self.hour < 17 && self.hour > 7 { (0xff_f6d8, 0.0) } else { (0xff_d9a0, h * 0.3) };
            canvas.circle(x, y + low, 21.0, Colour::of(sun));
            self.clouds(canvas, rng, w, h);
            if rng.chance(0.6) {
                let up = h * rng.between(0.12, 0.3);
                self.birds(canvas, rng, w - x, up);
            }
        }
    }

    fn clouds(&self, canvas: &mut Canvas, rng: &mut Rng, w: f32, h: f32) {
        let fill = self.sky[2].lighter(0.55);
        for _ in 0..(w / 260.0).ceil() as usize {
            let (x, y, s) = (rng.between(0.0, w), h * rng.between(0.08, 0.42), rng.between(0.6, 1.25));
            canvas.faint(0.7, |canvas| {
                canvas.plate(x - 46.0 * s, y, 92.0 * s, 11.0 * s, 5.5 * s, fill);
                canvas.plate(x - 24.0 * s, y - 8.0 * s, 54.0 * s, 16.0 * s, 8.0 * s, fill);
            });
        }
    }

    fn birds(&self, canvas: &mut Canvas, rng: &mut Rng, x: f32, y: f32) {
        for _ in 0..3 {
            let (x, y) = (x + rng.between(-30.0, 30.0), y + rng.between(-12.0, 12.0));
            canvas.stroke(&format!("M{x:.0} {y:.0}q4 -5 7 0q3 -5 7 0"), 1.2, self.on(Colour::of(0x5c_6468)));
        }
    }
}
