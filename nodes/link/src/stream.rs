//! A connection that counts what arrives, and that can be cut from outside.
//!
//! A session over a peer that was stopped or unplugged hangs in its socket for minutes. Cutting the stream here makes both
//! halves fail at once, whatever state the socket is in.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf, ReadHalf, WriteHalf};

use crate::tls::Transport;

/// Frames are read with few system calls.
const READ_BUFFER_BYTES: usize = 64 << 10;

/// What both halves share with whoever watches them.
#[derive(Default)]
pub(crate) struct StreamControl {
    bytes_in: AtomicU64,
    cut: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl StreamControl {
    /// Bytes that have arrived so far: a sign of life when it grows.
    pub(crate) fn bytes_in(&self) -> u64 {
        self.bytes_in.load(Ordering::Relaxed)
    }

    /// Ends the connection: reads see its end, writes fail.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        self.reader.wake();
        self.writer.wake();
    }

    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }
}

/// Splits a connection into halves that `tap` watches.
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

/// The half that is read.
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
        if self.control.is_cut() {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.control.bytes_in.fetch_add((buf.filled().len() - before) as u64, Ordering::Relaxed);
        polled
    }
}

/// The half that is written.
pub(crate) struct Writer {
    inner: WriteHalf<Box<dyn Transport>>,
    control: Arc<StreamControl>,
}

impl Writer {
    fn watch(&self, cx: &mut Context<'_>) -> io::Result<()> {
        self.control.writer.register(cx.waker());
        if self.control.is_cut() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

impl AsyncWrite for Writer {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.watch(cx)?;
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watch(cx)?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watch(cx)?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
