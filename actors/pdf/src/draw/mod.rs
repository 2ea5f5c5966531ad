//! Markdown becomes a PDF file: read into blocks, laid out on pages, painted, finished.
//!
//! Pure: the same Markdown makes the same bytes, on every machine. The only place of pdf-canvas, of the Markdown reader,
//! of fonts and QR codes.
//!
//! The dialect: CommonMark with tables, and
//! - a head of `key: value` lines between two lines of `---` (see [`head`]);
//! - a table whose header cells are all empty holds facts: labels and values, without a header;
//! - a row that is bold throughout is a sum: a rule is drawn above it;
//! - a fenced block ```` ```qr ```` is a QR code of its first line, at the right, with the other lines below it;
//! - a fenced block ```` ```page ```` begins a new page.
//!
//! Raw HTML is shown as it is typed; images show their text; nothing is fetched.

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

/// Why no document can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    /// More pages than a document may have.
    #[error("the document would have more than {0} pages")]
    TooManyPages(usize),
    /// Lists in lists, quotes in quotes.
    #[error("lists and quotes are nested too deeply")]
    TooDeep,
    /// A table with too many columns.
    #[error("a table has more than {0} columns")]
    TooManyColumns(usize),
    /// Text that no QR code can hold.
    #[error("a QR code's text is empty or too long")]
    Qr,
    /// A line of the head.
    #[error("line {line} of the document's head: {reason}")]
    Head {
        /// Counted from the first `---`.
        line: u32,
        /// In words.
        reason: String,
    },
    /// The machine has no memory for it, or the drawing library did something new.
    #[error("the document cannot be written: {0}")]
    Machine(String),
}

/// Draws `markdown`.
///
/// # Errors
/// When it goes over a limit.
pub fn document(markdown: &str, pages_max: usize) -> Result<Vec<u8>, DrawError> {
    let (head, body) = head::split(markdown)?;
    let blocks = parse::blocks(body)?;
    let pages = layout::pages(&head, &blocks, pages_max)?;
    let painted = paint::pages(&pages).map_err(|error| DrawError::Machine(error.to_string()))?;
    finish::file(&painted, &pages, &head).map_err(|reason| DrawError::Machine(reason.to_owned()))
}
