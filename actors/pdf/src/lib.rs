//! The service `pdf`: stores templates and renders documents from a template and data.
//!
//! A template is Markdown with Jinja values (see [`builtin`] for the built-in templates and their data).
//! Rendering escapes the data for Markdown; `draw` lays out the Markdown and draws the pages.
//!
//! Invariants:
//! - the same template and data give the same bytes on every machine: no clock, no randomness, no system fonts;
//! - text of users cannot become Markdown syntax or PDF structure, and nothing is fetched;
//! - documents of a built-in template are made only by the service whose data they show: others get a marked preview or a
//!   refusal, so that nobody forges a receipt;
//! - template, data, work and pages of a document are limited, and a refusal names the limit;
//! - a built-in template can be overridden and reset, never lost; a version number is never reused.
//!
//! Deliberately absent: stored documents (each request renders again), images, includes, and scripts that
//! run from right to left or that Noto Sans lacks (their text can be copied, but is drawn as boxes).

mod apply;
pub mod builtin;
mod document;
mod draw;
mod query;
mod rest;
mod state;

pub use document::{Purpose, document};
pub use rest::{ALL as PROBLEMS, api};

use contracts::pdf::{Answer, Command, Query, Refusal, RenderDocument, Reply, owners};
use contracts::scope;
use group::{Cost, Service, Turn, View};
use protocol::Principal;

/// The state machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pdf;

impl Service for Pdf {
    type Contract = contracts::pdf::Pdf;
    type Effect = ();
    type Timer = ();
    type Note = ();

    fn apply(&self, turn: &mut Turn<'_, Self>, command: Command) -> Result<Reply, Refusal> {
        match command {
            Command::PutTemplate(request) => apply::put(turn, request).map(Reply::from),
            Command::DeleteTemplate(request) => apply::delete(turn, &request).map(Reply::from),
        }
    }

    fn fire(&self, _turn: &mut Turn<'_, Self>, (): ()) {}

    fn query(&self, view: &View<'_>, caller: &Principal, query: Query) -> Result<Answer, Refusal> {
        match query {
            Query::ListTemplates(request) => Ok(query::list(view, &request).into()),
            Query::GetTemplate(request) => query::get(view, &request.name).map(Answer::from),
            Query::RenderDocument(RenderDocument { template, data_json }) => {
                let purpose = purpose(caller, &template)?;
                document(&query::get(view, &template)?.source, &data_json, purpose).map(Answer::from)
            }
        }
    }

    fn cost(query: &Query) -> Cost {
        match query {
            Query::RenderDocument(_) => Cost::Heavy,
            Query::ListTemplates(_) | Query::GetTemplate(_) => Cost::Disk,
        }
    }

    fn violations(&self, view: &View<'_>) -> Vec<String> {
        state::every_template_is_whole(view)
    }
}

/// What `caller` may render from a template. The owner of a built-in one makes valid documents; whoever manages templates
/// sees a preview of them.
fn purpose(caller: &Principal, template: &str) -> Result<Purpose, Refusal> {
    if builtin::source(template).is_none()
        || caller.as_service().is_some_and(|service| owners(template).contains(&service))
    {
        return Ok(Purpose::Document);
    }
    if caller.has_scope(scope::TEMPLATES_MANAGE) {
        Ok(Purpose::Preview)
    } else {
        Err(Refusal::Reserved(template.to_owned()))
    }
}
