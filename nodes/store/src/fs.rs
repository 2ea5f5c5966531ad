//! Helpers for files and directories.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::fault::Fault;

/// Converts an I/O error, with its path. Errors that indicate unexpected content count as corruption.
pub(crate) fn io_fault(path: &Path, error: &io::Error) -> Fault {
    let text = format!("{}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Fault::Corrupt(text),
        _ => Fault::Io(text),
    }
}

/// Creates a directory that only its owner can access. An existing directory keeps its mode.
pub(crate) fn private_dir(path: &Path) -> Result<(), Fault> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| io_fault(path, &error))
}
