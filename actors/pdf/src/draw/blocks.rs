//! What a document is made of.

/// A part of the page, below the one before.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Block {
    /// Of level 1 to 6.
    Heading(u8, Vec<Inline>),
    Paragraph(Vec<Inline>),
    /// Numbered from `start`, or with bullets.
    List {
        start: Option<u64>,
        items: Vec<Vec<Block>>,
    },
    Table(Table),
    Quote(Vec<Block>),
    /// Lines in typewriter font.
    Code(String),
    /// A QR code and the words below it.
    Qr {
        data: String,
        caption: String,
    },
    Rule,
    /// A new page begins.
    Page,
}

/// Rows of cells.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Table {
    /// Whether a column stands at its right.
    pub right: Vec<bool>,
    /// The header's cells; all empty in a table of facts.
    pub head: Vec<Cell>,
    /// The other rows.
    pub rows: Vec<Vec<Cell>>,
}

/// What stands in a table's cell.
pub(super) type Cell = Vec<Inline>;

/// A part of a line.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Inline {
    /// Text of one style.
    Text(Span),
    /// The line ends here.
    Break,
}

/// Text of one style.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Span {
    pub text: String,
    pub bold: bool,
    pub italic: bool,
    pub code: bool,
    /// Where a click goes: `https:`, `mailto:` or `tel:`.
    pub link: Option<String>,
}

/// Whether there is text and all of it is bold.
pub(super) fn all_bold(cells: &[Cell]) -> bool {
    let mut spans = cells.iter().flatten().filter_map(|inline| match inline {
        Inline::Text(span) if !span.text.trim().is_empty() => Some(span.bold),
        Inline::Text(_) | Inline::Break => None,
    });
    spans.next().is_some_and(|first| first && spans.all(|bold| bold))
}
