//! Windows and doors, with balconies, flower boxes and plants.

use super::canvas::Canvas;
use super::colour::Colour;
use super::light::Light;
use super::rng::Rng;
use super::style::{Style, Window};

const LAMP: Colour = Colour::of(0xff_d98c);
const IRON: Colour = Colour::of(0x37_3533);

/// Symbols for a building's upper windows: dark, lit, and lit behind a curtain.
pub(super) struct Panes {
    dark: u32,
    lit: u32,
    curtain: u32,
    /// The width of the glass.
    pub width: f32,
    height: f32,
    sill: f32,
}

impl Panes {
    /// Defines the symbols.
    pub fn define(canvas: &mut Canvas, style: &Style, light: &Light) -> Self {
        let width = style.bay * if style.window == Window::Wide { 0.56 } else { 0.36 };
        let (height, sill) = match style.window {
            Window::Plain | Window::Shutters | Window::Wide => (style.floor * 0.56, style.floor * 0.22),
            Window::Arched => (style.floor * 0.64, style.floor * 0.18),
            Window::French => (style.floor * 0.70, style.floor * 0.08),
        };
        let glow = Colour::of(0xff_d07a);
        let mut make = |fill: Colour, curtain: Option<Colour>| {
            canvas.define(|canvas| pane(canvas, style, light, width, height, fill, curtain))
        };
        Self {
            dark: make(light.glass(), None),
            lit: make(LAMP, None),
            curtain: make(glow, Some(Colour::of(0xe9_a95c))),
            width,
            height,
            sill,
        }
    }

    /// Draws a window around `middle`, on a floor whose floorboards are at height `floor`. Returns the height of the sill.
    pub fn place(&self, canvas: &mut Canvas, rng: &mut Rng, light: &Light, middle: f32, floor: f32) -> f32 {
        let sill = floor - self.sill;
        let lit = rng.chance(light.lit);
        let behind = rng.chance(0.45);
        let which = match (lit, behind) {
            (false, _) => self.dark,
            (true, false) => self.lit,
            (true, true) => self.curtain,
        };
        canvas.place(which, middle - self.width / 2.0, sill - self.height);
        sill
    }
}

fn pane(
    canvas: &mut Canvas,
    style: &Style,
    light: &Light,
    w: f32,
    h: f32,
    fill: Colour,
    curtain: Option<Colour>,
) {
    let trim = light.on(style.trim);
    let bar = light.on(style.trim.darker(0.08));
    if style.window == Window::Arched {
        canvas.arch(-2.6, -3.0, w + 5.2, h + 3.0, trim);
        canvas.arch(0.0, 0.0, w, h, fill);
    } else {
        canvas.rect(-2.4, -2.6, w + 4.8, h + 3.6, trim);
        canvas.rect(0.0, 0.0, w, h, fill);
    }
    match curtain {
        Some(cloth) => {
            let head = if style.window == Window::Arched { w / 2.0 } else { 0.0 };
            canvas.rect(0.0, head, w * 0.28, h - head, cloth);
            canvas.rect(w * 0.72, head, w * 0.28, h - head, cloth);
        }
        None if fill != LAMP => canvas.faint(0.16, |canvas| {
            canvas.poly(
                &[(0.0, h * 0.75), (0.0, h * 0.35), (w, 0.12 * h), (w, h * 0.5)],
                Colour::of(0xff_ffff),
            );
        }),
        None => {}
    }
    canvas.rect(w / 2.0 - 0.7, 0.0, 1.4, h, bar);
    if style.window == Window::Wide {
        canvas.rect(w * 0.25 - 0.6, 0.0, 1.2, h, bar);
        canvas.rect(w * 0.75 - 0.6, 0.0, 1.2, h, bar);
    }
    canvas.rect(0.0, h * 0.36, w, 1.2, bar);
    canvas.rect(-4.0, h + 0.6, w + 8.0, 2.6, trim);
    if style.window == Window::Shutters {
        let leaf = w * 0.46;
        for x in [-leaf - 2.4, w + 2.4] {
            canvas.rect(x, -1.0, leaf, h + 1.4, light.on(style.accent.lighter(0.14)));
            for slat in 1..4 {
                canvas.rect(
                    x + 1.4,
                    h * slat as f32 / 4.0,
                    leaf - 2.8,
                    1.0,
                    light.on(style.accent.darker(0.2)),
                );
            }
        }
    }
}

/// Draws a plain window.
pub(super) fn glass(canvas: &mut Canvas, light: &Light, x: f32, y: f32, w: f32, h: f32, lit: bool) {
    canvas.rect(x, y, w, h, if lit { LAMP } else { light.glass() });
    canvas.faint(0.75, |canvas| canvas.rect(x + w / 2.0 - 0.6, y, 1.2, h, light.on(Colour::of(0xf0_e9dc))));
}

/// Draws an iron balcony in front of a window.
pub(super) fn balcony(canvas: &mut Canvas, style: &Style, light: &Light, middle: f32, sill: f32) {
    let (w, h) = (style.bay * 0.74, 11.0);
    let (x, y, iron) = (middle - w / 2.0, sill - h + 4.0, light.on(IRON));
    let bars = (w / 3.6) as usize;
    let mut data = format!("M{x:.1} {y:.1}h{w:.1}");
    for bar in 0..=bars {
        data.push_str(&format!("M{:.1} {y:.1}v{h:.0}", x + w * bar as f32 / bars as f32));
    }
    canvas.stroke(&data, 0.9, iron);
    canvas.rect(x - 2.0, y + h, w + 4.0, 3.0, light.on(style.trim.darker(0.1)));
}

/// Draws a flower box on a sill.
pub(super) fn flower_box(canvas: &mut Canvas, rng: &mut Rng, light: &Light, middle: f32, sill: f32, w: f32) {
    canvas.rect(middle - w / 2.0, sill, w, 3.6, light.on(Colour::of(0x7b_5a44)));
    let bloom = rng.pick(&[0xc9_4f4a, 0xe0_8a9a, 0xe9_b64f, 0xf3_eee4]);
    let mut x = middle - w / 2.0 + 2.0;
    while x < middle + w / 2.0 {
        canvas.circle(x, sill - 1.0, 2.3, light.on(Colour::of(0x4f_7350)));
        canvas.circle(x + 1.0, sill - 2.4, 1.3, light.on(Colour::of(bloom)));
        x += 3.8;
    }
}

/// Draws a cat on a sill.
pub(super) fn cat(canvas: &mut Canvas, x: f32, sill: f32) {
    let fur = Colour::of(0x2b_2624);
    canvas.ellipse(x, sill - 3.6, 2.6, 3.8, fur);
    canvas.circle(x, sill - 8.2, 2.1, fur);
    canvas.poly(&[(x - 2.0, sill - 9.0), (x - 1.6, sill - 12.0), (x - 0.2, sill - 10.0)], fur);
    canvas.poly(&[(x + 2.0, sill - 9.0), (x + 1.6, sill - 12.0), (x + 0.2, sill - 10.0)], fur);
}

/// Draws a shop window.
pub(super) fn shop_window(
    canvas: &mut Canvas,
    style: &Style,
    light: &Light,
    middle: f32,
    street: f32,
    lit: bool,
) {
    let (w, h) = (style.bay * 0.68, style.ground_height - 24.0);
    let (x, y) = (middle - w / 2.0, street - 11.0 - h);
    canvas.rect(x - 2.6, y - 2.6, w + 5.2, h + 5.2, light.on(style.accent));
    glass(canvas, light, x, y, w, h, lit);
}

/// Draws a striped awning.
pub(super) fn awning(canvas: &mut Canvas, style: &Style, light: &Light, middle: f32, y: f32) {
    let (w, stripes) = (style.bay * 0.84, 6);
    let x = middle - w / 2.0;
    let step = w / stripes as f32;
    for stripe in 0..stripes {
        let fill = if stripe % 2 == 0 { style.accent.lighter(0.08) } else { Colour::of(0xf6_ecd9) };
        let (from, inset) = (x + step * stripe as f32, 4.0);
        let lean = |at: f32| at + (middle - at) / (w / 2.0) * inset;
        canvas.path(
            &format!(
                "M{:.1} {y:.1}L{:.1} {y:.1}L{:.1} {:.1}a{:.1} 3 0 0 1 {:.1} 0z",
                lean(from),
                lean(from + step),
                from + step,
                y + 11.0,
                step / 2.0,
                -step
            ),
            light.on(fill),
        );
    }
}

/// Draws a window with a round head.
pub(super) fn arch_window(
    canvas: &mut Canvas,
    style: &Style,
    light: &Light,
    middle: f32,
    street: f32,
    lit: bool,
) {
    let (w, h) = (style.bay * 0.56, style.ground_height - 15.0);
    canvas.arch(middle - w / 2.0 - 3.0, street - 7.0 - h - 3.0, w + 6.0, h + 3.0, light.on(style.trim));
    canvas.arch(middle - w / 2.0, street - 7.0 - h, w, h, if lit { LAMP } else { light.glass() });
    let bar = light.on(style.trim);
    canvas.rect(middle - 0.7, street - 7.0 - h, 1.4, h, bar);
    canvas.rect(middle - w / 2.0, street - 7.0 - h + w / 2.0, w, 1.4, bar);
}

/// Draws a tall double window.
pub(super) fn parlour_window(
    canvas: &mut Canvas,
    style: &Style,
    light: &Light,
    middle: f32,
    street: f32,
    lit: bool,
) {
    let (w, h) = (style.bay * 0.46, style.ground_height - 24.0);
    let (x, y) = (middle - w / 2.0, street - 13.0 - h);
    canvas.rect(x - 3.0, y - 3.0, w + 6.0, h + 5.0, light.on(style.trim));
    glass(canvas, light, x, y, w, h, lit);
    canvas.rect(x, y + h * 0.34, w, 1.2, light.on(style.trim));
    canvas.rect(x - 5.0, y + h + 1.0, w + 10.0, 3.0, light.on(style.trim.darker(0.1)));
}

/// Draws the entrance. It is lit when lamps are on.
pub(super) fn door(canvas: &mut Canvas, style: &Style, light: &Light, middle: f32, street: f32) {
    let (w, h) = (style.bay * 0.5, style.ground_height - 10.0);
    let top = street - 4.0 - h;
    canvas.arch(middle - w / 2.0 - 4.0, top - 4.0, w + 8.0, h + 4.0, light.on(style.trim));
    canvas.arch(middle - w / 2.0, top, w, h, if light.lamps { LAMP } else { light.glass() });
    let leaf = light.on(style.accent);
    let (y, rest) = (top + w * 0.5, h - w * 0.5);
    canvas.rect(middle - w / 2.0, y, w, rest, leaf);
    let pane = if light.lamps { Colour::of(0xff_e2a4) } else { light.glass().lighter(0.1) };
    for x in [middle - w * 0.40, middle + w * 0.1] {
        canvas.rect(x, y + 4.0, w * 0.3, rest * 0.5, pane);
    }
    canvas.rect(middle - 0.6, y, 1.2, rest, light.on(style.accent.darker(0.4)));
    canvas.circle(middle + 2.6, y + rest * 0.66, 1.1, light.on(Colour::of(0xd6_a84f)));
    canvas.rect(middle - w / 2.0 - 7.0, street - 4.0, w + 14.0, 4.0, light.on(style.trim.darker(0.18)));
    if style.canopy {
        canopy(canvas, style, light, middle, top + 2.0, w);
    }
    for side in [-1.0, 1.0] {
        let x = middle + side * (w / 2.0 + 9.0);
        let y = street - h * 0.74;
        if light.lamps {
            canvas.glow(x, y, 24.0, Colour::of(0xff_cf7d));
        }
        canvas.rect(x - 2.0, y - 4.0, 4.0, 7.0, light.on(IRON));
        canvas.rect(
            x - 1.2,
            y - 2.6,
            2.4,
            4.4,
            if light.lamps { Colour::of(0xff_efc6) } else { light.on(Colour::of(0xe9_e2d0)) },
        );
    }
}

fn canopy(canvas: &mut Canvas, style: &Style, light: &Light, middle: f32, y: f32, door: f32) {
    let half = door / 2.0 + 13.0;
    let cloth = light.on(style.accent.darker(0.12));
    canvas.poly(
        &[
            (middle - half + 6.0, y - 8.0),
            (middle + half - 6.0, y - 8.0),
            (middle + half, y + 6.0),
            (middle - half, y + 6.0),
        ],
        cloth,
    );
    let mut x = middle - half;
    while x < middle + half - 1.0 {
        canvas.circle(x + 3.2, y + 6.0, 3.2, cloth);
        x += half * 2.0 / ((half * 2.0 / 6.4).floor());
    }
    canvas.rect(middle - half + 6.0, y - 1.0, half * 2.0 - 12.0, 1.3, light.on(Colour::of(0xe2_bd74)));
}

/// Draws a clipped bush in a pot.
pub(super) fn topiary(canvas: &mut Canvas, rng: &mut Rng, light: &Light, x: f32, street: f32) {
    let green = light.on(Colour::of(rng.pick(&[0x3f_6647, 0x4b_7250])));
    canvas.poly(
        &[(x - 5.0, street - 9.0), (x + 5.0, street - 9.0), (x + 3.6, street), (x - 3.6, street)],
        light.on(Colour::of(0xa6_6a4c)),
    );
    canvas.rect(x - 0.8, street - 16.0, 1.6, 8.0, light.on(Colour::of(0x6b_4f3c)));
    canvas.circle(x, street - 19.0, 6.4, green);
}
