//! Converts glyph outlines to PDF path operators.

use std::fmt::Write;

use rustybuzz::ttf_parser::OutlineBuilder;

/// A path, built glyph by glyph.
pub(super) struct Path {
    operators: String,
    scale: f32,
    origin: (f32, f32),
    pen: (f32, f32),
}

impl Path {
    /// `scale`: points per unit of the font.
    pub(super) fn new(scale: f32) -> Self {
        Self { operators: String::new(), scale, origin: (0.0, 0.0), pen: (0.0, 0.0) }
    }

    /// The origin of the next glyph.
    pub(super) fn place(&mut self, x: f32, y: f32) {
        self.origin = (x, y);
    }

    pub(super) fn operators(self) -> String {
        self.operators
    }

    fn write(&mut self, points: &[(f32, f32)], operator: &str) {
        for (x, y) in points {
            let (x, y) = (self.origin.0 + x * self.scale, self.origin.1 + y * self.scale);
            write!(self.operators, "{} {} ", hundredths(x), hundredths(y)).expect("strings take everything");
        }
        self.operators.push_str(operator);
        self.operators.push('\n');
    }
}

impl OutlineBuilder for Path {
    fn move_to(&mut self, x: f32, y: f32) {
        self.pen = (x, y);
        self.write(&[(x, y)], "m");
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.pen = (x, y);
        self.write(&[(x, y)], "l");
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        // PDF has cubic curves only; this is the equivalent cubic curve.
        let third = |from: f32, to: f32| from + 2.0 / 3.0 * (to - from);
        let (px, py) = self.pen;
        self.curve_to(third(px, cx), third(py, cy), third(x, cx), third(y, cy), x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.pen = (x, y);
        self.write(&[(x1, y1), (x2, y2), (x, y)], "c");
    }

    fn close(&mut self) {}
}

/// Rounds to a hundredth of a point: finer than any printer, and short.
pub(super) fn hundredths(measure: f32) -> f32 {
    (measure * 100.0).round() / 100.0
}
