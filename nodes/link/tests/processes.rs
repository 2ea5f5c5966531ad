//! Peers that are killed or stopped, in processes of their own, and clients that never send a handshake.

mod common;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{TIMEOUT, TestCluster, down, seed, up};
use link::{Link, LinkError, PeerState, Seed, TrafficClass};
use rustix::process::{Pid, Signal, kill_process};

/// A node in a process of its own. Dropping it kills the process.
struct Process {
    child: Child,
    address: String,
}

impl Process {
    fn start(cluster: &TestCluster, node: &str, listen: &str, peers: &[&Link]) -> Self {
        cluster.files(node);
        let test = std::env::current_exe().expect("a path");
        let target = test.parent().and_then(std::path::Path::parent).expect("target/PROFILE/deps");
        let program: PathBuf = target.join("examples/link_node");
        let mut child = Command::new(program)
            .arg(cluster.dir.path().join(node))
            .args([node, listen])
            .args(peers.iter().map(|peer| format!("{}={}", peer.identity().node, peer.address())))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example is built with the tests");
        let mut address = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut address).expect("a line");
        Self { child, address: address.trim().to_owned() }
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a running process");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn call(link: &Link, topic: &'static str) -> tokio::task::JoinHandle<Result<Vec<u8>, LinkError>> {
    let link = link.clone();
    tokio::spawn(async move { link.call("n2", TrafficClass::Interactive, topic, vec![1], TIMEOUT).await })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_to_a_killed_peer_fail_at_once_and_it_is_reconnected() {
    let inn = TestCluster::of("inn");
    let n1 = inn.start("n1", vec![]).await;
    let n2 = Process::start(&inn, "n2", "127.0.0.1:0", &[&n1]);
    up(&n1, "n2").await;
    let waiting: Vec<_> = (0..4).map(|_| call(&n1, "never")).collect();
    assert_eq!(n1.call("n2", TrafficClass::Interactive, "echo", vec![1], TIMEOUT).await, Ok(vec![1]));
    n2.send(Signal::KILL);
    for call in waiting {
        assert_eq!(call.await.expect("a task"), Err(LinkError::PeerLost));
    }
    down(&n1, "n2").await;
    assert_eq!(
        n1.call("n2", TrafficClass::Interactive, "echo", vec![1], TIMEOUT).await,
        Err(LinkError::NoSession)
    );
    let address = n2.address.clone();
    drop(n2);
    // The restarted peer does not dial: this node does.
    n1.set_peers(vec![Seed::from(("n2", &address))]);
    let again = Process::start(&inn, "n2", &address, &[]);
    assert_eq!(again.address, address);
    up(&n1, "n2").await;
    assert_eq!(n1.call("n2", TrafficClass::Interactive, "echo", vec![2], TIMEOUT).await, Ok(vec![2]));
    n1.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_peer_is_detected_and_reconnects_when_it_continues() {
    let inn = TestCluster::of("inn");
    let n1 = inn.start("n1", vec![]).await;
    let n2 = Process::start(&inn, "n2", "127.0.0.1:0", &[&n1]);
    for _ in 0..2 {
        up(&n1, "n2").await;
        let waiting = call(&n1, "never");
        n2.send(Signal::STOP);
        let peer = down(&n1, "n2").await;
        assert_eq!(peer.state, PeerState::Down("no response to pings".to_owned()));
        // The call had a minute left, but failed when the session ended.
        assert_eq!(waiting.await.expect("a task"), Err(LinkError::PeerLost));
        n2.send(Signal::CONT);
    }
    up(&n1, "n2").await;
    assert_eq!(n1.call("n2", TrafficClass::Interactive, "echo", vec![3], TIMEOUT).await, Ok(vec![3]));
    n1.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_without_a_handshake_do_not_block_others() {
    let inn = TestCluster::of("inn");
    let n1 = inn.start("n1", vec![]).await;
    let connections: Vec<_> =
        (0..8).map(|_| std::net::TcpStream::connect(n1.address()).expect("a connection")).collect();
    let n2 = inn.start("n2", vec![seed(&n1)]).await;
    up(&n2, "n1").await;
    up(&n1, "n2").await;
    let response = n2.call("n1", TrafficClass::Interactive, "echo", vec![1], Duration::from_secs(60)).await;
    assert_eq!(response, Ok(vec![1]));
    drop(connections);
    n2.shutdown().await;
    n1.shutdown().await;
}
