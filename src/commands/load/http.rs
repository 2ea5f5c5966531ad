//! A client for load: one connection, one request at a time, bytes that were made beforehand.
//!
//! It shares the machine with the server that it measures, so a request costs it one write, one read and the scan of a
//! head. What a real client does besides (redirects, compression, TLS, retries) is deliberately absent.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::answer::{self, BODY_BYTES_MAX, Head, Length};

/// Bytes that are read at a time, at first.
const BUFFER_BYTES: usize = 32 << 10;

/// Where requests go.
#[derive(Debug, Clone)]
pub(super) struct Site {
    address: SocketAddr,
    host: String,
    prefix: String,
}

impl Site {
    /// The site at an `http://` address.
    ///
    /// # Errors
    /// When it is no such address, or its name is not known.
    pub async fn at(url: &str) -> anyhow::Result<Self> {
        let parsed = reqwest::Url::parse(url).with_context(|| format!("{url} is no address"))?;
        if parsed.scheme() != "http" {
            bail!(
                "{url}: load is put on http:// only; for https:// go to the address behind the TLS of your proxy"
            );
        }
        let name = parsed.host_str().with_context(|| format!("{url} names no host"))?;
        let port = parsed.port().unwrap_or(80);
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let found =
            tokio::net::lookup_host((bare, port)).await.with_context(|| format!("looking {name} up"))?.next();
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

    /// The bytes of a GET.
    pub fn get(&self, path: &str, token: Option<&str>) -> Vec<u8> {
        let mut text = self.begin("GET", path, token);
        text.push_str("\r\n");
        text.into_bytes()
    }

    /// The bytes of a POST. `headers` are whole lines, each with its end.
    pub fn post(&self, path: &str, token: Option<&str>, headers: &str, body: &str) -> Vec<u8> {
        let mut text = self.begin("POST", path, token);
        let _ = write!(text, "{headers}content-length: {}\r\n\r\n{body}", body.len());
        text.into_bytes()
    }

    fn begin(&self, method: &str, path: &str, token: Option<&str>) -> String {
        let Self { host, prefix, .. } = self;
        let mut text =
            format!("{method} {prefix}{path} HTTP/1.1\r\nhost: {host}\r\naccept: application/json\r\n");
        if let Some(token) = token {
            let _ = write!(text, "authorization: Bearer {token}\r\n");
        }
        text
    }
}

/// `text` as a value in a query or a form.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                quoted.push(char::from(byte));
            }
            byte => {
                let _ = write!(quoted, "%{byte:02X}");
            }
        }
    }
    quoted
}

/// What was answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer<'a> {
    /// 100 to 599.
    pub status: u16,
    /// As sent, put together if it came in chunks.
    pub body: &'a [u8],
}

/// A connection; opened when it is first needed, and anew after it broke.
#[derive(Debug)]
pub(super) struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
    joined: Vec<u8>,
}

impl Connection {
    pub fn to(site: &Site) -> Self {
        Self { address: site.address, stream: None, buffer: vec![0; BUFFER_BYTES], joined: Vec::new() }
    }

    /// Connects, if it is not connected.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn open(&mut self) -> io::Result<()> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        Ok(())
    }

    /// Sends a request and waits for the whole answer. A request that failed on the way is not repeated.
    ///
    /// # Errors
    /// When the connection fails, or what comes back is no answer.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.open().await?;
        // Taken out, so that a request that fails or is given up leaves no half answer for the next.
        let mut stream = self.stream.take().ok_or(io::ErrorKind::NotConnected)?;
        stream.write_all(request).await?;
        let (head, filled) = self.read_head(&mut stream).await?;
        let body = match head.length {
            Length::Known(length) => {
                self.read_known(&mut stream, head.bytes + length, filled).await?;
                &self.buffer[head.bytes..head.bytes + length]
            }
            Length::Chunked => {
                self.read_chunks(&mut stream, head.bytes, filled).await?;
                &self.joined[..]
            }
        };
        if !head.closes {
            self.stream = Some(stream);
        }
        Ok(Answer { status: head.status, body })
    }

    async fn read_head(&mut self, stream: &mut TcpStream) -> io::Result<(Head, usize)> {
        let mut filled = 0;
        loop {
            filled += self.read_more(stream, filled).await?;
            if let Some(head) = answer::head(&self.buffer[..filled])? {
                return Ok((head, filled));
            }
        }
    }

    async fn read_known(&mut self, stream: &mut TcpStream, end: usize, mut filled: usize) -> io::Result<()> {
        while filled < end {
            filled += self.read_more(stream, filled).await?;
        }
        if filled > end { Err(unasked()) } else { Ok(()) }
    }

    async fn read_chunks(
        &mut self,
        stream: &mut TcpStream,
        start: usize,
        mut filled: usize,
    ) -> io::Result<()> {
        loop {
            match answer::join_chunks(&self.buffer[start..filled], &mut self.joined)? {
                Some(taken) if start + taken == filled => return Ok(()),
                Some(_) => return Err(unasked()),
                None => filled += self.read_more(stream, filled).await?,
            }
        }
    }

    async fn read_more(&mut self, stream: &mut TcpStream, filled: usize) -> io::Result<usize> {
        if filled == self.buffer.len() {
            if filled > 2 * BODY_BYTES_MAX {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            self.buffer.resize(2 * filled, 0);
        }
        match stream.read(&mut self.buffer[filled..]).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}

fn unasked() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "more was answered than was asked")
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A server that sends one piece of a script for each request, byte groups apart.
    async fn scripted(answers: Vec<Vec<&'static [u8]>>) -> Site {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for answer in answers {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await.unwrap();
                for part in answer {
                    stream.write_all(part).await.unwrap();
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            }
        });
        Site::at(&url).await.unwrap()
    }

    #[tokio::test]
    async fn answers_are_read_however_they_arrive() {
        let site = scripted(vec![
            vec![b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"],
            vec![b"HTTP/1.1 404 ", b"Not Found\r\ncontent-length: 5\r\n", b"\r\nhe", b"llo"],
            vec![b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel", b"lo\r\n0\r\n\r\n"],
            vec![b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno more"],
        ])
        .await;
        let mut connection = Connection::to(&site);
        let request = site.get("/", None);
        for status in [200, 404, 200] {
            let answer = connection.ask(&request).await.unwrap();
            assert_eq!((answer.status, answer.body), (status, &b"hello"[..]));
        }
        assert!(connection.ask(&request).await.is_err());
        assert!(connection.stream.is_none());
    }

    #[tokio::test]
    async fn requests_are_whole() {
        let site = Site::at("http://127.0.0.1:80/base/").await.unwrap();
        assert!(site.is_loopback());
        let text = String::from_utf8(site.post("/x", Some("t"), "a: b\r\n", "{}")).unwrap();
        assert_eq!(
            text,
            "POST /base/x HTTP/1.1\r\nhost: 127.0.0.1:80\r\naccept: application/json\r\nauthorization: Bearer t\r\na: b\r\n\
             content-length: 2\r\n\r\n{}"
        );
        assert!(Site::at("https://127.0.0.1/").await.unwrap_err().to_string().contains("http:// only"));
        assert!(Site::at("nonsense").await.is_err());
        assert_eq!(quoted("São Paulo, BR"), "S%C3%A3o%20Paulo%2C%20BR");
    }
}
