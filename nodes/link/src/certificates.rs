//! The cluster's certificate authority and the certificates of nodes.
//!
//! The authority is a directory that contains `ca.pem` (public), `ca.key` (mode 0600, never copied) and a directory
//! per node, `NODE/`, with `ca.pem`, `node.pem` and `node.key` (mode 0600). The node's directory is copied to the
//! node.

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

/// Validity of a node's certificate, in days.
pub const NODE_DAYS: u64 = 365;
/// Validity of the authority's certificate, in days.
pub const AUTHORITY_DAYS: u64 = 10 * 365;
/// Maximum number of addresses in a certificate.
pub const ADDRESSES_MAX: usize = 16;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Certificates are valid from an hour before they are issued, because the clocks of nodes differ.
const CLOCK_SKEW: Duration = Duration::from_secs(60 * 60);

/// Why a certificate was not created or read.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The name of the cluster or node is invalid.
    #[error("{0:?} is not a valid name: use 1 to {NAME_BYTES_MAX} of a-z, 0-9 and -, and no - at either end")]
    Name(String),
    /// An address is invalid, or there are too many.
    #[error(
        "{0:?} is not a valid address: give at most {ADDRESSES_MAX} host names or IP addresses, without ports"
    )]
    Address(String),
    /// The file exists. It is not overwritten.
    #[error("{0} already exists")]
    Exists(PathBuf),
    /// A file cannot be read or written.
    #[error("{path}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file is malformed.
    #[error("{path}: {why}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        why: String,
    },
    /// The library cannot create the certificate.
    #[error("the certificate cannot be created")]
    Generation(#[from] rcgen::Error),
}

/// The cluster's certificate authority. Whoever has its key can add nodes to the cluster.
pub struct CertificateAuthority {
    cluster: String,
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

/// A node's certificate and private key, both PEM.
pub struct NodeCertificate {
    /// The certificate, PEM.
    pub certificate: String,
    /// The private key, PEM. A secret.
    pub key: String,
    /// The content of the certificate.
    pub info: CertificateInfo,
}

impl CertificateAuthority {
    /// Creates an authority for `cluster` in memory.
    ///
    /// # Errors
    /// If `cluster` is not a valid name.
    pub fn new(cluster: &str) -> Result<Self, CertificateError> {
        Self::generate(cluster).map(|(authority, _)| authority)
    }

    fn generate(cluster: &str) -> Result<(Self, String), CertificateError> {
        check_name(cluster)?;
        let mut params = valid_for(AUTHORITY_DAYS);
        params.distinguished_name = distinguished_name(&format!("authority of {cluster}"), cluster);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let key_pem = key.serialize_pem();
        let certificate = params.self_signed(&key)?.pem();
        let issuer = Issuer::new(params, key);
        Ok((Self { cluster: cluster.to_owned(), issuer, certificate }, key_pem))
    }

    /// Creates the authority of `cluster` in `dir`.
    ///
    /// # Errors
    /// If there is one already, or files cannot be written.
    pub fn init(dir: &Path, cluster: &str) -> Result<Self, CertificateError> {
        let (authority, key) = Self::generate(cluster)?;
        private_dir(dir)?;
        // The key is written first, so that an authority without its key does not count as one after a crash.
        write(&dir.join("ca.key"), &key, 0o600, false)?;
        write(&dir.join("ca.pem"), &authority.certificate, 0o644, false)?;
        Ok(authority)
    }

    /// Opens the authority that [`CertificateAuthority::init`] created in `dir`.
    ///
    /// # Errors
    /// If it does not exist or cannot be read.
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

    /// Name of the cluster.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// Certificate of the authority, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Issues a certificate for a node, with a new key.
    ///
    /// # Errors
    /// If the name or an address is invalid.
    pub fn issue(
        &self,
        node: &str,
        node_id: u64,
        addresses: &[String],
    ) -> Result<NodeCertificate, CertificateError> {
        check_name(node)?;
        let identity = Identity { cluster: self.cluster.clone(), node: node.to_owned(), node_id };
        let mut params = valid_for(NODE_DAYS);
        params.distinguished_name = distinguished_name(node, &self.cluster);
        params.subject_alt_names = subject_alt_names(&identity, addresses)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // A node is the client of some sessions and the server of others.
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let issued = params.signed_by(&key, &self.issuer)?;
        let info = parse_certificate(issued.der())
            .map_err(|why| CertificateError::Unreadable { path: node.into(), why })?;
        Ok(NodeCertificate { certificate: issued.pem(), key: key.serialize_pem(), info })
    }

    /// Creates the directory `dir/node`, with a new node id.
    ///
    /// # Errors
    /// If the directory exists (to replace a node, use another name or remove the directory first), or as for
    /// [`Self::issue`].
    pub fn add_node(
        &self,
        dir: &Path,
        node: &str,
        addresses: &[String],
    ) -> Result<CertificateInfo, CertificateError> {
        check_name(node)?;
        let issued = self.issue(node, new_node_id(), addresses)?;
        let directory = dir.join(node);
        private_dir(&directory)?;
        write(&directory.join("node.key"), &issued.key, 0o600, false)?;
        write(&directory.join("node.pem"), &issued.certificate, 0o644, false)?;
        write(&directory.join("ca.pem"), &self.certificate, 0o644, true)?;
        Ok(issued.info)
    }

    /// Renews the certificate in `dir/node`, with a new key and the same node id. Without `addresses`, the addresses
    /// stay the same.
    ///
    /// # Errors
    /// If there is none, it belongs to another cluster, or files cannot be written.
    pub fn renew(
        &self,
        dir: &Path,
        node: &str,
        addresses: &[String],
    ) -> Result<CertificateInfo, CertificateError> {
        check_name(node)?;
        let directory = dir.join(node);
        let path = directory.join("node.pem");
        let old = read_certificate(&path)?;
        if old.identity.cluster != self.cluster || old.identity.node != node {
            let why = format!("it belongs to node {} of cluster {}", old.identity.node, old.identity.cluster);
            return Err(CertificateError::Unreadable { path, why });
        }
        let addresses = if addresses.is_empty() { &old.addresses } else { addresses };
        let issued = self.issue(node, old.identity.node_id, addresses)?;
        write(&directory.join("node.key"), &issued.key, 0o600, true)?;
        write(&path, &issued.certificate, 0o644, true)?;
        write(&directory.join("ca.pem"), &self.certificate, 0o644, true)?;
        Ok(issued.info)
    }
}

/// Reads a node's certificate from the PEM file at `path`.
///
/// # Errors
/// If it cannot be read or is not a node's certificate.
pub fn read_certificate(path: &Path) -> Result<CertificateInfo, CertificateError> {
    let unreadable = |why| CertificateError::Unreadable { path: path.to_owned(), why };
    let der = CertificateDer::from_pem_slice(read(path)?.as_bytes())
        .map_err(|error| unreadable(error.to_string()))?;
    parse_certificate(&der).map_err(unreadable)
}

/// Generates the id of a new node: random and never 0.
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
        .ok_or_else(|| "the certificate names no cluster".to_owned())
}

fn subject_alt_names(identity: &Identity, addresses: &[String]) -> Result<Vec<SanType>, CertificateError> {
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
    params.not_before = epoch + now.saturating_sub(CLOCK_SKEW);
    params.not_after = epoch + now + DAY * u32::try_from(days).unwrap_or(u32::MAX);
    params
}

fn distinguished_name(common: &str, cluster: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name.push(DnType::OrganizationName, cluster);
    name
}

fn check_name(name: &str) -> Result<(), CertificateError> {
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

/// Writes a file completely or not at all. Without `replace`, an existing file is an error.
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
