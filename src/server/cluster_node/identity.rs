//! The identity of a node: its settings, checked against its certificate, and its cluster key.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use link::certificates::read_certificate;
use link::{CertificateInfo, Seed, TlsFiles};
use token::ClusterKey;

use crate::files::copy_private;
use crate::server::data_dir::{self, ClusterNodeMetadata};
use crate::settings::{self, Settings};

pub struct Identity {
    pub cluster: String,
    pub name: String,
    pub id: u64,
    /// The certificate; `None` in an insecure cluster.
    pub certificate: Option<CertificateInfo>,
    pub tls: Option<TlsFiles>,
    pub settings: settings::Node,
}

impl Identity {
    /// The identity of the node `name`, whose data directory is `data`.
    ///
    /// # Errors
    /// When the settings have no such node, or its certificate names another.
    pub fn of(settings: &Settings, name: &str, data: &Path) -> anyhow::Result<Self> {
        let Some(node) = settings.nodes.get(name) else {
            let known: Vec<_> = settings.nodes.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            bail!("the settings have no [nodes.{name}]; there are: {known}");
        };
        let cluster = settings.cluster.name.clone();
        if settings.cluster.insecure {
            return Ok(Self {
                cluster,
                name: name.to_owned(),
                id: stored_id(data)?.unwrap_or_else(link::certificates::new_node_id),
                certificate: None,
                tls: None,
                settings: node.clone(),
            });
        }
        let folder = node.certificates.clone();
        let folder = folder.with_context(|| {
            format!("[nodes.{name}] needs `certificates`: create them with `auberge cert node {name}`")
        })?;
        let tls = files(&folder);
        let described = read_certificate(&tls.certificate)
            .with_context(|| format!("the certificate of {name} (`auberge cert node {name}` creates one)"))?;
        let certified = &described.identity;
        if certified.cluster != cluster {
            bail!(
                "{} belongs to the cluster {}, not to {cluster}",
                tls.certificate.display(),
                certified.cluster
            );
        }
        if certified.node != name {
            bail!(
                "{} is the certificate of node {}, not of {name}",
                tls.certificate.display(),
                certified.node
            );
        }
        Ok(Self {
            cluster,
            name: name.to_owned(),
            id: certified.node_id,
            certificate: Some(described),
            tls: Some(tls),
            settings: node.clone(),
        })
    }

    /// Copies the cluster key from the certificate's folder to the data directory, if it is missing there.
    ///
    /// # Errors
    /// When there is no key, or the two keys differ.
    pub fn place_key(&self, data: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(data).with_context(|| format!("making {}", data.display()))?;
        let stored = data.join("cluster.key");
        let source = self.settings.certificates.as_ref().map(|folder| folder.join("cluster.key"));
        let source = source.filter(|file| file.exists());
        if let Some(file) = source.as_deref().or(stored.exists().then_some(&*stored))
            && let Some(metadata) = data_dir::read(data)?
        {
            let key = ClusterKey::load(file)?;
            metadata.check_key(&key).with_context(|| file.display().to_string())?;
        }
        match (source, stored.exists()) {
            (Some(source), false) => copy_private(&source, &stored),
            (Some(source), true) => {
                let same =
                    ClusterKey::load(&source)?.fingerprint() == ClusterKey::load(&stored)?.fingerprint();
                if same {
                    Ok(())
                } else {
                    bail!(
                        "{} is not the cluster key of {}: one of them is another cluster's",
                        source.display(),
                        data.display()
                    )
                }
            }
            (None, true) => Ok(()),
            (None, false) => bail!(
                "there is no cluster key: copy one `cluster.key` (mode 0600, the same for all nodes) to {}",
                stored.display()
            ),
        }
    }

    /// The metadata for the data directory.
    pub fn metadata(&self, settings: &Settings) -> ClusterNodeMetadata {
        ClusterNodeMetadata {
            cluster: self.cluster.clone(),
            name: self.name.clone(),
            id: self.id,
            url: self.url(settings),
            joined: false,
        }
    }

    /// The address of the node's edge from this machine.
    fn url(&self, settings: &Settings) -> String {
        let mut address = self.settings.http.unwrap_or(settings.http.address);
        if address.ip().is_unspecified() {
            address.set_ip([127, 0, 0, 1].into());
        }
        let scheme = if settings.http.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    }

    /// The options of the node's link.
    pub fn link(&self, seeds: Vec<Seed>) -> link::Options {
        link::Options {
            cluster: self.cluster.clone(),
            node: self.name.clone(),
            node_id: self.id,
            listen: self.settings.link,
            advertise: Some(self.settings.advertised()),
            seeds,
            tls: self.tls.clone(),
            insecure: self.tls.is_none(),
            denied: Vec::new(),
            limits: link::Limits::default(),
        }
    }

    /// The fingerprint of the certificate; empty without a certificate.
    pub fn fingerprint(&self) -> String {
        self.certificate.as_ref().map(|described| described.fingerprint.to_string()).unwrap_or_default()
    }
}

fn files(folder: &Path) -> TlsFiles {
    let file = |name: &str| -> PathBuf { folder.join(name) };
    TlsFiles { ca: file("ca.pem"), certificate: file("node.pem"), key: file("node.key") }
}

/// The id in the data directory. Without certificates it identifies the node, so that an empty disk is a new node.
fn stored_id(data: &Path) -> anyhow::Result<Option<u64>> {
    Ok(data_dir::read(data)?.and_then(|metadata| metadata.node).map(|node| node.id))
}

#[cfg(test)]
mod tests {
    use link::certificates::CertificateAuthority;

    use super::*;

    #[test]
    fn a_node_must_match_the_name_and_cluster_of_its_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let (authority, data) = (dir.path().join("authority"), dir.path().join("data"));
        let certificates = CertificateAuthority::init(&authority, "inn").unwrap();
        certificates.add_node(&authority, "n1", &["127.0.0.1".to_owned()]).unwrap();
        let settings = |cluster: &str, name: &str| {
            let mut settings = Settings::default();
            settings.cluster.name = cluster.to_owned();
            let node =
                settings::Node { certificates: Some(authority.join("n1")), ..settings::Node::default() };
            settings.nodes.insert(name.to_owned(), node);
            settings
        };
        let found = Identity::of(&settings("inn", "n1"), "n1", &data).unwrap();
        assert_eq!((found.cluster.as_str(), found.name.as_str()), ("inn", "n1"));
        for (cluster, configured, name, message) in [
            ("spa", "n1", "n1", "belongs to the cluster inn, not to spa"),
            ("inn", "n2", "n2", "is the certificate of node n1, not of n2"),
            ("inn", "n1", "n2", "there are: n1"),
        ] {
            let why = Identity::of(&settings(cluster, configured), name, &data).map(|_| ()).unwrap_err();
            assert!(why.to_string().contains(message), "{why}");
        }
        // The key is copied from the certificate's folder once. A different key is refused later.
        let why = found.place_key(&data).unwrap_err().to_string();
        assert!(why.contains("there is no cluster key"), "{why}");
        ClusterKey::load_or_create(&authority.join("n1/cluster.key")).unwrap();
        found.place_key(&data).unwrap();
        found.place_key(&data).unwrap();
        std::fs::remove_file(authority.join("n1/cluster.key")).unwrap();
        ClusterKey::load_or_create(&authority.join("n1/cluster.key")).unwrap();
        let why = found.place_key(&data).unwrap_err().to_string();
        assert!(why.contains("another cluster's"), "{why}");
    }
}
