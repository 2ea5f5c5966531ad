//! Merges the layers of settings, and checks the result.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};

use super::Settings;
use super::check::{Finding, Scope, check, parse};

/// The suffix of variables that name a file with the value.
const FILE_SUFFIX: &str = "_FILE";
const PREFIX: &str = "AUBERGE_";
/// Variables that are not settings.
const OTHERS: [&str; 3] = ["AUBERGE_TOKEN", "AUBERGE_URL", "AUBERGE_LOG"];

/// The defaults, overridden by `file` (if any) and the environment.
///
/// # Errors
/// When the file cannot be read or the settings are invalid. The error names each line.
pub fn load(file: Option<&Path>) -> anyhow::Result<Settings> {
    load_checked(file, Scope::Server)
}

/// Loads the file for its cluster-wide settings only. The secrets of nodes may be missing.
///
/// # Errors
/// As [`load`].
pub fn load_cluster(file: &Path) -> anyhow::Result<Settings> {
    load_checked(Some(file), Scope::Cluster)
}

fn load_checked(file: Option<&Path>, scope: Scope) -> anyhow::Result<Settings> {
    let (text, name) = match file {
        Some(file) => {
            let text =
                std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
            (text, file.display().to_string())
        }
        None => (String::new(), "settings".to_owned()),
    };
    let (settings, findings) = settings_of(&text, scope);
    match findings.as_slice() {
        [] => Ok(settings),
        [only] => bail!("{name}: {only}"),
        all => {
            let lines: Vec<_> = all.iter().map(|finding| format!("\n  {finding}")).collect();
            bail!("{name}: {} errors:{}", all.len(), lines.concat())
        }
    }
}

/// The settings in the text of a file and in the environment, as far as they can be read, and all errors.
pub fn settings_of(text: &str, scope: Scope) -> (Settings, Vec<Finding>) {
    let (file, mut findings) = parse(text);
    let mut layers = Figment::from(Serialized::defaults(Settings::default()));
    // Tables without wrong values, so that this layer is readable.
    layers = layers.merge(Toml::string(&file.to_string()));
    let mut unreadable = |name: &str, why: String| {
        findings.push(Finding { line: None, text: format!("{name}: {why}") });
    };
    for variable in variables().iter().map(|(key, _)| key.to_string()) {
        let name = variable.clone();
        let layer = variables().filter(move |key| key == name.as_str());
        let with = layers.clone().merge(layer);
        match with.extract::<Settings>() {
            Ok(_) => layers = with,
            Err(error) => unreadable(&variable_name(&variable), reason(&error)),
        }
    }
    for (name, key, path) in secrets_in_files() {
        match std::fs::read_to_string(&path) {
            Ok(value) => {
                let with = layers.clone().merge((key, value.trim_end().to_owned()));
                match with.extract::<Settings>() {
                    Ok(_) => layers = with,
                    Err(error) => unreadable(&name, reason(&error)),
                }
            }
            Err(error) => unreadable(&name, format!("cannot read {}: {error}", path.display())),
        }
    }
    let settings: Settings = layers.extract().unwrap_or_default();
    findings.extend(check(&settings, text, scope));
    findings.sort_by_key(|finding| finding.line.unwrap_or(usize::MAX));
    (settings, findings)
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

fn variable_name(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase())
}

fn reason(error: &figment::Error) -> String {
    error.kind.to_string()
}

/// The variables that name files: their names, the settings and the files.
fn secrets_in_files() -> Vec<(String, String, PathBuf)> {
    let named = |(name, path): (String, String)| {
        let key =
            name.strip_prefix(PREFIX)?.strip_suffix(FILE_SUFFIX)?.to_ascii_lowercase().replace("__", ".");
        Some((name, key, PathBuf::from(path)))
    };
    std::env::vars().filter_map(named).collect()
}
