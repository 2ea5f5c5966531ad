//! The first words on a connection, before ractor_cluster gets it: who is there, and may they stay.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use protocol::codec;

use crate::identity::{CertificateInfo, Identity};
use crate::tls::Transport;

/// What both sides must speak.
pub(crate) const PROTOCOL: u16 = 1;
/// A longer greeting is none.
const HELLO_BYTES_MAX: u32 = 4096;

/// How a node introduces itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub protocol: u16,
    pub identity: Identity,
    /// Random at each start: tells a restarted node from one that is still there.
    pub incarnation: u64,
    /// Where it can be dialled.
    pub address: String,
    /// The name of its endpoint actor.
    pub endpoint: String,
    /// Every frame that is sent to it over this session bears this: so the endpoint knows whose it is.
    pub token: u128,
}

/// What the node that was dialled answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct HelloReply {
    pub hello: Hello,
    pub result: HandshakeResult,
}

/// Whether the connection becomes a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum HandshakeResult {
    Accepted,
    /// There is a session already, and it stays.
    Duplicate,
    Refused(String),
}

/// Sends one greeting.
pub(crate) async fn send<T: Serialize>(transport: &mut Box<dyn Transport>, words: &T) -> Result<(), String> {
    let bytes = codec::encode(words);
    let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= HELLO_BYTES_MAX);
    let length = length.ok_or("the greeting is too long")?;
    let sent = async {
        transport.write_u32(length).await?;
        transport.write_all(&bytes).await?;
        transport.flush().await
    };
    sent.await.map_err(|error| format!("greeting: {error}"))
}

/// Waits for one.
pub(crate) async fn receive<T: DeserializeOwned>(transport: &mut Box<dyn Transport>) -> Result<T, String> {
    let length = transport.read_u32().await.map_err(|error| format!("no greeting: {error}"))?;
    if length > HELLO_BYTES_MAX {
        return Err("no greeting of this program".to_owned());
    }
    let mut bytes = vec![0; length as usize];
    transport.read_exact(&mut bytes).await.map_err(|error| format!("no greeting: {error}"))?;
    codec::decode(&bytes).map_err(|error| format!("no greeting of this program: {error}"))
}

/// Holds what a node says it is against what its certificate says, and against whom we expect.
///
/// # Errors
/// Words that say why it may not stay.
pub(crate) fn check(
    own: &Identity,
    hello: &Hello,
    certificate: Option<&CertificateInfo>,
    expected: Option<&str>,
) -> Result<(), String> {
    let said = &hello.identity;
    if hello.protocol != PROTOCOL {
        return Err(format!("it speaks protocol {}, not {PROTOCOL}", hello.protocol));
    }
    if let Some(certificate) = certificate
        && certificate.identity != *said
    {
        return Err("it is not whom its certificate names".to_owned());
    }
    if said.cluster != own.cluster {
        return Err("it is of another cluster".to_owned());
    }
    if expected.is_some_and(|name| name != said.node) {
        return Err("another node answers there".to_owned());
    }
    if said.node == own.node {
        return Err("it bears the name of this node".to_owned());
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
    fn a_node_must_be_whom_its_certificate_names() {
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
        for (said, protocol, certified, expected, fine) in cases {
            let described = certified.map(|identity| CertificateInfo {
                identity,
                fingerprint: Fingerprint::of(b""),
                addresses: vec![],
                expires_at_secs: 0,
            });
            let hello = Hello {
                protocol,
                identity: said.clone(),
                incarnation: 1,
                address: String::new(),
                endpoint: String::new(),
                token: 1,
            };
            let checked = check(&own, &hello, described.as_ref(), expected);
            assert_eq!(checked.is_ok(), fine, "{said:?} {expected:?}: {checked:?}");
        }
    }
}
