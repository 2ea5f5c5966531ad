//! `auberge config check FILE`.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Subcommand;

use crate::settings;

/// Verbs about settings.
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Explain what is wrong in a settings file, by line.
    Check {
        /// The file.
        file: PathBuf,
    },
}

/// Checks a file, and prints one line for each thing that is wrong.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments::Check { file } = arguments;
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let complaints = settings::check_all(&text);
    for complaint in &complaints {
        println!("{}: {complaint}", file.display());
    }
    match complaints.len() {
        0 => {
            println!("{}: nothing wrong", file.display());
            Ok(())
        }
        count => bail!("{count} thing{} to mend in {}", if count == 1 { "" } else { "s" }, file.display()),
    }
}
