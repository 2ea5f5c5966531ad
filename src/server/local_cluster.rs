//! The layout of a cluster on one machine (`auberge serve --nodes`), and the settings file of its nodes.
//!
//! ```text
//! DIR/lock           held by the parent process
//! DIR/nodes.toml     the settings of all nodes, with the bank's secrets (0600)
//! DIR/authority/     the cluster's certificate authority, and a folder with the certificate of each node
//! DIR/n1/ …          the nodes' data directories; their logs are DIR/n1/node.log
//! DIR/bank/          the store of the sandbox bank, which the parent process runs
//! DIR/admin.json     the administrator's client
//! ```

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use link::certificates::{CertificateAuthority, read_certificate};
use token::ClusterKey;

use crate::files::copy_private;
use crate::files::write_private;
use crate::settings::{self, Bank, MailTransport, Settings};

const HEAD: &str = "# InitResponse by `auberge serve --nodes` at each start: changes to it are lost. It holds secrets of the sandbox bank.\n\n";
/// The ports of links.
const LINK_PORTS: std::ops::Range<u16> = 20_000..32_000;
/// Certificates are renewed when they expire within this time, in seconds.
const RENEW_SECS: i64 = 30 * 24 * 60 * 60;

/// A cluster on one machine.
pub struct LocalCluster {
    pub dir: PathBuf,
    pub nodes: Vec<LocalNode>,
    /// The settings file of the nodes.
    pub config: PathBuf,
}

/// A node of a [`LocalCluster`].
pub struct LocalNode {
    /// `n1`, `n2` …
    pub name: String,
    /// The address of its edge.
    pub http: SocketAddr,
    pub data: PathBuf,
    link: SocketAddr,
    metrics_listen: Option<SocketAddr>,
    certificates: PathBuf,
}

impl LocalCluster {
    /// Assigns addresses to `count` nodes. A node keeps the addresses of its last start, if they are free.
    ///
    /// # Errors
    /// When the directory is the store of a single node, or had more nodes.
    pub fn plan(dir: &Path, settings: &Settings, count: u16) -> anyhow::Result<Self> {
        let dir = std::path::absolute(dir)?;
        if dir.join("node.json").exists() || dir.join("groups").exists() {
            bail!("{} is the store of a single node: name another directory with --data", dir.display());
        }
        let before = previous_settings(&dir)?;
        if before.nodes.len() > usize::from(count) {
            let had = before.nodes.len();
            bail!(
                "{} has {had} nodes: use --nodes {had}, and remove nodes with `auberge cluster decommission`",
                dir.display()
            );
        }
        let mut taken = Vec::new();
        let nodes = (0..count).map(|at| {
            let name = format!("n{}", at + 1);
            let http = offset(settings.http.address, at)?;
            let metrics_listen =
                settings.http.metrics_listen.map(|address| offset(address, at)).transpose()?;
            let link = free_link(before.nodes.get(&name).map(|node| node.link), &mut taken)?;
            let (data, certificates) = (dir.join(&name), dir.join("authority").join(&name));
            anyhow::Ok(LocalNode { name, http, data, link, metrics_listen, certificates })
        });
        let nodes = nodes.collect::<Result<_, _>>()?;
        Ok(Self { config: dir.join("nodes.toml"), dir, nodes })
    }

    /// Creates the authority and the certificates, where they are missing.
    ///
    /// # Errors
    /// When files cannot be read or written.
    pub fn certify(&self, cluster: &str) -> anyhow::Result<()> {
        let home = self.dir.join("authority");
        let authority = if home.join("ca.pem").exists() {
            CertificateAuthority::open(&home).context("the authority")?
        } else {
            CertificateAuthority::init(&home, cluster).context("the authority")?
        };
        if authority.cluster() != cluster {
            bail!("{} belongs to the cluster {}, not to {cluster}", self.dir.display(), authority.cluster());
        }
        let key = home.join("cluster.key");
        ClusterKey::load_or_create(&key).context("the cluster key")?;
        let soon = protocol::Timestamp::wall_clock().seconds() + RENEW_SECS;
        for node in &self.nodes {
            let certificate = node.certificates.join("node.pem");
            if !certificate.exists() {
                authority.add_node(&home, &node.name, &[node.http.ip().to_string()])?;
            } else if read_certificate(&certificate)?.expires_at_secs < soon {
                authority.renew(&home, &node.name, &[])?;
            }
            if !node.certificates.join("cluster.key").exists() {
                copy_private(&key, &node.certificates.join("cluster.key"))?;
            }
        }
        Ok(())
    }

    /// Writes the settings file of the nodes.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, settings: &Settings, bank: Option<&sandbox_bank::Running>) -> anyhow::Result<()> {
        let mut settings = settings.clone();
        settings.http.public_url = Some(settings.public_url());
        if settings.mail.transport == MailTransport::Files && settings.mail.folder.is_none() {
            settings.mail.folder = Some(self.dir.join("outbox"));
        }
        if let Some(bank) = bank {
            settings.payments = settings::Payments {
                bank: Some(Bank::Sandbox),
                base_url: Some(bank.base_url.clone()),
                secret_key: Some(bank.secret_key.clone()),
                publishable_key: Some(bank.publishable_key.clone()),
                webhook_secret: Some(bank.webhook_secret.clone()),
                script_url: None,
                sandbox_address: None,
            };
        }
        settings.cluster.seeds.clear();
        settings.cluster.insecure = false;
        settings.nodes = self.nodes.iter().map(|node| (node.name.clone(), node.settings())).collect();
        let text = toml::to_string(&settings).context("writing settings")?;
        write_private(&self.config, format!("{HEAD}{text}").as_bytes())
    }
}

impl LocalNode {
    fn settings(&self) -> settings::Node {
        settings::Node {
            link: self.link,
            http: Some(self.http),
            metrics_listen: self.metrics_listen,
            certificates: Some(self.certificates.clone()),
            data: Some(self.data.clone()),
            ..settings::Node::default()
        }
    }
}

/// The address with the port of the node at this position.
fn offset(mut address: SocketAddr, at: u16) -> anyhow::Result<SocketAddr> {
    let port = address.port().checked_add(at).context("no port is left for the last node")?;
    address.set_port(port);
    Ok(address)
}

fn previous_settings(dir: &Path) -> anyhow::Result<Settings> {
    let file = dir.join("nodes.toml");
    match fs::read_to_string(&file) {
        Ok(text) => toml::from_str(&text).with_context(|| format!("reading {}", file.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Settings::default()),
        Err(error) => Err(error).with_context(|| format!("reading {}", file.display())),
    }
}

/// The port of the last start if it is free, because the directory's records have it.
///
/// Never an ephemeral port: a process that connects to a node that is down could otherwise be assigned that node's port as
/// its local port, and keep the node from listening.
fn free_link(before: Option<SocketAddr>, taken: &mut Vec<TcpListener>) -> anyhow::Result<SocketAddr> {
    let bind = |address: SocketAddr| TcpListener::bind(address).ok();
    let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    let bound = before.and_then(bind).or_else(|| {
        let first = rand::random_range(LINK_PORTS);
        let around = (first..LINK_PORTS.end).chain(LINK_PORTS.start..first);
        around.map(at).find_map(bind)
    });
    let bound = bound.context("no port is free for a node's link")?;
    let address = bound.local_addr()?;
    // Bound until all ports are assigned, so that none is assigned twice.
    taken.push(bound);
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_keep_their_addresses_and_their_settings_file_is_valid() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings {
            http: settings::Http { address: ([127, 0, 0, 1], 9000).into(), ..settings::Http::default() },
            payments: settings::Payments {
                bank: Some(Bank::Stripe),
                base_url: Some("https://api.stripe.com".to_owned()),
                secret_key: Some("sk_test_1".to_owned()),
                publishable_key: Some("pk_test_1".to_owned()),
                webhook_secret: Some("whsec_1".to_owned()),
                script_url: None,
                sandbox_address: None,
            },
            ..Settings::default()
        };
        let first = LocalCluster::plan(dir.path(), &settings, 3).unwrap();
        first.certify("inn").unwrap();
        first.write(&settings, None).unwrap();
        let text = std::fs::read_to_string(&first.config).unwrap();
        assert_eq!(settings::settings_of(&text, settings::Scope::All).1, [], "{text}");
        let again = LocalCluster::plan(dir.path(), &settings, 3).unwrap();
        again.certify("inn").unwrap();
        for (before, now) in first.nodes.iter().zip(&again.nodes) {
            assert_eq!((&before.name, before.http, before.link), (&now.name, now.http, now.link));
        }
        assert_eq!(again.nodes[2].http.port(), 9002);
        let fewer = LocalCluster::plan(dir.path(), &settings, 2).map(|_| ()).unwrap_err().to_string();
        assert!(fewer.contains("has 3 nodes"), "{fewer}");
        let other = again.certify("spa").unwrap_err().to_string();
        assert!(other.contains("belongs to the cluster inn"), "{other}");
        std::fs::write(dir.path().join("node.json"), "{}").unwrap();
        assert!(LocalCluster::plan(dir.path(), &settings, 3).is_err());
    }
}
