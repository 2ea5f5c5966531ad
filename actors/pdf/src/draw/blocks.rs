//! The blocks of a document.

/// A block; blocks follow each other from top to bottom.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Block {
    /// Of level 1 to 6.
    Heading(u8, Vec<Inline>),
    Paragraph(Vec<Inline>),
    /// Numbered from `start`, or bulleted.
    List {
        start: Option<u64>,
        items: Vec<Vec<Block>>,
    },
    Table(Table),
    Quote(Vec<Block>),
    /// Lines in a monospaced font.
    Code(String),
    /// A QR code and its caption.
    Qr {
        data: String,
        caption: String,
    },
    Rule,
    /// A page break.
    Page,
}

/// Rows of cells.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Table {
    /// Whether a column is right-aligned.
    pub right: Vec<bool>,
    /// The cells of the header; all empty in a table of labels and values.
    pub head: Vec<Cell>,
    /// The other rows.
    pub rows: Vec<Vec<Cell>>,
}

/// The content of a table cell.
pub(super) type Cell = Vec<Inline>;

/// A part of a paragraph.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Inline {
    /// Text of one style.
    Text(Span),
    /// A line break.
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

/// Whether the text is not empty and bold throughout.
pub(super) fn all_bold(cells: &[Cell]) -> bool {
    let mut spans = cells.iter().flatten().filter_map(|inline| match inline {
        Inline::Text(span) if !span.text.trim().is_empty() => Some(span.bold),
        Inline::Text(_) | Inline::Break => None,
    });
    spans.next().is_some_and(|first| first && spans.all(|bold| bold))
}
