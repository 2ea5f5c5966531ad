//! Connections that clients hold open: they keep no others out, and the log keeps its file descriptors.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use test_support::{Stay, TestServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Raises the limit of this process, which opens as many sockets as the server.
fn raise_descriptor_limit() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    assert!(
        maximum.is_none_or(|maximum| maximum >= 4096),
        "the hard limit of file descriptors is {maximum:?}"
    );
}

/// Opens connections, and sends the same bytes on each.
async fn open(server: &TestServer, count: usize, bytes: &str) -> Vec<TcpStream> {
    let mut opened = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).await.unwrap();
        // The server may have closed it already.
        let _ = stream.write_all(bytes.as_bytes()).await;
        opened.push(stream);
    }
    opened
}

#[tokio::test]
async fn connections_that_are_held_open_stop_neither_requests_nor_the_log() {
    raise_descriptor_limit();
    let server = TestServer::plan().descriptors_max(1024).open().await;
    assert!(
        server.log().contains("the limit of file descriptors allows 512 connections"),
        "{}",
        server.log()
    );
    let partner = server.booker().await;
    let hotel = server.hotel_id("river").await;
    let request = "GET /healthz HTTP/1.1\r\nHost: inn\r\n";
    let idle = open(&server, 700, &format!("{request}\r\n")).await;
    let half = open(&server, 1100, &format!("{request}X-Half: ")).await;
    let silent = open(&server, 700, "").await;
    // Everything still works: searches, holds, payments, and the mails that follow them.
    for round in 0..3 {
        let offer = partner.offer(&hotel, &Stay::from_day(20 + round, 1), "Flexible").await;
        let held = partner.hold(&offer, "held@guest.example").await;
        let paid = partner.pay(&held, "pm_card_visa").await;
        assert_eq!(paid["status"], "succeeded", "{paid}");
    }
    let metrics = server.anyone().get("/metrics").await.expect(200).text();
    let connections = metrics.lines().find_map(|line| line.strip_prefix("http_connections ")).unwrap();
    assert!(connections.parse::<f64>().unwrap() <= 512.0, "{connections}");
    assert!(metrics.contains("http_connections_evicted_total"), "{metrics}");
    drop((idle, half, silent));
    server.assert_invariants().await;
}

#[tokio::test]
async fn an_incomplete_head_has_a_deadline_and_metrics_an_address() {
    let port = test_support::free_port();
    let server = TestServer::plan()
        .variable("AUBERGE_LIMITS__HEADER_TIMEOUT", "1s")
        .variable("AUBERGE_HTTP__METRICS_LISTEN", format!("127.0.0.1:{port}"))
        .open()
        .await;
    let [mut half] =
        open(&server, 1, "GET /healthz HTTP/1.1\r\nHost: inn\r\nX-Half: ").await.try_into().unwrap();
    let dripping = async {
        let mut byte = [0; 64];
        loop {
            tokio::select! {
                read = half.read(&mut byte) => break read,
                () = tokio::time::sleep(Duration::from_millis(200)) => drop(half.write_all(b"a").await),
            }
        }
    };
    let closed = tokio::time::timeout(Duration::from_secs(20), dripping).await.expect("it stays open");
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");

    let metrics = reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await.unwrap();
    assert_eq!(metrics.status(), 200);
    assert!(metrics.text().await.unwrap().contains("http_requests_total"));
    let other = reqwest::get(format!("http://127.0.0.1:{port}/v1/cities")).await.unwrap();
    assert_eq!(other.status(), 404);
    // A proxy's clients are other machines.
    let forwarded = server.anyone().get("/metrics").header("X-Forwarded-For", "192.0.2.1");
    forwarded.await.problem(401, "unauthenticated");
    let reader = server.partner("cluster:read").await;
    reader.get("/metrics").header("X-Forwarded-For", "192.0.2.1").await.expect(200);
    let guest = server.partner("reservations:read").await;
    guest.get("/metrics").header("X-Forwarded-For", "192.0.2.1").await.problem(403, "insufficient-scope");
}
