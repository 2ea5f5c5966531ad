//! Measures (in points) and colours of documents.

use pdf_canvas::graphicsstate::Color;

/// A4.
pub(super) const PAGE_WIDTH: f32 = 595.28;
/// A4.
pub(super) const PAGE_HEIGHT: f32 = 841.89;
/// The left and right margin.
pub(super) const MARGIN: f32 = 62.0;
/// The width between the margins.
pub(super) const WIDTH: f32 = PAGE_WIDTH - 2.0 * MARGIN;
/// The top of the letterhead.
pub(super) const TOP: f32 = 60.0;
/// The bottom of the text area.
pub(super) const BOTTOM: f32 = PAGE_HEIGHT - 76.0;
/// The baseline of the page number.
pub(super) const FOOT: f32 = PAGE_HEIGHT - 40.0;

/// Body text.
pub(super) const BODY: f32 = 9.6;
/// Labels, footers.
pub(super) const SMALL: f32 = 7.8;
/// The line height as a multiple of the size.
pub(super) const LEADING: f32 = 1.46;
/// A QR code with its quiet zone.
pub(super) const QR: f32 = 88.0;

/// The colours of text and shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// Text.
    Dark,
    /// Labels, addresses, page numbers.
    Quiet,
    /// The brand green: headings.
    Green,
    /// Warnings.
    Ochre,
    /// Thin rules.
    Rule,
    /// The background of code.
    Tint,
    /// The background of the banner.
    OchreTint,
}

impl Ink {
    pub(super) fn color(self) -> Color {
        let (red, green, blue) = match self {
            Self::Dark => (0x22, 0x26, 0x24),
            Self::Quiet => (0x6a, 0x6f, 0x69),
            Self::Green => (0x1f, 0x5b, 0x45),
            Self::Ochre => (0x8f, 0x57, 0x0c),
            Self::Rule => (0xd6, 0xd2, 0xc6),
            Self::Tint => (0xf6, 0xf4, 0xed),
            Self::OchreTint => (0xfb, 0xef, 0xd8),
        };
        Color::rgb(red, green, blue)
    }
}

/// Fonts. All but `Noto…` are among the 14 standard fonts of PDF readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Font {
    /// Helvetica.
    Regular,
    /// Helvetica Bold.
    Bold,
    /// Helvetica Oblique.
    Italic,
    /// Helvetica Bold Oblique.
    BoldItalic,
    /// Times, for names and titles.
    Serif,
    /// Courier, for code.
    Mono,
}
