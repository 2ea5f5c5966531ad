//! Exclusive lock on a data directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::fault::Fault;
use crate::fs::{io_fault, private_dir};

/// The locked file. Contains the owner's process id, for the error message of other processes.
const FILE: &str = "lock";

/// Lock on a data directory, held until dropped or until the process ends.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

/// Locks the data directory `dir` for this process, and creates it (mode 0700) if missing.
///
/// # Errors
/// [`Fault::Io`] with the directory and its owner if another process has locked it.
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
            // The process id is optional in the message, so a read error is ignored.
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
