//! A node that echoes calls, in a process of its own: `link_node DIRECTORY NAME LISTEN [PEER=ADDRESS …]`, with the
//! directory that `auberge cert node` created. Prints its address and runs until its standard input ends. With
//! `--measure PEER` it prints throughput and latency of calls to that peer, and exits.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use link::{Handler, Identity, Limits, Link, Options, PeerState, Seed, TlsFiles, TrafficClass};

const TIMEOUT: Duration = Duration::from_secs(30);

struct Echo;

impl Handler for Echo {
    fn handle<'a>(
        &'a self,
        _: &'a Identity,
        topic: &'a str,
        bytes: Vec<u8>,
        _: Instant,
    ) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        async move {
            match topic {
                "never" => std::future::pending().await,
                "length" => Ok(bytes.len().to_string().into_bytes()),
                _ => Ok(bytes),
            }
        }
        .boxed()
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let measured_peer = arguments.iter().position(|argument| argument == "--measure").map(|at| {
        arguments.remove(at);
        arguments.remove(at)
    });
    let directory = Path::new(&arguments[0]);
    let tls = TlsFiles {
        ca: directory.join("ca.pem"),
        certificate: directory.join("node.pem"),
        key: directory.join("node.key"),
    };
    let own = link::certificates::read_certificate(&tls.certificate).expect("a certificate").identity;
    assert_eq!(own.node, arguments[1], "the directory belongs to another node");
    let seeds = arguments[3..].iter().filter_map(|peer| peer.split_once('=')).map(Seed::from).collect();
    let options = Options {
        cluster: own.cluster,
        node: own.node,
        node_id: own.node_id,
        listen: arguments[2].parse().expect("an address"),
        advertise: None,
        seeds,
        tls: Some(tls),
        insecure: false,
        denied: Vec::new(),
        limits: Limits::default(),
    };
    let link = Link::start(options, Arc::new(Echo)).await.expect("a link");
    println!("{}", link.address());
    if let Some(peer) = measured_peer {
        measure(&link, &peer).await;
    } else {
        let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        let _ = ended.await;
    }
    link.shutdown().await;
}

async fn measure(link: &Link, peer: &str) {
    let mut peers = link.peers();
    let up = |peers: &Vec<link::Peer>| peers.iter().any(|one| one.name == peer && one.state == PeerState::Up);
    peers.wait_for(up).await.expect("a session");
    for at_once in [1, 64, 256] {
        let per = 20_000 / at_once;
        let began = Instant::now();
        let callers = (0..at_once).map(|_| {
            let (link, peer) = (link.clone(), peer.to_owned());
            tokio::spawn(async move {
                let mut took = Vec::with_capacity(per);
                for _ in 0..per {
                    let sent = Instant::now();
                    link.call(&peer, TrafficClass::Interactive, "echo", vec![7; 200], TIMEOUT)
                        .await
                        .expect("a response");
                    took.push(sent.elapsed());
                }
                took
            })
        });
        let mut took: Vec<Duration> =
            futures::future::join_all(callers).await.into_iter().flat_map(Result::unwrap).collect();
        let rate = took.len() as f64 / began.elapsed().as_secs_f64();
        println!("200 B, {at_once} at once: {rate:.0}/s, {}", spread(&mut took));
    }
    for at_once in [1_usize, 4] {
        let began = Instant::now();
        let bulk =
            (0..at_once).map(|_| link.call(peer, TrafficClass::Bulk, "length", vec![7; 64 << 20], TIMEOUT));
        let sent = futures::future::join_all(bulk).await;
        assert!(sent.iter().all(Result::is_ok));
        let rate = (at_once * 64) as f64 * 1.048_576 / began.elapsed().as_secs_f64();
        println!("{at_once} x 64 MiB bulk: {rate:.0} MB/s");
    }
    let mut bulk = Box::pin(link.call(peer, TrafficClass::Bulk, "length", vec![7; 120 << 20], TIMEOUT));
    let mut took = Vec::new();
    loop {
        let sent = Instant::now();
        tokio::select! {
            response = &mut bulk => {
                response.expect("a response");
                break;
            }
            response = link.call(peer, TrafficClass::Interactive, "echo", vec![7; 200], TIMEOUT) => {
                response.expect("a response");
                took.push(sent.elapsed());
            }
        }
    }
    println!("200 B during bulk: {} calls, {}", took.len(), spread(&mut took));
}

fn spread(took: &mut [Duration]) -> String {
    took.sort();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    format!("p50 {:?}, p99 {:?}, max {:?}", at(0.5), at(0.99), at(1.0))
}
