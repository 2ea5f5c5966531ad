//! What may be said to `pdf`: templates are kept, documents are made of a template and data.

use protocol::{Access, Contract, Route, Timestamp};
use serde::{Deserialize, Serialize};

use crate::scope;

/// The longest template, in bytes.
pub const SOURCE_BYTES_MAX: usize = 64 * 1024;
/// The longest data of a document, in bytes of JSON.
pub const DATA_BYTES_MAX: usize = 256 * 1024;
/// The longest name of a template, in characters.
pub const NAME_CHARS_MAX: usize = 64;
/// Pages of a document.
pub const PAGES_MAX: usize = 50;
/// Templates that are kept, beside the built-in ones.
pub const TEMPLATES_MAX: usize = 500;

/// The built-in template of a booking's confirmation.
pub const CONFIRMATION: &str = "confirmation";
/// The built-in template of a payment's receipt.
pub const RECEIPT: &str = "receipt";

/// The contract.
#[derive(Debug, Clone, Copy)]
pub struct Pdf;

/// What changes state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Makes or replaces a template. A built-in one is overridden until it is deleted.
    PutTemplate {
        /// Lower-case letters, digits, `-` and `_`; begins with a letter.
        name: String,
        /// Markdown with Jinja values.
        source: String,
        /// Only if the template has this version now; 0 for a built-in one as it came.
        expected_version: Option<u64>,
    },
    /// Removes a template. A built-in one that was overridden is as it was.
    DeleteTemplate {
        /// Of which.
        name: String,
        /// Only if the template has this version now; 0 for a built-in one as it came.
        expected_version: Option<u64>,
    },
}

/// What a command that was obeyed answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// It is kept.
    Kept {
        /// As it is now, without its source.
        template: Summary,
        /// Whether there was none of this name before.
        created: bool,
    },
    /// It is gone, or a built-in one again.
    Deleted {
        /// Whether a built-in template took its place.
        reset: bool,
    },
}

/// A template, without its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// What documents ask for.
    pub name: String,
    /// Another one after each change, never used again for any template; 0 for a built-in one as it came.
    pub version: u64,
    /// Whether there is a built-in template of this name.
    pub built_in: bool,
    /// When it was last changed; never for a built-in one as it came.
    pub updated_at: Option<Timestamp>,
}

/// A template and its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// All but the source.
    pub summary: Summary,
    /// Markdown with Jinja values.
    pub source: String,
}

/// The domain's "no".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// No template of this name.
    #[error("there is no template of this name")]
    NoTemplate,
    /// A name that a template cannot have.
    #[error(
        "a template's name is 1 to {NAME_CHARS_MAX} lower-case letters, digits, `-` and `_`, and begins with a letter"
    )]
    BadName,
    /// A template that cannot be used.
    #[error("the template cannot be used{}: {reason}", at(*.line))]
    BadTemplate {
        /// The line, from 1, where it is known.
        line: Option<u32>,
        /// In words.
        reason: String,
    },
    /// Data that is no JSON object.
    #[error("the data cannot be read: {0}")]
    BadData(String),
    /// The template asks for what the data does not have, or has otherwise.
    #[error("the data does not fit the template{}: {reason}", at(*.line))]
    DataMismatch {
        /// The template's line, from 1, where it is known.
        line: Option<u32>,
        /// In words; names the field.
        reason: String,
    },
    /// A limit was reached.
    #[error("too much: {0}")]
    TooLarge(String),
    /// The template was changed since it was read.
    #[error("the template has changed meanwhile")]
    Changed {
        /// The version now; none where there is no such template.
        version: Option<u64>,
    },
    /// A built-in template that was never overridden stays.
    #[error("a built-in template can be overridden but not deleted")]
    BuiltIn,
    /// As many templates as are kept.
    #[error("no more than {TEMPLATES_MAX} templates are kept")]
    TooMany,
}

fn at(line: Option<u32>) -> String {
    line.map(|line| format!(", line {line}")).unwrap_or_default()
}

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// The templates by name, built-in ones among them.
    ListTemplates {
        /// Those whose name comes after this one.
        after: Option<String>,
        /// At most so many, 1 to 100.
        limit: u16,
    },
    /// One template with its source.
    GetTemplate {
        /// Which.
        name: String,
    },
    /// Makes a document. The same template and data make the same bytes.
    Render {
        /// By name.
        template: String,
        /// A JSON object, as text.
        data_json: String,
    },
}

/// What a query finds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// A page of the list.
    Templates {
        /// By name.
        items: Vec<Summary>,
        /// Pass as `after` for the next page; none at the end.
        next: Option<String>,
    },
    /// The template.
    Template(Template),
    /// The PDF file's bytes.
    Document(Vec<u8>),
}

impl Contract for Pdf {
    const SERVICE: &'static str = "pdf";
    type Command = Command;
    type Reply = Reply;
    type Refusal = Refusal;
    type Query = Query;
    type Answer = Answer;

    fn route_command(_: &Command) -> Route {
        Route::SINGLE
    }

    fn route_query(_: &Query) -> Route {
        Route::SINGLE
    }

    fn command_access(command: &Command) -> Access {
        match command {
            Command::PutTemplate { .. } | Command::DeleteTemplate { .. } => {
                Access::scopes(&[scope::TEMPLATES_MANAGE])
            }
        }
    }

    fn query_access(query: &Query) -> Access {
        match query {
            Query::ListTemplates { .. } | Query::GetTemplate { .. } => {
                Access::scopes(&[scope::TEMPLATES_MANAGE])
            }
            Query::Render { .. } => {
                Access::scopes(&[scope::DOCUMENTS]).or_services(&["reservations", "payments", "ui"])
            }
        }
    }
}
