//! `auberge import hotels FILE.jsonl`.

use std::io::{BufRead, BufReader, IsTerminal};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Subcommand;
use serde::{Deserialize, Serialize};

use crate::client::{self, ApiClient, Target};
use crate::commands::output;

/// Maximum number of lines in a request. The server accepts 200.
const LINES_MAX: usize = 100;
/// Maximum size of a request's body. The server accepts 1 MiB.
const BYTES_MAX: usize = 900 << 10;
/// Maximum length of a line, in bytes.
const LINE_BYTES_MAX: usize = 256 << 10;

/// Commands for imports.
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Import hotels, room types, rate plans and inventory: one JSON object a line, upserted by `reference`. An interrupted
    /// import can be run again: hotels that were imported are left unchanged.
    Hotels {
        /// The file, or - for standard input.
        file: PathBuf,
        /// Print the result of each line as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        target: Target,
    },
}

/// The result of a line.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct LineResult {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    property_id: Option<String>,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Results {
    items: Vec<LineResult>,
}

#[derive(Debug, Default)]
struct Tally {
    created: u64,
    updated: u64,
    unchanged: u64,
    failed: u64,
}

/// The lines of a request, with their numbers in the file.
#[derive(Default)]
struct Batch {
    body: String,
    numbers: Vec<u64>,
}

/// Runs the command. A refused line is reported and does not stop the import; the exit code is 1 if there is one.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments::Hotels { file, json, target } = arguments;
    let bytes = std::fs::metadata(&file).map_or(0, |file| file.len());
    let input: Box<dyn BufRead> = if file.as_os_str() == "-" {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        let opened = std::fs::File::open(&file).with_context(|| format!("reading {}", file.display()))?;
        Box::new(BufReader::new(opened))
    };
    let server = target.sign_in().await?;
    let progress = output::progress(bytes, "bytes");
    let mut tally = Tally::default();
    let mut batch = Batch::default();
    let mut next_mark = 1000;
    for (at, line) in input.lines().enumerate() {
        let number = at as u64 + 1;
        let line = line.with_context(|| format!("line {number} of {} is not UTF-8 text", file.display()))?;
        progress.inc(line.len() as u64 + 1);
        if line.trim().is_empty() {
            continue;
        }
        if line.len() > LINE_BYTES_MAX {
            bail!("line {number} is too long ({} bytes, at most {LINE_BYTES_MAX})", line.len());
        }
        if batch.numbers.len() == LINES_MAX || batch.body.len() + line.len() > BYTES_MAX {
            send(&server, std::mem::take(&mut batch), json, &mut tally).await?;
        }
        batch.body.push_str(&line);
        batch.body.push('\n');
        batch.numbers.push(number);
        if !std::io::stderr().is_terminal() && number == next_mark {
            eprintln!("{number} lines");
            next_mark += 1000;
        }
    }
    send(&server, batch, json, &mut tally).await?;
    progress.finish_and_clear();
    let Tally { created, updated, unchanged, failed } = tally;
    if !json {
        println!("{created} created, {updated} updated, {unchanged} unchanged, {failed} failed");
    }
    if failed > 0 {
        bail!("{failed} lines were refused; correct them and run the import again");
    }
    Ok(())
}

async fn send(server: &ApiClient, batch: Batch, json: bool, tally: &mut Tally) -> anyhow::Result<()> {
    if batch.numbers.is_empty() {
        return Ok(());
    }
    let request = server.request(reqwest::Method::POST, "/v1/properties/import");
    let request = request.header("content-type", "application/x-ndjson").body(batch.body);
    let results: Results = client::send(request).await?;
    for mut result in results.items {
        // The server numbers the lines of its request.
        let at = usize::try_from(result.line).unwrap_or(usize::MAX).saturating_sub(1);
        result.line = batch.numbers.get(at).copied().unwrap_or(result.line);
        match result.status.as_str() {
            "created" => tally.created += 1,
            "updated" => tally.updated += 1,
            "unchanged" => tally.unchanged += 1,
            _ => {
                tally.failed += 1;
                if !json {
                    let problem = result.problem.clone().unwrap_or_default();
                    let why = client::problem(
                        reqwest::StatusCode::UNPROCESSABLE_ENTITY,
                        problem.to_string().as_bytes(),
                    );
                    eprintln!("line {}: {why}", result.line);
                }
            }
        }
        if json {
            println!("{}", serde_json::to_string(&result)?);
        }
    }
    Ok(())
}
