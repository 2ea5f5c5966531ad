//! Identity of a node, as stated in its certificate.
//!
//! A node's certificate contains one URI, `auberge:CLUSTER:node:NAME:ID`, and the cluster's name as a DNS name
//! (`CLUSTER.auberge.internal`), which TLS checks. The addresses in it are informational: nodes may change theirs.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Maximum length of a cluster's or node's name, in bytes: that of a DNS label.
pub const NAME_BYTES_MAX: usize = 63;

/// Identity of a node, taken from its certificate. Without TLS it is what the node claims.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Name of the cluster.
    pub cluster: String,
    /// Name of the node.
    pub node: String,
    /// Id of the node. A node that is recreated under the same name gets a new id.
    pub node_id: u64,
}

impl Identity {
    /// The identity as a URI, as in the certificate.
    pub fn uri(&self) -> String {
        format!("auberge:{}:node:{}:{}", self.cluster, self.node, self.node_id)
    }

    /// Parses such a URI.
    pub fn from_uri(uri: &str) -> Option<Self> {
        let mut parts = uri.split(':');
        let ("auberge", cluster, "node", node, id) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?)
        else {
            return None;
        };
        let valid = parts.next().is_none() && is_valid_name(cluster) && is_valid_name(node);
        let node_id = id.parse().ok()?;
        valid.then(|| Self { cluster: cluster.to_owned(), node: node.to_owned(), node_id })
    }
}

/// DNS name in every certificate of a cluster. Clients verify it.
pub fn server_name(cluster: &str) -> String {
    format!("{cluster}.auberge.internal")
}

/// Whether `name` is a valid name of a cluster or node: a DNS label in lower case.
pub fn is_valid_name(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.bytes().all(inside)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// SHA-256 of a certificate, as `openssl x509 -fingerprint -sha256` prints it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Computes the fingerprint of a certificate in DER.
    pub fn of(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }

    /// Parses hexadecimal digits, with or without colons.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|c| *c != ':').map(|c| c.to_ascii_lowercase()).collect();
        let bytes = data_encoding::HEXLOWER.decode(digits.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if index == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Content of a node's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateInfo {
    /// Identity of the node.
    pub identity: Identity,
    /// Fingerprint of the certificate.
    pub fingerprint: Fingerprint,
    /// Addresses in the certificate: host names and IP addresses.
    pub addresses: Vec<String>,
    /// Expiry, in seconds since the Unix epoch.
    pub expires_at_secs: i64,
}

/// Parses a node's certificate in DER. Its signature is verified by TLS, not here.
///
/// # Errors
/// The reason why it is not a node's certificate.
pub fn parse_certificate(der: &[u8]) -> Result<CertificateInfo, String> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| "not a certificate".to_owned())?;
    let names = certificate
        .subject_alternative_name()
        .map_err(|_| "its subject alternative names cannot be read".to_owned())?;
    let names = names.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
    let mut identities = Vec::new();
    let mut addresses = Vec::new();
    for name in names {
        match name {
            GeneralName::URI(uri) => identities.extend(Identity::from_uri(uri)),
            GeneralName::DNSName(dns) => addresses.push((*dns).to_owned()),
            GeneralName::IPAddress(bytes) => {
                addresses.extend(ip_address(bytes).map(|address| address.to_string()));
            }
            _ => {}
        }
    }
    let [identity] = identities.as_slice() else {
        return Err(format!("it names {} nodes instead of one", identities.len()));
    };
    let own = server_name(&identity.cluster);
    addresses.retain(|address| *address != own);
    Ok(CertificateInfo {
        identity: identity.clone(),
        fingerprint: Fingerprint::of(der),
        addresses,
        expires_at_secs: certificate.validity().not_after.timestamp(),
    })
}

fn ip_address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_round_trips_through_its_uri() {
        let identity = Identity { cluster: "inn".to_owned(), node: "n-1".to_owned(), node_id: u64::MAX };
        assert_eq!(Identity::from_uri(&identity.uri()), Some(identity));
    }

    #[test]
    fn malformed_identity_uris_are_rejected() {
        for uri in [
            "",
            "auberge:inn:node:n1",
            "auberge:inn:node:n1:x",
            "auberge:inn:node:n1:1:2",
            "auberge:inn:nodes:n1:1",
            "auberge::node:n1:1",
            "auberge:inn:node::1",
            "auberge:inn:node:N1:1",
            "auberge:inn:node:-n:1",
            "auberge:inn:node:n1:-1",
            "https://auberge:inn:node:n1:1",
        ] {
            assert_eq!(Identity::from_uri(uri), None, "{uri}");
        }
    }

    #[test]
    fn fingerprints_parse_with_and_without_colons() {
        let fingerprint = Fingerprint::of(b"x");
        let text = fingerprint.to_string();
        assert_eq!(Fingerprint::parse(&text), Some(fingerprint));
        assert_eq!(Fingerprint::parse(&text.replace(':', "").to_lowercase()), Some(fingerprint));
        assert_eq!(Fingerprint::parse("AB:CD"), None);
        assert_eq!(Fingerprint::parse("zz"), None);
    }
}
