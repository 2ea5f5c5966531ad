//! `auberge cert`: the cluster's certificate authority, and certificates of nodes.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use link::CertificateInfo;
use link::certificates::{CertificateAuthority, NODE_DAYS};
use token::ClusterKey;

use super::output;
use crate::files::copy_private;

/// Commands for certificates. They need no running server.
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Create the certificate authority of a new cluster: once, on a machine that is not a node.
    Init {
        /// The folder of the authority. Anyone who can read it can create nodes of the cluster.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// The cluster's name: a-z, 0-9 and -, as in cluster.toml.
        #[arg(long, value_name = "NAME")]
        cluster: String,
        /// The cluster key (`cluster.key`) of a store to turn into a cluster [default: a new key].
        #[arg(long, value_name = "FILE")]
        cluster_key: Option<PathBuf>,
    },
    /// Create a node's folder: its certificate, its key, the authority's certificate and the cluster key.
    Node {
        /// The node's name: a-z, 0-9 and -, as in cluster.toml.
        name: String,
        /// The authority's folder.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// A host name or IP address of the node, without a port; may be repeated.
        #[arg(long = "address", value_name = "HOST")]
        addresses: Vec<String>,
        /// Print the certificate's data as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Create a new certificate and key for a node, which keeps its id. Copy them to the node, which reloads them.
    Renew {
        /// The node's name.
        name: String,
        /// The authority's folder.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// New addresses, which replace the current ones; may be repeated.
        #[arg(long = "address", value_name = "HOST")]
        addresses: Vec<String>,
        /// Print the certificate's data as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// When a name is not valid, or files exist already or cannot be written.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments {
        Arguments::Init { dir, cluster, cluster_key } => init(&dir, &cluster, cluster_key.as_deref()),
        Arguments::Node { name, dir, addresses, json } => {
            let authority = open(&dir)?;
            let described = authority.add_node(&dir, &name, &addresses).with_context(|| {
                let again =
                    if dir.join(&name).exists() { " (to replace it: `auberge cert renew`)" } else { "" };
                format!("no certificate for {name:?}{again}")
            })?;
            copy_private(&dir.join("cluster.key"), &dir.join(&name).join("cluster.key"))?;
            show(&dir, &described, json)
        }
        Arguments::Renew { name, dir, addresses, json } => {
            let authority = open(&dir)?;
            let described = authority
                .renew(&dir, &name, &addresses)
                .with_context(|| format!("no new certificate for {name}"))?;
            show(&dir, &described, json)
        }
    }
}

fn init(dir: &Path, cluster: &str, cluster_key: Option<&Path>) -> anyhow::Result<()> {
    if let Some(file) = cluster_key {
        ClusterKey::load(file).context("the cluster key")?;
    }
    CertificateAuthority::init(dir, cluster).context("creating the authority")?;
    let key = dir.join("cluster.key");
    match cluster_key {
        Some(file) => copy_private(file, &key)?,
        None => {
            ClusterKey::load_or_create(&key).context("the cluster key")?;
        }
    }
    println!("The authority of {cluster} is in {}. Keep that folder off the nodes.", dir.display());
    println!("Next, for each node: auberge cert node NAME --dir {} --address HOST", dir.display());
    Ok(())
}

fn open(dir: &Path) -> anyhow::Result<CertificateAuthority> {
    CertificateAuthority::open(dir)
        .with_context(|| format!("no authority in {} (create one with `auberge cert init`)", dir.display()))
}

fn show(dir: &Path, certificate: &CertificateInfo, json: bool) -> anyhow::Result<()> {
    let folder = dir.join(&certificate.identity.node);
    if json {
        return output::print_json(&serde_json::json!({
            "cluster": certificate.identity.cluster,
            "node": certificate.identity.node,
            // A string, because many JSON parsers lose digits of large numbers.
            "node_id": certificate.identity.node_id.to_string(),
            "fingerprint": certificate.fingerprint.to_string(),
            "addresses": certificate.addresses,
            "expires_at": certificate.expires_at_secs,
            "folder": folder,
        }));
    }
    println!(
        "{} of {}, id {}, valid for {NODE_DAYS} days",
        certificate.identity.node, certificate.identity.cluster, certificate.identity.node_id
    );
    println!("fingerprint {}", certificate.fingerprint);
    println!("Copy {} to the node, readable by its owner only.", folder.display());
    Ok(())
}
