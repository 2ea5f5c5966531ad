//! The server on a socket: shutdown, and refused configurations.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use support::server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn send(address: SocketAddr, path: &str, header: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: inn\r\nconnection: close\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn read(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn a_shutdown_completes_requests_in_progress() {
    let bound = server().bind("127.0.0.1:0").await.unwrap();
    let address = bound.local_addr();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(bound.run(async { drop(stopped.await) }));
    let slow = send(address, "/v1/notes/slow", "").await;
    // An idle connection must not block the shutdown.
    let _idle = TcpStream::connect(address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop.send(()).unwrap();
    let answer = read(slow).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    tokio::time::timeout(Duration::from_secs(10), running).await.expect("bounded").unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "the socket is closed");
}

#[tokio::test]
async fn an_endless_stream_does_not_block_a_shutdown() {
    let stream = poem::endpoint::make_sync(|request| {
        let shutdown = request.data::<edge::ShutdownSignal>().expect("every request has one").clone();
        let begun = futures::stream::iter([Ok::<_, std::io::Error>("begun\n".to_owned())]);
        let rest = futures::stream::once(async move {
            shutdown.wait().await;
            Ok("ended\n".to_owned())
        });
        poem::Response::builder().body(poem::Body::from_bytes_stream(futures::StreamExt::chain(begun, rest)))
    });
    let bound = server().route("/stream", poem::get(stream)).bind("127.0.0.1:0").await.unwrap();
    let address = bound.local_addr();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(bound.run(async { drop(stopped.await) }));
    let streaming = tokio::spawn(read(send(address, "/stream", "").await));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!streaming.is_finished());
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(3), running).await.expect("at once").unwrap().unwrap();
    let text = streaming.await.unwrap();
    assert!(text.contains("begun") && text.contains("ended"), "{text}");
}

#[tokio::test]
async fn plain_http_is_refused_except_on_loopback_and_behind_a_proxy() {
    let refused = server().bind("0.0.0.0:0").await.unwrap_err();
    assert!(matches!(refused, edge::BindError::PlainHttp(_)), "{refused}");
    let behind = edge::Server::new(edge::Settings { behind_proxy: true, ..edge::Settings::default() });
    assert!(behind.bind("0.0.0.0:0").await.is_ok());
    let tls = edge::Tls { certificate: "/nonexistent.pem".into(), key: "/nonexistent.pem".into() };
    let unreadable = edge::Server::new(edge::Settings { tls: Some(tls), ..edge::Settings::default() });
    assert!(matches!(unreadable.bind("127.0.0.1:0").await, Err(edge::BindError::Certificate { .. })));
    let bound = server().bind("127.0.0.1:0").await.unwrap();
    let taken = server().bind(&bound.local_addr().to_string()).await;
    assert!(matches!(taken, Err(edge::BindError::Listen { .. })));
}

#[tokio::test]
async fn loopback_is_spared_unless_it_forwards_for_others() {
    let settings = edge::Settings { requests_per_second: 1, requests_burst: 2, ..edge::Settings::default() };
    let bound = edge::Server::new(settings).bind("127.0.0.1:0").await.unwrap();
    let address = bound.local_addr();
    tokio::spawn(bound.run(std::future::pending()));
    let mut limited = 0;
    for _ in 0..5 {
        assert!(read(send(address, "/healthz", "").await).await.starts_with("HTTP/1.1 200"));
        let forwarded = read(send(address, "/healthz", "x-forwarded-for: 192.0.2.1\r\n").await).await;
        limited += usize::from(forwarded.starts_with("HTTP/1.1 429") && forwarded.contains("retry-after: 1"));
    }
    assert!((2..=3).contains(&limited), "{limited} of 5");
}
