//! The witness over HTTP/1.1: `POST /add-checkpoint`, `GET /<origin hash>/checkpoint`. Cosignatures authenticate
//! themselves; where the way there is hostile, a reverse proxy adds TLS.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::answer::Answer;
use crate::logs::Witness;

/// The longest request body, in bytes.
pub const BODY_BYTES_MAX: usize = audit::ADD_CHECKPOINT_BYTES_MAX;
/// The most connections at a time.
pub const CONNECTIONS_MAX: usize = 256;
/// How long a request may take to arrive.
const REQUEST_TIME: Duration = Duration::from_secs(10);
/// How long a connection may stay, requests and pauses together.
const CONNECTION_TIME: Duration = Duration::from_secs(300);
/// How long a listener waits after a connection that could not be accepted.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Answers until the task is dropped.
pub async fn serve(witness: Arc<Witness>, listener: TcpListener) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        let witness = Arc::clone(&witness);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&witness), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(REQUEST_TIME)
                .serve_connection(TokioIo::new(stream), service);
            // an error here or the end of the time means that the other side is gone or too slow
            let _ = tokio::time::timeout(CONNECTION_TIME, connection).await;
            drop(place);
        });
    }
}

async fn answer(witness: Arc<Witness>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let answer = match (request.method(), path.as_str()) {
        (&Method::POST, "/add-checkpoint") => add_checkpoint(witness, request.into_body()).await,
        (&Method::GET, path) => match path.strip_prefix('/').and_then(|path| path.strip_suffix("/checkpoint")) {
            Some(origin_hash) => witness.latest(origin_hash),
            None => Answer::text(404, "there is nothing here"),
        },
        _ => Answer::text(404, "there is nothing here"),
    };
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = StatusCode::from_u16(answer.status).expect("the status codes are constants");
    let content_type = header::HeaderValue::from_static(answer.content_type);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn add_checkpoint(witness: Arc<Witness>, body: Incoming) -> Answer {
    let body = tokio::time::timeout(REQUEST_TIME, Limited::new(body, BODY_BYTES_MAX).collect()).await;
    let Ok(Ok(body)) = body else { return Answer::text(400, "the request is too long or too slow") };
    let body = body.to_bytes();
    // it writes to a disk
    let decided = tokio::task::spawn_blocking(move || {
        // a log that was added a moment ago
        let answer = witness.add_checkpoint(&body, seconds());
        if answer.status == 404 && witness.reload_if_due(seconds()) {
            witness.add_checkpoint(&body, seconds())
        } else {
            answer
        }
    });
    decided.await.unwrap_or_else(|_| Answer::text(500, "something failed inside"))
}

#[allow(clippy::disallowed_methods, reason = "a cosignature says when it was made; this is the one place that looks")]
fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs().max(1))
}
