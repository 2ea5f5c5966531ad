//! Writing SVG: shapes in presentation attributes only, so that no style policy stands in the way.

use std::fmt::Write;

use super::colour::Colour;

/// An SVG being written.
pub(super) struct Canvas {
    out: String,
    names: u32,
}

/// A number with at most one decimal: nobody sees a tenth of a pixel.
struct Short(f32);

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tenths = (self.0 * 10.0).round() as i32;
        if tenths % 10 == 0 { write!(f, "{}", tenths / 10) } else { write!(f, "{}", tenths as f32 / 10.0) }
    }
}

impl Canvas {
    /// An empty picture of so many units.
    pub fn new(width: f32, height: f32) -> Self {
        Self::view(0.0, 0.0, width, height)
    }

    /// An empty picture that shows this part of the plane.
    pub fn view(x: f32, y: f32, width: f32, height: f32) -> Self {
        let mut out = String::with_capacity(12_000);
        let _ = write!(
            out,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="{x} {y} {w} {h}" width="{w}" height="{h}" preserveAspectRatio="xMidYMax slice">"#,
            x = Short(x),
            y = Short(y),
            w = Short(width),
            h = Short(height)
        );
        Self { out, names: 0 }
    }

    /// The finished text.
    pub fn finish(mut self) -> String {
        self.out.push_str("</svg>");
        self.out
    }

    fn shape(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = self.out.write_fmt(text);
    }

    /// A rectangle by its upper left corner.
    pub fn rect(&mut self, x: f32, y: f32, w: f32, h: f32, fill: Colour) {
        self.shape(format_args!(
            r#"<rect x="{}" y="{}" width="{}" height="{}" fill="{fill}"/>"#,
            Short(x),
            Short(y),
            Short(w.max(0.0)),
            Short(h.max(0.0))
        ));
    }

    /// Many rectangles of one size and colour, as one path: windows of buildings far away.
    pub fn rects(&mut self, at: &[(f32, f32)], w: f32, h: f32, fill: Colour) {
        if at.is_empty() {
            return;
        }
        self.out.push_str(r#"<path d=""#);
        for (x, y) in at {
            // Whole units will do at that distance.
            let _ = write!(self.out, "M{x:.0} {y:.0}h{w}v{h}h-{w}z");
        }
        let _ = write!(self.out, r#"" fill="{fill}"/>"#);
    }

    /// A rectangle with round corners.
    pub fn plate(&mut self, x: f32, y: f32, w: f32, h: f32, radius: f32, fill: Colour) {
        self.shape(format_args!(
            r#"<rect x="{}" y="{}" width="{}" height="{}" rx="{}" fill="{fill}"/>"#,
            Short(x),
            Short(y),
            Short(w.max(0.0)),
            Short(h.max(0.0)),
            Short(radius)
        ));
    }

    /// A polygon.
    pub fn poly(&mut self, points: &[(f32, f32)], fill: Colour) {
        self.out.push_str(r#"<path d="M"#);
        for (index, (x, y)) in points.iter().enumerate() {
            let join = if index == 0 { "" } else { "L" };
            let _ = write!(self.out, "{join}{} {}", Short(*x), Short(*y));
        }
        let _ = write!(self.out, r#"z" fill="{fill}"/>"#);
    }

    /// A wall opening with a round head: `w` wide, `h` high over all.
    pub fn arch(&mut self, x: f32, y: f32, w: f32, h: f32, fill: Colour) {
        let r = w / 2.0;
        self.shape(format_args!(
            r#"<path d="M{} {}v{}a{r} {r} 0 0 1 {} 0v{}z" fill="{fill}"/>"#,
            Short(x),
            Short(y + h),
            Short(r - h),
            Short(w),
            Short(h - r),
            r = Short(r)
        ));
    }

    /// A circle.
    pub fn circle(&mut self, x: f32, y: f32, r: f32, fill: Colour) {
        self.shape(format_args!(
            r#"<circle cx="{}" cy="{}" r="{}" fill="{fill}"/>"#,
            Short(x),
            Short(y),
            Short(r)
        ));
    }

    /// An ellipse.
    pub fn ellipse(&mut self, x: f32, y: f32, rx: f32, ry: f32, fill: Colour) {
        self.shape(format_args!(
            r#"<ellipse cx="{}" cy="{}" rx="{}" ry="{}" fill="{fill}"/>"#,
            Short(x),
            Short(y),
            Short(rx),
            Short(ry)
        ));
    }

    /// Light around a lamp.
    pub fn glow(&mut self, x: f32, y: f32, r: f32, fill: Colour) {
        for (share, opacity) in [(1.0, 0.10), (0.6, 0.16), (0.3, 0.3)] {
            self.shape(format_args!(
                r#"<circle cx="{}" cy="{}" r="{}" fill="{fill}" opacity="{opacity}"/>"#,
                Short(x),
                Short(y),
                Short(r * share)
            ));
        }
    }

    /// A free form, in path data.
    pub fn path(&mut self, data: &str, fill: Colour) {
        self.shape(format_args!(r#"<path d="{data}" fill="{fill}"/>"#));
    }

    /// A line drawn along path data.
    pub fn stroke(&mut self, data: &str, width: f32, colour: Colour) {
        self.shape(format_args!(
            r#"<path d="{data}" fill="none" stroke="{colour}" stroke-width="{}" stroke-linecap="round"/>"#,
            Short(width)
        ));
    }

    /// A whole-picture gradient from top to bottom, as background.
    pub fn sky(&mut self, w: f32, h: f32, stops: [Colour; 3]) {
        let [top, middle, bottom] = stops;
        self.shape(format_args!(
            concat!(
                r#"<defs><linearGradient id="s" x1="0" y1="0" x2="0" y2="1"><stop stop-color="{}"/>"#,
                r#"<stop offset=".6" stop-color="{}"/><stop offset="1" stop-color="{}"/></linearGradient></defs>"#,
                r#"<rect width="{}" height="{}" fill="url(#s)"/>"#
            ),
            top, middle, bottom, Short(w), Short(h)
        ));
    }

    /// Draws once what is then placed often; gives its name.
    pub fn define(&mut self, draw: impl FnOnce(&mut Self)) -> u32 {
        self.names += 1;
        let name = self.names;
        let _ = write!(self.out, r#"<defs><g id="d{name}">"#);
        draw(self);
        self.out.push_str("</g></defs>");
        name
    }

    /// Places what was defined.
    pub fn place(&mut self, name: u32, x: f32, y: f32) {
        self.shape(format_args!(r##"<use href="#d{name}" x="{}" y="{}"/>"##, Short(x), Short(y)));
    }

    /// Everything that `draw` draws, fainter.
    pub fn faint(&mut self, opacity: f32, draw: impl FnOnce(&mut Self)) {
        self.shape(format_args!(r#"<g opacity="{opacity}">"#));
        draw(self);
        self.out.push_str("</g>");
    }
}
