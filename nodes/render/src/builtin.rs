//! Built-in templates.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use minijinja::{AutoEscape, Environment, Error, HtmlEscape, Output, State, UndefinedBehavior, Value};
use serde::Serialize;

use crate::error::{RenderError, RenderErrorKind};
use crate::escape;
use crate::filters;
use crate::format::Format;

/// Maximum number of engine instructions per rendering. A page with a hundred hotels takes about ten thousand.
const FUEL: u64 = 5_000_000;

const TEXT: AutoEscape = AutoEscape::Custom("text");
const MARKDOWN: AutoEscape = AutoEscape::Custom("markdown");

/// Templates by name, compiled once. The suffix of the name, `.html`, `.svg`, `.txt` or `.md`, selects the escaping.
/// Templates may extend, include and import one another. Can be shared by reference between threads.
///
/// A missing field is an error, also in `{% if … %}`: write `{% if x is defined and x %}`, or pass a null. A null
/// renders as nothing.
#[derive(Debug)]
pub struct Renderer {
    environment: Environment<'static>,
    directory: Option<PathBuf>,
    globals: Vec<(String, Value)>,
}

impl Renderer {
    /// Compiles `(name, source)` pairs.
    ///
    /// # Errors
    /// The first template that cannot be compiled, or whose name has no known suffix.
    pub fn builtin(sources: &[(&'static str, &'static str)]) -> Result<Self, RenderError> {
        Self::embedded(sources.iter().map(|(name, source)| (*name, *source)))
    }

    /// As [`Renderer::builtin`], for owned or otherwise embedded names and sources.
    ///
    /// # Errors
    /// As [`Renderer::builtin`].
    pub fn embedded<N, S>(sources: impl IntoIterator<Item = (N, S)>) -> Result<Self, RenderError>
    where
        N: Into<Cow<'static, str>>,
        S: Into<Cow<'static, str>>,
    {
        let mut environment = new_environment();
        for (name, source) in sources {
            let name = name.into();
            if Format::of_name(&name).is_none() {
                let reason = "a template's name must end in .html, .svg, .txt or .md".to_owned();
                return Err(RenderError {
                    kind: RenderErrorKind::Template,
                    template: name.into_owned(),
                    line: None,
                    reason,
                });
            }
            let compiled = environment.add_template_owned(name.clone(), source.into());
            compiled.map_err(|error| RenderError::from_engine(&name, &error))?;
        }
        Ok(Self { environment, directory: None, globals: Vec::new() })
    }

    /// For development: reads templates from `directory` at each rendering, so that changes take effect at once.
    #[must_use]
    pub fn reloading(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.to_owned());
        self
    }

    /// Adds a value that all templates can use as `name`, unless their data contains one.
    #[must_use]
    pub fn with_global(mut self, name: &str, value: impl Serialize) -> Self {
        let value = Value::from_serialize(value);
        self.environment.add_global(name.to_owned(), value.clone());
        self.globals.push((name.to_owned(), value));
        self
    }

    /// The names of the templates.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.environment.templates().map(|(name, _)| name)
    }

    /// Renders the template `name`.
    ///
    /// # Errors
    /// If the template does not exist, the data lacks a field, or the rendering exceeds its limit.
    pub fn render(&self, name: &str, data: &impl Serialize) -> Result<String, RenderError> {
        let Some(directory) = &self.directory else { return render(&self.environment, name, data) };
        let mut environment = new_environment();
        environment.set_loader(minijinja::path_loader(directory));
        for (name, value) in &self.globals {
            environment.add_global(name.clone(), value.clone());
        }
        render(&environment, name, data)
    }
}

fn render(environment: &Environment<'_>, name: &str, data: &impl Serialize) -> Result<String, RenderError> {
    let template = environment.get_template(name);
    template
        .and_then(|template| template.render(data))
        .map_err(|error| RenderError::from_engine(name, &error))
}

fn new_environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    // Debug mode records the position of errors. It has no cost if there are none.
    environment.set_debug(true);
    environment.set_auto_escape_callback(|name| match Format::of_name(name) {
        Some(Format::Html) | None => AutoEscape::Html,
        Some(Format::Text) => TEXT,
        Some(Format::Markdown) => MARKDOWN,
    });
    environment.set_formatter(write_value);
    filters::install(&mut environment);
    environment
}

fn write_value(out: &mut Output<'_>, state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_none() {
        return Ok(());
    }
    let escaping = state.auto_escape();
    if value.is_safe() || escaping == AutoEscape::None {
        write!(out, "{value}")?;
    } else if escaping == TEXT {
        escape::write_text(out, &value.to_string())?;
    } else if escaping == MARKDOWN {
        escape::write_markdown(out, &value.to_string())?;
    } else if let Some(text) = value.as_str() {
        write!(out, "{}", HtmlEscape(text))?;
    } else if value.is_number() {
        write!(out, "{value}")?;
    } else {
        write!(out, "{}", HtmlEscape(&value.to_string()))?;
    }
    Ok(())
}
