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
    tokio::time::timeout(Duration::from_secs(10), running).await.expect("bounded").unwrap();
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
    tokio::time::timeout(Duration::from_secs(3), running).await.expect("at once").unwrap();
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

/// A server in the background.
async fn serving(settings: edge::Settings) -> (SocketAddr, Option<SocketAddr>) {
    let bound = edge::Server::new(settings).bind("127.0.0.1:0").await.unwrap();
    let addresses = (bound.local_addr(), bound.metrics_addr());
    tokio::spawn(bound.run(std::future::pending()));
    addresses
}

fn limited(connections_max: usize) -> edge::Settings {
    let connections = edge::ConnectionLimits {
        connections_max,
        header_timeout: Duration::from_millis(600),
        idle_timeout: Duration::from_millis(1500),
        ..edge::ConnectionLimits::default()
    };
    edge::Settings { connections, ..edge::Settings::default() }
}

/// Sends a whole request as it is, and reads until the server closes the connection.
async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let read = tokio::time::timeout(Duration::from_secs(5), read(stream)).await;
    read.unwrap_or_else(|_| panic!("the connection stays open after {request:?}"))
}

#[tokio::test]
async fn half_a_head_keeps_nobody_out_and_no_connection_open() {
    let (address, _) = serving(limited(20)).await;
    let mut half = Vec::new();
    for _ in 0..60 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: inn\r\nx-slow: ").await;
        half.push(stream);
    }
    let answer = read(send(address, "/healthz", "").await).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // Bytes in time do not keep a connection: the head as a whole has a deadline.
    let mut dripping = TcpStream::connect(address).await.unwrap();
    dripping.write_all(b"GET /healthz HTTP/1.1\r\nhost: inn\r\nx-slow: ").await.unwrap();
    let began = std::time::Instant::now();
    let closed = loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut byte = [0; 1];
        match tokio::time::timeout(Duration::from_millis(1), dripping.read(&mut byte)).await {
            Err(_) if began.elapsed() > Duration::from_secs(20) => break false,
            Err(_) => drop(dripping.write_all(b"a").await),
            Ok(_) => break true,
        }
    };
    assert!(closed, "the connection is open after {:?}", began.elapsed());
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_request_in_progress_is_not() {
    let (address, _) = serving(limited(20)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut text = String::new();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: inn\r\n\r\n").await.unwrap();
    let closed = tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut text)).await;
    assert!(closed.is_ok() && text.starts_with("HTTP/1.1 200"), "{text}");

    let slow = poem::endpoint::make(|_| async {
        tokio::time::sleep(Duration::from_millis(2500)).await;
        Ok::<_, poem::Error>("done")
    });
    let bound =
        edge::Server::new(limited(20)).route("/slow", poem::get(slow)).bind("127.0.0.1:0").await.unwrap();
    let address = bound.local_addr();
    tokio::spawn(bound.run(std::future::pending()));
    assert!(read(send(address, "/slow", "").await).await.ends_with("done"));
}

#[tokio::test]
async fn malformed_requests_get_problems() {
    let (address, _) = serving(edge::Settings::default()).await;
    let long = "a".repeat(200_000);
    let many: String = (0..150).map(|number| format!("x-{number}: 1\r\n")).collect();
    for (request, status, slug) in [
        ("GET /healthz HTTP/1.1\r\n\r\n".to_owned(), 400, "bad-request"),
        ("GET /healthz HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n".to_owned(), 400, "bad-request"),
        ("GET /healthz HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n".to_owned(), 400, "bad-request"),
        ("GET /healthz HTTP/1.0\r\nhost: a\r\nhost: b\r\n\r\n".to_owned(), 400, "bad-request"),
        ("GET /healthz HTTP/1.1\r\nhost: a/b\r\n\r\n".to_owned(), 400, "bad-request"),
        (
            "GET /healthz HTTP/1.1\r\nhost: a\r\nauthorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n"
                .to_owned(),
            400,
            "bad-request",
        ),
        (
            "POST /healthz HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"
                .to_owned(),
            400,
            "bad-request",
        ),
        ("POST /healthz HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n".to_owned(), 400, "bad-request"),
        (
            "POST /healthz HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n".to_owned(),
            400,
            "bad-request",
        ),
        ("GET /healthz HTTP/9.9\r\nhost: a\r\n\r\n".to_owned(), 400, "bad-request"),
        ("GET  /healthz HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(), 400, "bad-request"),
        ("GET /healthz HTTP/1.1\r\nhost: a\r\nbad header: 1\r\n\r\n".to_owned(), 400, "bad-request"),
        (format!("GET /healthz HTTP/1.1\r\nhost: a\r\nx-long: {long}\r\n\r\n"), 431, "headers-too-large"),
        (format!("GET /healthz HTTP/1.1\r\nhost: a\r\n{many}\r\n"), 431, "headers-too-large"),
        (
            format!("GET /healthz HTTP/1.1\r\nhost: a\r\nx-long: {}\r\n\r\n", &long[..40_000]),
            431,
            "headers-too-large",
        ),
        (format!("GET /healthz?{} HTTP/1.1\r\nhost: a\r\n\r\n", &long[..20_000]), 414, "uri-too-long"),
        (
            "POST /healthz HTTP/1.1\r\nhost: a\r\nexpect: a-miracle\r\ncontent-length: 1\r\n\r\n".to_owned(),
            417,
            "expectation-failed",
        ),
        (
            "POST /healthz HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 9999999\r\n\r\n"
                .to_owned(),
            413,
            "too-large",
        ),
    ] {
        let request = request.replacen("host: a\r\n", "host: a\r\nconnection: close\r\n", 1);
        let answer = raw(address, &request).await;
        let head = &request[..request.len().min(120)];
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}"))
                || answer.starts_with(&format!("HTTP/1.0 {status}")),
            "{head:?}: {answer}"
        );
        assert!(answer.to_ascii_lowercase().contains("\r\nx-request-id: "), "{head:?}: {answer}");
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        let problem: serde_json::Value =
            serde_json::from_str(body).unwrap_or_else(|_| panic!("{head:?}: {answer}"));
        assert_eq!(
            (&problem["status"], &problem["type"]),
            (&status.into(), &format!("/problems/{slug}").into())
        );
    }
    for request in [
        "GET /healthz HTTP/1.0\r\n\r\n",
        "GET http://inn.example/healthz HTTP/1.1\r\nhost: other\r\nconnection: close\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHOST: [::1]:80\r\nconnection: close\r\n\r\n",
    ] {
        let answer = raw(address, request).await;
        assert!(answer.contains(" 200 OK"), "{request:?}: {answer}");
    }
    // Both lengths: the chunks count, and the connection is closed (RFC 9112, 6.3), so that nothing can follow.
    let both = "POST /healthz HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    let answer = raw(address, both).await;
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
}

#[tokio::test]
async fn metrics_have_an_address_of_their_own() {
    let settings = edge::Settings {
        metrics_listen: Some(([127, 0, 0, 1], 0).into()),
        behind_proxy: true,
        ..edge::Settings::default()
    };
    let (address, metrics) = serving(settings).await;
    let metrics = metrics.unwrap();
    let own = read(send(metrics, "/metrics", "x-forwarded-for: 192.0.2.1\r\n").await).await;
    assert!(own.starts_with("HTTP/1.1 200") && own.contains("http_connections"), "{own}");
    assert!(read(send(metrics, "/healthz", "").await).await.starts_with("HTTP/1.1 404"));
    // The proxy's clients need a token at the other address.
    let forwarded = read(send(address, "/metrics", "x-forwarded-for: 127.0.0.1\r\n").await).await;
    assert!(forwarded.starts_with("HTTP/1.1 401"), "{forwarded}");
}

#[tokio::test]
async fn the_authority_is_the_host_of_http_2() {
    let (address, _) = serving(edge::Settings::default()).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let (executor, stream) = (hyper_util::rt::TokioExecutor::new(), hyper_util::rt::TokioIo::new(stream));
    let (mut client, connection) = hyper::client::conn::http2::handshake(executor, stream).await.unwrap();
    tokio::spawn(connection);
    for (hosts, status) in [
        (&[][..], 200),
        (&["inn.example"], 200),
        (&["INN.example"], 200),
        (&["other.example"], 400),
        (&["inn.example", "inn.example"], 400),
    ] {
        let mut request = hyper::Request::get("http://inn.example/healthz");
        for host in hosts {
            request = request.header("host", *host);
        }
        let request = request.body(http_body_util::Empty::<hyper::body::Bytes>::new()).unwrap();
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{hosts:?}");
    }
}
