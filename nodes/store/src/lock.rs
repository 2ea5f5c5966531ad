//! One process a data directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::Fault;
use crate::engine::{io_fault, private_dir};

/// The file that is locked; it holds the owner's process id, for the message to others.
const FILE: &str = "lock";

/// A data directory that belongs to this process until this is dropped (or the process dies, however it dies).
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

/// Takes the data directory `dir` for this process, making it (mode 0700) where it is missing.
///
/// # Errors
/// [`Fault::Io`] that names the directory and its owner when another process has it.
pub fn lock(dir: &Path) -> Result<DirLock, Fault> {
    private_dir(dir)?;
    let path = dir.join(FILE);
    let fault = |error: std::io::Error| io_fault(&path, &error);
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(fault)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            // The message is as good without the number, so a failed read is no second error.
            let _ = file.read_to_string(&mut owner);
            let owner = owner.trim();
            let who = if owner.is_empty() { String::new() } else { format!(" (process {owner})") };
            return Err(Fault::Io(format!("{} is in use by another process{who}", dir.display())));
        }
        Err(TryLockError::Error(error)) => return Err(fault(error)),
    }
    file.set_len(0).map_err(fault)?;
    file.seek(SeekFrom::Start(0)).map_err(fault)?;
    file.write_all(std::process::id().to_string().as_bytes()).map_err(fault)?;
    Ok(DirLock { _file: file })
}
