//! Converts Markdown to a PDF file: parses blocks, lays out pages, draws and finishes them.
//!
//! Pure: the same Markdown gives the same bytes on every machine. The only user of pdf-canvas, the Markdown parser,
//! fonts and QR codes.
//!
//! The dialect: CommonMark with tables, and
//! - a head of `key: value` lines between two lines of `---` (see [`head`]);
//! - a table whose header cells are all empty is a table of labels and values, without a header;
//! - a row that is bold throughout is a total: a rule is drawn above it;
//! - a fenced block ```` ```qr ```` is a QR code of its first line, on the right, with the other lines as caption;
//! - a fenced block ```` ```page ```` begins a new page.
//!
//! Raw HTML is rendered as text, images as their alternative text; nothing is fetched.

mod blocks;
mod finish;
mod flow;
mod fonts;
mod head;
mod layout;
mod outline;
mod paint;
mod parse;
mod sheet;
mod style;
mod table;

/// Why a document cannot be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    /// Too many pages.
    #[error("the document would have more than {0} pages")]
    TooManyPages(usize),
    /// Lists or quotes are nested too deeply.
    #[error("lists and quotes are nested too deeply")]
    TooDeep,
    /// A table has too many columns.
    #[error("a table has more than {0} columns")]
    TooManyColumns(usize),
    /// The text does not fit into a QR code.
    #[error("a QR code's text is empty or too long")]
    Qr,
    /// A line of the head is invalid.
    #[error("line {line} of the document's head: {reason}")]
    Head {
        /// Counted from the first `---`.
        line: u32,
        /// In words.
        reason: String,
    },
    /// Out of memory, or unexpected output of the drawing library.
    #[error("the document cannot be written: {0}")]
    Machine(String),
}

/// Draws `markdown`, with `banner` in place of the banner of its head, if there is one.
///
/// # Errors
/// If a limit is exceeded.
pub fn document(markdown: &str, banner: Option<&str>, pages_max: usize) -> Result<Vec<u8>, DrawError> {
    let (mut head, body) = head::split(markdown)?;
    if let Some(banner) = banner {
        banner.clone_into(&mut head.banner);
    }
    let blocks = parse::blocks(body)?;
    let pages = layout::pages(&head, &blocks, pages_max)?;
    let painted = paint::pages(&pages).map_err(|error| DrawError::Machine(error.to_string()))?;
    finish::file(&painted, &pages, &head).map_err(|reason| DrawError::Machine(reason.to_owned()))
}
