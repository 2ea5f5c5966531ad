//! `auberge config check FILE`.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Subcommand;

use crate::settings;

/// Commands for settings.
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Print each error in a settings file, with its line.
    Check {
        /// The file.
        file: PathBuf,
    },
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments::Check { file } = arguments;
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let findings = settings::check_all(&text);
    for finding in &findings {
        println!("{}: {finding}", file.display());
    }
    match findings.len() {
        0 => {
            println!("{}: no errors", file.display());
            Ok(())
        }
        count => bail!("{count} error{} in {}", if count == 1 { "" } else { "s" }, file.display()),
    }
}
