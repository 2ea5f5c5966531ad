//! Trees and lamps in the street. The kinds of trees depend on the climate.

use super::canvas::Canvas;
use super::colour::Colour;
use super::light::Light;
use super::rng::Rng;
use super::style::Climate;

/// Draws a tree of the climate at `x`.
pub(super) fn tree(
    canvas: &mut Canvas,
    rng: &mut Rng,
    climate: Climate,
    light: &Light,
    x: f32,
    street: f32,
    far: f32,
) {
    let tone = |rgb: u32| light.far(Colour::of(rgb), far);
    match (climate, rng.below(3)) {
        (Climate::Tropical, 0 | 1) => palm(canvas, rng, &tone, x, street),
        (Climate::Tropical, _) | (Climate::Temperate, _) => round(canvas, rng, &tone, x, street),
        (Climate::Southern, 0 | 1) => cypress(canvas, rng, &tone, x, street),
        (Climate::Southern, _) => umbrella_pine(canvas, rng, &tone, x, street),
        (Climate::Northern, 0 | 1) => fir(canvas, rng, &tone, x, street),
        (Climate::Northern, _) => birch(canvas, rng, &tone, x, street),
    }
}

fn palm(canvas: &mut Canvas, rng: &mut Rng, tone: &dyn Fn(u32) -> Colour, x: f32, street: f32) {
    let (h, lean) = (rng.between(86.0, 130.0), rng.between(-16.0, 16.0));
    canvas.stroke(
        &format!("M{x:.0} {street:.0}q{:.0} {:.0} {lean:.0} {:.0}", lean * 0.1, -h * 0.6, -h),
        4.6,
        tone(0x8f_7152),
    );
    let (cx, cy) = (x + lean, street - h);
    for (dx, dy) in [
        (-36.0, 6.0),
        (-30.0, -14.0),
        (-14.0, -24.0),
        (12.0, -24.0),
        (30.0, -13.0),
        (36.0, 7.0),
        (-24.0, 20.0),
        (24.0, 20.0),
    ] {
        let green = rng.pick(&[0x4a_7d55, 0x5c_8f5c, 0x3f_6f50]);
        canvas.path(
            &format!(
                "M{cx:.0} {cy:.0}q{:.0} {:.0} {dx:.0} {dy:.0}q{:.0} {:.0} {:.0} {:.0}z",
                dx * 0.4,
                dy - 14.0,
                -dx * 0.55,
                -dy * 0.2 - 7.0,
                -dx,
                -dy
            ),
            tone(green),
        );
    }
    canvas.circle(cx - 2.0, cy + 3.0, 2.4, tone(0x7c_5c3d));
}

fn round(canvas: &mut Canvas, rng: &mut Rng, tone: &dyn Fn(u32) -> Colour, x: f32, street: f32) {
    let (h, r) = (rng.between(58.0, 92.0), rng.between(19.0, 27.0));
    let greens = rng.pick(&[
        [0x5f_8a5c, 0x6f_9a66, 0x4f_7850],
        [0x7c_975a, 0x8e_a863, 0x6a_844c],
        [0x54_7d62, 0x63_8d6d, 0x45_6b54],
    ]);
    canvas.rect(x - 2.6, street - h, 5.2, h, tone(0x70_5742));
    canvas.circle(x - r * 0.55, street - h + r * 0.25, r * 0.75, tone(greens[2]));
    canvas.circle(x + r * 0.6, street - h + r * 0.2, r * 0.7, tone(greens[0]));
    canvas.circle(x, street - h - r * 0.35, r, tone(greens[0]));
    canvas.circle(x - r * 0.25, street - h - r * 0.6, r * 0.55, tone(greens[1]));
}

fn cypress(canvas: &mut Canvas, rng: &mut Rng, tone: &dyn Fn(u32) -> Colour, x: f32, street: f32) {
    let (h, r) = (rng.between(84.0, 140.0), rng.between(9.0, 13.0));
    canvas.rect(x - 2.0, street - 10.0, 4.0, 10.0, tone(0x6b_5544));
    canvas.path(
        &format!("M{x:.1} {:.1}q{:.1} {:.1} {r:.1} {:.1}q0 10 {:.1} 10q-{r:.1} 0 -{r:.1} -10q0 -{:.1} {r:.1} -{:.1}z", street - h, r, h * 0.4, h - 16.0, -r, h * 0.5, h - 16.0),
        tone(0x3f_6149),
    );
    canvas.faint(0.35, |canvas| {
        canvas.ellipse(x - r * 0.3, street - h * 0.42, r * 0.35, h * 0.3, tone(0x5e_8560));
    });
}

fn umbrella_pine(canvas: &mut Canvas, rng: &mut Rng, tone: &dyn Fn(u32) -> Colour, x: f32, street: f32) {
    let (h, r) = (rng.between(96.0, 126.0), rng.between(30.0, 42.0));
    canvas.stroke(&format!("M{x:.0} {street:.0}q4 {:.0} -2 {:.0}", -h * 0.5, -h), 4.4, tone(0x7d_5c46));
    canvas.ellipse(x - 2.0, street - h, r, r * 0.36, tone(0x4d_7350));
    canvas.ellipse(x - 6.0, street - h - 6.0, r * 0.7, r * 0.28, tone(0x60_8859));
}

fn fir(canvas: &mut Canvas, rng: &mut Rng, tone: &dyn Fn(u32) -> Colour, x: f32, street: f32) {
    let (h, r) = (rng.between(80.0, 132.0), rng.between(19.0, 26.0));
    canvas.rect(x - 2.5, street - 12.0, 5.0, 12.0, tone(0x5f_4a3c));
    for tier in 0..4 {
        let share = tier as f32 / 4.0;
        let (y, half) = (street - 10.0 - h * share * 0.72, r * (1.0 - share * 0.72));
        canvas.poly(
            &[(x - half, y), (x, y - h * 0.36), (x + half, y)],
            tone([0x3b_5c50, 0x42_6658, 0x4a_7060, 0x53_7a68][tier]),
        );
    }
}

fn birch(canvas: &mut Canvas, rng: &mut Rng, tone: &dyn Fn(u32) -> Colour, x: f32, street: f32) {
    let h = rng.between(74.0, 104.0);
    canvas.rect(x - 2.0, street - h, 4.0, h, tone(0xe9_e4da));
    for mark in 1..5 {
        canvas.rect(x - 2.0, street - h * mark as f32 / 6.0, 2.4, 1.4, tone(0x4c_4844));
    }
    canvas.ellipse(x, street - h, 15.0, 27.0, tone(0x94_ab62));
    canvas.ellipse(x - 4.0, street - h - 6.0, 8.0, 16.0, tone(0xa9_bd74));
}

/// Draws a street lamp.
pub(super) fn lamp(canvas: &mut Canvas, light: &Light, x: f32, street: f32) {
    let iron = light.on(Colour::of(0x33_3634));
    canvas.rect(x - 1.2, street - 66.0, 2.4, 66.0, iron);
    canvas.rect(x - 3.0, street - 5.0, 6.0, 5.0, iron);
    if light.lamps {
        canvas.glow(x, street - 72.0, 34.0, Colour::of(0xff_d28a));
    }
    let glass = if light.lamps { Colour::of(0xff_eabc) } else { light.on(Colour::of(0xe6_dfcf)) };
    canvas.poly(
        &[
            (x - 4.6, street - 77.0),
            (x + 4.6, street - 77.0),
            (x + 2.6, street - 66.0),
            (x - 2.6, street - 66.0),
        ],
        glass,
    );
    canvas.poly(&[(x - 6.0, street - 77.0), (x, street - 82.0), (x + 6.0, street - 77.0)], iron);
}
