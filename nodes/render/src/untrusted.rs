//! Stored templates: rendered under limits, with access to their data only.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use minijinja::value::Rest;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, HtmlEscape, State, UndefinedBehavior, Value, tests,
};
use serde::Serialize;

use crate::error::{RenderError, RenderErrorKind};
use crate::escape;
use crate::filters;
use crate::format::Format;
use crate::policy;

/// Limits of a stored template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum length of the template, in bytes.
    pub source_bytes_max: usize,
    /// Maximum length of the output, in bytes.
    pub output_bytes_max: usize,
    /// Maximum number of engine instructions.
    pub fuel: u64,
    /// Maximum number of bytes processed by filters and output.
    pub work_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            source_bytes_max: 64 << 10,
            output_bytes_max: 1 << 20,
            fuel: 400_000,
            work_bytes_max: 16 << 20,
        }
    }
}

/// Checks whether a template can be stored: its length, the constructs it uses, and its syntax.
///
/// # Errors
/// The problem and its line.
pub fn check_untrusted(source: &str, limits: Limits) -> Result<(), RenderError> {
    if source.len() > limits.source_bytes_max {
        let reason = format!("the template is longer than {} bytes", limits.source_bytes_max);
        return Err(RenderError {
            kind: RenderErrorKind::LimitExceeded,
            template: String::new(),
            line: None,
            reason,
        });
    }
    policy::check(source)?;
    let environment = environment(Format::Text, limits);
    environment.template_from_str(source).map(drop).map_err(|error| RenderError::from_engine("", &error))
}

/// Renders a stored template.
///
/// # Errors
/// The problem in the template or the data, with its line, or the limit that was exceeded.
pub fn render_untrusted(
    format: Format,
    source: &str,
    data: &impl Serialize,
    limits: Limits,
) -> Result<String, RenderError> {
    if source.len() > limits.source_bytes_max {
        check_untrusted(source, limits)?;
    }
    policy::check(source)?;
    let environment = environment(format, limits);
    let mut out = Bounded { bytes: Vec::with_capacity(source.len() * 2), left: limits.output_bytes_max };
    let template = environment.template_from_str(source);
    template
        .and_then(|template| template.render_captured_to(data, &mut out).map(drop))
        .map_err(|error| RenderError::from_engine("", &error))?;
    Ok(String::from_utf8(out.bytes).expect("the engine writes whole strings"))
}

/// A writer that fails once `left` bytes are written.
struct Bounded {
    bytes: Vec<u8>,
    left: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self.left.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts processed bytes. Fuel counts instructions only, and a single instruction may process a megabyte.
#[derive(Clone)]
struct WorkLimit {
    done: Arc<AtomicU64>,
    max: u64,
}

impl WorkLimit {
    fn count(&self, bytes: usize) -> Result<(), Error> {
        let before = self.done.fetch_add(bytes as u64 + 1, Ordering::Relaxed);
        if before > self.max { Err(ErrorKind::OutOfFuel.into()) } else { Ok(()) }
    }
}

fn environment(format: Format, limits: Limits) -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(limits.fuel));
    environment.set_recursion_limit(64);
    environment.set_debug(true);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    let work = WorkLimit { done: Arc::default(), max: limits.work_bytes_max };
    let written = work.clone();
    environment.set_formatter(move |out, _state, value| {
        let owned;
        let text = match value.as_str() {
            Some(text) => text,
            None if value.is_none() => return Ok(()),
            None if value.is_number() || matches!(value.kind(), minijinja::value::ValueKind::Bool) => {
                owned = value.to_string();
                &owned
            }
            None => {
                return Err(Error::new(ErrorKind::InvalidOperation, "a list or a map cannot be printed"));
            }
        };
        written.count(text.len())?;
        match format {
            Format::Html => write!(out, "{}", HtmlEscape(text))?,
            Format::Text => escape::write_text(out, text)?,
            Format::Markdown => escape::write_markdown(out, text)?,
        }
        Ok(())
    });
    filters::install(&mut environment);
    install_filters(&mut environment, &work);
    install_tests(&mut environment);
    environment
}

/// General filters. None produces more than its input, and each counts its input.
fn install_filters(environment: &mut Environment<'static>, work: &WorkLimit) {
    for (name, change) in [
        ("upper", (|text| text.to_uppercase()) as fn(&str) -> String),
        ("lower", |text| text.to_lowercase()),
        ("trim", |text| text.trim().to_owned()),
        ("capitalize", |text| {
            let mut letters = text.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
        }),
    ] {
        let work = work.clone();
        environment.add_filter(name, move |text: &str| {
            work.count(text.len())?;
            Ok::<_, Error>(change(text))
        });
    }
    for name in ["length", "count"] {
        let work = work.clone();
        environment.add_filter(name, move |value: &Value| {
            work.count(value.as_str().map_or(0, str::len))?;
            let length = value.as_str().map(|text| text.chars().count()).or_else(|| value.len());
            length.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "the value has no length"))
        });
    }
    let joined = work.clone();
    environment.add_filter("join", move |values: &Value, between: Option<&str>| {
        let between = between.unwrap_or("");
        let mut text = String::new();
        for (place, value) in values.try_iter()?.enumerate() {
            let part =
                value.as_str().map(str::to_owned).or_else(|| value.is_number().then(|| value.to_string()));
            let part = part
                .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "join needs strings and numbers"))?;
            joined.count(part.len() + between.len())?;
            if place > 0 {
                text.push_str(between);
            }
            text.push_str(&part);
        }
        Ok::<_, Error>(text)
    });
    for name in ["default", "d"] {
        environment.add_filter(name, |state: &State<'_, '_>, value: &Value, others: Rest<Value>| {
            minijinja::filters::default(state, value, others)
        });
    }
    environment.add_filter("abs", minijinja::filters::abs);
    environment.add_filter("first", minijinja::filters::first);
}

fn install_tests(environment: &mut Environment<'static>) {
    environment.add_test("defined", tests::is_defined);
    environment.add_test("undefined", tests::is_undefined);
    environment.add_test("none", tests::is_none);
    environment.add_test("string", tests::is_string);
    environment.add_test("number", tests::is_number);
    environment.add_test("mapping", tests::is_mapping);
    environment.add_test("sequence", tests::is_sequence);
    environment.add_test("true", tests::is_true);
    environment.add_test("false", tests::is_false);
    environment.add_test("odd", tests::is_odd);
    environment.add_test("even", tests::is_even);
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn all_filters_and_tests_of_the_policy_exist() {
        for name in policy::FILTERS {
            let source = format!("{{{{ x|{name} }}}}");
            if let Err(error) = render_untrusted(Format::Text, &source, &(), Limits::default()) {
                assert_ne!(error.kind, RenderErrorKind::Template, "{name}: {error}");
            }
        }
        for name in policy::TESTS {
            let source = format!("{{{{ 1 is {name} }}}}");
            let rendered = render_untrusted(Format::Text, &source, &(), Limits::default());
            assert!(rendered.is_ok(), "{name}: {rendered:?}");
        }
    }
}
