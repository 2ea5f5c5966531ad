//! Files with secrets: only their owner may read them.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, bail};

/// Writes a file atomically. Only its owner may read it.
///
/// # Errors
/// When writing fails.
pub fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let beside = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().with_context(|| format!("writing {}", path.display()))
}

/// Copies a file to a new file that only its owner may read. An existing target is not overwritten.
///
/// # Errors
/// When the target exists, or a file cannot be read or written.
pub fn copy_private(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut source = fs::File::open(from).with_context(|| format!("cannot read {}", from.display()))?;
    let target = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    let mut target = match target {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{} exists already", to.display())
        }
        Err(error) => return Err(error).with_context(|| format!("cannot write {}", to.display())),
    };
    io::copy(&mut source, &mut target).with_context(|| format!("cannot write {}", to.display()))?;
    target.sync_all().with_context(|| format!("cannot write {}", to.display()))
}
