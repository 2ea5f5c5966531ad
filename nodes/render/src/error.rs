//! Errors of rendering.

use minijinja::{Error, ErrorKind};

/// A template that cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", position(.template, *.line))]
pub struct RenderError {
    /// Kind of the error.
    pub kind: RenderErrorKind,
    /// Name of the template. Empty for a stored one.
    pub template: String,
    /// Line, from 1, if known.
    pub line: Option<u32>,
    /// The reason. Contains names and source of the template, never values of the data.
    pub reason: String,
}

/// Kind of a rendering error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenderErrorKind {
    /// The template does not exist.
    NotFound,
    /// The template cannot be parsed, or uses something that is not allowed.
    Template,
    /// The data lacks a field, or a field has another type.
    Data,
    /// The work or the output exceeds its limit.
    LimitExceeded,
}

fn position(template: &str, line: Option<u32>) -> String {
    match (template, line) {
        ("", None) => String::new(),
        ("", Some(line)) => format!("line {line}: "),
        (name, None) => format!("`{name}`: "),
        (name, Some(line)) => format!("`{name}`, line {line}: "),
    }
}

impl RenderError {
    pub(crate) fn template(line: Option<u32>, reason: impl Into<String>) -> Self {
        Self { kind: RenderErrorKind::Template, template: String::new(), line, reason: reason.into() }
    }

    /// Converts an engine error. The reason names the expression instead of engine internals.
    pub(crate) fn from_engine(template: &str, error: &Error) -> Self {
        let line = error.line().and_then(|line| u32::try_from(line).ok());
        let snippet =
            error.range().zip(error.template_source()).and_then(|(range, source)| source.get(range));
        let detail = error.detail().unwrap_or_default();
        let (kind, reason) = match (error.kind(), snippet) {
            (ErrorKind::TemplateNotFound, _) => (RenderErrorKind::NotFound, "no such template".to_owned()),
            (ErrorKind::OutOfFuel, _) => {
                (RenderErrorKind::LimitExceeded, "the template exceeds its work limit".to_owned())
            }
            (ErrorKind::WriteFailure, _) => {
                (RenderErrorKind::LimitExceeded, "the output exceeds its limit".to_owned())
            }
            (ErrorKind::UndefinedError, Some(snippet)) => (
                RenderErrorKind::Data,
                format!("`{}` needs a field that the data does not contain", snippet.trim()),
            ),
            (ErrorKind::UndefinedError, None) => {
                (RenderErrorKind::Data, "a field that the data does not contain".to_owned())
            }
            (ErrorKind::SyntaxError, _) => (RenderErrorKind::Template, format!("syntax: {detail}")),
            (ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction, _) => {
                (RenderErrorKind::Template, detail.to_owned())
            }
            (_, Some(snippet)) => (RenderErrorKind::Data, format!("`{}`: {detail}", snippet.trim())),
            (_, None) => (RenderErrorKind::Data, format!("{}: {detail}", error.kind())),
        };
        let template = error.name().filter(|name| *name != "<string>").unwrap_or(template).to_owned();
        Self { kind, template, line, reason }
    }
}
