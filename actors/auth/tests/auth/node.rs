//! Bootstrap of a node with real credentials: cluster key, node credential, service token, verifier.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use auth::{Auth, Bootstrap, ServiceTokens, bootstrap, refresh_verifier};
use contracts::auth::{
    Answer, ClientPage, EndSession, IssueServiceToken, IssueSessionToken, ListClients, ListKeys, Query,
    Refusal, Reply, StartSession, refresh_hash,
};
use futures::future::BoxFuture;
use group::testing::Bench;
use group::{
    Attempt, Call, Client, Credentials, EncodedCommand, Failure, GroupHandle, Inbox, Placement, Unavailable,
    Why,
};
use protocol::{Access, Contract, Principal, Timestamp};
use token::{ClusterKey, Rejected, Verifier};

use crate::bench::{ISSUER, grants, operator};

type Messages = contracts::auth::Auth;

/// A group that verifies its callers, like the kernel.
struct Gate {
    bench: Bench<Auth>,
    verifier: Arc<Verifier>,
}

#[derive(Clone)]
struct Node {
    gate: Arc<Gate>,
    cluster: ClusterKey,
    verifier: Arc<Verifier>,
}

impl Gate {
    fn admit(&self, call: &Call, access: Access) -> Result<Principal, Failure<Refusal>> {
        let now = Timestamp::wall_clock();
        self.bench.set_now(now);
        let caller = match &call.token {
            None => Principal::anonymous(),
            Some(token) => {
                let verified = self.verifier.verify(token, now);
                verified.map_err(|error| Failure::Unauthenticated(error.to_string()))?.as_ref().clone()
            }
        };
        group::check_access(&caller, access)?;
        Ok(caller)
    }
}

impl GroupHandle<Messages> for Gate {
    fn command<'a>(
        &'a self,
        call: &'a Call,
        _: Attempt,
        command: &'a EncodedCommand<Messages>,
    ) -> BoxFuture<'a, Result<Reply, Failure<Refusal>>> {
        Box::pin(async move {
            let caller = self.admit(call, Messages::command_access(command.command()))?;
            self.bench.command(&caller, command.command().clone()).map_err(Failure::Refused)
        })
    }

    fn query<'a>(&'a self, call: &'a Call, query: Query) -> BoxFuture<'a, Result<Answer, Failure<Refusal>>> {
        Box::pin(async move {
            let caller = self.admit(call, Messages::query_access(&query))?;
            self.bench.query(&caller, query).map_err(Failure::Refused)
        })
    }
}

impl Placement for Node {
    fn shards(&self, service: &str) -> Option<u16> {
        (service == "auth").then_some(1)
    }

    fn local(&self, _: &str, _: u16) -> Result<Arc<dyn Any + Send + Sync>, Unavailable> {
        let handle: Arc<dyn GroupHandle<Messages>> = Arc::<Gate>::clone(&self.gate);
        Ok(Arc::new(handle))
    }

    fn inbox(&self, service: &str, _: u16) -> Result<Arc<dyn Inbox>, Unavailable> {
        Err(Unavailable::new(Why::NoService(service.to_owned())))
    }
}

impl Node {
    fn new() -> Self {
        let cluster = ClusterKey::random();
        let verifier = Arc::new(Verifier::new(ISSUER, &cluster));
        let bench = Bench::new(Auth::new(cluster.clone(), ISSUER));
        Self { gate: Arc::new(Gate { bench, verifier: Arc::clone(&verifier) }), cluster, verifier }
    }

    fn client(&self) -> Client {
        Client::new(Arc::new(self.clone()))
    }

    async fn refresh_verifier(&self) {
        refresh_verifier(&self.client(), &self.cluster, "n1", &self.verifier).await.unwrap();
    }
}

#[tokio::test]
async fn bootstrap_can_be_repeated_and_creates_one_key_and_one_administrator() {
    let node = Node::new();
    let start = async |secret: &str| bootstrap(&node.client(), &node.cluster, "n1", secret).await;
    assert_eq!(start("sec_one").await, Ok(Bootstrap::Initialized));
    assert_eq!(start("sec_one").await, Ok(Bootstrap::Initialized));
    assert_eq!(start("sec_two").await, Ok(Bootstrap::AlreadyInitialized));
    assert_eq!(node.gate.bench.call(&Principal::anonymous(), ListKeys).unwrap().len(), 1);
    let list = ListClients { after: None, limit: 100 };
    let ClientPage { clients, .. } = node.gate.bench.call(&operator(), list).unwrap();
    assert_eq!(clients.iter().map(|client| client.id.as_str()).collect::<Vec<_>>(), ["admin", "cli"]);
    let stranger = ClusterKey::random();
    let refused = bootstrap(&node.client(), &stranger, "n1", "sec_one").await;
    assert!(matches!(refused, Err(Failure::Unauthenticated(_))), "another cluster's node: {refused:?}");
}

#[tokio::test]
async fn service_tokens_are_valid_cached_and_revocable() {
    let node = Node::new();
    bootstrap(&node.client(), &node.cluster, "n1", "sec_one").await.unwrap();
    node.refresh_verifier().await;
    let tokens = ServiceTokens::new(node.client(), node.cluster.clone(), "n1");
    let first = tokens.service_token("ui", None).await.unwrap();
    let again = tokens.service_token("ui", None).await.unwrap();
    assert!(Arc::ptr_eq(&first, &again), "the token is cached");
    let for_guest = tokens.service_token("ui", Some("gst_1")).await.unwrap();
    let now = Timestamp::wall_clock();
    let principal = node.verifier.verify(&for_guest, now).unwrap();
    assert_eq!((principal.as_service(), principal.effective_subject()), (Some("ui"), "gst_1"));
    assert_eq!(node.verifier.verify(&first, now).unwrap().effective_subject(), "svc:ui");
    assert!(tokens.service_token("nobody", None).await.is_err());

    // The UI starts a session. Its token is revoked when the node has fetched the revocation of the ended session.
    let call = Call::bearer(first, Duration::from_secs(5));
    let client = node.client();
    let start = StartSession { grants: grants(1, 0), scopes: None, refresh_hash: refresh_hash("rt_0") };
    let grant = client.call(&call, start).await.unwrap();
    let query = IssueSessionToken { session: grant.session, scopes: None, token_id: "tok_1".into() };
    let issued = client.call(&call, query).await.unwrap();
    assert_eq!(node.verifier.verify(&issued.token.0, now).unwrap().subject, grant.user.to_string());
    client.call(&call, EndSession { refresh_hash: refresh_hash("rt_0") }).await.unwrap();
    node.refresh_verifier().await;
    assert_eq!(node.verifier.verify(&issued.token.0, now), Err(Rejected::Revoked));
}

#[tokio::test]
async fn nodes_of_other_clusters_and_unauthorized_services_are_refused() {
    let node = Node::new();
    bootstrap(&node.client(), &node.cluster, "n1", "sec_one").await.unwrap();
    node.refresh_verifier().await;
    let stranger = ServiceTokens::new(node.client(), ClusterKey::random(), "n1");
    assert!(stranger.service_token("ui", None).await.is_err());
    let tokens = ServiceTokens::new(node.client(), node.cluster.clone(), "n1");
    let token = tokens.service_token("search", None).await.unwrap();
    let call = Call::bearer(token, Duration::from_secs(5));
    let query = IssueServiceToken { service: "ui".into(), on_behalf_of: None, token_id: "tok_1".into() };
    let refused = node.client().call(&call, query.clone()).await;
    assert!(matches!(refused, Err(Failure::Forbidden(_))), "{refused:?}");
    let nobody = Call::anonymous(Duration::from_secs(5));
    let refused = node.client().call(&nobody, query).await;
    assert!(matches!(refused, Err(Failure::Unauthenticated(_))), "{refused:?}");
    let refused = node.client().call(&call, EndSession { refresh_hash: [0; 32] }).await;
    assert!(matches!(refused, Err(Failure::Forbidden(_))), "{refused:?}");
}
