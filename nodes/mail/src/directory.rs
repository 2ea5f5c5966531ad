//! Writes mails as files: one `.eml` file per mail, named by its Message-ID.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::HEXLOWER;

/// Creates the directory, accessible to its owner only.
pub(crate) fn create(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// File name for a Message-ID: readable, safe, and distinct for each id.
pub(crate) fn file_name(message_id: &str) -> String {
    let readable: String = message_id
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' })
        .take(100)
        .collect();
    let hash = HEXLOWER.encode(&blake3::hash(message_id.as_bytes()).as_bytes()[..4]);
    format!("{}-{hash}.eml", readable.trim_start_matches('.'))
}

/// Writes a mail atomically and durably.
pub(crate) fn write(directory: &Path, message_id: &str, bytes: &[u8]) -> io::Result<()> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    create(directory)?;
    let target = directory.join(file_name(message_id));
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let temporary = directory.join(format!(".{}-{number}.tmp", std::process::id()));
    let written = write_whole(&temporary, bytes).and_then(|()| fs::rename(&temporary, &target));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written?;
    File::open(directory)?.sync_all()
}

fn write_whole(path: &PathBuf, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn names_are_safe_and_distinct() {
        assert!(
            file_name("rsv_1.confirmation@hotel.example").starts_with("rsv_1.confirmation_hotel.example-")
        );
        assert_ne!(file_name("a+b@c"), file_name("a=b@c"));
        let evil = file_name("../../etc/passwd@x");
        assert!(!evil.contains('/') && !evil.starts_with('.'), "{evil}");
    }
}
