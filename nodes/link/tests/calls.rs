//! Calls: limits, traffic classes, deadlines, and reconnection.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{Echo, TIMEOUT, TestCluster, down, seed, up};
use futures::FutureExt;
use futures::future::BoxFuture;
use link::{Handler, Identity, Limits, Link, LinkError, TrafficClass};

async fn pair(limits: Limits) -> (TestCluster, Link, Link) {
    let inn = TestCluster::of("inn");
    let n1 = Link::start(inn.options("n1", vec![]), Arc::new(Echo)).await.expect("a link");
    let mut options = inn.options("n2", vec![seed(&n1)]);
    options.limits = limits;
    let n2 = Link::start(options, Arc::new(Echo)).await.expect("a link");
    up(&n2, "n1").await;
    up(&n1, "n2").await;
    (inn, n1, n2)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn responses_and_refusals_are_returned_unchanged() {
    let (_inn, n1, n2) = pair(Limits::default()).await;
    for class in [TrafficClass::Interactive, TrafficClass::Bulk] {
        for length in
            [0, 1, 200, (256 << 10) - 1, 256 << 10, (256 << 10) + 1, 1 << 20, (1 << 20) + 1, 3_000_000]
        {
            let bytes: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            let response = n2.call("n1", class, "echo", bytes.clone(), TIMEOUT).await.expect("a response");
            assert!(response == bytes, "{class:?} {length}");
        }
        let refusal = n2.call("n1", class, "refuse", vec![], TIMEOUT).await;
        assert_eq!(refusal, Err(LinkError::Refused("no".to_owned())));
        let failure = n2.call("n1", class, "panic", vec![], TIMEOUT).await;
        assert_eq!(failure, Err(LinkError::Refused("the handler failed".to_owned())));
        let late = n2.call("n1", class, "never", vec![], Duration::from_millis(50)).await;
        assert_eq!(late, Err(LinkError::Timeout));
        let no_time = n2.call("n1", class, "echo", vec![], Duration::ZERO).await;
        assert_eq!(no_time, Err(LinkError::Timeout));
    }
    let long = n2.call("n1", TrafficClass::Interactive, &"x".repeat(257), vec![], TIMEOUT).await;
    assert_eq!(long, Err(LinkError::Refused("the topic is too long".to_owned())));
    n1.shutdown().await;
    n2.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_over_the_maximum_length_are_refused() {
    let limits = Limits { transfer_bytes_max: 1 << 20, small_bytes_max: 1 << 16, ..Limits::default() };
    let (_inn, n1, n2) = pair(limits).await;
    assert!(n2.call("n1", TrafficClass::Bulk, "length", vec![0; 1 << 20], TIMEOUT).await.is_ok());
    for (topic, bytes) in
        [("length", vec![0; (1 << 20) + 1]), ("zeros", ((1 << 20) + 1).to_string().into_bytes())]
    {
        let response = n2.call("n1", TrafficClass::Bulk, topic, bytes, TIMEOUT).await;
        assert!(matches!(response, Err(LinkError::Refused(_))), "{topic} {response:?}");
    }
    n1.shutdown().await;
    n2.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_over_the_limits_are_refused_at_once() {
    let (_inn, n1, n2) =
        pair(Limits { calls_max: 2, bulk_calls_max: 1, inbound_calls_max: 1, ..Limits::default() }).await;
    let never = |class| {
        let n2 = n2.clone();
        Box::pin(async move { n2.call("n1", class, "never", vec![], TIMEOUT).await })
    };
    // A call that was polled once holds its permit.
    let mut pending = [never(TrafficClass::Interactive), never(TrafficClass::Interactive)];
    for call in &mut pending {
        assert!(call.as_mut().now_or_never().is_none());
    }
    assert_eq!(n2.call("n1", TrafficClass::Interactive, "echo", vec![], TIMEOUT).await, Err(LinkError::Busy));
    // Bulk calls have permits of their own.
    let mut bulk = never(TrafficClass::Bulk);
    assert!(bulk.as_mut().now_or_never().is_none());
    assert_eq!(n2.call("n1", TrafficClass::Bulk, "echo", vec![], TIMEOUT).await, Err(LinkError::Busy));
    drop((pending, bulk));
    assert_eq!(
        n2.call("n1", TrafficClass::Interactive, "echo", vec![1], TIMEOUT).await,
        Ok(vec![1]),
        "permits are released"
    );

    // In the other direction, n2 handles at most one call at a time.
    let mut first = {
        let n1 = n1.clone();
        Box::pin(async move { n1.call("n2", TrafficClass::Interactive, "never", vec![], TIMEOUT).await })
    };
    // The call is sent when it is polled, and frames arrive in order.
    assert!(first.as_mut().now_or_never().is_none());
    assert_eq!(n1.call("n2", TrafficClass::Interactive, "echo", vec![], TIMEOUT).await, Err(LinkError::Busy));
    n2.shutdown().await;
    assert_eq!(first.await, Err(LinkError::PeerLost));
    n1.shutdown().await;
}

/// Forwards the call with the remaining time, and reports the remaining time at both nodes.
struct Relay(std::sync::OnceLock<Link>);

impl Handler for Relay {
    fn handle<'a>(
        &'a self,
        _: &'a Identity,
        _: &'a str,
        _: Vec<u8>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        async move {
            let left = deadline.saturating_duration_since(Instant::now());
            let next = self.0.get().ok_or("no link")?;
            let at_n3 = next
                .call("n3", TrafficClass::Interactive, "left", vec![], left)
                .await
                .map_err(|error| error.to_string())?;
            Ok(format!("{} {}", left.as_micros(), String::from_utf8_lossy(&at_n3)).into_bytes())
        }
        .boxed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_remaining_time_shrinks_with_each_hop() {
    let inn = TestCluster::of("inn");
    let n3 = inn.start("n3", vec![]).await;
    let relay = Arc::new(Relay(std::sync::OnceLock::new()));
    let n2 = Link::start(inn.options("n2", vec![seed(&n3)]), Arc::clone(&relay) as Arc<dyn Handler>)
        .await
        .expect("a link");
    assert!(relay.0.set(n2.clone()).is_ok());
    let n1 = inn.start("n1", vec![seed(&n2)]).await;
    up(&n2, "n3").await;
    up(&n1, "n2").await;
    let response =
        n1.call("n2", TrafficClass::Interactive, "left", vec![], TIMEOUT).await.expect("a response");
    let text = String::from_utf8(response).expect("numbers");
    let left: Vec<u128> = text.split(' ').map(|number| number.parse().expect("a number")).collect();
    assert!(TIMEOUT.as_micros() > left[0] && left[0] > left[1] && left[1] > 0, "{text}");
    for link in [n1, n2, n3] {
        link.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bulk_transfers_do_not_starve_interactive_calls() {
    let (_inn, n1, n2) = pair(Limits::default()).await;
    const BYTES: usize = 64 << 20;
    let parts = BYTES / Limits::default().part_bytes;
    let done = Arc::new(AtomicBool::new(false));
    let bulk = {
        let (n2, done) = (n2.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let response = n2.call("n1", TrafficClass::Bulk, "length", vec![7; BYTES], TIMEOUT).await;
            done.store(true, Ordering::SeqCst);
            response
        })
    };
    let mut small = 0;
    while !done.load(Ordering::SeqCst) {
        assert_eq!(
            n2.call("n1", TrafficClass::Interactive, "echo", vec![1; 200], TIMEOUT).await,
            Ok(vec![1; 200])
        );
        small += 1;
    }
    assert_eq!(bulk.await.expect("a task"), Ok(BYTES.to_string().into_bytes()));
    // Sequential interactive calls wait for two parts at most, so at least this many fit in between.
    assert!(small * 4 >= parts, "{small} interactive calls during {parts} parts");
    n1.shutdown().await;
    n2.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_peer_is_reconnected_at_its_address() {
    let inn = TestCluster::of("inn");
    let n1 = inn.start("n1", vec![]).await;
    let n2 = inn.start("n2", vec![seed(&n1)]).await;
    let mut now = n1;
    for round in 0..3_u8 {
        up(&n2, "n1").await;
        let waiting = {
            let n2 = n2.clone();
            tokio::spawn(
                async move { n2.call("n1", TrafficClass::Interactive, "never", vec![], TIMEOUT).await },
            )
        };
        let address = now.address();
        now.shutdown().await;
        assert!(matches!(waiting.await.expect("a task"), Err(LinkError::PeerLost | LinkError::NoSession)));
        down(&n2, "n1").await;
        assert_eq!(
            n2.call("n1", TrafficClass::Interactive, "echo", vec![], TIMEOUT).await,
            Err(LinkError::NoSession)
        );
        let mut options = inn.options("n1", vec![]);
        options.listen = address;
        now = Link::start(options, Arc::new(Echo)).await.expect("the same port");
        up(&n2, "n1").await;
        assert_eq!(
            n2.call("n1", TrafficClass::Interactive, "echo", vec![round], TIMEOUT).await,
            Ok(vec![round])
        );
    }
    // A peer that is neither wanted nor connected is removed.
    now.shutdown().await;
    down(&n2, "n1").await;
    n2.set_peers(vec![]);
    assert!(n2.peers().borrow().is_empty());
    n2.shutdown().await;
}
