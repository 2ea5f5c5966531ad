//! Checks the files that settings name: certificates and cluster keys.

use std::path::Path;

use anyhow::bail;
use link::certificates::read_certificate;
use token::ClusterKey;

use super::{Finding, Findings};
use crate::server::data_dir;
use crate::settings::{Node, Settings};

/// Where the settings are used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place<'a> {
    /// The node of this machine. Without it, files of nodes are checked where they are on this machine.
    pub node: Option<&'a str>,
    /// Its data directory.
    pub data: Option<&'a Path>,
}

/// All errors in the files that `settings` name. `text` is the settings file, for the lines.
pub fn check(settings: &Settings, text: &str, place: Place<'_>) -> Vec<Finding> {
    let mut findings = Findings { text, found: Vec::new() };
    for (table, key, path, label) in [
        ("http", "certificate", &settings.http.certificate, "CERTIFICATE"),
        ("http", "certificate_key", &settings.http.certificate_key, "PRIVATE KEY"),
        ("mail", "root_ca", &settings.mail.root_ca, "CERTIFICATE"),
    ] {
        if let Some(path) = path
            && let Err(why) = check_pem(path, label)
        {
            findings.add(table, key, &why);
        }
    }
    if let Some(name) = place.node
        && !settings.nodes.contains_key(name)
    {
        let message = format!("has no [nodes.{name}]");
        findings.found.push(Finding { line: None, text: message });
    }
    let mut first: Option<(String, ClusterKey)> = None;
    for (name, node) in &settings.nodes {
        let here = place.node == Some(name);
        if place.node.is_some() && !here {
            continue;
        }
        let data = place.data.filter(|_| here).or(node.data.as_deref());
        let Some(key) = check_node(settings, name, node, data, here, &mut findings) else { continue };
        match &first {
            None => first = Some((name.clone(), key)),
            Some((other, known)) if known.fingerprint() != key.fingerprint() => {
                let message =
                    format!("has another cluster key than {other}: copy one `cluster.key` to all nodes");
                findings.add_table(&format!("nodes.{name}"), &message);
            }
            Some(_) => {}
        }
    }
    if let Some(data) = place.data
        && place.node.is_none()
        && let Err(error) = check_data(data)
    {
        findings.found.push(Finding { line: None, text: format!("{error:#}") });
    }
    findings.found
}

/// Checks a node's certificate and cluster key. Returns the key that it would use.
fn check_node(
    settings: &Settings,
    name: &str,
    node: &Node,
    data: Option<&Path>,
    here: bool,
    findings: &mut Findings<'_>,
) -> Option<ClusterKey> {
    let table = format!("nodes.{name}");
    let folder = node.certificates.as_deref().filter(|_| !settings.cluster.insecure);
    if let Some(folder) = folder {
        if !folder.exists() {
            // Without the name of this machine's node, the folder may be on another machine.
            if here {
                let why = format!(
                    "{} does not exist: copy there what `auberge cert node {name}` created",
                    folder.display()
                );
                findings.add(&table, "certificates", &why);
            }
            return None;
        }
        for why in certificate_errors(settings, name, folder) {
            findings.add(&table, "certificates", &why);
        }
    }
    let stored = data.map(|data| data.join("cluster.key")).filter(|file| file.exists());
    let source = folder.map(|folder| folder.join("cluster.key")).filter(|file| file.exists());
    let mut load = |file: &Path| match ClusterKey::load(file) {
        Ok(key) => Some(key),
        Err(error) => {
            findings.add_table(&table, &format!("has no usable cluster key: {error}"));
            None
        }
    };
    let (source, stored) = match (&source, &stored) {
        (None, None) => {
            let place = folder.or(data)?.join("cluster.key");
            let message = format!(
                "has no cluster key: {} is missing; copy one `cluster.key` (mode 0600) to all nodes",
                place.display()
            );
            findings.add_table(&table, &message);
            return None;
        }
        (source, stored) => (source.as_deref().map(&mut load), stored.as_deref().map(&mut load)),
    };
    if let (Some(Some(source)), Some(Some(stored))) = (&source, &stored)
        && source.fingerprint() != stored.fingerprint()
    {
        let message = "has one cluster key in `certificates` and another in its data directory: one of them is another cluster's";
        findings.add_table(&table, message);
        return None;
    }
    let key = source.flatten().or(stored.flatten())?;
    if let Some(data) = data
        && let Ok(Some(metadata)) = data_dir::read(data)
        && let Err(error) = metadata.check_key(&key)
    {
        findings.add_table(&table, &format!("has the wrong cluster key: {error}"));
        return None;
    }
    Some(key)
}

fn certificate_errors(settings: &Settings, name: &str, folder: &Path) -> Vec<String> {
    let mut errors = Vec::new();
    for (file, label) in [("ca.pem", "CERTIFICATE"), ("node.key", "PRIVATE KEY")] {
        errors
            .extend(check_pem(&folder.join(file), label).err().map(|why| format!("has {file}, which {why}")));
    }
    match read_certificate(&folder.join("node.pem")) {
        Ok(found) if found.identity.cluster != settings.cluster.name => {
            let (theirs, ours) = (&found.identity.cluster, &settings.cluster.name);
            errors.push(format!("has a certificate of the cluster {theirs}, not of {ours}"));
        }
        Ok(found) if found.identity.node != name => {
            errors.push(format!("has the certificate of node {}, not of {name}", found.identity.node));
        }
        Ok(found) if found.expires_at_secs < protocol::Timestamp::wall_clock().millis() / 1000 => {
            errors.push(format!(
                "has a certificate that has expired: `auberge cert renew {name}` creates a new one"
            ));
        }
        Ok(_) => {}
        Err(error) => errors.push(format!("has no certificate of a node: {error}")),
    }
    errors
}

fn check_pem(path: &Path, label: &str) -> Result<(), String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot be read: {}: {error}", path.display()))?;
    let is_label =
        |line: &str| line.starts_with("-----BEGIN ") && line.trim_end().ends_with(&format!("{label}-----"));
    if text.lines().any(is_label) {
        Ok(())
    } else {
        Err(format!("is not a PEM file with a {}: {}", label.to_lowercase(), path.display()))
    }
}

/// Checks the cluster key of a data directory that exists already.
fn check_data(data: &Path) -> anyhow::Result<()> {
    let Some(metadata) = data_dir::read(data)? else { return Ok(()) };
    let file = data.join("cluster.key");
    if !file.exists() {
        bail!("{}", data_dir::missing_key(&file));
    }
    metadata.check_key(&ClusterKey::load(&file)?)
}

#[cfg(test)]
mod tests {
    use link::certificates::CertificateAuthority;

    use super::*;

    fn texts(settings: &Settings, place: Place<'_>) -> Vec<String> {
        check(settings, "", place).into_iter().map(|found| found.text).collect()
    }

    #[test]
    fn a_missing_or_wrong_cluster_key_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let authority = CertificateAuthority::init(dir.path(), "inn").unwrap();
        let mut settings = Settings::default();
        settings.cluster.name = "inn".to_owned();
        for name in ["n1", "n2"] {
            authority.add_node(dir.path(), name, &["127.0.0.1".to_owned()]).unwrap();
            let node = Node { certificates: Some(dir.path().join(name)), ..Node::default() };
            settings.nodes.insert(name.to_owned(), node);
        }
        let (first, second) = (dir.path().join("n1/cluster.key"), dir.path().join("n2/cluster.key"));
        let missing = texts(&settings, Place::default());
        assert_eq!(missing.len(), 2, "{missing:?}");
        assert!(missing[0].contains("has no cluster key"), "{missing:?}");

        ClusterKey::load_or_create(&first).unwrap();
        ClusterKey::load_or_create(&second).unwrap();
        let other = texts(&settings, Place::default());
        assert_eq!(other.len(), 1, "{other:?}");
        assert!(other[0].contains("another cluster key than n1"), "{other:?}");

        std::fs::remove_file(&second).unwrap();
        crate::files::copy_private(&first, &second).unwrap();
        assert_eq!(texts(&settings, Place::default()), Vec::<String>::new());

        crate::files::write_private(&second, b"short").unwrap();
        let short = texts(&settings, Place::default());
        assert!(short.len() == 1 && short[0].contains("exactly 32 bytes"), "{short:?}");
        assert_eq!(texts(&settings, Place { node: Some("n1"), data: None }), Vec::<String>::new());

        // Another cluster's certificate, and a node that the settings do not have.
        settings.cluster.name = "spa".to_owned();
        let both = texts(&settings, Place { node: Some("n1"), data: None });
        assert!(both[0].contains("of the cluster inn, not of spa"), "{both:?}");
        let none = texts(&settings, Place { node: Some("n9"), data: None });
        assert!(none[0].contains("has no [nodes.n9]"), "{none:?}");
        // Folders of other machines are not here, which is no error unless this machine's node is named.
        settings.nodes.get_mut("n1").unwrap().certificates = Some("/nowhere".into());
        assert_eq!(texts(&settings, Place { node: Some("n1"), data: None }).len(), 1);
    }

    #[test]
    fn pem_files_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.pem");
        let mut settings = Settings::default();
        settings.mail.root_ca = Some(file.clone());
        assert!(texts(&settings, Place::default())[0].contains("cannot be read"));
        std::fs::write(&file, "nothing").unwrap();
        assert!(texts(&settings, Place::default())[0].contains("is not a PEM file with a certificate"));
        std::fs::write(&file, "-----BEGIN CERTIFICATE-----\n").unwrap();
        assert_eq!(texts(&settings, Place::default()), Vec::<String>::new());
    }
}
