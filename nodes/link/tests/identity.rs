//! Authentication: which peers are admitted and which are refused.

mod common;

use std::sync::Arc;

use common::{Echo, TIMEOUT, TestCluster, down, refused, seed, until, up};
use link::certificates::CertificateError;
use link::{Link, LinkError, PeerState, Seed, StartError, TrafficClass};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_a_cluster_connect_and_handlers_see_the_caller() {
    let inn = TestCluster::of("inn");
    let n1 = inn.start("n1", vec![]).await;
    let n2 = inn.start("n2", vec![seed(&n1)]).await;
    // One seed has no name: it is taken from the certificate.
    let n3 = inn.start("n3", vec![Seed::from(n1.address()), seed(&n2)]).await;
    let nodes = [&n1, &n2, &n3];
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
        let (a, b) = (nodes[one], nodes[other]);
        for (here, there) in [(a, b), (b, a)] {
            let peer = up(here, &there.identity().node).await;
            assert_eq!(peer.id, Some(there.identity().node_id));
            let who =
                here.call(&there.identity().node, TrafficClass::Interactive, "who", vec![], TIMEOUT).await;
            assert_eq!(who, Ok(here.identity().node.clone().into_bytes()));
        }
    }
    assert_eq!(
        n3.peers().borrow().len(),
        2,
        "the address has no entry of its own: {:?}",
        n3.peers().borrow()
    );
    assert_eq!(
        n1.call("n1", TrafficClass::Interactive, "who", vec![], TIMEOUT).await,
        Ok(b"n1".to_vec()),
        "itself"
    );
    assert_eq!(
        n1.call("n9", TrafficClass::Interactive, "who", vec![], TIMEOUT).await,
        Err(LinkError::NoSession)
    );
    for node in nodes {
        node.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_dials_leave_one_session() {
    let inn = TestCluster::of("inn");
    for _ in 0..5 {
        let (n1, n2) = (inn.start("n1", vec![]).await, inn.start("n2", vec![]).await);
        n1.set_peers(vec![Seed::from(n2.address())]);
        n2.set_peers(vec![Seed::from(n1.address())]);
        // Whichever connection was kept, calls succeed in both directions in the end.
        for (here, there) in [(&n1, "n2"), (&n2, "n1")] {
            let called = tokio::time::timeout(TIMEOUT, async {
                while here.call(there, TrafficClass::Interactive, "echo", vec![1], TIMEOUT).await.is_err() {
                    up(here, there).await;
                    tokio::task::yield_now().await;
                }
            });
            called.await.expect("a response");
        }
        n1.shutdown().await;
        n2.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_without_a_certificate_of_the_authority_is_refused() {
    let (inn, forged) = (TestCluster::of("inn"), TestCluster::of("inn"));
    let n1 = inn.start("n1", vec![]).await;
    // Another authority of the same name: the dialling node detects it first.
    let n2 = forged.start("n2", vec![seed(&n1)]).await;
    assert!(refused(&n2, "n1").await.contains("TLS"), "{:?}", n2.peers().borrow());
    n1.set_peers(vec![seed(&n2)]);
    assert!(refused(&n1, "n2").await.contains("TLS"));
    n2.shutdown().await;

    // It trusts this authority, but presents a certificate of another one.
    let mut options = inn.options("n3", vec![seed(&n1)]);
    let foreign = forged.files("n3");
    options.node_id =
        link::certificates::read_certificate(&foreign.certificate).expect("a certificate").identity.node_id;
    options.tls.as_mut().expect("files").certificate = foreign.certificate;
    options.tls.as_mut().expect("files").key = foreign.key;
    let n3 = Link::start(options, Arc::new(Echo)).await.expect("a link");
    down(&n3, "n1").await;
    assert_eq!(
        n3.call("n1", TrafficClass::Interactive, "who", vec![], TIMEOUT).await,
        Err(LinkError::NoSession)
    );
    n3.shutdown().await;

    // No certificate at all.
    let mut options = inn.options("n4", vec![seed(&n1)]);
    (options.tls, options.insecure) = (None, true);
    let n4 = Link::start(options, Arc::new(Echo)).await.expect("a link");
    down(&n4, "n1").await;
    assert!(
        n1.peers().borrow().iter().all(|peer| peer.name == "n2"),
        "no peer was admitted: {:?}",
        n1.peers().borrow()
    );
    n4.shutdown().await;
    n1.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_cluster_or_another_name_is_refused() {
    let (inn, spa) = (TestCluster::of("inn"), TestCluster::of("spa"));
    let n1 = inn.start("n1", vec![]).await;
    let n2 = spa.start("n2", vec![seed(&n1)]).await;
    refused(&n2, "n1").await;
    n2.shutdown().await;
    // Without TLS, the handshake message names the cluster.
    let insecure = |cluster: &TestCluster, node: &str, seeds| {
        let mut options = cluster.options(node, seeds);
        (options.tls, options.insecure) = (None, true);
        Link::start(options, Arc::new(Echo))
    };
    let open = insecure(&inn, "n5", vec![]).await.expect("a link");
    let other = insecure(&spa, "n6", vec![seed(&open)]).await.expect("a link");
    assert!(refused(&other, "n5").await.contains("belongs to another cluster"));
    let same = insecure(&inn, "n7", vec![seed(&open)]).await.expect("a link");
    up(&same, "n5").await;
    for link in [open, other, same] {
        link.shutdown().await;
    }
    // The right certificate, at the wrong address.
    let n3 = inn.start("n3", vec![Seed::from(("n2", n1.address()))]).await;
    assert_eq!(refused(&n3, "n2").await, "the address belongs to another node");
    n3.shutdown().await;
    n1.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denied_certificate_ends_its_session_and_cannot_reconnect() {
    let inn = TestCluster::of("inn");
    let n1 = inn.start("n1", vec![]).await;
    let n2 = inn.start("n2", vec![seed(&n1)]).await;
    up(&n1, "n2").await;
    let waiting = {
        let n2 = n2.clone();
        up(&n2, "n1").await;
        tokio::spawn(async move { n2.call("n1", TrafficClass::Interactive, "never", vec![], TIMEOUT).await })
    };
    n1.deny(inn.fingerprint("n2"));
    assert!(n1.is_denied(&inn.fingerprint("n2")));
    let peer = down(&n1, "n2").await;
    assert_eq!(peer.state, PeerState::Down("the certificate is denied".to_owned()));
    assert!(refused(&n2, "n1").await.contains("denied"));
    assert_eq!(waiting.await.expect("a task"), Err(LinkError::PeerLost));
    n2.shutdown().await;

    // Denied from the start, and dialled by this node.
    let n3 = inn.start("n3", vec![]).await;
    let mut options = inn.options("n4", vec![seed(&n3)]);
    options.denied = vec![inn.fingerprint("n3")];
    let n4 = Link::start(options, Arc::new(Echo)).await.expect("a link");
    assert_eq!(refused(&n4, "n3").await, "the certificate is denied");
    for link in [n1, n3, n4] {
        link.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_node_with_the_name_of_a_connected_one_is_refused_until_it_leaves() {
    let inn = TestCluster::of("inn");
    let n1 = inn.start("n1", vec![]).await;
    let old = inn.start("n2", vec![seed(&n1)]).await;
    up(&n1, "n2").await;
    std::fs::remove_dir_all(inn.dir.path().join("n2")).expect("the old directory");
    let new = inn.start("n2", vec![seed(&n1)]).await;
    assert!(refused(&new, "n1").await.contains("another node with the same name"));
    old.shutdown().await;
    up(&new, "n1").await;
    let id = new.identity().node_id;
    until(&n1, "n2", |state| *state == PeerState::Up).await;
    assert_eq!(up(&n1, "n2").await.id, Some(id));
    new.shutdown().await;
    n1.shutdown().await;
}

#[tokio::test]
async fn invalid_settings_and_certificates_are_refused_at_start() {
    let inn = TestCluster::of("inn");
    type Change = Box<dyn Fn(&mut link::Options)>;
    let cases: Vec<(&str, Change)> = vec![
        ("no certificates", Box::new(|options| options.tls = None)),
        ("certificates and insecure", Box::new(|options| options.insecure = true)),
        ("another name than in the certificate", Box::new(|options| options.node = "n2".to_owned())),
        ("another id", Box::new(|options| options.node_id ^= 1)),
        ("another cluster", Box::new(|options| options.cluster = "spa".to_owned())),
        ("an invalid name", Box::new(|options| options.node = "N 1".to_owned())),
        ("parts that are too long", Box::new(|options| options.limits.part_bytes = 2 << 20)),
        ("a limit of no calls", Box::new(|options| options.limits.calls_max = 0)),
        ("a limit of no missed pings", Box::new(|options| options.limits.missed_pings_max = 0)),
        (
            "no key",
            Box::new(|options| {
                let files = options.tls.as_mut().expect("files");
                files.key = files.key.with_extension("none");
            }),
        ),
        (
            "a key that other users can read",
            Box::new(|options| {
                use std::os::unix::fs::PermissionsExt;
                let key = &options.tls.as_ref().expect("files").key;
                std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o644)).expect("a file");
            }),
        ),
    ];
    for (what, change) in cases {
        let mut options = inn.options("n1", vec![]);
        change(&mut options);
        let started = Link::start(options, Arc::new(Echo)).await;
        assert!(
            matches!(
                started,
                Err(StartError::NoTls | StartError::Setting(_) | StartError::Certificate { .. })
            ),
            "{what}"
        );
    }
}

#[test]
fn certificates_are_created_once_and_renewed() {
    use std::os::unix::fs::PermissionsExt;
    let inn = TestCluster::of("inn");
    let dir = inn.dir.path();
    let addresses = ["n1.inn.example".to_owned(), "10.0.0.1".to_owned(), "::1".to_owned()];
    let first = inn.authority.add_node(dir, "n1", &addresses).expect("a certificate");
    assert_eq!(first.addresses, addresses);
    assert_eq!((first.identity.cluster.as_str(), first.identity.node.as_str()), ("inn", "n1"));
    for secret in ["ca.key", "n1/node.key"] {
        let mode = std::fs::metadata(dir.join(secret)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    assert!(!dir.join("n1/ca.key").exists());
    assert!(matches!(inn.authority.add_node(dir, "n1", &[]), Err(CertificateError::Exists(_))));
    assert!(matches!(
        link::certificates::CertificateAuthority::init(dir, "inn"),
        Err(CertificateError::Exists(_))
    ));

    let again = link::certificates::CertificateAuthority::open(dir).expect("the authority");
    assert_eq!(again.cluster(), "inn");
    let renewed = again.renew(dir, "n1", &[]).expect("a certificate");
    assert_eq!((&renewed.identity, &renewed.addresses), (&first.identity, &first.addresses));
    assert_ne!(renewed.fingerprint, first.fingerprint);
    assert!(matches!(again.renew(dir, "n2", &[]), Err(CertificateError::File { .. })), "never created");
    for name in ["", "N1", "a/b", "..", "-a"] {
        assert!(matches!(again.add_node(dir, name, &[]), Err(CertificateError::Name(_))), "{name}");
        assert!(matches!(again.renew(dir, name, &[]), Err(CertificateError::Name(_))), "{name}");
    }
    for address in ["a b", "host:80", ""] {
        let issued = again.issue("n3", 1, &[address.to_owned()]);
        assert!(matches!(issued, Err(CertificateError::Address(_))), "{address}");
    }
}
