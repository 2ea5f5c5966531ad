//! The backup archive: a magic line, a nonce, and chunks. Each chunk is encrypted, authenticated and bound to its position
//! (XChaCha20-Poly1305, libsodium's secretstream construction) with a key that is derived from the cluster key. No archive
//! contains the cluster key. The plaintext is a head, then the rows of each group. Decryption fails for a chunk that was
//! changed, omitted or moved. An archive without its last chunk is incomplete.

mod stream;

pub use stream::{is_complete, keep_tail, open};

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use replica::ClusterSnapshot;
use serde::{Deserialize, Serialize};
use token::ClusterKey;

use super::data_dir::NodeMetadata;
pub(crate) use stream::Sealer;

/// Maximum rate at which a backup reads a group.
const BYTES_PER_SECOND: f64 = (96 << 20) as f64;

/// The head of an archive.
#[derive(Debug, Serialize, Deserialize)]
pub struct Head {
    /// The metadata of the data directory that the archive was made from.
    #[serde(rename = "fixed")]
    pub metadata: NodeMetadata,
    /// The groups, in the order of their rows.
    pub groups: Vec<String>,
    /// The last log entry that each group's rows include.
    #[serde(default)]
    pub log_indexes: BTreeMap<String, u64>,
}

/// Writes an archive of a snapshot of all groups. Blocks.
///
/// # Errors
/// When a state cannot be read to its end, or `to` cannot be written.
pub fn write(
    moment: &ClusterSnapshot,
    key: &ClusterKey,
    metadata: &NodeMetadata,
    to: &mut dyn Write,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Handle::current();
    let mut sealer = Sealer::begin(key, to)?;
    let log_indexes = moment.groups();
    let head =
        Head { metadata: metadata.clone(), groups: log_indexes.keys().cloned().collect(), log_indexes };
    let text = serde_json::to_vec(&head)?;
    sealer.write_all(&u32::try_from(text.len())?.to_le_bytes())?;
    sealer.write_all(&text)?;
    for group in &head.groups {
        let (mut at, begun) = (0, Instant::now());
        loop {
            let part = runtime.block_on(moment.read(group, at))?;
            if part.is_empty() {
                break;
            }
            sealer.write_all(&part)?;
            at += part.len() as u64;
            // Limits the share of disk and network that the backup takes from requests.
            let due = Duration::from_secs_f64(at as f64 / BYTES_PER_SECOND);
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
        }
    }
    sealer.finish()
}
