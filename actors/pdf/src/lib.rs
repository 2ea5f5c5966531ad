//! The service `pdf`: templates are kept, and documents are made of a template and data.
//!
//! A template is Markdown with Jinja values (see [`builtin`] for the ones that come along, and what data they take).
//! Rendering escapes the data for Markdown, `draw` lays the Markdown out and paints it.
//!
//! Invariants:
//! - the same template and data make the same bytes, on every machine: no clock, no randomness, no machine's fonts;
//! - text of users reaches neither Markdown's syntax nor the file's structure, and nothing is fetched;
//! - a document is bounded in template, data, work and pages, and what goes over a bound is refused by name;
//! - a built-in template can be overridden and reset, never lost; a version is never used twice.
//!
//! Deliberately absent: documents themselves (they are made anew each time), images, includes, scripts of languages that
//! are written from right to left or that Noto Sans lacks (their text can be copied, but shows as boxes).

mod apply;
pub mod builtin;
mod document;
mod draw;
mod query;
mod rest;
mod state;

pub use document::document;
pub use rest::{ALL as PROBLEMS, api};

use contracts::pdf::{Answer, Command, Query, Refusal, RenderDocument, Reply};
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

    fn query(&self, view: &View<'_>, _caller: &Principal, query: Query) -> Result<Answer, Refusal> {
        match query {
            Query::ListTemplates(request) => Ok(query::list(view, &request).into()),
            Query::GetTemplate(request) => query::get(view, &request.name).map(Answer::from),
            Query::RenderDocument(RenderDocument { template, data_json }) => {
                document(&query::get(view, &template)?.source, &data_json).map(Answer::from)
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
