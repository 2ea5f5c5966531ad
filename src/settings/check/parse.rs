//! Parses a settings file as far as it can be read, so that all its errors are reported at once.

use serde::Deserialize;
use toml::de::{DeTable, DeValue, Deserializer};

use super::{Finding, line_of};
use crate::settings::Settings;

/// The tables of `text` without the values that are wrong, and an error for each of these.
pub fn parse(text: &str) -> (toml::Table, Vec<Finding>) {
    let finding = |error: &toml::de::Error| {
        let line = error.span().map(|span| line_of(text, span.start));
        Finding { line, text: error.message().to_owned() }
    };
    let (mut document, errors) = DeTable::parse_recoverable(text);
    let mut findings: Vec<_> = errors.iter().map(finding).collect();
    // Deserialising stops at the first wrong value: take it out, and continue.
    while let Err(error) = Settings::deserialize(Deserializer::from(document.clone())) {
        findings.push(finding(&error));
        let removed = error.span().is_some_and(|span| remove(document.get_mut(), span.start));
        if !removed {
            return (toml::Table::new(), findings);
        }
    }
    // One line often causes several syntax errors; the first one says what is wrong.
    findings.sort_by_key(|finding| finding.line);
    findings.dedup_by_key(|finding| finding.line);
    (toml::Table::deserialize(Deserializer::from(document)).unwrap_or_default(), findings)
}

/// Removes the entry at an offset of the text: the innermost one of nested tables, whole arrays otherwise.
fn remove(table: &mut DeTable<'_>, offset: usize) -> bool {
    let mut found = None;
    for (key, value) in table.iter_mut() {
        if key.span().contains(&offset) && !matches!(value.get_ref(), DeValue::Table(_)) {
            found = Some(key.clone());
            break;
        }
        let within = match value.get_mut() {
            DeValue::Table(inner) => remove(inner, offset),
            _ => false,
        };
        if within {
            return true;
        }
        if key.span().contains(&offset) || value.span().contains(&offset) {
            found = Some(key.clone());
            break;
        }
    }
    found.is_some_and(|key| table.remove(&key).is_some())
}
