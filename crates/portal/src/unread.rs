//! What a request still sends once its answer is known.
//!
//! An answer that is given before all of a request was read, a refusal mostly, would be followed by the end of the
//! connection, and a client that is still sending then finds a reset instead of the answer. So the rest is read and
//! thrown away first, up to a limit (RFC 9112 section 9.6).

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::oneshot;

/// So much of a request is thrown away, in bytes. Who sends more may find the connection ended.
pub const UNREAD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// So long is waited for it.
pub const UNREAD_SECONDS_MAX: u64 = 5;

/// A request's body that comes back when it is dropped before its end.
struct LentBody {
    inner: Option<Body>,
    back: Option<oneshot::Sender<Body>>,
}

/// Where the rest of a body comes back.
pub(crate) struct Unread(Option<oneshot::Receiver<Body>>);

/// Lends the body of a request. Not that of a client which waits to be asked for it: it sends nothing unasked.
pub(crate) fn lend(request: Request) -> (Request, Unread) {
    if request.body().is_end_stream() || request.headers().contains_key(header::EXPECT) {
        return (request, Unread(None));
    }
    let (back, comes_back) = oneshot::channel();
    let request = request.map(|inner| Body::new(LentBody { inner: Some(inner), back: Some(back) }));
    (request, Unread(Some(comes_back)))
}

impl Unread {
    /// Throws away what is left, if nobody reads it any more.
    pub(crate) async fn discard(self) {
        let Some(mut rest) = self.0.and_then(|mut comes_back| comes_back.try_recv().ok()) else { return };
        let mut left = UNREAD_BYTES_MAX;
        let all = async {
            while let Some(Ok(frame)) = rest.frame().await {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                let Some(still) = left.checked_sub(bytes) else { return };
                left = still;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(UNREAD_SECONDS_MAX), all).await;
    }
}

impl http_body::Body for LentBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        let frame = Pin::new(inner).poll_frame(context);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.inner = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for LentBody {
    fn drop(&mut self) {
        if let (Some(inner), Some(back)) = (self.inner.take(), self.back.take())
            && !inner.is_end_stream()
        {
            // nobody waits for it once the request is over
            let _ = back.send(inner);
        }
    }
}
