//! Roofs, with chimneys and flags.

use super::canvas::Canvas;
use super::colour::Colour;
use super::light::Light;
use super::opening;
use super::rng::Rng;
use super::style::{Roof, Style};

/// Draws the chimneys and flags, which are behind the walls and the roof.
pub(super) fn behind(canvas: &mut Canvas, rng: &mut Rng, style: &Style, light: &Light, x: f32, top: f32) {
    let w = style.width();
    let flat = matches!(style.roof, Roof::Balustrade | Roof::Terrace);
    if !flat {
        for _ in 0..style.chimneys {
            let at = x + w * rng.pick(&[0.16, 0.3, 0.68, 0.84]);
            let high = super::building::rise(style).min(40.0) + 10.0;
            canvas.rect(at, top - high, 11.0, high, light.on(style.wall.darker(0.25)));
            canvas.rect(at - 1.5, top - high - 3.0, 14.0, 4.0, light.on(style.wall.darker(0.4)));
        }
    }
    if style.flags > 0 {
        for index in 0..style.flags {
            let at = x + w * (index as f32 + 1.0) / (style.flags as f32 + 1.0);
            flag(canvas, style, light, at, top - super::building::rise(style).min(48.0) + 4.0, index);
        }
    }
}

/// Draws the roof.
pub(super) fn above(canvas: &mut Canvas, rng: &mut Rng, style: &Style, light: &Light, x: f32, top: f32) {
    match style.roof {
        Roof::Mansard => mansard(canvas, rng, style, light, x, top),
        Roof::Hip => hip(canvas, style, light, x, top),
        Roof::Pediment => pediment(canvas, style, light, x, top),
        Roof::Balustrade => balustrade(canvas, style, light, x, top),
        Roof::Stepped => stepped(canvas, style, light, x, top),
        Roof::Tower => tower(canvas, rng, style, light, x, top),
        Roof::Terrace => terrace(canvas, rng, style, light, x, top),
        Roof::Gable => gable(canvas, style, light, x, top),
    }
}

fn cornice(canvas: &mut Canvas, style: &Style, light: &Light, x: f32, top: f32) {
    canvas.rect(x - 5.0, top - 5.0, style.width() + 10.0, 4.0, light.on(style.trim));
    canvas.rect(x - 3.0, top - 1.0, style.width() + 6.0, 3.0, light.on(style.trim.darker(0.14)));
}

fn flag(canvas: &mut Canvas, style: &Style, light: &Light, x: f32, base: f32, index: usize) {
    canvas.rect(x, base - 30.0, 1.6, 32.0, light.on(Colour::of(0x6a_625a)));
    let fill = if index == 1 { Colour::of(0xf3_e9d4) } else { style.accent };
    let (x, y) = (x + 1.6, base - 29.0);
    canvas.path(&format!("M{x:.0} {y:.0}q5 -3 10 0t9 0v11q-5 2.5 -9.5 0t-9.5 0z"), light.on(fill));
}

fn mansard(canvas: &mut Canvas, rng: &mut Rng, style: &Style, light: &Light, x: f32, top: f32) {
    let (w, slate) = (style.width(), light.on(style.roofing));
    canvas
        .poly(&[(x - 4.0, top), (x + 9.0, top - 44.0), (x + w - 9.0, top - 44.0), (x + w + 4.0, top)], slate);
    canvas.rect(x + 7.0, top - 46.0, w - 14.0, 3.0, light.on(style.roofing.darker(0.25)));
    cornice(canvas, style, light, x, top);
    for bay in 0..style.bays {
        let middle = x + Style::MARGIN + (bay as f32 + 0.5) * style.bay;
        let (width, lit) = (19.0, rng.chance(light.lit * 0.8));
        canvas.poly(
            &[(middle - width * 0.62, top - 30.0), (middle, top - 39.0), (middle + width * 0.62, top - 30.0)],
            light.on(style.trim),
        );
        canvas.rect(middle - width / 2.0, top - 30.5, width, 24.0, light.on(style.trim));
        opening::glass(canvas, light, middle - 6.0, top - 27.0, 12.0, 20.0, lit);
    }
}

fn hip(canvas: &mut Canvas, style: &Style, light: &Light, x: f32, top: f32) {
    let w = style.width();
    canvas.poly(
        &[
            (x - 12.0, top + 2.0),
            (x + 30.0, top - 34.0),
            (x + w - 30.0, top - 34.0),
            (x + w + 12.0, top + 2.0),
        ],
        light.on(style.roofing),
    );
    for row in 1..4 {
        let share = row as f32 / 4.0;
        let (inset, y) = (42.0 * share, top + 2.0 - 36.0 * share);
        canvas.faint(0.35, |canvas| {
            canvas.rect(
                x - 12.0 + inset,
                y,
                w + 24.0 - 2.0 * inset,
                1.2,
                light.on(style.roofing.darker(0.4)),
            );
        });
    }
    canvas.rect(x - 12.0, top, w + 24.0, 4.0, light.on(style.roofing.darker(0.3)));
    canvas.faint(0.13, |canvas| canvas.rect(x, top + 4.0, w, 6.0, Colour::of(0)));
}

fn pediment(canvas: &mut Canvas, style: &Style, light: &Light, x: f32, top: f32) {
    let w = style.width();
    canvas.poly(
        &[(x + 2.0, top - 3.0), (x + 22.0, top - 26.0), (x + w - 22.0, top - 26.0), (x + w - 2.0, top - 3.0)],
        light.on(style.roofing),
    );
    cornice(canvas, style, light, x, top);
    let half = style.bay * if style.bays > 3 { 1.6 } else { 1.1 };
    let middle = x + w / 2.0;
    canvas.poly(
        &[(middle - half - 6.0, top - 4.0), (middle, top - 46.0), (middle + half + 6.0, top - 4.0)],
        light.on(style.trim),
    );
    canvas.poly(
        &[(middle - half + 8.0, top - 7.0), (middle, top - 37.0), (middle + half - 8.0, top - 7.0)],
        light.on(style.wall),
    );
    canvas.circle(middle, top - 17.0, 8.5, light.on(style.trim));
    let pane = if light.lamps { Colour::of(0xff_d98c) } else { light.glass() };
    canvas.circle(middle, top - 17.0, 6.0, pane);
}

fn balustrade(canvas: &mut Canvas, style: &Style, light: &Light, x: f32, top: f32) {
    let w = style.width();
    let (trim, shade) = (light.on(style.trim), light.on(style.trim.darker(0.2)));
    canvas.rect(x, top - 20.0, w, 3.5, trim);
    let count = (w / 9.0) as usize;
    for index in 0..=count {
        let at = x + index as f32 * (w - 4.0) / count as f32;
        let post = index % 6 == 0;
        canvas.rect(
            at - if post { 1.5 } else { 0.0 },
            top - 18.0,
            if post { 7.0 } else { 3.4 },
            14.0,
            if post { trim } else { shade },
        );
        if post && !(index / 6).is_multiple_of(2) {
            canvas.circle(at + 2.0, top - 24.0, 4.4, trim);
        }
    }
    cornice(canvas, style, light, x, top);
}

fn stepped(canvas: &mut Canvas, style: &Style, light: &Light, x: f32, top: f32) {
    let (w, steps, rise) = (style.width(), 5, style.width() * 0.34);
    for step in 0..steps {
        let share = step as f32 / steps as f32;
        let inset = w * 0.46 * share;
        let y = top - rise * (share + 1.0 / steps as f32);
        canvas.rect(x + inset, y, w - 2.0 * inset, rise / steps as f32 + 1.0, light.on(style.wall));
        canvas.rect(x + inset - 2.0, y - 2.0, w - 2.0 * inset + 4.0, 3.0, light.on(style.trim));
    }
    let middle = x + w / 2.0;
    canvas.arch(middle - 10.0, top - rise * 0.62, 20.0, 30.0, light.on(style.trim));
    opening::glass(canvas, light, middle - 7.0, top - rise * 0.62 + 8.0, 14.0, 20.0, light.lamps);
    canvas.rect(x - 1.0, top - 1.0, w + 2.0, 3.0, light.on(style.trim));
}

fn gable(canvas: &mut Canvas, style: &Style, light: &Light, x: f32, top: f32) {
    let (w, rise) = (style.width(), style.width() * 0.36);
    let middle = x + w / 2.0;
    canvas.poly(&[(x, top + 1.0), (middle, top - rise), (x + w, top + 1.0)], light.on(style.wall));
    let edge = light.on(style.roofing);
    canvas.poly(
        &[
            (x - 12.0, top + 8.0),
            (middle, top - rise - 9.0),
            (middle, top - rise + 4.0),
            (x - 4.0, top + 13.0),
        ],
        edge,
    );
    canvas.poly(
        &[
            (x + w + 12.0, top + 8.0),
            (middle, top - rise - 9.0),
            (middle, top - rise + 4.0),
            (x + w + 4.0, top + 13.0),
        ],
        light.on(style.roofing.darker(0.16)),
    );
    for (offset, lit) in [(-13.0, light.lamps), (13.0, false)] {
        canvas.rect(middle + offset - 9.0, top - rise * 0.48, 18.0, 25.0, light.on(style.trim));
        opening::glass(canvas, light, middle + offset - 6.5, top - rise * 0.48 + 2.5, 13.0, 20.0, lit);
    }
}

fn tower(canvas: &mut Canvas, rng: &mut Rng, style: &Style, light: &Light, x: f32, top: f32) {
    let left = rng.chance(0.5);
    let w = style.width();
    hip(canvas, style, light, x, top);
    let (wide, tall) = (style.bay + 14.0, 34.0);
    let tx = if left { x - 6.0 } else { x + w - wide + 6.0 };
    canvas.rect(tx, top - tall, wide, tall + 12.0, light.on(style.wall.lighter(0.1)));
    canvas.faint(0.08, |canvas| {
        canvas.rect(tx + wide * 0.66, top - tall, wide * 0.34, tall + 12.0, Colour::of(0));
    });
    canvas.rect(tx - 3.0, top - tall - 3.0, wide + 6.0, 4.5, light.on(style.trim));
    canvas.rect(tx - 2.0, top + 10.0, wide + 4.0, 3.5, light.on(style.trim));
    let middle = tx + wide / 2.0;
    for offset in [-13.0, 13.0] {
        canvas.arch(middle + offset - 8.0, top - tall + 7.0, 16.0, 27.0, light.on(style.trim));
        let lit = rng.chance(light.lit);
        let fill = if lit { Colour::of(0xff_d98c) } else { light.glass() };
        canvas.arch(middle + offset - 5.5, top - tall + 9.5, 11.0, 24.0, fill);
    }
    let cap = top - tall - 3.0;
    if rng.chance(0.5) {
        canvas
            .poly(&[(tx - 6.0, cap), (middle, cap - 46.0), (tx + wide + 6.0, cap)], light.on(style.roofing));
    } else {
        let r = wide / 2.0;
        canvas.path(
            &format!(
                "M{:.0} {cap:.0}c0 -{:.0} {:.0} -38 {r:.0} -44c{:.0} 6 {r:.0} 20 {r:.0} 44z",
                tx,
                r * 0.7,
                r * 0.4,
                r * 0.6
            ),
            light.on(style.roofing),
        );
    }
    canvas.rect(middle - 0.8, cap - 56.0, 1.6, 14.0, light.on(Colour::of(0x5c_544c)));
    canvas.circle(middle, cap - 57.0, 2.4, light.on(Colour::of(0xc9_9a3f)));
}

fn terrace(canvas: &mut Canvas, rng: &mut Rng, style: &Style, light: &Light, x: f32, top: f32) {
    let w = style.width();
    for _ in 0..9 {
        let green = rng.pick(&[0x5f_8659, 0x4c_7350, 0x7b_9a62]);
        canvas.circle(
            x + rng.between(12.0, w - 12.0),
            top - rng.between(8.0, 16.0),
            rng.between(5.0, 9.0),
            light.on(Colour::of(green)),
        );
    }
    let (px, beam) = (x + w * rng.pick(&[0.12, 0.5]), light.on(Colour::of(0x8b_6a4c)));
    for post in 0..4 {
        canvas.rect(px + post as f32 * 26.0, top - 30.0, 2.6, 30.0, beam);
    }
    canvas.rect(px - 5.0, top - 32.0, 91.0, 3.0, beam);
    if light.lamps {
        for bulb in 0..6 {
            let at = px + 4.0 + bulb as f32 * 15.0;
            canvas.glow(at, top - 25.0 + (bulb % 2) as f32 * 2.0, 7.0, Colour::of(0xff_d490));
            canvas.circle(at, top - 25.0 + (bulb % 2) as f32 * 2.0, 1.6, Colour::of(0xff_ecc0));
        }
    }
    canvas.rect(x - 3.0, top - 9.0, w + 6.0, 11.0, light.on(style.trim));
}
