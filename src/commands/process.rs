//! The process: exit codes, file permissions, logs and signals.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, Layer};

/// One line on stderr that says what and why; exit code 1.
pub fn fail(error: &anyhow::Error) -> ExitCode {
    let words = error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let _ = writeln!(std::io::stderr(), "auberge: {}", words.replace('\n', " "));
    ExitCode::FAILURE
}

/// Files that this process makes are its owner's, those of libraries too (stores, archives).
pub fn keep_files_private() {
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
}

/// Logs go to stderr: readable on a terminal, JSON elsewhere. `AUBERGE_LOG` says how much.
pub fn start_logs() {
    let asked = EnvFilter::try_from_env("AUBERGE_LOG").unwrap_or_else(|_| EnvFilter::new(USUAL_LOGS));
    // Without the hint every word of a library that logs the old way (sled has many) would be asked about.
    let filter = asked.and(filter_fn(may_be_logged).with_max_level_hint(Level::TRACE));
    let to_stderr = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        tracing_subscriber::registry().with(to_stderr.with_filter(filter)).init();
    } else {
        tracing_subscriber::registry().with(to_stderr.json().with_filter(filter)).init();
    }
}

/// What libraries say of peers that come and go, `link` says in our own words.
const USUAL_LOGS: &str = "warn,openraft=off,ractor_cluster=error";

/// Beyond info ractor_cluster prints frames, and there are tokens in them: whatever is asked for, that is not logged.
fn may_be_logged(what: &Metadata<'_>) -> bool {
    !what.target().starts_with("ractor_cluster") || *what.level() <= Level::INFO
}

/// SIGINT or SIGTERM.
pub struct Stop {
    interrupted: Signal,
    terminated: Signal,
}

impl Stop {
    /// From now on signals do not end the process.
    ///
    /// # Errors
    /// When the system does not let them be heard.
    pub fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            interrupted: signal(SignalKind::interrupt())?,
            terminated: signal(SignalKind::terminate())?,
        })
    }

    /// Resolves when this process is told to stop.
    pub async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn new_files_are_their_owners() {
        super::keep_files_private();
        let dir = tempfile::tempdir().unwrap();
        store::Disk::open(&dir.path().join("store"), 1 << 20).unwrap();
        let mut seen = 0;
        let mut open = vec![dir.path().join("store")];
        while let Some(path) = open.pop() {
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
            seen += 1;
            if path.is_dir() {
                open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
        }
        assert!(seen > 2, "a store has files");
    }
}
