//! Widths of text, and outlines for text that the standard fonts of PDF readers lack.

use std::sync::OnceLock;

use pdf_canvas::{BuiltinFont, FontSource};
use rustybuzz::{Face as Shaper, UnicodeBuffer};

use super::outline;
use super::style::Font;

static REGULAR: &[u8] = include_bytes!("../../fonts/NotoSans-Regular.ttf");
static BOLD: &[u8] = include_bytes!("../../fonts/NotoSans-Bold.ttf");

const FONTS: [Font; 6] = [Font::Regular, Font::Bold, Font::Italic, Font::BoldItalic, Font::Serif, Font::Mono];

impl Font {
    /// Its name among the 14 standard fonts.
    pub(super) const fn builtin(self) -> BuiltinFont {
        match self {
            Self::Regular => BuiltinFont::Helvetica,
            Self::Bold => BuiltinFont::Helvetica_Bold,
            Self::Italic => BuiltinFont::Helvetica_Oblique,
            Self::BoldItalic => BuiltinFont::Helvetica_BoldOblique,
            Self::Serif => BuiltinFont::Times_Roman,
            Self::Mono => BuiltinFont::Courier,
        }
    }

    const fn heavy(self) -> bool {
        match self {
            Self::Bold | Self::BoldItalic => true,
            Self::Regular | Self::Italic | Self::Serif | Self::Mono => false,
        }
    }
}

/// Whether the 14 standard fonts have every character of `text` (Windows-1252).
pub(super) fn is_latin(text: &str) -> bool {
    text.chars().all(|c| latin_code(c).is_some())
}

fn latin_code(character: char) -> Option<u8> {
    match character {
        '\u{ff}' | '\u{7f}'..='\u{9f}' | '\u{ad}' => None,
        // Not every PDF reader has a width for it, and it looks like a space.
        '\u{a0}' | '\u{202f}' => Some(b' '),
        _ => BuiltinFont::Helvetica.get_encoding().encode_char(character),
    }
}

/// The width of `text` in points: in a standard font, or of its outlines.
pub(super) fn width(font: Font, size: f32, text: &str, outlined: bool) -> f32 {
    if outlined {
        return shape(font, text).iter().map(|glyph| glyph.advance).sum::<f32>() * size;
    }
    let widths = &widths()[FONTS.iter().position(|have| *have == font).unwrap_or_default()];
    let thousandths: u32 =
        text.chars().map(|c| u32::from(widths[usize::from(latin_code(c).unwrap_or(b'?'))])).sum();
    thousandths as f32 * size / 1000.0
}

/// By font and code, in thousandths of the size.
fn widths() -> &'static [[u16; 256]; 6] {
    static WIDTHS: OnceLock<[[u16; 256]; 6]> = OnceLock::new();
    WIDTHS.get_or_init(|| {
        FONTS.map(|font| {
            let metrics = font.builtin().get_metrics();
            std::array::from_fn(|code| {
                u8::try_from(code).ok().and_then(|code| metrics.get_width(code)).unwrap_or(556)
            })
        })
    })
}

/// A glyph of outlined text; measures are fractions of the font size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Glyph {
    pub id: u16,
    pub advance: f32,
    pub right: f32,
    pub up: f32,
}

/// `text` as glyphs of Noto Sans, from left to right.
pub(super) fn shape(font: Font, text: &str) -> Vec<Glyph> {
    let shaper = shaper(font);
    let unit = shaper.units_per_em() as f32;
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(text);
    buffer.guess_segment_properties();
    let shaped = rustybuzz::shape(shaper, &[], buffer);
    let glyphs = shaped.glyph_infos().iter().zip(shaped.glyph_positions());
    let glyphs = glyphs.map(|(info, position)| Glyph {
        id: u16::try_from(info.glyph_id).unwrap_or_default(),
        advance: position.x_advance as f32 / unit,
        right: position.x_offset as f32 / unit,
        up: position.y_offset as f32 / unit,
    });
    glyphs.collect()
}

/// The paths of `text` with its baseline beginning at `(x, y)`, as PDF operators that leave a path to be filled.
pub(super) fn paths(font: Font, size: f32, x: f32, y: f32, text: &str) -> String {
    let shaper = shaper(font);
    let scale = size / shaper.units_per_em() as f32;
    let mut pen = x;
    let mut path = outline::Path::new(scale);
    for glyph in shape(font, text) {
        path.place(pen + glyph.right * size, y + glyph.up * size);
        shaper.outline_glyph(rustybuzz::ttf_parser::GlyphId(glyph.id), &mut path);
        pen += glyph.advance * size;
    }
    path.operators()
}

fn shaper(font: Font) -> &'static Shaper<'static> {
    static SHAPERS: OnceLock<[Shaper<'static>; 2]> = OnceLock::new();
    let shapers = SHAPERS.get_or_init(|| {
        [REGULAR, BOLD]
            .map(|bytes| Shaper::from_slice(bytes, 0).expect("the fonts that come along are sound"))
    });
    &shapers[usize::from(font.heavy())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latin_is_what_readers_have() {
        for text in ["Hotel Löwe – €5 “x”", "naïve", "a\u{a0}b"] {
            assert!(is_latin(text), "{text}");
        }
        for text in ["Łódź", "Σωκράτης", "山田", "ÿ", "\u{81}", "\u{9f}"] {
            assert!(!is_latin(text), "{text}");
        }
    }

    #[test]
    fn widths_are_those_of_the_fonts() {
        assert!((width(Font::Regular, 1000.0, "é", false) - 556.0).abs() < 0.1);
        assert!((width(Font::Regular, 1000.0, "i", false) - 222.0).abs() < 0.1);
        assert!((width(Font::Mono, 1000.0, "im", false) - 1200.0).abs() < 0.1);
        let (thin, heavy) = (width(Font::Regular, 10.0, "Łódź", true), width(Font::Bold, 10.0, "Łódź", true));
        assert!(thin > 15.0 && heavy > thin, "{thin} {heavy}");
    }

    #[test]
    fn outlines_are_drawn() {
        let path = paths(Font::Regular, 10.0, 100.0, 200.0, "Ł");
        assert!(path.contains(" m\n") && path.contains(" l\n"), "{path}");
    }
}
