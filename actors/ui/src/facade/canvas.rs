//! An SVG writer. Shapes are styled with presentation attributes only, which a content security policy does not block.

use std::fmt::Write;

use super::colour::Colour;

/// An SVG document under construction.
pub(super) struct Canvas {
    out: String,
    names: u32,
}

/// A number with at most one decimal: smaller differences are not visible.
struct Short(f32);

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tenths = (self.0 * 10.0).round() as i32;
        if tenths % 10 == 0 { write!(f, "{}", tenths / 10) } else { write!(f, "{}", tenths as f32 / 10.0) }
    }
}

impl Canvas {
    /// An empty picture of this size.
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

    /// Returns the finished document.
    pub fn finish(mut self) -> String {
        self.out.push_str("</svg>");
        self.out
    }

    fn shape(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = self.out.write_fmt(text);
    }

    /// Draws a rectangle. `x` and `y` are its upper left corner.
    pub fn rect(&mut self, x: f32, y: f32, w: f32, h: f32, fill: Colour) {
        self.shape(format_args!(
            r#"<rect x="{}" y="{}" width="{}" height="{}" fill="{fill}"/>"#,
            Short(x),
            Short(y),
            Short(w.max(0.0)),
            Short(h.max(0.0))
        ));
    }

    /// Draws many rectangles of one size and colour as one path. Used for the windows of distant buildings.
    pub fn rects(&mut self, at: &[(f32, f32)], w: f32, h: f32, fill: Colour) {
        if at.is_empty() {
            return;
        }
        self.out.push_str(r#"<path d=""#);
        for (x, y) in at {
            // Whole units are precise enough for distant buildings.
            let _ = write!(self.out, "M{x:.0} {y:.0}h{w}v{h}h-{w}z");
        }
        let _ = write!(self.out, r#"" fill="{fill}"/>"#);
    }

    /// Draws a rectangle with round corners.
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

    /// Draws a polygon.
    pub fn poly(&mut self, points: &[(f32, f32)], fill: Colour) {
        self.out.push_str(r#"<path d="M"#);
        for (index, (x, y)) in points.iter().enumerate() {
            let join = if index == 0 { "" } else { "L" };
            let _ = write!(self.out, "{join}{} {}", Short(*x), Short(*y));
        }
        let _ = write!(self.out, r#"z" fill="{fill}"/>"#);
    }

    /// Draws a wall opening with a round head. `h` includes the head.
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

    /// Draws a circle.
    pub fn circle(&mut self, x: f32, y: f32, r: f32, fill: Colour) {
        self.shape(format_args!(
            r#"<circle cx="{}" cy="{}" r="{}" fill="{fill}"/>"#,
            Short(x),
            Short(y),
            Short(r)
        ));
    }

    /// Draws an ellipse.
    pub fn ellipse(&mut self, x: f32, y: f32, rx: f32, ry: f32, fill: Colour) {
        self.shape(format_args!(
            r#"<ellipse cx="{}" cy="{}" rx="{}" ry="{}" fill="{fill}"/>"#,
            Short(x),
            Short(y),
            Short(rx),
            Short(ry)
        ));
    }

    /// Draws the glow around a lamp.
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

    /// Fills the shape of some path data.
    pub fn path(&mut self, data: &str, fill: Colour) {
        self.shape(format_args!(r#"<path d="{data}" fill="{fill}"/>"#));
    }

    /// Draws a line along some path data.
    pub fn stroke(&mut self, data: &str, width: f32, colour: Colour) {
        self.shape(format_args!(
            r#"<path d="{data}" fill="none" stroke="{colour}" stroke-width="{}" stroke-linecap="round"/>"#,
            Short(width)
        ));
    }

    /// Fills the picture with a gradient from top to bottom.
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

    /// Defines a symbol. Returns its name for [`Canvas::place`].
    pub fn define(&mut self, draw: impl FnOnce(&mut Self)) -> u32 {
        self.names += 1;
        let name = self.names;
        let _ = write!(self.out, r#"<defs><g id="d{name}">"#);
        draw(self);
        self.out.push_str("</g></defs>");
        name
    }

    /// Draws a defined symbol.
    pub fn place(&mut self, name: u32, x: f32, y: f32) {
        self.shape(format_args!(r##"<use href="#d{name}" x="{}" y="{}"/>"##, Short(x), Short(y)));
    }

    /// Draws the shapes of `draw` with an opacity from 0 to 1.
    pub fn faint(&mut self, opacity: f32, draw: impl FnOnce(&mut Self)) {
        self.shape(format_args!(r#"<g opacity="{opacity}">"#));
        draw(self);
        self.out.push_str("</g>");
    }
}
