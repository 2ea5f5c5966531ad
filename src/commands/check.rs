//! `auberge check`: every invariant, over a store or a running server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use cluster_model::CheckResult;
use group::Service;
use group::engine::Engine;
use serde_json::json;

use crate::client::Target;
use crate::commands::output;
use crate::services;

/// Check every invariant and every row's checksum, and print each violation.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The store of a server that is not running [default: check the running server].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// sled's cache for a store that is read once.
const CACHE_BYTES: u64 = 32 << 20;

/// Runs the command. Fails if an invariant is violated.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let found = match &arguments.data {
        Some(data) => tokio::task::block_in_place(|| check_store(data))?,
        None => arguments.target.sign_in().await?.post("/v1/cluster/check", &json!({})).await?,
    };
    if arguments.json {
        output::print_json(&found)?;
    } else {
        for violation in &found.violations {
            println!("{violation}");
        }
    }
    match found.violations.len() {
        0 if arguments.json => Ok(()),
        0 => {
            println!("{} groups checked, no invariant violated", found.groups);
            Ok(())
        }
        1 => bail!("1 invariant violated"),
        count => bail!("{count} invariants violated"),
    }
}

fn check_store(data: &Path) -> anyhow::Result<CheckResult> {
    if !data.join("groups").is_dir() {
        bail!("{} is not a data directory", data.display());
    }
    let _lock = store::lock(data)
        .map_err(|fault| anyhow::anyhow!("{fault}: stop the server, or check it with --url"))?;
    let mut found = CheckResult { groups: 0, violations: Vec::new() };
    match store::NodeLog::open(&data.join("log"), store::LogSettings::default()) {
        Ok(log) => log.close(),
        Err(fault) => found.violations.push(format!("log: {fault}")),
    }
    let mut groups: Vec<_> = std::fs::read_dir(data.join("groups"))?.collect::<Result<_, _>>()?;
    groups.sort_by_key(std::fs::DirEntry::file_name);
    for entry in groups {
        let name = entry.file_name().to_string_lossy().into_owned();
        found.groups += 1;
        let violations = check_group(&name, &entry.path()).with_context(|| name.clone())?;
        found.violations.extend(violations.into_iter().map(|violation| format!("{name}: {violation}")));
    }
    Ok(found)
}

fn check_group(name: &str, path: &Path) -> anyhow::Result<Vec<String>> {
    let disk = match store::Disk::open(path, CACHE_BYTES) {
        Ok(disk) => disk,
        Err(fault) => return Ok(vec![fault.to_string()]),
    };
    if let Err(fault) = store::export(&disk, std::ops::Bound::Unbounded, &mut std::io::sink()) {
        return Ok(vec![fault.to_string()]);
    }
    let service = name.rsplit_once('-').map_or(name, |(service, _)| service);
    services::visit(service, Arc::new(disk), &mut InvariantChecker)
        .unwrap_or_else(|| Ok(vec!["this version has no such service".to_owned()]))
}

/// Checks the invariants of a service's state.
struct InvariantChecker;

impl services::ServiceVisitor for InvariantChecker {
    type Output = anyhow::Result<Vec<String>>;

    fn visit<S: Service>(&mut self, service: S, state: Arc<dyn store::State>) -> Self::Output {
        let engine = match Engine::open(service, state, Box::new(|_| {})) {
            Ok(engine) => engine,
            Err(halt) => return Ok(vec![halt.to_string()]),
        };
        let mut violations = match engine.violations() {
            Ok(violations) => violations,
            Err(halt) => vec![halt.to_string()],
        };
        for (row, parked) in engine.parked().unwrap_or_default() {
            violations.push(format!("outbox row {row} is parked: {}", parked.why));
        }
        Ok(violations)
    }
}
