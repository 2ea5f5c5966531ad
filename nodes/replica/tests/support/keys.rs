//! The keys of a test cluster, and nodes that use them. The unit tests of the crate use this module as well.

use std::path::Path;
use std::sync::Arc;

use futures::future::BoxFuture;
use group::{Call, Credentials, Unavailable};
use protocol::Timestamp;
use replica::{Limits, Node, NodeOptions};
use token::{AUDIENCE, Claims, ClusterKey, PublicKeys, SigningKey, Verifier};

const ISSUER: &str = "http://issuer.example";

pub struct Keys {
    pub cluster: ClusterKey,
    signing: SigningKey,
}

impl Keys {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { cluster: ClusterKey::random(), signing: SigningKey::generate() })
    }

    pub fn verifier(&self) -> Arc<Verifier> {
        let verifier = Verifier::new(ISSUER, &self.cluster);
        verifier.replace_keys(PublicKeys::from_paserk([self.signing.public().paserk()]));
        Arc::new(verifier)
    }

    pub fn sign(&self, subject: &str, scope: &str) -> String {
        self.sign_as(subject, scope, |_| {})
    }

    /// As [`Keys::sign`], with changed claims.
    pub fn sign_as(&self, subject: &str, scope: &str, change: impl FnOnce(&mut Claims)) -> String {
        let now = Timestamp::wall_clock();
        let mut claims = Claims {
            issuer: ISSUER.into(),
            subject: subject.into(),
            audience: AUDIENCE.into(),
            issued_at: now,
            not_before: now,
            expires_at: now.plus_secs(600),
            token_id: format!("{now:?}"),
            client_id: subject.into(),
            scope: scope.into(),
            on_behalf_of: None,
            resources: Vec::new(),
            epoch: 0,
            family: None,
        };
        change(&mut claims);
        self.signing.sign(&claims)
    }

    pub fn call(&self, subject: &str, scope: &str, timeout: std::time::Duration) -> Call {
        Call::bearer(self.sign(subject, scope), timeout)
    }

    /// A node whose services sign with these keys, and its log, which must be closed after it.
    pub fn node(self: &Arc<Self>, data: &Path, limits: Limits) -> (Arc<Node>, Arc<store::NodeLog>) {
        let log = store::NodeLog::open(&data.join("log"), store::LogSettings::default()).unwrap();
        let node = Node::new(NodeOptions {
            data: data.to_owned(),
            log: Arc::clone(&log),
            verifier: self.verifier(),
            network: Arc::new(consensus::NoNetwork),
            limits,
            epoch: 1,
            cache_bytes: 4 << 20,
        });
        node.set_credentials(Arc::<Self>::clone(self));
        (node, log)
    }
}

impl Credentials for Keys {
    fn service_token<'a>(
        &'a self,
        service: &'a str,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Arc<str>, Unavailable>> {
        Box::pin(async move { Ok(self.sign(&format!("svc:{service}"), "").into()) })
    }
}
