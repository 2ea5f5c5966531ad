//! `auberge restore FILE`.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use token::ClusterKey;

use crate::backup::{self, Head};
use crate::machine::data::{Fixed, write_private};

/// Put an archive's stores into an empty data directory. What the restored store would do outside (mails, payments)
/// waits until it is released: the world may have gone on since the backup.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The archive.
    #[arg(required_unless_present = "release_effects")]
    file: Option<PathBuf>,
    /// The directory to make.
    #[arg(long, value_name = "DIR", default_value = "./auberge-data")]
    data: PathBuf,
    /// The cluster key that the archive was made under.
    #[arg(long, value_name = "FILE", required_unless_present = "release_effects")]
    key: Option<PathBuf>,
    /// Let the mails and payments of a restored store go, from its next start on.
    #[arg(long)]
    release_effects: bool,
}

/// Bytes that a head can have.
const HEAD_BYTES_MAX: u32 = 1 << 20;
const CACHE_BYTES: u64 = 32 << 20;

/// Runs the verb.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    if arguments.release_effects {
        return release(&arguments.data);
    }
    let (Some(file), Some(key)) = (&arguments.file, &arguments.key) else {
        bail!("FILE and --key are needed")
    };
    restore(file, key, &arguments.data)
}

fn restore(file: &Path, key_file: &Path, data: &Path) -> anyhow::Result<()> {
    if ["groups", "log", "node.json"].iter().any(|name| data.join(name).exists()) {
        bail!("{} has a store already; name an empty directory with --data", data.display());
    }
    let key = ClusterKey::load(key_file).context("the cluster key")?;
    let archive = File::open(file).with_context(|| format!("reading {}", file.display()))?;
    let mut opened = backup::open(&key, BufReader::new(archive))?;
    let head = read_head(&mut opened)?;
    let _lock = store::lock(data).map_err(|fault| anyhow::anyhow!("{fault}"))?;
    let filled = fill(&mut opened, &head, data);
    if filled.is_err() {
        // Half of a store is none: it could be started by mistake.
        let _ = std::fs::remove_dir_all(data.join("groups"));
    }
    filled?;
    write_private(&data.join("cluster.key"), &std::fs::read(key_file)?)?;
    let fixed =
        Fixed { epoch: head.fixed.epoch + 1, effects_held: true, sessions_to_end: true, ..head.fixed };
    write_private(&data.join("node.json"), &serde_json::to_vec_pretty(&fixed)?)?;
    println!(
        "restored into {} (epoch {}). Mails and payments wait: look at it, then `auberge restore --release-effects --data {}`",
        data.display(),
        fixed.epoch,
        data.display()
    );
    Ok(())
}

/// Makes the stores, and sees to it that the archive ends as it should.
fn fill(opened: &mut impl Read, head: &Head, data: &Path) -> anyhow::Result<()> {
    for group in &head.groups {
        let path = data.join("groups").join(group.replace('/', "-"));
        let fault = |fault: store::Fault| anyhow::anyhow!("{group}: {fault}");
        let disk = store::Disk::open(&path, CACHE_BYTES).map_err(fault)?;
        let rows = &mut store::Rows::new(&mut *opened);
        store::State::replace(&disk, rows).map_err(fault)?;
        group::engine::begin_epoch(&disk).map_err(|halt| anyhow::anyhow!("{group}: {halt}"))?;
        store::State::flush(&disk).map_err(fault)?;
        println!("{group}");
    }
    // Whether all of it was there is known at its end only.
    let mut rest = Vec::new();
    opened.read_to_end(&mut rest).context("the archive's end")?;
    Ok(())
}

fn read_head(from: &mut impl Read) -> anyhow::Result<Head> {
    let mut length = [0; 4];
    from.read_exact(&mut length).context("the archive's head")?;
    let length = u32::from_le_bytes(length);
    if length > HEAD_BYTES_MAX {
        bail!("the archive's head is damaged");
    }
    let mut head = vec![0; length as usize];
    from.read_exact(&mut head).context("the archive's head")?;
    serde_json::from_slice(&head).context("the archive's head")
}

fn release(data: &Path) -> anyhow::Result<()> {
    let _lock = store::lock(data).map_err(|fault| anyhow::anyhow!("{fault} (stop the server first)"))?;
    let file = data.join("node.json");
    let text = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    let fixed: Fixed =
        serde_json::from_slice(&text).with_context(|| format!("reading {}", file.display()))?;
    if !fixed.effects_held {
        bail!("nothing is held back in {}", data.display());
    }
    write_private(&file, &serde_json::to_vec_pretty(&Fixed { effects_held: false, ..fixed })?)?;
    println!("from the next start on, mails and payments go");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::machine::data::DataDir;
    use crate::settings::{Bank, Settings};

    #[test]
    fn half_a_store_is_neither_left_behind_nor_started() {
        let dir = tempfile::tempdir().unwrap();
        let (file, key_file, data) =
            (dir.path().join("archive"), dir.path().join("key"), dir.path().join("data"));
        let key = ClusterKey::load_or_create(&key_file).unwrap();
        let made = DataDir::open(&dir.path().join("made"), &Settings::default(), Bank::Sandbox).unwrap();
        let head = Head { fixed: made.fixed.clone(), groups: vec!["auth/0".into()] };
        let head = serde_json::to_vec(&head).unwrap();
        let mut archive = Vec::new();
        // Whole as an archive, and without the rows that its head speaks of.
        let mut sealer = backup::Sealer::begin(&key, &mut archive).unwrap();
        sealer.write_all(&u32::try_from(head.len()).unwrap().to_le_bytes()).unwrap();
        sealer.write_all(&head).unwrap();
        sealer.finish().unwrap();
        std::fs::write(&file, archive).unwrap();
        for _ in 0..2 {
            let why = restore(&file, &key_file, &data).unwrap_err().to_string();
            assert!(why.starts_with("auth/0: "), "{why}");
            assert!(!data.join("groups").exists());
        }
        // Killed on the way, a restore cleans nothing up.
        std::fs::create_dir_all(data.join("groups/auth-0")).unwrap();
        let started = DataDir::open(&data, &Settings::default(), Bank::Sandbox).map(|_| ());
        assert!(started.unwrap_err().to_string().contains("a restore broke off"));
        let again = restore(&file, &key_file, &data).unwrap_err().to_string();
        assert!(again.contains("has a store already"), "{again}");
        std::fs::remove_dir_all(data.join("groups")).unwrap();
        std::fs::create_dir_all(data.join("log")).unwrap();
        assert!(restore(&file, &key_file, &data).unwrap_err().to_string().contains("has a store already"));
    }
}
