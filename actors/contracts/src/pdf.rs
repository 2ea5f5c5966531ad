//! The contract of `pdf`: stores templates and renders documents from a template and data.

use protocol::{Access, Request, Route, Timestamp};
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
/// The built-in template of a refund's credit note.
pub const CREDIT_NOTE: &str = "credit-note";

/// The services whose data a built-in template shows. Only they render documents from it that are valid: everyone else could
/// forge a receipt.
pub fn owners(built_in: &str) -> &'static [&'static str] {
    match built_in {
        CONFIRMATION => &["reservations"],
        // The pages render receipts from the data that `payments` supplies.
        _ => &["payments", "ui"],
    }
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
    /// A built-in template, which only the service whose data it shows renders.
    #[error("documents of the built-in template `{0}` are made only by the service whose data it shows")]
    Reserved(String),
}

fn at(line: Option<u32>) -> String {
    line.map(|line| format!(", line {line}")).unwrap_or_default()
}

/// Creates or replaces a template. A built-in template is overridden until the override is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutTemplate {
    /// Lower-case letters, digits, `-` and `_`; begins with a letter.
    pub name: String,
    /// Markdown with Jinja expressions.
    pub source: String,
    /// The version that the template must have; 0 for a built-in template without an override.
    pub expected_version: Option<u64>,
}

/// The reply to [`PutTemplate`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredTemplate {
    pub template: Summary,
    /// Whether there was no template of this name before.
    pub created: bool,
}

impl Request for PutTemplate {
    type Contract = Pdf;
    type Reply = StoredTemplate;

    fn route(&self) -> Route {
        Route::SINGLE
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::TEMPLATES_MANAGE])
    }
}

/// Deletes a template. A built-in template that was overridden applies again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteTemplate {
    pub name: String,
    /// As in [`PutTemplate`].
    pub expected_version: Option<u64>,
}

/// The reply to [`DeleteTemplate`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedTemplate {
    /// Whether a built-in template of this name applies now.
    pub reset: bool,
}

impl Request for DeleteTemplate {
    type Contract = Pdf;
    type Reply = DeletedTemplate;

    fn route(&self) -> Route {
        Route::SINGLE
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::TEMPLATES_MANAGE])
    }
}

/// Lists templates by name, built-in ones included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListTemplates {
    /// Only those whose name sorts after this one.
    pub after: Option<String>,
    /// The largest number of templates, 1 to 100.
    pub limit: u16,
}

/// The reply to [`ListTemplates`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplatePage {
    pub items: Vec<Summary>,
    /// `after` of the next page; none on the last page.
    pub next: Option<String>,
}

impl Request for ListTemplates {
    type Contract = Pdf;
    type Reply = TemplatePage;

    fn route(&self) -> Route {
        Route::SINGLE
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::TEMPLATES_MANAGE])
    }
}

/// Reads one template with its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetTemplate {
    pub name: String,
}

impl Request for GetTemplate {
    type Contract = Pdf;
    type Reply = Template;

    fn route(&self) -> Route {
        Route::SINGLE
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::TEMPLATES_MANAGE])
    }
}

/// Renders a document. The same template and data give the same bytes.
///
/// A built-in template is rendered for its [`owners`], and as a preview, marked as such on each page, for whoever manages
/// templates. For all others it is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderDocument {
    /// The template's name.
    pub template: String,
    /// A JSON object.
    pub data_json: String,
}

impl Request for RenderDocument {
    type Contract = Pdf;
    /// The bytes of the PDF file.
    type Reply = Vec<u8>;

    fn route(&self) -> Route {
        Route::SINGLE
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::DOCUMENTS]).or_services(&["reservations", "payments", "ui"])
    }
}

protocol::contract! {
    /// The service `pdf`.
    pub struct Pdf = "pdf";
    refusal Refusal;

    /// Commands, stored by position.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    pub enum Command { PutTemplate, DeleteTemplate }

    /// Replies to commands, stored by position.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    pub enum Reply { Stored(StoredTemplate), Deleted(DeletedTemplate) }

    /// Queries.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    pub enum Query { ListTemplates, GetTemplate, RenderDocument }

    /// Replies to queries.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    pub enum Answer { Templates(TemplatePage), Template(Template), Document(Vec<u8>) }
}

#[cfg(test)]
mod tests {
    use protocol::codec;

    use super::*;

    /// The log and the idempotency rows hold these bytes.
    #[test]
    fn stored_bytes_are_still_read() {
        let put = PutTemplate { name: "a".into(), source: "b".into(), expected_version: Some(3) };
        let put = Command::from(put);
        let delete = Command::from(DeleteTemplate { name: "a".into(), expected_version: None });
        let summary = Summary { name: "a".into(), version: 1, built_in: false, updated_at: None };
        let stored = Reply::from(StoredTemplate { template: summary, created: true });
        let deleted = Reply::from(DeletedTemplate { reset: true });
        assert_eq!(codec::encode(&put), [1, 0, 1, b'a', 1, b'b', 1, 3]);
        assert_eq!(codec::encode(&delete), [1, 1, 1, b'a', 0]);
        assert_eq!(codec::encode(&stored), [1, 0, 1, b'a', 1, 0, 0, 1]);
        assert_eq!(codec::encode(&deleted), [1, 1, 1]);
        assert_eq!(codec::decode::<Command>(&[1, 0, 1, b'a', 1, b'b', 1, 3]), Ok(put));
    }
}
