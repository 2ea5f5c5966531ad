//! What can be wrong with a template, or with the data for it.

use minijinja::{Error, ErrorKind};

/// A template that could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", place(.template, *.line))]
pub struct RenderError {
    /// The kind of mistake.
    pub what: What,
    /// The template's name; empty for a stored one.
    pub template: String,
    /// The line, from 1, where it is known.
    pub line: Option<u32>,
    /// In words; names fields and words of the template, never values of the data.
    pub reason: String,
}

/// Kinds of mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// No such template.
    NotFound,
    /// The template cannot be read, or uses what it may not use.
    Template,
    /// The data lacks a field, or has it in another shape.
    Data,
    /// The work or the output went over its limit.
    TooMuch,
}

fn place(template: &str, line: Option<u32>) -> String {
    match (template, line) {
        ("", None) => String::new(),
        ("", Some(line)) => format!("line {line}: "),
        (name, None) => format!("`{name}`: "),
        (name, Some(line)) => format!("`{name}`, line {line}: "),
    }
}

impl RenderError {
    pub(crate) fn template(line: Option<u32>, reason: impl Into<String>) -> Self {
        Self { what: What::Template, template: String::new(), line, reason: reason.into() }
    }

    /// From the engine's error, in words that name the expression instead of the engine's parts.
    pub(crate) fn from_engine(template: &str, error: &Error) -> Self {
        let line = error.line().and_then(|line| u32::try_from(line).ok());
        let snippet =
            error.range().zip(error.template_source()).and_then(|(range, source)| source.get(range));
        let detail = error.detail().unwrap_or_default();
        let (what, reason) = match (error.kind(), snippet) {
            (ErrorKind::TemplateNotFound, _) => (What::NotFound, "no such template".to_owned()),
            (ErrorKind::OutOfFuel, _) => (What::TooMuch, "the template does too much work".to_owned()),
            (ErrorKind::WriteFailure, _) => (What::TooMuch, "the output is too long".to_owned()),
            (ErrorKind::UndefinedError, Some(snippet)) => {
                (What::Data, format!("`{}` needs a field that the data does not have", snippet.trim()))
            }
            (ErrorKind::UndefinedError, None) => {
                (What::Data, "a field that the data does not have".to_owned())
            }
            (ErrorKind::SyntaxError, _) => (What::Template, format!("syntax: {detail}")),
            (ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction, _) => {
                (What::Template, detail.to_owned())
            }
            (_, Some(snippet)) => (What::Data, format!("`{}`: {detail}", snippet.trim())),
            (_, None) => (What::Data, format!("{}: {detail}", error.kind())),
        };
        let template = error.name().filter(|name| *name != "<string>").unwrap_or(template).to_owned();
        Self { what, template, line, reason }
    }
}
