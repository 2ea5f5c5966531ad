//! The trees of the store: stored templates. Built-in templates are part of the program.

use contracts::pdf::{NAME_CHARS_MAX, SOURCE_BYTES_MAX, Summary};
use group::{Tree, View};
use protocol::Timestamp;
use serde::{Deserialize, Serialize};

use crate::builtin;

/// Template name → version and time of the last change. A row with the name of a built-in template overrides it.
pub(crate) const TEMPLATES: Tree<String, Kept> = Tree::new(32, "templates");
/// Template name → source; one row for each row of [`TEMPLATES`].
pub(crate) const SOURCES: Tree<String, String> = Tree::new(33, "sources");
/// `0` → the last version number of any template.
pub(crate) const LAST_VERSION: Tree<u8, u64> = Tree::new(34, "last_version");

/// A stored template without its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub version: u64,
    pub updated_at: Timestamp,
}

/// The summary that callers get.
pub(crate) fn summary(name: &str, kept: Option<Kept>) -> Summary {
    Summary {
        name: name.to_owned(),
        version: kept.map_or(0, |kept| kept.version),
        built_in: builtin::source(name).is_some(),
        updated_at: kept.map(|kept| kept.updated_at),
    }
}

/// Whether a template can have this name.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    name.len() <= NAME_CHARS_MAX
        && name.bytes().all(plain)
        && name.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
}

/// Every stored template has a valid name, a source within the limit, and an assigned version.
pub(crate) fn every_template_is_whole(view: &View<'_>) -> Vec<String> {
    let last = view.get(&LAST_VERSION, &0).unwrap_or(0);
    let mut violations = Vec::new();
    for (name, kept) in view.all(&TEMPLATES) {
        if !is_name(&name) {
            violations.push("a template has a name that it cannot have".to_owned());
        }
        if kept.version == 0 || kept.version > last {
            violations.push(format!(
                "template {name}: version {} was never given out (last: {last})",
                kept.version
            ));
        }
        match view.get(&SOURCES, &name) {
            None => violations.push(format!("template {name} has no source")),
            Some(source) if source.len() > SOURCE_BYTES_MAX => {
                violations.push(format!("template {name} is too long"));
            }
            Some(_) => {}
        }
    }
    for (name, _) in view.all(&SOURCES) {
        if !view.has(&TEMPLATES, &name) {
            violations.push(format!("a source without a template: {name}"));
        }
    }
    violations
}
