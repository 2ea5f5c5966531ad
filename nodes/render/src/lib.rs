//! The only home of the template engine: pages, mails and documents, one language for the three, escaped by format.
//!
//! - [`Renderer`] holds the templates that the program brings along: compiled once, free to extend and include each
//!   other, shared between threads.
//! - [`untrusted`] renders templates that somebody stored: they select and format what is in the data, and can do
//!   nothing else, in bounded time and memory.
//!
//! Invariants:
//! - a value lands escaped for the format it lands in: HTML, text or Markdown ([`Format`]); in text and Markdown it
//!   never starts a line of its own and bears no control characters;
//! - a name that the data does not have is an error that says its line, never an empty place;
//! - no template reads a file, a clock, the environment or the network.
//!
//! Deliberately absent: raw HTML, `safe`, includes, macros and anything that builds values, for stored templates; any
//! word of hotels.

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
pub use error::{RenderError, What};
pub use escape::{markdown as escape_markdown, text as escape_text};
pub use format::Format;
pub use money::{format_money, minor_digits};
pub use plural::plural;
pub use untrusted::{Limits, render_untrusted};
