//! The surroundings of a building, which depend on the size of the city.

use super::canvas::Canvas;
use super::colour::Colour;
use super::garden;
use super::light::Light;
use super::rng::Rng;
use super::style::Climate;

/// The size of a city.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    Village,
    Town,
    City,
    Metropolis,
}

impl Size {
    /// The size of a city with this population.
    pub fn of(population: u32) -> Self {
        match population {
            0..12_000 => Self::Village,
            12_000..120_000 => Self::Town,
            120_000..1_200_000 => Self::City,
            1_200_000.. => Self::Metropolis,
        }
    }
}

/// The width of the picture, the height of its street, and the climate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terrain {
    pub width: f32,
    pub street: f32,
    pub climate: Climate,
}

/// Draws hills or a distant skyline, then the neighbouring buildings.
pub(super) fn draw(
    canvas: &mut Canvas,
    rng: &mut Rng,
    size: Size,
    light: &Light,
    terrain: Terrain,
    free: (f32, f32),
) {
    match size {
        Size::Village => {
            hills(canvas, rng, light, terrain, 110.0, 0.62);
            hills(canvas, rng, light, terrain, 62.0, 0.38);
            grove(canvas, rng, light, terrain, 9);
            cottages(canvas, rng, light, terrain, free, 60.0, 2);
        }
        Size::Town => {
            hills(canvas, rng, light, terrain, 96.0, 0.62);
            steeple(canvas, rng, light, terrain, free);
            grove(canvas, rng, light, terrain, 4);
            cottages(canvas, rng, light, terrain, free, 92.0, 6);
        }
        Size::City => {
            far_roofs(canvas, rng, light, terrain, 150.0, 0.66);
            steeple(canvas, rng, light, terrain, free);
            terraced(canvas, rng, light, terrain, (110.0, 190.0), free);
        }
        Size::Metropolis => {
            towers(canvas, rng, light, terrain, (150.0, 300.0), 0.74);
            towers(canvas, rng, light, terrain, (120.0, 230.0), 0.55);
            terraced(canvas, rng, light, terrain, (150.0, 232.0), free);
        }
    }
}

/// Draws the pavement and its edge.
pub(super) fn pavement(canvas: &mut Canvas, light: &Light, terrain: Terrain, size: Size, height: f32) {
    let (walk, road) = match size {
        Size::Village => (0xc9_bd97, 0x9f_ad7c),
        Size::Town | Size::City => (0xd9_cdb6, 0xb3_a893),
        Size::Metropolis => (0xcf_c8ba, 0x9c_978e),
    };
    canvas.rect(0.0, terrain.street, terrain.width, 14.0, light.on(Colour::of(walk)));
    canvas.rect(
        0.0,
        terrain.street + 13.0,
        terrain.width,
        height - terrain.street,
        light.on(Colour::of(road)),
    );
    canvas.rect(0.0, terrain.street + 13.0, terrain.width, 2.0, light.on(Colour::of(road).darker(0.16)));
}

fn hills(canvas: &mut Canvas, rng: &mut Rng, light: &Light, terrain: Terrain, high: f32, far: f32) {
    let green = match terrain.climate {
        Climate::Tropical => 0x6f_9a72,
        Climate::Southern => 0xa8_a671,
        Climate::Temperate => 0x86_a274,
        Climate::Northern => 0x6f_8f80,
    };
    let (mut x, mut data) = (0.0, format!("M0 {:.0}V{:.0}", terrain.street, terrain.street - high * 0.6));
    while x < terrain.width {
        let step = rng.between(110.0, 190.0);
        let (rise, end) = (rng.between(0.7, 1.25) * high, rng.between(0.4, 0.8) * high);
        data.push_str(&format!(
            "Q{:.0} {:.0} {:.0} {:.0}",
            x + step / 2.0,
            terrain.street - rise,
            x + step,
            terrain.street - end
        ));
        x += step;
    }
    data.push_str(&format!("V{:.0}z", terrain.street));
    canvas.path(&data, light.far(Colour::of(green), far));
}

fn grove(canvas: &mut Canvas, rng: &mut Rng, light: &Light, terrain: Terrain, count: usize) {
    for _ in 0..count {
        let x = rng.between(0.0, terrain.width);
        garden::tree(canvas, rng, terrain.climate, light, x, terrain.street, 0.34);
    }
}

const WALLS: [u32; 8] =
    [0xe4_d3b4, 0xd6_a98a, 0xc9_cbb8, 0xea_dcc6, 0xb9_c2c4, 0xd9_b98f, 0xc7_9a86, 0xcf_c3ad];

fn window_grid(canvas: &mut Canvas, rng: &mut Rng, light: &Light, area: [f32; 4], far: f32) {
    let [x, y, w, h] = area;
    let (columns, rows) = ((w / 19.0) as usize, (h / 27.0) as usize);
    let dark = light.glass().mix(light.sky[2], far * 0.8);
    let lit = Colour::of(0xff_cf80).mix(light.sky[2], far * 0.5);
    let (mut awake, mut asleep) = (Vec::new(), Vec::new());
    for row in 0..rows {
        for column in 0..columns {
            let side = if rng.chance(light.lit * 0.8) { &mut awake } else { &mut asleep };
            let step = w / columns as f32;
            side.push((x + (column as f32 + 0.5) * step - 4.0, y + 10.0 + row as f32 * 27.0));
        }
    }
    canvas.rects(&asleep, 8.0, 13.0, dark);
    canvas.rects(&awake, 8.0, 13.0, lit);
}

/// Draws closed rows of town buildings on both sides of the `free` range.
fn terraced(
    canvas: &mut Canvas,
    rng: &mut Rng,
    light: &Light,
    terrain: Terrain,
    high: (f32, f32),
    free: (f32, f32),
) {
    let far = 0.36;
    let mut x = -rng.between(0.0, 40.0);
    while x < terrain.width {
        let (w, h) = (rng.between(62.0, 104.0), rng.between(high.0, high.1));
        let hidden = x > free.0 - 4.0 && x + w < free.1 + 4.0;
        let (wall, roof) =
            (Colour::of(rng.pick(&WALLS)), Colour::of(rng.pick(&[0x7a_6a64, 0xa9_6a50, 0x66_7078])));
        let (kind, y) = (rng.below(3), terrain.street - h);
        if !hidden {
            match kind {
                0 => canvas
                    .poly(&[(x - 2.0, y), (x + w / 2.0, y - 26.0), (x + w + 2.0, y)], light.far(roof, far)),
                1 => canvas.poly(
                    &[(x, y), (x + 8.0, y - 20.0), (x + w - 8.0, y - 20.0), (x + w, y)],
                    light.far(roof, far),
                ),
                _ => canvas.rect(x - 2.0, y - 5.0, w + 4.0, 6.0, light.far(wall.darker(0.15), far)),
            }
            canvas.rect(x, y, w + 0.6, h, light.far(wall, far));
            window_grid(canvas, rng, light, [x + 4.0, y, w - 8.0, h - 30.0], far);
        }
        x += w;
    }
}

/// Draws small buildings with gaps between them.
fn cottages(
    canvas: &mut Canvas,
    rng: &mut Rng,
    light: &Light,
    terrain: Terrain,
    free: (f32, f32),
    high: f32,
    count: usize,
) {
    let far = 0.26;
    for index in 0..count {
        let w = rng.between(58.0, 92.0);
        let x = if index % 2 == 0 {
            rng.between(-20.0, (free.0 - w - 24.0).max(-19.0))
        } else {
            rng.between(free.1 + 24.0, terrain.width - w + 30.0)
        };
        let h = high * rng.between(0.62, 1.0);
        let (wall, roof) =
            (Colour::of(rng.pick(&WALLS)), Colour::of(rng.pick(&[0xa9_6a50, 0x8a_5f4c, 0x66_6a6c])));
        let y = terrain.street - h;
        canvas.poly(
            &[(x - 7.0, y + 2.0), (x + w / 2.0, y - w * 0.4), (x + w + 7.0, y + 2.0)],
            light.far(roof, far),
        );
        canvas.rect(x, y, w, h, light.far(wall, far));
        window_grid(canvas, rng, light, [x + 4.0, y, w - 8.0, h - 8.0], far);
    }
}

/// Draws a church tower on one side.
fn steeple(canvas: &mut Canvas, rng: &mut Rng, light: &Light, terrain: Terrain, free: (f32, f32)) {
    let far = 0.5;
    let x = if rng.chance(0.5) {
        free.0 * rng.between(0.25, 0.7)
    } else {
        free.1 + (terrain.width - free.1) * rng.between(0.3, 0.75)
    };
    let (w, h) = (24.0, rng.between(150.0, 200.0));
    let y = terrain.street - h;
    canvas.rect(x, y, w, h, light.far(Colour::of(0xd6_c6a8), far));
    match terrain.climate {
        Climate::Tropical | Climate::Southern => {
            canvas.arch(x + 7.0, y + 10.0, 10.0, 18.0, light.far(Colour::of(0x6b_6a66), far));
            canvas.arch(x - 2.0, y - 16.0, w + 4.0, 17.0, light.far(Colour::of(0xb7_6d4e), far));
        }
        Climate::Temperate | Climate::Northern => {
            canvas.circle(x + w / 2.0, y + 14.0, 6.0, light.far(Colour::of(0xf2_ead8), far));
            canvas.poly(
                &[(x - 3.0, y), (x + w / 2.0, y - 62.0), (x + w + 3.0, y)],
                light.far(Colour::of(0x55_6a68), far),
            );
        }
    }
}

fn far_roofs(canvas: &mut Canvas, rng: &mut Rng, light: &Light, terrain: Terrain, high: f32, far: f32) {
    let mut x = -20.0;
    while x < terrain.width {
        let (w, h) = (rng.between(40.0, 80.0), high * rng.between(0.75, 1.25));
        let y = terrain.street - h;
        let wall = light.far(Colour::of(rng.pick(&WALLS)), far);
        canvas.poly(
            &[(x, terrain.street), (x, y), (x + w / 2.0, y - 18.0), (x + w, y), (x + w, terrain.street)],
            wall,
        );
        x += w - 1.0;
    }
}

fn towers(canvas: &mut Canvas, rng: &mut Rng, light: &Light, terrain: Terrain, high: (f32, f32), far: f32) {
    let mut x = -10.0;
    while x < terrain.width {
        let (w, h) = (rng.between(34.0, 66.0), rng.between(high.0, high.1));
        let y = terrain.street - h;
        let wall = light.far(Colour::of(rng.pick(&[0x8f_a0aa, 0xa9_b0ae, 0xb9_a995, 0x7f_8f9c])), far);
        canvas.rect(x, y, w, h, wall);
        match rng.below(4) {
            0 => canvas.rect(x + w * 0.25, y - 16.0, w * 0.5, 17.0, wall),
            1 => canvas.rect(x + w * 0.5 - 1.0, y - 34.0, 2.0, 35.0, wall),
            2 => canvas.poly(&[(x, y + 1.0), (x + w, y - 22.0), (x + w, y + 1.0)], wall),
            _ => {}
        }
        if light.lamps {
            let count = (h / 16.0) as usize;
            let lights: Vec<_> =
                (0..count).map(|_| (x + rng.between(4.0, w - 8.0), y + rng.between(6.0, h - 20.0))).collect();
            canvas.rects(&lights, 3.0, 4.0, Colour::of(0xff_cf80).mix(wall, 0.35));
        }
        x += w + rng.between(-6.0, 16.0);
    }
}
