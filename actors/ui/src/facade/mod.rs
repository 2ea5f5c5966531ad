//! Generated SVG pictures of hotels, for hotels without photos.
//!
//! The number of stars determines the number of floors, the latitude determines walls and trees, the city's population
//! determines the neighbouring buildings, and the hour determines the light and the share of lit windows. Everything else
//! (bays, roof, windows, colours) comes from a random number generator that is seeded with the hotel's id.
//!
//! Invariants:
//! - the same [`Scene`] gives the same bytes on every machine;
//! - hotels with different ids have different pictures.
//!
//! Deliberately absent: text, fonts, styles and scripts inside the pictures.

mod building;
mod canvas;
mod colour;
mod garden;
mod light;
mod opening;
mod rng;
mod roof;
mod street;
mod style;
mod town;

use canvas::Canvas;
use light::Light;
use rng::Rng;
use style::{Climate, Style};
use town::{Size, Terrain};

pub use street::{skyline, vignette};

/// The input of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scene {
    /// The hotel's id, as a number.
    pub id: u128,
    /// 0 to 5. Greater numbers are treated as 5.
    pub stars: u8,
    /// Degrees north.
    pub latitude: f32,
    /// The population of the hotel's city.
    pub population: u32,
    /// The local hour at the hotel, 0 to 23.
    pub hour: u8,
    /// Whether the picture is a banner (1280 × 420 units) or a card (640 × 400 units).
    pub wide: bool,
}

impl Scene {
    /// Draws the picture as an SVG document.
    pub fn draw(&self) -> String {
        let (w, h) = if self.wide { (1280.0, 420.0) } else { (640.0, 400.0) };
        let (light, climate, size) =
            (Light::at(self.hour), Climate::at(self.latitude), Size::of(self.population));
        let terrain = Terrain { width: w, street: h - 34.0, climate };
        let style = Style::of(&mut Rng::of(self.id, 1), self.stars, climate);
        let mut around = Rng::of(self.id, 2);
        let x = (w - style.width()) / 2.0 + around.between(-0.04, 0.04) * w;
        let free = (x, x + style.width());

        // Zoom in on small buildings, so that each fills its picture.
        let near = ((style.eaves() + building::rise(&style) + 96.0) / h)
            .clamp(if self.wide { 0.8 } else { 0.62 }, 1.0);
        let left = (x + style.width() / 2.0 - w * near / 2.0).clamp(0.0, w - w * near);
        let mut canvas = Canvas::view(left, h - h * near, w * near, h * near);
        light.draw_sky(&mut canvas, &mut Rng::of(self.id, 3), w, h);
        town::draw(&mut canvas, &mut around, size, &light, terrain, free);
        town::pavement(&mut canvas, &light, terrain, size, h);
        building::draw(
            &mut canvas,
            &mut Rng::of(self.id, 4 + u64::from(self.hour)),
            &style,
            &light,
            x,
            terrain.street,
        );
        let mut planted = Rng::of(self.id, 40);
        let trees = match size {
            Size::Village => 4,
            Size::Town | Size::City => 3,
            Size::Metropolis => 2,
        };
        for index in 0..trees * if self.wide { 2 } else { 1 } {
            let beside = if index % 2 == 0 {
                planted.between(18.0, free.0 - 30.0)
            } else {
                planted.between(free.1 + 42.0, w - 18.0)
            };
            garden::tree(&mut canvas, &mut planted, climate, &light, beside, terrain.street + 5.0, 0.0);
        }
        if size != Size::Village {
            garden::lamp(&mut canvas, &light, free.0 - 22.0, terrain.street + 9.0);
            garden::lamp(&mut canvas, &light, free.1 + 32.0, terrain.street + 9.0);
        }
        canvas.finish()
    }
}

#[cfg(test)]
mod tests;
