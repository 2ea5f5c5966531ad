//! Merges the layers of settings.

use std::path::Path;

use anyhow::{Context, bail};
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};

use super::Settings;
use super::check::{Finding, check, check_cluster};

/// The suffix of variables that name a file with the value.
const FILE_SUFFIX: &str = "_FILE";
const PREFIX: &str = "AUBERGE_";
/// Variables that are not settings.
const OTHERS: [&str; 3] = ["AUBERGE_TOKEN", "AUBERGE_URL", "AUBERGE_LOG"];

/// The defaults, overridden by `file` (if any) and the environment.
///
/// # Errors
/// When the file cannot be read or is invalid; the error names the line.
pub fn load(file: Option<&Path>) -> anyhow::Result<Settings> {
    load_checked(file, check)
}

/// Loads the file for its cluster-wide settings only. The secrets of nodes may be missing.
///
/// # Errors
/// As [`load`].
pub fn load_cluster(file: &Path) -> anyhow::Result<Settings> {
    load_checked(Some(file), check_cluster)
}

fn load_checked(file: Option<&Path>, check: fn(&str) -> Vec<Finding>) -> anyhow::Result<Settings> {
    let mut layers = Figment::from(Serialized::defaults(Settings::default()));
    if let Some(file) = file {
        let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        let findings = check(&text);
        if let Some(first) = findings.first() {
            bail!("{}: {first} (`auberge config check {}` lists all)", file.display(), file.display());
        }
        layers = layers.merge(Toml::string(&text));
    }
    layers = layers.merge(variables());
    for (name, value) in secrets_in_files()? {
        layers = layers.merge((name, value));
    }
    let settings: Settings = layers.extract().context("settings of AUBERGE_* variables")?;
    Ok(settings)
}

/// `AUBERGE_MAIL__HOST` is `mail.host`.
fn variables() -> Env {
    Env::prefixed(PREFIX)
        .filter(|key| {
            let name = format!("{PREFIX}{}", key.as_str().to_ascii_uppercase());
            !name.ends_with(FILE_SUFFIX) && !OTHERS.contains(&name.as_str()) && name.contains("__")
        })
        .split("__")
}

fn secrets_in_files() -> anyhow::Result<Vec<(String, String)>> {
    let mut secrets = Vec::new();
    for (name, path) in std::env::vars() {
        let Some(key) = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(FILE_SUFFIX)) else {
            continue;
        };
        let value = std::fs::read_to_string(&path).with_context(|| format!("{name} names {path}"))?;
        secrets.push((key.to_ascii_lowercase().replace("__", "."), value.trim_end().to_owned()));
    }
    Ok(secrets)
}
