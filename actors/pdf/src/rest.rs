//! The REST API: templates and documents.

use std::collections::BTreeMap;

use contracts::pdf::{
    DeleteTemplate, GetTemplate, ListTemplates, Pdf, PutTemplate, Refusal, RenderDocument, Summary,
};
use edge::{
    ApiError, Cursor, Cursors, IfMatch, Instant, Json, Limit, NoContent, Page, Problem, SerdeJson, SignedIn,
    WithETag, problem_types,
};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi, Tags};
use protocol::Variant;
use serde::Serialize;

edge::problems! {
    /// The template is invalid.
    BAD_TEMPLATE = "bad-template", "The template cannot be used", 422;
    /// The data lacks a field that the template needs.
    DATA_MISMATCH = "data-mismatch", "The data does not fit the template", 422;
    /// The document exceeds a limit.
    DOCUMENT_TOO_LARGE = "document-too-large", "The document would be too large", 422;
}

#[derive(Tags)]
enum Tag {
    /// Documents and their templates
    Documents,
}

/// A template, without its source.
#[derive(Debug, Clone, Object, Serialize)]
pub struct TemplateSummary {
    /// The name of the template.
    name: String,
    /// Whether a built-in template has this name.
    built_in: bool,
    /// Whether it overrides a built-in template.
    overridden: bool,
    /// When it was last changed; absent for an unchanged built-in template.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Instant>,
}

/// A template.
#[derive(Debug, Clone, Object)]
pub struct Template {
    /// The name of the template.
    name: String,
    /// Whether a built-in template has this name.
    built_in: bool,
    /// Whether it overrides a built-in template.
    overridden: bool,
    /// When it was last changed; absent for an unchanged built-in template.
    #[oai(skip_serializing_if_is_none)]
    updated_at: Option<Instant>,
    /// Markdown with Jinja values.
    source: String,
}

/// A template to store.
#[derive(Debug, Clone, Object)]
#[oai(deny_unknown_fields)]
pub struct NewTemplate {
    /// Markdown with Jinja values: `{{ guest.name }}`, `{% for … %}`, `{{ total|money }}`; at most 64 KiB.
    #[oai(validator(min_length = 1, max_length = 65536))]
    source: String,
}

/// A document to render.
#[derive(Debug, Clone, Object)]
#[oai(deny_unknown_fields)]
pub struct NewDocument {
    /// The template's name.
    #[oai(validator(min_length = 1, max_length = 64))]
    template: String,
    /// The data of the template; at most 256 KiB. Amounts are `{"amount": minor units, "currency": "EUR"}`.
    data: BTreeMap<String, Any<serde_json::Value>>,
}

/// The API of `pdf`.
pub fn api(client: group::Client, cursors: Cursors) -> impl OpenApi {
    Api { client, cursors }
}

struct Api {
    client: group::Client,
    cursors: Cursors,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Documents")]
impl Api {
    /// Templates
    ///
    /// Sorted by name, including built-in templates.
    #[oai(path = "/templates", method = "get", operation_id = "listTemplates")]
    async fn list(
        &self,
        #[oai(scope = "rest::scope::TEMPLATES_MANAGE")] caller: SignedIn,
        limit: Query<Limit>,
        cursor: Query<Option<Cursor>>,
    ) -> Result<SerdeJson<Page<TemplateSummary>>, ApiError> {
        let list = "listTemplates";
        let after: Option<String> = self.cursors.decode(&list, cursor.0)?;
        // One more than the page holds shows whether there is another page.
        let request = ListTemplates { after, limit: limit.0.get() as u16 + 1 };
        let items = self.call(&caller, request).await?.items;
        let page = self.cursors.page(items, limit.0, &list, |last: &Summary| last.name.clone());
        Ok(SerdeJson(page.map(TemplateSummary::from)))
    }

    /// Get a template
    #[oai(path = "/templates/:name", method = "get", operation_id = "getTemplate")]
    async fn get(
        &self,
        #[oai(scope = "rest::scope::TEMPLATES_MANAGE")] caller: SignedIn,
        /// The template's name
        #[oai(validator(max_length = 64))]
        name: Path<String>,
    ) -> Result<WithETag<Template>, ApiError> {
        let found = self.call(&caller, GetTemplate { name: name.0 }).await?;
        Ok(WithETag::new(found.summary.version, with_source(found.summary, found.source)))
    }

    /// Store a template
    ///
    /// Creates or replaces the template. A built-in template is overridden until the stored one is deleted.
    #[oai(path = "/templates/:name", method = "put", operation_id = "putTemplate")]
    async fn put(
        &self,
        #[oai(scope = "rest::scope::TEMPLATES_MANAGE")] caller: SignedIn,
        #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
        /// The template's name: lower-case letters, digits, `-` and `_`
        #[oai(validator(max_length = 64))]
        name: Path<String>,
        template: Json<NewTemplate>,
    ) -> Result<WithETag<Template>, ApiError> {
        let expected_version = edge::expected_version(if_match.0.as_ref())?;
        let source = template.0.source;
        let request = PutTemplate { name: name.0, source: source.clone(), expected_version };
        let template = self.call(&caller, request).await?.template;
        Ok(WithETag::new(template.version, with_source(template, source)))
    }

    /// Delete a template
    ///
    /// An overridden built-in template is restored. A built-in template itself cannot be deleted (409).
    #[oai(path = "/templates/:name", method = "delete", operation_id = "deleteTemplate")]
    async fn delete(
        &self,
        #[oai(scope = "rest::scope::TEMPLATES_MANAGE")] caller: SignedIn,
        #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
        /// The template's name
        #[oai(validator(max_length = 64))]
        name: Path<String>,
    ) -> Result<NoContent, ApiError> {
        let expected_version = edge::expected_version(if_match.0.as_ref())?;
        self.call(&caller, DeleteTemplate { name: name.0, expected_version }).await?;
        Ok(NoContent)
    }

    /// Render a document
    ///
    /// The same template and data give the same file, byte for byte. The built-in templates (`confirmation`, `receipt`, …) are
    /// rendered by the services whose data they show. A caller with the scope `templates:manage` gets a preview of them, which is
    /// marked as one on each page; for all others they are refused (403).
    #[oai(path = "/documents", method = "post", operation_id = "createDocument")]
    async fn document(
        &self,
        #[oai(scope = "rest::scope::DOCUMENTS")] caller: SignedIn,
        document: Json<NewDocument>,
    ) -> Result<edge::Pdf, ApiError> {
        let NewDocument { template, data } = document.0;
        let data: serde_json::Map<_, _> = data.into_iter().map(|(name, value)| (name, value.0)).collect();
        let name = format!("{template}.pdf");
        let data_json = serde_json::Value::Object(data).to_string();
        let rendered = self.client.call(&caller.0.call(), RenderDocument { template, data_json }).await;
        let bytes = rendered.map_err(|failure| edge::api_error(failure, document_problem))?;
        Ok(edge::Pdf { name, bytes })
    }
}

impl Api {
    async fn call<M: Variant<Contract = Pdf>>(
        &self,
        caller: &SignedIn,
        request: M,
    ) -> Result<M::Reply, ApiError> {
        let reply = self.client.call(&caller.0.call(), request).await;
        reply.map_err(|failure| edge::api_error(failure, problem))
    }
}

/// The problem of a refusal in requests about templates.
fn problem(refusal: Refusal) -> Problem {
    let said = refusal.to_string();
    match refusal {
        Refusal::NoTemplate => {
            Problem::new(&problem_types::NOT_FOUND).detail("There is no template of this name.")
        }
        Refusal::BadName => Problem::new(&problem_types::INVALID).field("/name", said),
        Refusal::BadTemplate { line, reason } => {
            with_line(Problem::new(&BAD_TEMPLATE), "/source", line, reason)
        }
        Refusal::BadData(_) => Problem::new(&problem_types::INVALID).field("/data", said),
        Refusal::DataMismatch { line, reason } => {
            with_line(Problem::new(&DATA_MISMATCH), "/data", line, reason)
        }
        Refusal::TooLarge(reason) => Problem::new(&DOCUMENT_TOO_LARGE).detail(reason),
        Refusal::Changed { .. } => {
            Problem::new(&problem_types::PRECONDITION_FAILED).detail("Fetch the template again.")
        }
        Refusal::BuiltIn => Problem::new(&problem_types::CONFLICT)
            .detail("A built-in template can be overridden, but not deleted."),
        Refusal::TooMany => {
            Problem::new(&problem_types::CONFLICT).detail("No more templates are kept; delete one first.")
        }
        Refusal::Reserved(_) => Problem::new(&problem_types::FORBIDDEN).detail(format!(
            "{said}. The scope templates:manage shows a preview; store a template under a name of its own."
        )),
    }
}

/// The problem of a refusal in requests for documents, where the template is a field of the request.
fn document_problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NoTemplate => {
            Problem::new(&problem_types::UNPROCESSABLE).field("/template", "there is no such template")
        }
        Refusal::BadTemplate { line, reason } => {
            with_line(Problem::new(&BAD_TEMPLATE), "/template", line, reason)
        }
        Refusal::BadName
        | Refusal::BadData(_)
        | Refusal::DataMismatch { .. }
        | Refusal::TooLarge(_)
        | Refusal::Changed { .. }
        | Refusal::BuiltIn
        | Refusal::TooMany
        | Refusal::Reserved(_) => problem(refusal),
    }
}

fn with_line(problem: Problem, pointer: &str, line: Option<u32>, reason: String) -> Problem {
    match line {
        Some(line) => {
            problem.with("line", &line).field(pointer, format!("line {line} of the template: {reason}"))
        }
        None => problem.field(pointer, reason),
    }
}

impl From<Summary> for TemplateSummary {
    fn from(template: Summary) -> Self {
        let Summary { name, version, built_in, updated_at } = template;
        Self { name, built_in, overridden: built_in && version > 0, updated_at: updated_at.map(instant) }
    }
}

fn with_source(template: Summary, source: String) -> Template {
    let TemplateSummary { name, built_in, overridden, updated_at } = template.into();
    Template { name, built_in, overridden, updated_at, source }
}

fn instant(at: protocol::Timestamp) -> Instant {
    at.into()
}
