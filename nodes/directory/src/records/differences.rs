//! Differences between two sets of cluster settings: shown to operators before a change, in the audit log, and on nodes
//! whose settings file differs from the cluster.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Settings;

/// A setting with two values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// `services.pdf.replicas`.
    pub setting: String,
    /// The current value.
    pub from: String,
    /// The requested value.
    pub to: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} → {}", self.setting, self.from, self.to)
    }
}

impl Settings {
    /// What would change if these settings were replaced by `asked`; empty if they are equal.
    pub fn differences(&self, asked: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut differ = |setting: String, from: String, to: String| {
            if from != to {
                found.push(Difference { setting, from, to });
            }
        };
        differ("payments.bank".to_owned(), self.bank.clone(), asked.bank.clone());
        let span = |secs: u32| format!("{secs}s");
        let (from, to) = (span(self.replace_after_secs), span(asked.replace_after_secs));
        differ("cluster.replace_after".to_owned(), from, to);
        let names: BTreeSet<&String> = self.services.keys().chain(asked.services.keys()).collect();
        for name in names {
            let (from, to) = (self.of(name), asked.of(name));
            let mut differ = |field: &str, from: String, to: String| {
                differ(format!("services.{name}.{field}"), from, to);
            };
            differ("shards", from.shards.to_string(), to.shards.to_string());
            differ("replicas", from.replicas.to_string(), to.replicas.to_string());
            differ("only_on", listed(&from.only_on, "anywhere"), listed(&to.only_on, "anywhere"));
            differ("never_with", listed(&from.never_with, "nobody"), listed(&to.never_with, "nobody"));
        }
        found
    }
}

/// Sorted, because the order in a settings file has no meaning.
fn listed(names: &[String], none: &str) -> String {
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    if names.is_empty() {
        return none.to_owned();
    }
    names.into_iter().collect::<Vec<_>>().join(", ")
}
