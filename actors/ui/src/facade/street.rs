//! Pictures of streets: the home page's skyline, and the vignette of a city.

use super::canvas::Canvas;
use super::light::Light;
use super::rng::Rng;
use super::style::{Climate, Style};
use super::town::{self, Size, Terrain};
use super::{building, garden};

/// A long street of hotels of all climates at an hour of the day, 1920 × 860 units. The sky leaves space for the text of the
/// home page.
pub fn skyline(hour: u8) -> String {
    let (w, h, seed) = (1920.0, 860.0, 0x00a0_be46e);
    let light = Light::at(hour);
    let mut canvas = Canvas::new(w, h);
    let terrain = Terrain { width: w, street: h - 30.0, climate: Climate::Temperate };
    light.draw_sky(&mut canvas, &mut Rng::of(seed, 3), w, h);
    town::draw(&mut canvas, &mut Rng::of(seed, 2), Size::Metropolis, &light, terrain, (-9.0, -9.0));
    town::pavement(&mut canvas, &light, terrain, Size::City, h);
    let mut rng = Rng::of(seed, 1);
    let mut x = -70.0;
    let latitudes = [48.0, 41.0, 52.0, 60.0, 45.0, 38.0, 50.0, 15.0, 54.0];
    for (index, latitude) in latitudes.into_iter().enumerate() {
        let climate = Climate::at(latitude);
        let stars = [3, 2, 4, 2, 3, 1, 3, 2, 4][index];
        let id = 7_919 * (index as u128 + 5);
        let style = Style::of(&mut Rng::of(id, 1), stars, climate);
        building::draw(&mut canvas, &mut Rng::of(id, 4), &style, &light, x, terrain.street);
        let gap = rng.between(26.0, 64.0);
        x += style.width();
        garden::tree(&mut canvas, &mut rng, climate, &light, x + gap * 0.55, terrain.street + 5.0, 0.0);
        x += gap;
        if index % 2 == 0 {
            garden::lamp(&mut canvas, &light, x - 10.0, terrain.street + 9.0);
        }
        if x > w {
            break;
        }
    }
    canvas.finish()
}

/// A small street of a city, 480 × 240 units, from the city's id, latitude and population.
pub fn vignette(city: u64, latitude: f32, population: u32, hour: u8) -> String {
    let (w, h, id) = (480.0, 240.0, u128::from(city).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
    let (light, climate, size) = (Light::at(hour), Climate::at(latitude), Size::of(population));
    let mut canvas = Canvas::new(w, h);
    let terrain = Terrain { width: w, street: h - 20.0, climate };
    light.draw_sky(&mut canvas, &mut Rng::of(id, 3), w, h);
    town::draw(&mut canvas, &mut Rng::of(id, 2), size, &light, terrain, (-9.0, -9.0));
    town::pavement(&mut canvas, &light, terrain, size, h);
    let mut rng = Rng::of(id, 1);
    let mut x = rng.between(-60.0, 10.0);
    while x < w {
        let stars = 1 + rng.below(2) as u8;
        let style = Style::of(&mut rng, stars, climate);
        if x + style.width() < w + 90.0 {
            building::draw(&mut canvas, &mut rng, &style, &light, x, terrain.street);
        }
        x += style.width() + 14.0;
        garden::tree(&mut canvas, &mut rng, climate, &light, x + 8.0, terrain.street + 4.0, 0.0);
        x += rng.between(34.0, 70.0);
    }
    canvas.finish()
}
