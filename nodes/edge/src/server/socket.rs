//! The bytes of a connection: writes have a timeout, and hyper's own responses to malformed requests, whose bodies are empty,
//! become problems.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use poem::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::connections::Connection;
use super::middleware::new_request_id;
use crate::problem::{Problem, problem_types};

/// A connection's bytes, decrypted.
pub(crate) struct Socket<T> {
    inner: T,
    connection: Connection,
    write_timeout: Duration,
    /// When a write that makes no progress fails.
    stalled: Pin<Box<Sleep>>,
    is_stalled: bool,
    /// What is written in place of a response of hyper, and how much of it is written.
    replacement: Vec<u8>,
    written: usize,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Socket<T> {
    pub(crate) fn new(inner: T, connection: Connection, write_timeout: Duration) -> Self {
        let stalled = Box::pin(tokio::time::sleep(write_timeout));
        let (replacement, written) = (Vec::new(), 0);
        Self { inner, connection, write_timeout, stalled, is_stalled: false, replacement, written }
    }

    /// Fails a write that has made no progress for too long.
    fn progress<R>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if result.is_ready() {
            self.is_stalled = false;
            return result;
        }
        if !self.is_stalled {
            self.is_stalled = true;
            let deadline = Instant::now() + self.write_timeout;
            self.stalled.as_mut().reset(deadline);
        }
        ready!(self.stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn write_replacement(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.replacement.len() {
            let result = Pin::new(&mut self.inner).poll_write(cx, &self.replacement[self.written..]);
            let count = ready!(self.progress(cx, result))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += count;
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Socket<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(this.write_replacement(cx))?;
        if this.connection.is_quiet()
            && let Some(problem) = problem_for(bytes)
        {
            (this.replacement, this.written) = (problem, 0);
            // The rest is written by the flush that follows.
            return match this.write_replacement(cx) {
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                _ => Poll::Ready(Ok(bytes.len())),
            };
        }
        let result = Pin::new(&mut this.inner).poll_write(cx, bytes);
        this.progress(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = parts {
            return self.poll_write(cx, only);
        }
        let this = &mut *self;
        ready!(this.write_replacement(cx))?;
        let result = Pin::new(&mut this.inner).poll_write_vectored(cx, parts);
        this.progress(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.write_replacement(cx))?;
        let result = Pin::new(&mut this.inner).poll_flush(cx);
        this.progress(cx, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.write_replacement(cx))?;
        let result = Pin::new(&mut this.inner).poll_shutdown(cx);
        this.progress(cx, result)
    }
}

/// The response to write in place of `bytes`, if they are a response of hyper to a request that it could not parse. It has no
/// request id, which all other responses have.
fn problem_for(bytes: &[u8]) -> Option<Vec<u8>> {
    let status = bytes.strip_prefix(b"HTTP/1.1 ").or_else(|| bytes.strip_prefix(b"HTTP/1.0 "))?.get(..3)?;
    let (kind, detail) = match status {
        b"400" => (&problem_types::BAD_REQUEST, "The request is not valid HTTP."),
        b"414" => (&problem_types::URI_TOO_LONG, "The URI is too long."),
        b"431" => (&problem_types::HEADERS_TOO_LARGE, "The request's head is too large."),
        _ => return None,
    };
    let head = std::str::from_utf8(bytes).ok()?.strip_suffix("\r\n\r\n")?;
    if head.contains("\r\n\r\n") || head.to_ascii_lowercase().contains("\r\nx-request-id:") {
        return None;
    }
    let id = new_request_id();
    let body = serde_json::to_string(&Problem::new(kind).detail(detail).instance(&id)).ok()?;
    let reason = StatusCode::from_u16(kind.status).ok()?.canonical_reason()?;
    let response = format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nx-request-id: {id}\r\n\
         cache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n{body}",
        kind.status,
        body.len()
    );
    Some(response.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::problem_for;

    #[test]
    fn only_bodiless_responses_of_hyper_are_replaced() {
        let replaced = problem_for(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").unwrap();
        let text = String::from_utf8(replaced).unwrap();
        assert!(text.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{text}");
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        assert!(body.contains("/problems/bad-request"), "{body}");
        for kept in [
            "HTTP/1.1 400 Bad Request\r\nx-request-id: a\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 4",
            "",
        ] {
            assert!(problem_for(kept.as_bytes()).is_none(), "{kept}");
        }
    }
}
