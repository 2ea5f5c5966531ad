//! A connection that counts received bytes and can be closed from outside.
//!
//! If a peer is stopped or unplugged, its socket blocks for minutes. Closing the stream here makes both halves fail
//! at once, whatever the state of the socket.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf, ReadHalf, WriteHalf};

use crate::tls::Transport;

/// A large buffer keeps the number of system calls per frame low.
const READ_BUFFER_BYTES: usize = 64 << 10;

/// State shared by both halves and the session.
#[derive(Default)]
pub(crate) struct StreamControl {
    bytes_in: AtomicU64,
    closed: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl StreamControl {
    /// Bytes received so far. The liveness check compares successive values.
    pub(crate) fn bytes_in(&self) -> u64 {
        self.bytes_in.load(Ordering::Relaxed)
    }

    /// Closes the connection: reads return end of file, writes fail.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.reader.wake();
        self.writer.wake();
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

/// Splits a connection into halves that `control` can close.
pub(crate) fn split_stream(
    transport: Box<dyn Transport>,
    control: &Arc<StreamControl>,
) -> (BufReader<Reader>, Writer) {
    let (reader, writer) = tokio::io::split(transport);
    let reader = Reader { inner: reader, control: Arc::clone(control) };
    (
        BufReader::with_capacity(READ_BUFFER_BYTES, reader),
        Writer { inner: writer, control: Arc::clone(control) },
    )
}

/// Read half.
pub(crate) struct Reader {
    inner: ReadHalf<Box<dyn Transport>>,
    control: Arc<StreamControl>,
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.control.reader.register(cx.waker());
        if self.control.is_closed() {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.control.bytes_in.fetch_add((buf.filled().len() - before) as u64, Ordering::Relaxed);
        polled
    }
}

/// Write half.
pub(crate) struct Writer {
    inner: WriteHalf<Box<dyn Transport>>,
    control: Arc<StreamControl>,
}

impl Writer {
    fn check_open(&self, cx: &mut Context<'_>) -> io::Result<()> {
        self.control.writer.register(cx.waker());
        if self.control.is_closed() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

impl AsyncWrite for Writer {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check_open(cx)?;
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_open(cx)?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_open(cx)?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
