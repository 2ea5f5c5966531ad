//! `auberge restore FILE`.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;
use token::ClusterKey;

use crate::admin::Target;
use crate::backup::{self, Head};
use crate::machine::data::{self, DataDir, Fixed, write_private};
use crate::settings::Settings;

/// Put an archive's stores into an empty data directory: of one machine, or of the first node of a new cluster, which
/// founds every group from them (`auberge cluster init --restore FILE` does that with a node that runs already). What the
/// restored store would do outside (mails, payments) waits until it is released: the world may have gone on since the
/// backup. The administrator's file is in no archive: keep a copy, and put it beside the stores.
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
    /// Make a directory for `auberge serve --nodes N`.
    #[arg(long, conflicts_with = "release_effects")]
    nodes: bool,
    /// Let the mails and payments of a restored store go: from its next start on, or at once with --running.
    #[arg(long)]
    release_effects: bool,
    /// Of a server or a cluster that is running.
    #[arg(long, requires = "release_effects")]
    running: bool,
    #[command(flatten)]
    target: Target,
}

/// Bytes that a head can have.
const HEAD_BYTES_MAX: u32 = 1 << 20;
const CACHE_BYTES: u64 = 32 << 20;

/// Runs the verb.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    if arguments.running {
        let server = arguments.target.sign_in().await?;
        let _: Value = server.post("/v1/cluster/release-effects", &Value::Null).await?;
        println!("mails and payments go");
        return Ok(());
    }
    if arguments.release_effects {
        return tokio::task::block_in_place(|| release(&arguments.data));
    }
    let (Some(file), Some(key)) = (&arguments.file, &arguments.key) else {
        bail!("FILE and --key are needed")
    };
    tokio::task::block_in_place(|| match arguments.nodes {
        true => restore_nodes(file, key, &arguments.data),
        false => restore(file, key, &arguments.data),
    })
}

/// For a cluster on one machine: the stores go to its first node, the key to the authority that gives it to the others.
fn restore_nodes(file: &Path, key_file: &Path, dir: &Path) -> anyhow::Result<()> {
    if dir.join("nodes.toml").exists() || dir.join("authority").exists() {
        bail!("{} has a cluster already; name an empty directory with --data", dir.display());
    }
    restore(file, key_file, &dir.join("n1"))?;
    let authority = dir.join("authority");
    std::fs::create_dir_all(&authority).with_context(|| format!("making {}", authority.display()))?;
    write_private(&authority.join("cluster.key"), &std::fs::read(key_file)?)
}

fn restore(file: &Path, key_file: &Path, data: &Path) -> anyhow::Result<()> {
    if ["groups", "log", "node.json"].iter().any(|name| data.join(name).exists()) {
        bail!("{} has a store already; name an empty directory with --data", data.display());
    }
    let key = ClusterKey::load(key_file).context("the cluster key")?;
    let (mut opened, head) = open(file, &key)?;
    let _lock = store::lock(data).map_err(|fault| anyhow::anyhow!("{fault}"))?;
    fill(&mut opened, &head, data)?;
    write_private(&data.join("cluster.key"), &std::fs::read(key_file)?)?;
    let mut fixed = Fixed { node: None, ..head.fixed.clone() };
    begin_again(&mut fixed, &head);
    write_private(&data.join("node.json"), &serde_json::to_vec_pretty(&fixed)?)?;
    println!(
        "restored {} groups into {} (epoch {}). Mails and payments wait: look at it, then `auberge restore \
         --release-effects --data {}`, or with --running while it serves",
        head.groups.len(),
        data.display(),
        fixed.epoch,
        data.display()
    );
    Ok(())
}

/// Fills the stores of a node that runs and is of no cluster yet. Where it may block.
///
/// # Errors
/// When the settings contradict what is in the archive, or it cannot be restored.
pub fn into_node(file: &Path, data: &DataDir, settings: &Settings) -> anyhow::Result<()> {
    if data.path.join("groups").exists() {
        bail!("{} has a store already: restore into an empty one", data.path.display());
    }
    let (mut opened, head) = open(file, &data.key)?;
    let bank = data.fixed().bank;
    data::agree(&head.fixed, settings, bank).with_context(|| format!("{}", file.display()))?;
    fill(&mut opened, &head, &data.path)?;
    data.fix(|fixed| begin_again(fixed, &head))
}

/// What a store that was restored from `head` begins with.
fn begin_again(fixed: &mut Fixed, head: &Head) {
    fixed.epoch = head.fixed.epoch + 1;
    fixed.shards.clone_from(&head.fixed.shards);
    fixed.set_up = head.fixed.set_up;
    fixed.demo_settled = head.fixed.demo_settled;
    fixed.effects_held = true;
    fixed.sessions_to_end = true;
    fixed.restored = true;
}

fn open(file: &Path, key: &ClusterKey) -> anyhow::Result<(impl Read + use<>, Head)> {
    let archive = File::open(file).with_context(|| format!("reading {}", file.display()))?;
    let mut opened = backup::open(key, BufReader::new(archive))?;
    let head = read_head(&mut opened)?;
    Ok((opened, head))
}

/// Makes all stores, or none: half of them could be started by mistake.
fn fill(opened: &mut impl Read, head: &Head, data: &Path) -> anyhow::Result<()> {
    let filled = fill_each(opened, head, data);
    if filled.is_err() {
        let _ = std::fs::remove_dir_all(data.join("groups"));
    }
    filled
}

/// Makes the stores, and sees to it that the archive ends as it should.
fn fill_each(opened: &mut impl Read, head: &Head, data: &Path) -> anyhow::Result<()> {
    for group in &head.groups {
        let path = data.join("groups").join(group.replace('/', "-"));
        let fault = |fault: store::Fault| anyhow::anyhow!("{group}: {fault}");
        let disk = store::Disk::open(&path, CACHE_BYTES).map_err(fault)?;
        let rows = &mut store::RowReader::new(&mut *opened);
        store::State::replace(&disk, rows).map_err(fault)?;
        let epoch = head.fixed.epoch;
        group::engine::begin_epoch(&disk, epoch, epoch + 1).map_err(fault)?;
        store::State::flush(&disk).map_err(fault)?;
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
    if let Some(node) = &fixed.node {
        bail!("{} is of the cluster {}: say --running while it serves", data.display(), node.cluster);
    }
    if !fixed.effects_held {
        bail!("nothing is held back in {}", data.display());
    }
    for entry in std::fs::read_dir(data.join("groups"))? {
        let path = entry?.path();
        let disk = store::Disk::open(&path, CACHE_BYTES);
        disk.and_then(|disk| group::engine::let_go(&disk)).with_context(|| format!("{}", path.display()))?;
    }
    write_private(&file, &serde_json::to_vec_pretty(&Fixed { effects_held: false, ..fixed })?)?;
    println!("from the next start on, mails and payments go");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Write;

    use super::*;
    use crate::settings::Bank;

    #[test]
    fn half_a_store_is_neither_left_behind_nor_started() {
        let dir = tempfile::tempdir().unwrap();
        let (file, key_file, data) =
            (dir.path().join("archive"), dir.path().join("key"), dir.path().join("data"));
        let key = ClusterKey::load_or_create(&key_file).unwrap();
        let made = DataDir::open(&dir.path().join("made"), &Settings::default(), Bank::Sandbox).unwrap();
        let head = Head { fixed: made.fixed(), groups: vec!["auth/0".into()], log_indexes: BTreeMap::new() };
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
