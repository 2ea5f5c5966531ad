//! `auberge openapi [SERVICE]`.

use anyhow::Context;
use clap::Args;

use crate::commands::output;
use crate::server::openapi;

/// Print a service's OpenAPI document, or the combined one.
#[derive(Debug, Args)]
pub struct Arguments {
    /// auth, users, search, reservations, payments, pdf or cluster.
    service: Option<String>,
    /// Write all documents to this directory instead.
    #[arg(long, value_name = "DIR", conflicts_with = "service")]
    write: Option<std::path::PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let documents = openapi::documents();
    if let Some(directory) = &arguments.write {
        std::fs::create_dir_all(directory)?;
        for service in documents.services() {
            let document = documents.of(service).context("the service has no document")?;
            write(&directory.join(format!("{service}.json")), document)?;
        }
        return write(&directory.join("auberge.json"), &documents.combined());
    }
    match &arguments.service {
        None => output::print_json(&documents.combined()),
        Some(service) => {
            let known = || documents.services().collect::<Vec<_>>().join(", ");
            let document = documents
                .of(service)
                .with_context(|| format!("no service `{service}`; the services are {}", known()))?;
            output::print_json(document)
        }
    }
}

fn write(path: &std::path::Path, document: &serde_json::Value) -> anyhow::Result<()> {
    let text = format!("{}\n", serde_json::to_string_pretty(document)?);
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}
