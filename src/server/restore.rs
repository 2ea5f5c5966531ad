//! Restores an archive into an empty data directory.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context, bail};
use token::ClusterKey;

use super::archive::{self, Head};
use super::data_dir::{self, DataDir, NodeMetadata};
use crate::files::write_private;
use crate::settings::Settings;

/// Maximum size of the head, in bytes.
const HEAD_BYTES_MAX: u32 = 1 << 20;
const CACHE_BYTES: u64 = 32 << 20;

/// Restores an archive for `auberge serve --nodes`: the stores into the directory of the first node, and the cluster key
/// into the authority's folder, from which the other nodes get it.
///
/// # Errors
/// When `dir` has a cluster already, or the archive cannot be restored.
pub fn restore_nodes(file: &Path, key_file: &Path, dir: &Path) -> anyhow::Result<()> {
    if dir.join("nodes.toml").exists() || dir.join("authority").exists() {
        bail!("{} already holds a cluster; name an empty directory with --data", dir.display());
    }
    restore(file, key_file, &dir.join("n1"))?;
    let authority = dir.join("authority");
    std::fs::create_dir_all(&authority).with_context(|| format!("making {}", authority.display()))?;
    write_private(&authority.join("cluster.key"), &std::fs::read(key_file)?)
}

/// Restores an archive into an empty data directory.
///
/// # Errors
/// When the directory has a store already, or the archive cannot be restored.
pub fn restore(file: &Path, key_file: &Path, data: &Path) -> anyhow::Result<()> {
    if ["groups", "log", "node.json"].iter().any(|name| data.join(name).exists()) {
        bail!("{} has a store already; name an empty directory with --data", data.display());
    }
    let key = ClusterKey::load(key_file).context("the cluster key")?;
    let (mut opened, head) = open(file, &key)?;
    let _lock = store::lock(data).map_err(|fault| anyhow::anyhow!("{fault}"))?;
    restore_stores(&mut opened, &head, data)?;
    write_private(&data.join("cluster.key"), &std::fs::read(key_file)?)?;
    let mut metadata = NodeMetadata { node: None, ..head.metadata.clone() };
    set_restored(&mut metadata, &head);
    write_private(&data.join("node.json"), &serde_json::to_vec_pretty(&metadata)?)?;
    println!(
        "restored {} groups into {} (epoch {}). Mails and payments are paused: check the store, then release them with \
         `auberge restore --release-effects --data {}`, or with --running while it serves",
        head.groups.len(),
        data.display(),
        metadata.epoch,
        data.display()
    );
    Ok(())
}

/// Restores an archive into the data directory of a running node that has not joined a cluster. Blocks.
///
/// # Errors
/// When the settings contradict the archive, or the archive cannot be restored.
pub fn into_node(file: &Path, data: &DataDir, settings: &Settings) -> anyhow::Result<()> {
    if data.path.join("groups").exists() {
        bail!("{} has a store already: restore into an empty directory", data.path.display());
    }
    let (mut opened, head) = open(file, &data.key)?;
    let bank = data.metadata().bank;
    data_dir::check_settings(&head.metadata, settings, bank)
        .with_context(|| format!("{}", file.display()))?;
    restore_stores(&mut opened, &head, &data.path)?;
    data.update_metadata(|metadata| set_restored(metadata, &head))
}

/// Sets the metadata of a store that was restored from `head`.
fn set_restored(metadata: &mut NodeMetadata, head: &Head) {
    metadata.epoch = head.metadata.epoch + 1;
    metadata.shards.clone_from(&head.metadata.shards);
    metadata.set_up = head.metadata.set_up;
    metadata.demo_settled = head.metadata.demo_settled;
    metadata.effects_held = true;
    metadata.sessions_to_end = true;
    metadata.restored = true;
}

fn open(file: &Path, key: &ClusterKey) -> anyhow::Result<(impl Read + use<>, Head)> {
    let archive = File::open(file).with_context(|| format!("reading {}", file.display()))?;
    let mut opened = archive::open(key, BufReader::new(archive))?;
    let head = read_head(&mut opened)?;
    data_dir::check_format(&head.metadata).with_context(|| file.display().to_string())?;
    Ok((opened, head))
}

/// Restores all stores, or none: a start with only some of them would lose data.
fn restore_stores(opened: &mut impl Read, head: &Head, data: &Path) -> anyhow::Result<()> {
    let restored = restore_each(opened, head, data);
    if restored.is_err() {
        let _ = std::fs::remove_dir_all(data.join("groups"));
    }
    restored
}

/// Restores each store, and reads the archive to its end.
fn restore_each(opened: &mut impl Read, head: &Head, data: &Path) -> anyhow::Result<()> {
    for group in &head.groups {
        let path = data.join("groups").join(group.replace('/', "-"));
        let fault = |fault: store::Fault| anyhow::anyhow!("{group}: {fault}");
        let disk = store::Disk::open(&path, CACHE_BYTES).map_err(fault)?;
        let rows = &mut store::RowReader::new(&mut *opened);
        store::State::replace(&disk, rows).map_err(fault)?;
        let epoch = head.metadata.epoch;
        group::engine::begin_epoch(&disk, epoch, epoch + 1).map_err(fault)?;
        store::State::flush(&disk).map_err(fault)?;
    }
    // Only the end of the archive shows that it is complete.
    let mut rest = Vec::new();
    opened.read_to_end(&mut rest).context("reading the archive's end")?;
    Ok(())
}

fn read_head(from: &mut impl Read) -> anyhow::Result<Head> {
    let mut length = [0; 4];
    from.read_exact(&mut length).context("reading the archive's head")?;
    let length = u32::from_le_bytes(length);
    if length > HEAD_BYTES_MAX {
        bail!("the archive's head is damaged");
    }
    let mut head = vec![0; length as usize];
    from.read_exact(&mut head).context("reading the archive's head")?;
    serde_json::from_slice(&head).context("reading the archive's head")
}

/// Releases the paused effects of a restored store that is not running.
///
/// # Errors
/// When a process uses the directory, it belongs to a cluster's node, or no effects are paused.
pub fn release(data: &Path) -> anyhow::Result<()> {
    let _lock = store::lock(data).map_err(|fault| anyhow::anyhow!("{fault} (stop the server first)"))?;
    let file = data.join("node.json");
    let text = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    let metadata: NodeMetadata =
        serde_json::from_slice(&text).with_context(|| format!("reading {}", file.display()))?;
    if let Some(node) = &metadata.node {
        bail!("{} belongs to the cluster {}: use --running while it serves", data.display(), node.cluster);
    }
    if !metadata.effects_held {
        bail!("no effects are paused in {}", data.display());
    }
    for entry in std::fs::read_dir(data.join("groups"))? {
        let path = entry?.path();
        let disk = store::Disk::open(&path, CACHE_BYTES);
        disk.and_then(|disk| group::engine::release_effects(&disk))
            .with_context(|| format!("{}", path.display()))?;
    }
    write_private(&file, &serde_json::to_vec_pretty(&NodeMetadata { effects_held: false, ..metadata })?)?;
    println!("mails and payments are released; they are sent from the next start on");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Write;

    use super::*;
    use crate::settings::Bank;

    #[test]
    fn a_partial_restore_is_removed_and_never_started() {
        let dir = tempfile::tempdir().unwrap();
        let (file, key_file, data) =
            (dir.path().join("archive"), dir.path().join("key"), dir.path().join("data"));
        let key = ClusterKey::load_or_create(&key_file).unwrap();
        let made = DataDir::open(&dir.path().join("made"), &Settings::default(), Bank::Sandbox).unwrap();
        let head =
            Head { metadata: made.metadata(), groups: vec!["auth/0".into()], log_indexes: BTreeMap::new() };
        let head = serde_json::to_vec(&head).unwrap();
        let mut archive = Vec::new();
        // A complete archive without the rows of the group that its head names.
        let mut sealer = archive::Sealer::begin(&key, &mut archive).unwrap();
        sealer.write_all(&u32::try_from(head.len()).unwrap().to_le_bytes()).unwrap();
        sealer.write_all(&head).unwrap();
        sealer.finish().unwrap();
        std::fs::write(&file, archive).unwrap();
        for _ in 0..2 {
            let why = restore(&file, &key_file, &data).unwrap_err().to_string();
            assert!(why.starts_with("auth/0: "), "{why}");
            assert!(!data.join("groups").exists());
        }
        // A restore that is killed leaves the stores that it has written.
        std::fs::create_dir_all(data.join("groups/auth-0")).unwrap();
        let started = DataDir::open(&data, &Settings::default(), Bank::Sandbox).map(|_| ());
        assert!(started.unwrap_err().to_string().contains("a restore did not finish"));
        let again = restore(&file, &key_file, &data).unwrap_err().to_string();
        assert!(again.contains("has a store already"), "{again}");
        std::fs::remove_dir_all(data.join("groups")).unwrap();
        std::fs::create_dir_all(data.join("log")).unwrap();
        assert!(restore(&file, &key_file, &data).unwrap_err().to_string().contains("has a store already"));
    }
}
