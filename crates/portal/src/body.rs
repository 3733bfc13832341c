//! Bytes that come too slowly, or too many of them, end the request.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http_body::{Body as _, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::errors::Failure;

/// A client that sends no byte of its body for so long is dropped.
pub const BODY_STALL_SECONDS_MAX: u64 = 30;

/// A request body that fails when nothing comes for a given time.
pub(crate) struct UnstalledBody {
    inner: Body,
    patience: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl UnstalledBody {
    pub(crate) fn wrap(inner: Body, patience: Duration) -> Body {
        if inner.is_end_stream() { inner } else { Body::new(Self { inner, patience, waiting: None }) }
    }
}

/// A body of an answer for whose length something is held.
pub(crate) struct HeldBody<Held> {
    inner: Body,
    _held: Held,
}

impl<Held: Send + Unpin + 'static> HeldBody<Held> {
    pub(crate) fn wrap(inner: Body, held: Held) -> Body {
        if inner.is_end_stream() { inner } else { Body::new(Self { inner, _held: held }) }
    }
}

impl<Held: Unpin> http_body::Body for HeldBody<Held> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Nothing came.
#[derive(Debug, thiserror::Error)]
#[error("the request's body did not come on")]
pub(crate) struct Stalled;

impl http_body::Body for UnstalledBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) {
            self.waiting = None;
            return Poll::Ready(frame);
        }
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Some(Err(axum::Error::new(Stalled))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Reads a whole body of at most `bytes_max` bytes.
pub(crate) async fn read_whole(body: Body, bytes_max: usize) -> Result<Bytes, Failure> {
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(Failure::TooLarge { bytes_max: bytes_max as u64 });
    }
    let mut frames = body.into_data_stream();
    let mut whole = BytesMut::new();
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(|_| Failure::BodyBroken)?;
        if whole.len() + frame.len() > bytes_max {
            return Err(Failure::TooLarge { bytes_max: bytes_max as u64 });
        }
        whole.extend_from_slice(&frame);
    }
    Ok(whole.freeze())
}

/// The preface of an HTTP/2 connection (RFC 9113 section 3.4), in bytes. No HTTP/1 request is much shorter.
const PREFACE_BYTES: usize = 24;

/// A connection that fails when its client sends too little to tell HTTP/1 from HTTP/2, before which no other limit
/// holds, or takes nothing of what is written to it, each for a given time.
pub(crate) struct StallGuard<S> {
    stream: S,
    opening: Option<Opening>,
    patience: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

struct Opening {
    received: usize,
    until: Pin<Box<Sleep>>,
}

impl<S> StallGuard<S> {
    /// Must be called inside a tokio runtime.
    pub(crate) fn new(stream: S, opening: Duration, patience: Duration) -> Self {
        let opening = Some(Opening { received: 0, until: Box::pin(sleep(opening)) });
        Self { stream, opening, patience, waiting: None }
    }

    fn or_stalled<T>(&mut self, context: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match progress {
            Poll::Ready(done) => {
                self.waiting = None;
                Poll::Ready(done)
            }
            Poll::Pending => {
                let patience = self.patience;
                let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(patience)));
                ready!(waiting.as_mut().poll(context));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StallGuard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let progress = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Some(opening) = &mut self.opening {
            opening.received += buffer.filled().len() - before;
            if opening.received >= PREFACE_BYTES {
                self.opening = None;
            } else if progress.is_pending() {
                ready!(opening.until.as_mut().poll(context));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        progress
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StallGuard<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.or_stalled(context, progress)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.or_stalled(context, progress)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_flush(context);
        self.or_stalled(context, progress)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_shutdown(context);
        self.or_stalled(context, progress)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const A_MOMENT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_body_that_does_not_come_on_fails() {
        let never = Body::from_stream(futures::stream::pending::<Result<Bytes, io::Error>>());
        let read = read_whole(UnstalledBody::wrap(never, A_MOMENT), 10).await;
        assert!(matches!(read, Err(Failure::BodyBroken)));
    }

    #[tokio::test]
    async fn a_body_past_its_limit_is_refused_whether_it_says_its_length_or_not() {
        let check = |read| assert!(matches!(read, Err(Failure::TooLarge { bytes_max: 10 })));
        check(read_whole(Body::from(vec![0; 11]), 10).await);
        let chunks = futures::stream::iter((0..2).map(|_| Ok::<_, io::Error>(Bytes::from_static(&[0; 6]))));
        check(read_whole(Body::from_stream(chunks), 10).await);
        assert_eq!(read_whole(Body::from(vec![0; 10]), 10).await.unwrap().len(), 10);
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_dropped() {
        use tokio::io::AsyncWriteExt;
        let (near, _far) = tokio::io::duplex(16);
        let mut guarded = StallGuard::new(near, A_MOMENT, A_MOMENT);
        let error = guarded.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
