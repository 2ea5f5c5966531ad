//! The building: walls, floors, windows, ivy and signs.

use super::canvas::Canvas;
use super::colour::Colour;
use super::light::Light;
use super::opening::Panes;
use super::rng::Rng;
use super::style::{GroundFloor, Roof, Style, Window};
use super::{opening, roof};

/// Draws the building with its left wall at `x`, standing on `street`.
pub(super) fn draw(canvas: &mut Canvas, rng: &mut Rng, style: &Style, light: &Light, x: f32, street: f32) {
    let (w, top) = (style.width(), street - style.eaves());
    let wall = light.on(style.wall);
    roof::behind(canvas, rng, style, light, x, top);
    canvas.rect(x, top, w, style.eaves(), wall);
    // Shade on one side gives the wall depth.
    canvas.faint(0.07, |canvas| canvas.rect(x + w * 0.72, top, w * 0.28, style.eaves(), Colour::of(0)));
    if style.quoins {
        quoins(canvas, style, light, x, top, street);
    }
    courses(canvas, style, light, x, street);
    upper_windows(canvas, rng, style, light, x, street);
    if style.ivy {
        ivy(canvas, rng, light, x, street, style.eaves());
    }
    roof::above(canvas, rng, style, light, x, top);
    ground_floor(canvas, rng, style, light, x, street);
    if style.sign {
        sign(canvas, style, light, x + w, street - style.ground_height - 4.0);
    }
}

fn quoins(canvas: &mut Canvas, style: &Style, light: &Light, x: f32, top: f32, street: f32) {
    let (fill, mut y, mut long) = (light.on(style.trim.mix(style.wall, 0.35)), top + 4.0, true);
    while y + 8.0 < street {
        let width = if long { 9.0 } else { 6.0 };
        canvas.rect(x, y, width, 7.0, fill);
        canvas.rect(x + style.width() - width, y, width, 7.0, fill);
        (y, long) = (y + 8.5, !long);
    }
}

/// Draws the string courses between floors, and the plinth.
fn courses(canvas: &mut Canvas, style: &Style, light: &Light, x: f32, street: f32) {
    let trim = light.on(style.trim);
    for floor in 1..style.floors {
        let y = street - style.ground_height - floor as f32 * style.floor;
        canvas.faint(0.5, |canvas| canvas.rect(x, y - 1.0, style.width(), 1.6, trim));
    }
    canvas.rect(x - 2.0, street - style.ground_height - 3.0, style.width() + 4.0, 4.5, trim);
    canvas.rect(x - 1.0, street - 7.0, style.width() + 2.0, 7.0, light.on(style.wall.darker(0.32)));
}

fn upper_windows(canvas: &mut Canvas, rng: &mut Rng, style: &Style, light: &Light, x: f32, street: f32) {
    let panes = Panes::define(canvas, style, light);
    let cat = style.cat.then(|| (rng.below(style.floors), rng.below(style.bays)));
    for floor in 0..style.floors {
        let base = street - style.ground_height - floor as f32 * style.floor - style.floor;
        let noble = floor == 0 && style.balconies;
        for bay in 0..style.bays {
            let middle = x + Style::MARGIN + (bay as f32 + 0.5) * style.bay;
            let sill = panes.place(canvas, rng, light, middle, base + style.floor);
            if noble || (style.balconies && style.window == Window::French && bay == style.door_bay()) {
                opening::balcony(canvas, style, light, middle, sill);
            } else if style.window != Window::French && rng.chance(0.16) {
                opening::flower_box(canvas, rng, light, middle, sill, panes.width);
            }
            if cat == Some((floor, bay)) {
                opening::cat(canvas, middle + panes.width * 0.2, sill);
            }
        }
    }
}

fn ground_floor(canvas: &mut Canvas, rng: &mut Rng, style: &Style, light: &Light, x: f32, street: f32) {
    let height = style.ground_height;
    for bay in 0..style.bays {
        let middle = x + Style::MARGIN + (bay as f32 + 0.5) * style.bay;
        if bay == style.door_bay() {
            continue;
        }
        let lit = light.lamps && rng.chance(0.75);
        match style.ground_floor {
            GroundFloor::Awnings => {
                opening::shop_window(canvas, style, light, middle, street, lit);
                opening::awning(canvas, style, light, middle, street - height + 8.0);
            }
            GroundFloor::Arcade => opening::arch_window(canvas, style, light, middle, street, lit),
            GroundFloor::Parlour => opening::parlour_window(canvas, style, light, middle, street, lit),
        }
    }
    let middle = x + Style::MARGIN + (style.door_bay() as f32 + 0.5) * style.bay;
    opening::door(canvas, style, light, middle, street);
    for side in [-1.0, 1.0] {
        opening::topiary(canvas, rng, light, middle + side * (style.bay * 0.5 - 3.0), street);
    }
}

/// Draws a blade sign at the wall's edge, lit by a lamp at night.
fn sign(canvas: &mut Canvas, style: &Style, light: &Light, edge: f32, y: f32) {
    let tall = 62.0f32.min(style.eaves() - style.ground_height - 8.0);
    let top = y - tall;
    canvas.rect(edge, top + 6.0, 5.0, 1.6, light.on(Colour::of(0x3a_3532)));
    canvas.rect(edge, y - 8.0, 5.0, 1.6, light.on(Colour::of(0x3a_3532)));
    if light.lamps {
        canvas.glow(edge + 11.0, top + tall / 2.0, 34.0, Colour::of(0xff_d490));
    }
    canvas.plate(edge + 4.0, top, 14.0, tall, 2.5, light.on(style.accent));
    let ink = if light.lamps { Colour::of(0xff_e7b4) } else { light.on(Colour::of(0xf7_eedc)) };
    let step = tall / 5.4;
    let letters = [
        "v6m0 -3h4.4m0 -3v6",
        "m2.2 0a2.2 3 0 1 0 .1 0z",
        "h4.4m-2.2 0v6",
        "v6h4m-4 -3h3.2m-3.2 -3h4",
        "v6h4",
    ];
    for (index, letter) in letters.iter().enumerate() {
        let data = format!("M{:.1} {:.1}{letter}", edge + 8.8, top + 4.0 + step * index as f32);
        canvas.stroke(&data, 1.3, ink);
    }
}

fn ivy(canvas: &mut Canvas, rng: &mut Rng, light: &Light, x: f32, street: f32, eaves: f32) {
    let height = eaves * rng.between(0.45, 0.85);
    for step in 0..26 {
        let up = step as f32 / 26.0;
        let green = rng.pick(&[0x4f_7350, 0x5d_8258, 0x42_6447]);
        let y = street - up * height;
        canvas.circle(
            x + rng.between(-2.0, 15.0 * (1.0 - up) + 3.0),
            y,
            rng.between(3.0, 6.5),
            light.on(Colour::of(green)),
        );
    }
}

/// The height of the roof above the eaves.
pub(super) fn rise(style: &Style) -> f32 {
    match style.roof {
        Roof::Mansard => 46.0,
        Roof::Hip => 36.0,
        Roof::Pediment => 44.0,
        Roof::Balustrade => 22.0,
        Roof::Stepped | Roof::Gable => style.width() * 0.36,
        Roof::Tower => 84.0,
        Roof::Terrace => 26.0,
    }
}
