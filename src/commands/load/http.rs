//! The HTTP client of the load generator: connections that send one request at a time, over `hyper`.
//!
//! It shares the machine with the server that it measures, so it does no more than needed: requests are built beforehand,
//! and there are no redirects, no compression, no TLS and no retries.

use std::io;
use std::net::SocketAddr;

use anyhow::{Context, bail};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Maximum size of a response body, in bytes.
const BODY_BYTES_MAX: usize = 16 << 20;

/// A request that can be sent repeatedly.
pub(super) type Request = hyper::Request<Full<Bytes>>;

/// The address that requests are sent to.
#[derive(Debug, Clone)]
pub(super) struct Site {
    address: SocketAddr,
    host: String,
    prefix: String,
}

impl Site {
    /// The site at an `http://` URL.
    ///
    /// # Errors
    /// When the URL is not valid, or its host cannot be resolved.
    pub async fn at(url: &str) -> anyhow::Result<Self> {
        let parsed = reqwest::Url::parse(url).with_context(|| format!("{url} is not a valid URL"))?;
        if parsed.scheme() != "http" {
            bail!("{url}: load is sent to http:// only; for https:// use the address behind your TLS proxy");
        }
        let name = parsed.host_str().with_context(|| format!("{url} has no host"))?;
        let port = parsed.port().unwrap_or(80);
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let found =
            tokio::net::lookup_host((bare, port)).await.with_context(|| format!("resolving {name}"))?.next();
        let address = found.with_context(|| format!("{name} has no address"))?;
        Ok(Self {
            address,
            host: format!("{name}:{port}"),
            prefix: parsed.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        self.address.ip().is_loopback()
    }

    /// A GET request.
    ///
    /// # Errors
    /// When `path` or `token` cannot be sent.
    pub fn get(&self, path: &str, token: Option<&str>) -> anyhow::Result<Request> {
        self.request(hyper::Request::get(self.uri(path)), token, String::new())
    }

    /// A POST request.
    ///
    /// # Errors
    /// As [`Site::get`].
    pub fn post(
        &self,
        path: &str,
        token: Option<&str>,
        content_type: &str,
        body: String,
    ) -> anyhow::Result<Request> {
        let request = hyper::Request::post(self.uri(path)).header(CONTENT_TYPE, content_type);
        self.request(request, token, body)
    }

    fn uri(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    fn request(
        &self,
        request: hyper::http::request::Builder,
        token: Option<&str>,
        body: String,
    ) -> anyhow::Result<Request> {
        let mut request = request.header(HOST, &self.host).header(ACCEPT, "application/json");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        request.body(Full::from(body)).context("building a request")
    }
}

/// A response.
#[derive(Debug, Clone, Copy)]
pub(super) struct Response<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

/// A connection, which is opened when it is first needed, and again after it has failed.
#[derive(Debug)]
pub(super) struct Connection {
    address: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
    body: Vec<u8>,
}

impl Connection {
    pub fn to(site: &Site) -> Self {
        Self { address: site.address, sender: None, body: Vec::new() }
    }

    /// Connects, unless it is connected.
    ///
    /// # Errors
    /// When the server does not accept the connection.
    pub async fn open(&mut self) -> io::Result<()> {
        if self.sender.as_ref().is_none_or(SendRequest::is_closed) {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io_error)?;
            tokio::spawn(connection);
            self.sender = Some(sender);
        }
        Ok(())
    }

    /// Sends a request and reads the whole response. A failed request is not retried.
    ///
    /// # Errors
    /// When the connection fails, or the response is not valid.
    pub async fn send(&mut self, request: Request) -> io::Result<Response<'_>> {
        self.open().await?;
        // Put back after the response: a request that fails or is cancelled leaves a connection that cannot be used again.
        let mut sender = self.sender.take().ok_or(io::ErrorKind::NotConnected)?;
        sender.ready().await.map_err(io_error)?;
        let mut response = sender.send_request(request).await.map_err(io_error)?;
        self.body.clear();
        while let Some(frame) = response.frame().await {
            if let Ok(data) = frame.map_err(io_error)?.into_data() {
                if self.body.len() + data.len() > BODY_BYTES_MAX {
                    return Err(io::ErrorKind::FileTooLarge.into());
                }
                self.body.extend_from_slice(&data);
            }
        }
        self.sender = Some(sender);
        Ok(Response { status: response.status().as_u16(), body: &self.body })
    }
}

fn io_error(error: hyper::Error) -> io::Error {
    let kind = if error.is_parse() {
        io::ErrorKind::InvalidData
    } else if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        io::ErrorKind::UnexpectedEof
    } else {
        let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<io::Error>());
        source.map_or(io::ErrorKind::Other, io::Error::kind)
    };
    io::Error::new(kind, error)
}

/// Encodes text for a query or a form.
pub(super) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that sends one response for each request, in parts.
    async fn scripted(responses: Vec<Vec<&'static [u8]>>) -> Site {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for response in responses {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await.unwrap();
                for part in response {
                    stream.write_all(part).await.unwrap();
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            }
        });
        Site::at(&url).await.unwrap()
    }

    #[tokio::test]
    async fn responses_are_read_in_any_parts_and_a_failed_connection_is_dropped() {
        let site = scripted(vec![
            vec![b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"],
            vec![b"HTTP/1.1 404 x\r\ncontent-le", b"ngth: 5\r\n\r", b"\nhel", b"lo"],
            vec![
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n",
                b"2\r\nlo\r\n0\r",
                b"\n\r\n",
            ],
            vec![b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nno more"],
        ])
        .await;
        let mut connection = Connection::to(&site);
        let request = site.get("/", None).unwrap();
        for status in [200, 404, 200] {
            let response = connection.send(request.clone()).await.unwrap();
            assert_eq!((response.status, response.body), (status, &b"hello"[..]));
        }
        assert!(connection.send(request).await.is_err());
        assert!(connection.sender.is_none());
    }

    #[tokio::test]
    async fn requests_are_complete() {
        let site = Site::at("http://127.0.0.1:80/base/").await.unwrap();
        assert!(site.is_loopback());
        let request = site.post("/x", Some("t"), "application/json", "{}".to_owned()).unwrap();
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/base/x"));
        let header = |name: &str| request.headers()[name].to_str().unwrap();
        assert_eq!((header("host"), header("authorization")), ("127.0.0.1:80", "Bearer t"));
        assert_eq!((header("accept"), header("content-type")), ("application/json", "application/json"));
        let body = request.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(&body[..], b"{}");
        assert!(Site::at("https://127.0.0.1/").await.unwrap_err().to_string().contains("http:// only"));
        assert!(Site::at("nonsense").await.is_err());
        assert_eq!(encoded("São Paulo, BR"), "S%C3%A3o+Paulo%2C+BR");
    }
}
