//! A disk that is soon full.

use std::path::PathBuf;
use std::process::Command;

/// A small disk of its own, unmounted when dropped.
#[derive(Debug)]
pub struct SmallDisk {
    _directory: tempfile::TempDir,
    /// Where it is mounted.
    pub place: PathBuf,
}

impl SmallDisk {
    /// Nothing where this user may not mount.
    ///
    /// # Panics
    /// When there is no place for it.
    pub fn mount(mebibytes: u32) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory");
        let place = directory.path().join("disk");
        std::fs::create_dir(&place).expect("a directory");
        let size = format!("size={mebibytes}m");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&place).output().ok()?;
        if !mounted.status.success() {
            let why = String::from_utf8_lossy(&mounted.stderr).trim().to_owned();
            eprintln!("left out: no small disk can be mounted: {why}");
            return None;
        }
        Some(Self { _directory: directory, place })
    }

    /// Fills what is left, and says with which file.
    pub fn fill(&self) -> PathBuf {
        let file = self.place.join("ballast");
        let _ = Command::new("dd")
            .args(["if=/dev/zero", "bs=64k"])
            .arg(format!("of={}", file.display()))
            .output();
        file
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.place).status();
    }
}
