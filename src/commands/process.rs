//! The process: exit codes, file permissions, file descriptors, logs and signals.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, Layer};

/// Prints the error as one line on stderr; exit code 1.
pub fn fail(error: &anyhow::Error) -> ExitCode {
    let message = error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let _ = writeln!(std::io::stderr(), "auberge: {}", message.replace('\n', " "));
    ExitCode::FAILURE
}

/// Makes all files that this process creates readable by their owner only, also those that libraries create.
pub fn keep_files_private() {
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
}

/// Raises the limit of file descriptors to the hard limit, which needs no privilege. Many systems start processes with 1,024.
pub fn raise_descriptor_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(?current, ?maximum, %error, "cannot raise the limit of file descriptors");
    }
}

/// Starts logging to stderr: text on a terminal, JSON elsewhere. `AUBERGE_LOG` sets the filter.
pub fn start_logs() {
    let requested = EnvFilter::try_from_env("AUBERGE_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    // Without the level hint every record of the `log` crate (sled has many) would be evaluated.
    let filter = requested.and(filter_fn(may_be_logged).with_max_level_hint(Level::TRACE));
    let to_stderr = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        tracing_subscriber::registry().with(to_stderr.with_filter(filter)).init();
    } else {
        tracing_subscriber::registry().with(to_stderr.json().with_filter(filter)).init();
    }
}

/// The default filter. `link` logs connections of peers, so the libraries need not.
const DEFAULT_FILTER: &str = "warn,openraft=off,ractor_cluster=error";

/// Below the level info, ractor_cluster logs frames, which contain tokens. They are never logged.
fn may_be_logged(what: &Metadata<'_>) -> bool {
    !what.target().starts_with("ractor_cluster") || *what.level() <= Level::INFO
}

/// SIGINT or SIGTERM.
pub struct Stop {
    interrupted: Signal,
    terminated: Signal,
}

impl Stop {
    /// Handles the signals, which then no longer end the process.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            interrupted: signal(SignalKind::interrupt())?,
            terminated: signal(SignalKind::terminate())?,
        })
    }

    /// Resolves when one of the signals arrives.
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
    fn new_files_are_readable_by_their_owner_only() {
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
