//! Test nodes: an authority and certificates in a temporary directory, and links on loopback.
#![allow(dead_code)] // each test file uses a part of it

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use link::certificates::CertificateAuthority;
use link::{Fingerprint, Handler, Identity, Limits, Link, Options, Peer, PeerState, Seed, TlsFiles};
use tempfile::TempDir;

/// Timeout that is never reached, even on a busy machine.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// A certificate authority in a temporary directory.
pub struct TestCluster {
    pub dir: TempDir,
    pub authority: CertificateAuthority,
}

impl TestCluster {
    pub fn of(cluster: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let authority = CertificateAuthority::init(dir.path(), cluster).expect("an authority");
        Self { dir, authority }
    }

    /// The certificate files of `node`, created at first use.
    pub fn files(&self, node: &str) -> TlsFiles {
        let directory = self.dir.path().join(node);
        if !directory.exists() {
            self.authority.add_node(self.dir.path(), node, &["localhost".to_owned()]).expect("a certificate");
        }
        TlsFiles {
            ca: directory.join("ca.pem"),
            certificate: directory.join("node.pem"),
            key: directory.join("node.key"),
        }
    }

    pub fn fingerprint(&self, node: &str) -> Fingerprint {
        link::certificates::read_certificate(&self.files(node).certificate)
            .expect("a certificate")
            .fingerprint
    }

    /// Operation `node` of this cluster starts with.
    pub fn options(&self, node: &str, seeds: Vec<Seed>) -> Options {
        let tls = self.files(node);
        let described = link::certificates::read_certificate(&tls.certificate).expect("a certificate");
        Options {
            cluster: self.authority.cluster().to_owned(),
            node: node.to_owned(),
            node_id: described.identity.node_id,
            listen: ([127, 0, 0, 1], 0).into(),
            advertise: None,
            seeds,
            tls: Some(tls),
            insecure: false,
            denied: Vec::new(),
            limits: Limits::default(),
        }
    }

    pub async fn start(&self, node: &str, seeds: Vec<Seed>) -> Link {
        Link::start(self.options(node, seeds), Arc::new(Echo)).await.expect("a link")
    }
}

/// A seed for a link, with its name.
pub fn seed(link: &Link) -> Seed {
    Seed::from((link.identity().node.as_str(), link.address()))
}

/// Echoes the payload, or does what the topic names.
pub struct Echo;

impl Handler for Echo {
    fn handle<'a>(
        &'a self,
        from: &'a Identity,
        topic: &'a str,
        bytes: Vec<u8>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        async move {
            match topic {
                "who" => Ok(from.node.clone().into_bytes()),
                "length" => Ok(bytes.len().to_string().into_bytes()),
                "zeros" => {
                    Ok(vec![0; String::from_utf8_lossy(&bytes).parse().map_err(|_| "no number".to_owned())?])
                }
                "left" => Ok(deadline
                    .saturating_duration_since(Instant::now())
                    .as_micros()
                    .to_string()
                    .into_bytes()),
                "never" => std::future::pending().await,
                "refuse" => Err("no".to_owned()),
                "panic" => panic!("requested panic"),
                _ => Ok(bytes),
            }
        }
        .boxed()
    }
}

/// Waits until the state of peer `name` satisfies `wanted`.
pub async fn until(link: &Link, name: &str, wanted: impl Fn(&PeerState) -> bool) -> Peer {
    let mut peers = link.peers();
    let found = tokio::time::timeout(TIMEOUT, async {
        loop {
            let found = peers
                .borrow_and_update()
                .iter()
                .find(|peer| peer.name == name && wanted(&peer.state))
                .cloned();
            match found {
                Some(peer) => return peer,
                None => peers.changed().await.expect("a running link"),
            }
        }
    });
    match found.await {
        Ok(peer) => peer,
        Err(_) => panic!("{name} did not reach the expected state: {:?}", link.peers().borrow()),
    }
}

pub async fn up(link: &Link, name: &str) -> Peer {
    until(link, name, |state| *state == PeerState::Up).await
}

pub async fn down(link: &Link, name: &str) -> Peer {
    until(link, name, |state| matches!(state, PeerState::Down(_))).await
}

pub async fn refused(link: &Link, name: &str) -> String {
    let peer = until(link, name, |state| matches!(state, PeerState::Refused(_))).await;
    match peer.state {
        PeerState::Refused(why) => why,
        other => panic!("{other:?}"),
    }
}
