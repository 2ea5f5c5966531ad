//! Measures (in points) and colours of documents.

use pdf_canvas::graphicsstate::Color;

/// A4.
pub(super) const PAGE_WIDTH: f32 = 595.28;
/// A4.
pub(super) const PAGE_HEIGHT: f32 = 841.89;
/// Left and right.
pub(super) const MARGIN: f32 = 62.0;
/// Between the margins.
pub(super) const WIDTH: f32 = PAGE_WIDTH - 2.0 * MARGIN;
/// Where the letterhead begins.
pub(super) const TOP: f32 = 60.0;
/// Where text ends.
pub(super) const BOTTOM: f32 = PAGE_HEIGHT - 76.0;
/// The baseline of the page number.
pub(super) const FOOT: f32 = PAGE_HEIGHT - 40.0;

/// Running text.
pub(super) const BODY: f32 = 9.6;
/// Labels, footers.
pub(super) const SMALL: f32 = 7.8;
/// From baseline to baseline, by size.
pub(super) const LEADING: f32 = 1.46;
/// A QR code with its quiet zone.
pub(super) const QR: f32 = 88.0;

/// What text and shapes are painted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// Text.
    Dark,
    /// Labels, addresses, page numbers.
    Quiet,
    /// The brand green: headings.
    Green,
    /// What needs attention.
    Ochre,
    /// Thin rules.
    Rule,
    /// Behind code.
    Tint,
    /// Behind the banner.
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

/// Typefaces. All but `Noto…` are among the fourteen that every PDF reader has.
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
