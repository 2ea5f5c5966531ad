//! Templates for pages, mails and documents, in one language, with escaping by format. The only crate that uses the
//! template engine.
//!
//! - [`Renderer`] holds the built-in templates: compiled once, may extend and include each other, shared between
//!   threads.
//! - [`untrusted`] renders stored templates: they can select and format data and nothing else, within bounded time
//!   and memory.
//!
//! Invariants:
//! - values are escaped for the output format: HTML, text or Markdown ([`Format`]); in text and Markdown a value is
//!   one line without control characters;
//! - a name that the data does not contain is an error with the line, never empty output;
//! - templates cannot access files, the clock, the environment or the network.
//!
//! Deliberately absent: for stored templates, raw HTML, `safe`, includes, macros and anything that builds values; any
//! knowledge of hotels.

mod builtin;
mod dates;
mod error;
mod escape;
mod filters;
mod format;
mod money;
mod plural;
mod policy;
pub mod untrusted;

pub use builtin::Renderer;
pub use dates::{DateStyle, format_date, format_instant};
pub use error::{RenderError, RenderErrorKind};
pub use escape::{markdown as escape_markdown, text as escape_text};
pub use format::Format;
pub use money::{format_money, minor_digits};
pub use plural::plural;
pub use untrusted::{Limits, render_untrusted};
