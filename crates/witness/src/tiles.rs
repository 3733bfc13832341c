//! The hashes of a ledger over HTTP/1.1, for whoever checks it from elsewhere (C2SP tlog-tiles): `GET /checkpoint`,
//! `GET /tile/<L>/<N>[.p/<W>]` and `GET /tile/entries/<N>[.p/<W>]`. The sealed payloads are not there, no key is held, and
//! nothing can be written: who reads it learns how many entries there are, and how long each is.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode, header};
use tokio::net::TcpListener;

use crate::serve::accept;

/// A full tile never changes, and a partial one does not either.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";
const NOW: &str = "no-cache";
const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";

/// Answers from the files in `ledger` until the task is dropped.
pub async fn serve_tiles(ledger: PathBuf, listener: TcpListener) -> io::Result<()> {
    let ledger = Arc::new(ledger);
    accept(listener, move |request| answer(Arc::clone(&ledger), request)).await
}

async fn answer(ledger: Arc<PathBuf>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (reads, path) = (matches!(*request.method(), Method::GET | Method::HEAD), request.uri().path().to_owned());
    if !reads {
        return respond(StatusCode::METHOD_NOT_ALLOWED, TEXT, NOW, b"only GET\n".to_vec());
    }
    // it reads from a disk
    let read = tokio::task::spawn_blocking(move || read(&ledger, &path)).await;
    match read {
        Ok(Ok(Some((content_type, cached, body)))) => respond(StatusCode::OK, content_type, cached, body),
        Ok(Ok(None)) => respond(StatusCode::NOT_FOUND, TEXT, NOW, b"there is nothing here\n".to_vec()),
        Ok(Err(error)) => {
            tracing::error!(%error, "a file of the ledger cannot be read");
            respond(StatusCode::INTERNAL_SERVER_ERROR, TEXT, NOW, b"the ledger cannot be read now\n".to_vec())
        }
        Err(_) => respond(StatusCode::INTERNAL_SERVER_ERROR, TEXT, NOW, b"something failed inside\n".to_vec()),
    }
}

type Found = (&'static str, &'static str, Vec<u8>);

fn read(ledger: &Path, path: &str) -> io::Result<Option<Found>> {
    let Some(path) = path.strip_prefix('/') else { return Ok(None) };
    // one address for each file
    if path.split('/').any(str::is_empty) {
        return Ok(None);
    }
    if path == "checkpoint" {
        return audit::checkpoint(ledger)
            .map(|(text, _)| Some((TEXT, NOW, text.into_bytes())))
            .map_err(io::Error::other);
    }
    Ok(audit::read_tile(ledger, Path::new(path))?.map(|tile| (BYTES, FOR_GOOD, tile)))
}

fn respond(
    status: StatusCode,
    content_type: &'static str,
    cached: &'static str,
    body: Vec<u8>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static(cached));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    response
}
