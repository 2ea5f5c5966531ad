//! `auberge config check FILE`.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Subcommand;

use super::output;
use crate::settings::{self, Place, Scope};

/// Commands for settings.
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Print all errors in a settings file, with their lines.
    ///
    /// Variables (AUBERGE_…) override the file, as they do at start. Files that the settings name are read: certificates, and
    /// the cluster keys of the nodes whose folders are on this machine.
    Check {
        /// The file.
        file: PathBuf,
        /// The node of this machine: its certificate and its cluster key must be here.
        #[arg(long, value_name = "NODE")]
        name: Option<String>,
        /// A data directory, whose cluster key is checked.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Print the errors as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// When the file cannot be read, or there are errors in it.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments::Check { file, name, data, json } = arguments;
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let (settings, mut findings) = settings::settings_of(&text, Scope::All);
    let place = Place { node: name.as_deref(), data: data.as_deref() };
    findings.extend(settings::check_files(&settings, &text, place));
    findings.sort_by_key(|finding| finding.line.unwrap_or(usize::MAX));
    if *json {
        output::print_json(&serde_json::json!({ "file": file, "errors": findings }))?;
    } else {
        for finding in &findings {
            println!("{}: {finding}", file.display());
        }
    }
    match findings.len() {
        0 if *json => Ok(()),
        0 => {
            println!("{}: no errors", file.display());
            Ok(())
        }
        count => bail!("{count} error{} in {}", if count == 1 { "" } else { "s" }, file.display()),
    }
}
