//! The cluster's own certificate authority, and the certificates of nodes.
//!
//! The authority is a directory: `ca.pem` (public), `ca.key` (0600, never leaves it) and, a node each, `NODE/` with
//! `ca.pem`, `node.pem` and `node.key` (0600): the folder that is copied to the node.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::identity::{
    CertificateInfo, Identity, NAME_BYTES_MAX, is_valid_name, parse_certificate, server_name,
};

/// How long a node's certificate is good for.
pub const NODE_DAYS: u64 = 365;
/// How long the authority itself is.
pub const AUTHORITY_DAYS: u64 = 10 * 365;
/// At most so many addresses in a certificate.
pub const ADDRESSES_MAX: usize = 16;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Clocks of nodes differ: certificates are good from an hour before they are made.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60 * 60);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A cluster or node is called something that is no name.
    #[error("{0:?} is no name: 1 to {NAME_BYTES_MAX} of a-z, 0-9 and -, no - at either end")]
    Name(String),
    /// An address that cannot stand in a certificate.
    #[error("{0:?} is no address: give host names or IP addresses without ports, {ADDRESSES_MAX} at most")]
    Address(String),
    /// It is there already, and would be lost.
    #[error("{0} is there already")]
    Exists(PathBuf),
    /// A file cannot be read or written.
    #[error("{path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{path}: {why}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The library refuses.
    #[error("the certificate cannot be made")]
    Making(#[from] rcgen::Error),
}

/// The cluster's authority: who has it can make nodes.
pub struct CertificateAuthority {
    cluster: String,
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

/// A node's certificate and its key, both PEM.
pub struct NodeCertificate {
    /// The certificate.
    pub certificate: String,
    /// Its key: a secret.
    pub key: String,
    /// What the certificate says.
    pub described: CertificateInfo,
}

impl CertificateAuthority {
    /// A new authority for `cluster`, kept nowhere.
    ///
    /// # Errors
    /// When that is no name.
    pub fn new(cluster: &str) -> Result<Self, CertificateError> {
        Self::make(cluster).map(|(authority, _)| authority)
    }

    fn make(cluster: &str) -> Result<(Self, String), CertificateError> {
        checked(cluster)?;
        let mut params = valid_for(AUTHORITY_DAYS);
        params.distinguished_name = called(&format!("authority of {cluster}"), cluster);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let key_pem = key.serialize_pem();
        let certificate = params.self_signed(&key)?.pem();
        let issuer = Issuer::new(params, key);
        Ok((Self { cluster: cluster.to_owned(), issuer, certificate }, key_pem))
    }

    /// Makes the authority of `cluster` in `dir`.
    ///
    /// # Errors
    /// When there is one already, or files cannot be written.
    pub fn init(dir: &Path, cluster: &str) -> Result<Self, CertificateError> {
        let (authority, key) = Self::make(cluster)?;
        private_dir(dir)?;
        // The key first: an authority whose key was lost half-way is not taken for one.
        write(&dir.join("ca.key"), &key, 0o600, false)?;
        write(&dir.join("ca.pem"), &authority.certificate, 0o644, false)?;
        Ok(authority)
    }

    /// The authority that [`CertificateAuthority::init`] made in `dir`.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub fn open(dir: &Path) -> Result<Self, CertificateError> {
        let (certificate_path, key_path) = (dir.join("ca.pem"), dir.join("ca.key"));
        let certificate = read(&certificate_path)?;
        let unreadable =
            |path: &PathBuf, why: String| CertificateError::Unreadable { path: path.clone(), why };
        let key =
            KeyPair::from_pem(&read(&key_path)?).map_err(|error| unreadable(&key_path, error.to_string()))?;
        let issuer = Issuer::from_ca_cert_pem(&certificate, key)
            .map_err(|error| unreadable(&certificate_path, error.to_string()))?;
        let cluster = cluster_of(&certificate).map_err(|why| unreadable(&certificate_path, why))?;
        Ok(Self { cluster, issuer, certificate })
    }

    /// The cluster's name.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The authority's certificate, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A certificate for a node, with a new key.
    ///
    /// # Errors
    /// When the name or an address is none.
    pub fn issue(
        &self,
        node: &str,
        node_id: u64,
        addresses: &[String],
    ) -> Result<NodeCertificate, CertificateError> {
        checked(node)?;
        let identity = Identity { cluster: self.cluster.clone(), node: node.to_owned(), node_id };
        let mut params = valid_for(NODE_DAYS);
        params.distinguished_name = called(node, &self.cluster);
        params.subject_alt_names = names(&identity, addresses)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // Each node is a client of some sessions and the server of others.
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let made = params.signed_by(&key, &self.issuer)?;
        let described = parse_certificate(made.der())
            .map_err(|why| CertificateError::Unreadable { path: node.into(), why })?;
        Ok(NodeCertificate { certificate: made.pem(), key: key.serialize_pem(), described })
    }

    /// Makes the folder `dir/node`, with a new node id.
    ///
    /// # Errors
    /// When it is there already (a node made anew needs another name, or the old folder removed), or as [`Self::issue`].
    pub fn add_node(
        &self,
        dir: &Path,
        node: &str,
        addresses: &[String],
    ) -> Result<CertificateInfo, CertificateError> {
        checked(node)?;
        let made = self.issue(node, new_node_id(), addresses)?;
        let folder = dir.join(node);
        private_dir(&folder)?;
        write(&folder.join("node.key"), &made.key, 0o600, false)?;
        write(&folder.join("node.pem"), &made.certificate, 0o644, false)?;
        write(&folder.join("ca.pem"), &self.certificate, 0o644, true)?;
        Ok(made.described)
    }

    /// Renews the certificate in `dir/node`, with a new key and the same node id; no `addresses` means the same ones.
    ///
    /// # Errors
    /// When there is none, it is of another cluster, or files cannot be written.
    pub fn renew(
        &self,
        dir: &Path,
        node: &str,
        addresses: &[String],
    ) -> Result<CertificateInfo, CertificateError> {
        checked(node)?;
        let folder = dir.join(node);
        let path = folder.join("node.pem");
        let old = read_certificate(&path)?;
        if old.identity.cluster != self.cluster || old.identity.node != node {
            let why = format!("it is of {} in {}", old.identity.node, old.identity.cluster);
            return Err(CertificateError::Unreadable { path, why });
        }
        let addresses = if addresses.is_empty() { &old.addresses } else { addresses };
        let made = self.issue(node, old.identity.node_id, addresses)?;
        write(&folder.join("node.key"), &made.key, 0o600, true)?;
        write(&path, &made.certificate, 0o644, true)?;
        write(&folder.join("ca.pem"), &self.certificate, 0o644, true)?;
        Ok(made.described)
    }
}

/// Reads the certificate of a node in the PEM file at `path`.
///
/// # Errors
/// When it cannot be read or is no node's.
pub fn read_certificate(path: &Path) -> Result<CertificateInfo, CertificateError> {
    let unreadable = |why| CertificateError::Unreadable { path: path.to_owned(), why };
    let der = CertificateDer::from_pem_slice(read(path)?.as_bytes())
        .map_err(|error| unreadable(error.to_string()))?;
    parse_certificate(&der).map_err(unreadable)
}

/// An id for a new node: random, never 0.
pub fn new_node_id() -> u64 {
    rand::random::<u64>().max(1)
}

fn cluster_of(pem: &str) -> Result<String, String> {
    use x509_parser::prelude::{FromDer, X509Certificate};
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| error.to_string())?;
    let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| "not a certificate".to_owned())?;
    let organization = certificate.subject().iter_organization().next().and_then(|name| name.as_str().ok());
    organization
        .filter(|name| is_valid_name(name))
        .map(str::to_owned)
        .ok_or_else(|| "it names no cluster".to_owned())
}

fn names(identity: &Identity, addresses: &[String]) -> Result<Vec<SanType>, CertificateError> {
    if addresses.len() > ADDRESSES_MAX {
        return Err(CertificateError::Address(format!("{} addresses", addresses.len())));
    }
    let mut names = vec![
        SanType::URI(Ia5String::try_from(identity.uri())?),
        SanType::DnsName(Ia5String::try_from(server_name(&identity.cluster))?),
    ];
    for address in addresses {
        let host = |address: &str| {
            address.len() <= 253 && address.split('.').all(|part| is_valid_name(&part.to_lowercase()))
        };
        names.push(match address.parse::<IpAddr>() {
            Ok(number) => SanType::IpAddress(number),
            Err(_) if host(address) => SanType::DnsName(Ia5String::try_from(address.to_lowercase())?),
            Err(_) => return Err(CertificateError::Address(address.clone())),
        });
    }
    Ok(names)
}

fn valid_for(days: u64) -> CertificateParams {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = date_time_ymd(1970, 1, 1);
    let mut params = CertificateParams::default();
    params.not_before = epoch + now.saturating_sub(CLOCKS_DIFFER);
    params.not_after = epoch + now + DAY * u32::try_from(days).unwrap_or(u32::MAX);
    params
}

fn called(common: &str, cluster: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name.push(DnType::OrganizationName, cluster);
    name
}

fn checked(name: &str) -> Result<(), CertificateError> {
    if is_valid_name(name) { Ok(()) } else { Err(CertificateError::Name(name.to_owned())) }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> CertificateError + '_ {
    |source| match source.kind() {
        io::ErrorKind::AlreadyExists => CertificateError::Exists(path.to_owned()),
        _ => CertificateError::File { path: path.to_owned(), source },
    }
}

fn private_dir(path: &Path) -> Result<(), CertificateError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed(path))
}

fn read(path: &Path) -> Result<String, CertificateError> {
    fs::read_to_string(path).map_err(failed(path))
}

/// Writes a file whole or not at all; without `replace`, one that is there stays.
fn write(path: &Path, text: &str, mode: u32, replace: bool) -> Result<(), CertificateError> {
    let target = if replace { path.with_extension("new") } else { path.to_owned() };
    if replace {
        let _ = fs::remove_file(&target);
    }
    let written =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(&target).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
    written.map_err(failed(path))?;
    if replace { fs::rename(&target, path).map_err(failed(path)) } else { Ok(()) }
}
