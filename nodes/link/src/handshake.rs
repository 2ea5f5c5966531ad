//! The handshake on a new connection, before ractor_cluster takes it over: identifies the peer and admits or refuses
//! it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use protocol::codec;

use crate::identity::{CertificateInfo, Identity};
use crate::tls::Transport;

/// Version of the link protocol. Must be equal on both sides.
pub(crate) const PROTOCOL: u16 = 1;
/// Maximum length of a handshake message, in bytes.
const HELLO_BYTES_MAX: u32 = 4096;

/// First handshake message of each side.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub protocol: u16,
    pub identity: Identity,
    /// Random at each start. Distinguishes a restarted node from the previous process.
    pub incarnation: u64,
    /// Address that peers dial.
    pub address: String,
    /// Name of the endpoint actor.
    pub endpoint: String,
    /// Sent in every frame to this node over the session. Identifies the session to the endpoint.
    pub token: u128,
}

/// Reply of the node that was dialled.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct HelloReply {
    pub hello: Hello,
    pub result: HandshakeResult,
}

/// Whether the connection becomes a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum HandshakeResult {
    Accepted,
    /// There is a session already. It is kept.
    Duplicate,
    Refused(String),
}

/// Sends a handshake message.
pub(crate) async fn send<T: Serialize>(
    transport: &mut Box<dyn Transport>,
    message: &T,
) -> Result<(), String> {
    let bytes = codec::encode(message);
    let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= HELLO_BYTES_MAX);
    let length = length.ok_or("the handshake message is too long")?;
    let sent = async {
        transport.write_u32(length).await?;
        transport.write_all(&bytes).await?;
        transport.flush().await
    };
    sent.await.map_err(|error| format!("handshake: {error}"))
}

/// Receives a handshake message.
pub(crate) async fn receive<T: DeserializeOwned>(transport: &mut Box<dyn Transport>) -> Result<T, String> {
    let length = transport.read_u32().await.map_err(|error| format!("handshake: {error}"))?;
    if length > HELLO_BYTES_MAX {
        return Err("handshake: the message is too long".to_owned());
    }
    let mut bytes = vec![0; length as usize];
    transport.read_exact(&mut bytes).await.map_err(|error| format!("handshake: {error}"))?;
    codec::decode(&bytes).map_err(|error| format!("handshake: the message cannot be decoded: {error}"))
}

/// Compares the identity that a peer claims with its certificate and with the expected name.
///
/// # Errors
/// The reason why the peer is refused.
pub(crate) fn check(
    own: &Identity,
    hello: &Hello,
    certificate: Option<&CertificateInfo>,
    expected: Option<&str>,
) -> Result<(), String> {
    let claimed = &hello.identity;
    if hello.protocol != PROTOCOL {
        return Err(format!("the peer uses link protocol {}, this node uses {PROTOCOL}", hello.protocol));
    }
    if let Some(certificate) = certificate
        && certificate.identity != *claimed
    {
        return Err("the peer's identity does not match its certificate".to_owned());
    }
    if claimed.cluster != own.cluster {
        return Err("the peer belongs to another cluster".to_owned());
    }
    if expected.is_some_and(|name| name != claimed.node) {
        return Err("the address belongs to another node".to_owned());
    }
    if claimed.node == own.node {
        return Err("the peer has the name of this node".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Fingerprint;

    fn identity(cluster: &str, node: &str, node_id: u64) -> Identity {
        Identity { cluster: cluster.to_owned(), node: node.to_owned(), node_id }
    }

    #[test]
    fn a_peer_must_match_its_certificate_and_the_expected_name() {
        let own = identity("inn", "n1", 1);
        let n2 = identity("inn", "n2", 2);
        let cases = [
            (n2.clone(), PROTOCOL, Some(n2.clone()), None, true),
            (n2.clone(), PROTOCOL, Some(n2.clone()), Some("n2"), true),
            (n2.clone(), PROTOCOL, None, None, true),
            (n2.clone(), PROTOCOL, Some(n2.clone()), Some("n3"), false),
            (n2.clone(), PROTOCOL + 1, Some(n2.clone()), None, false),
            (n2.clone(), PROTOCOL, Some(identity("inn", "n3", 2)), None, false),
            (n2.clone(), PROTOCOL, Some(identity("inn", "n2", 3)), None, false),
            (n2.clone(), PROTOCOL, Some(identity("spa", "n2", 2)), None, false),
            (identity("spa", "n2", 2), PROTOCOL, Some(identity("spa", "n2", 2)), None, false),
            (identity("inn", "n1", 9), PROTOCOL, Some(identity("inn", "n1", 9)), None, false),
        ];
        for (claimed, protocol, certified, expected, accepted) in cases {
            let described = certified.map(|identity| CertificateInfo {
                identity,
                fingerprint: Fingerprint::of(b""),
                addresses: vec![],
                expires_at_secs: 0,
            });
            let hello = Hello {
                protocol,
                identity: claimed.clone(),
                incarnation: 1,
                address: String::new(),
                endpoint: String::new(),
                token: 1,
            };
            let checked = check(&own, &hello, described.as_ref(), expected);
            assert_eq!(checked.is_ok(), accepted, "{claimed:?} {expected:?}: {checked:?}");
        }
    }
}
