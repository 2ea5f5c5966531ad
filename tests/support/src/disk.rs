//! A small file system, for tests of a full disk.

use std::path::PathBuf;
use std::process::Command;

/// A small tmpfs. It is unmounted when dropped.
#[derive(Debug)]
pub struct SmallDisk {
    _directory: tempfile::TempDir,
    /// The mount point.
    pub place: PathBuf,
}

impl SmallDisk {
    /// Mounts the file system. Returns `None` when this user must not mount.
    ///
    /// # Panics
    /// When the mount point cannot be created.
    pub fn mount(mebibytes: u32) -> Option<Self> {
        let directory = tempfile::tempdir().expect("cannot create a temporary directory");
        let place = directory.path().join("disk");
        std::fs::create_dir(&place).expect("cannot create the mount point");
        let size = format!("size={mebibytes}m");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&place).output().ok()?;
        if !mounted.status.success() {
            let why = String::from_utf8_lossy(&mounted.stderr).trim().to_owned();
            eprintln!("skipped: cannot mount a small file system: {why}");
            return None;
        }
        Some(Self { _directory: directory, place })
    }

    /// Fills the free space, and returns the file that fills it.
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
