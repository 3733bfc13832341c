//! Connections: accept, make private, hand to the router, end in order.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::Router;
use dpop::Thumbprint;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use lobby::{Lobby, Place};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tower::ServiceExt;

use crate::body::{BODY_STALL_SECONDS_MAX, HeldBody, StallGuard};
use crate::possession::ClientCertificate;
use crate::{App, Tls, guard, routes};

/// The most connections at one time. Past it one that rests makes room for a newcomer; when all are busy, more wait in the
/// listener's queue.
pub const CONNECTIONS_MAX: usize = 1024;
/// Of them, connections that have brought no request yet.
pub const STRANGERS_MAX: usize = 256;
/// Of these, from one address or from the /64 of an IPv6 address. Behind a proxy all come from one.
pub const STRANGERS_PER_ADDRESS_MAX: usize = 128;
/// A TLS handshake that takes longer is dropped.
pub const TLS_HANDSHAKE_SECONDS_MAX: u64 = 10;
/// A request whose header takes longer is dropped, and so is a connection that idles longer between requests.
pub const HEADER_SECONDS_MAX: u64 = 30;
/// A client that takes no byte of its answer for so long is dropped.
pub const WRITE_STALL_SECONDS_MAX: u64 = 60;
/// The most header fields of one request.
pub const HEADER_FIELDS_MAX: usize = 64;
/// The most requests at one time on one HTTP/2 connection.
pub const STREAMS_MAX: u32 = 128;
/// Requests under way at the end get so long to finish.
pub const DRAIN_SECONDS_MAX: u64 = 5;

/// How a socket waits on an accept error (out of file descriptors) before it tries again.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// How often a newcomer looks for a place while all connections are busy.
const PLACE_RETRY: Duration = Duration::from_millis(20);
/// What a connection may buffer of a request before it is read on, in bytes.
const READ_BUFFER_BYTES: usize = 128 * 1024;
/// HTTP/2 flow control: what one stream and one connection may have under way, in bytes.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const HEADER_LIST_BYTES_MAX: u32 = 16 * 1024;

/// What connections are limited by. The default is what the product runs with; tests make it smaller.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// [`CONNECTIONS_MAX`]
    pub connections: usize,
    /// [`STRANGERS_MAX`]
    pub strangers: usize,
    /// [`STRANGERS_PER_ADDRESS_MAX`]
    pub strangers_per_address: usize,
    /// [`TLS_HANDSHAKE_SECONDS_MAX`]
    pub tls_handshake: Duration,
    /// [`HEADER_SECONDS_MAX`]
    pub header: Duration,
    /// [`BODY_STALL_SECONDS_MAX`]
    pub body_stall: Duration,
    /// [`WRITE_STALL_SECONDS_MAX`]
    pub write_stall: Duration,
    /// [`DRAIN_SECONDS_MAX`]
    pub drain: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS_MAX,
            strangers: STRANGERS_MAX,
            strangers_per_address: STRANGERS_PER_ADDRESS_MAX,
            tls_handshake: Duration::from_secs(TLS_HANDSHAKE_SECONDS_MAX),
            header: Duration::from_secs(HEADER_SECONDS_MAX),
            body_stall: Duration::from_secs(BODY_STALL_SECONDS_MAX),
            write_stall: Duration::from_secs(WRITE_STALL_SECONDS_MAX),
            drain: Duration::from_secs(DRAIN_SECONDS_MAX),
        }
    }
}

/// How the front speaks HTTP.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Certificate and key; `None` is plain HTTP, which is served on loopback only.
    pub tls: Option<Tls>,
    /// Scheme, host and port as a browser sees them, for instance `https://localhost:8443`. Requests of pages
    /// that come from elsewhere are refused. Who controls this can let another site act for signed-in people.
    pub public_origin: String,
}

/// Why the portal cannot be served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// Plain HTTP would go over a network.
    #[error("plain HTTP is served on a loopback address only; give a certificate, or listen on 127.0.0.1")]
    PlainBeyondLoopback,
    /// The origin is not `scheme://host[:port]`.
    #[error("the public origin is not usable; give it as https://host or https://host:port without a path")]
    Origin,
    /// The listener says no.
    #[error("the HTTP listener does not answer; check that the address is free")]
    Listener(#[from] io::Error),
}

/// A portal that is being served. Dropping it takes no new connection; [`Portal::stop`] also waits for requests under way.
#[derive(Debug)]
pub struct Portal {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Portal {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connection, waits up to [`DRAIN_SECONDS_MAX`] for requests under way, and returns.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // an error here means that the task has ended already
            let _ = stop.send(());
        }
        let _ = (&mut self.task).await;
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves the portal on `listener` until it is stopped. Must be called inside a tokio runtime.
pub fn serve(listener: TcpListener, config: HttpConfig, app: App) -> Result<Portal, ServeError> {
    serve_within(listener, config, HttpLimits::default(), app)
}

/// [`serve`] with other limits.
pub fn serve_within(
    listener: TcpListener,
    config: HttpConfig,
    limits: HttpLimits,
    app: App,
) -> Result<Portal, ServeError> {
    let address = listener.local_addr()?;
    if config.tls.is_none() && !address.ip().is_loopback() {
        return Err(ServeError::PlainBeyondLoopback);
    }
    let policy = guard::Policy::new(&config.public_origin, config.tls.is_some(), limits.body_stall);
    let policy = policy.ok_or(ServeError::Origin)?;
    let router = routes::router(app, policy);
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(accept(listener, config.tls, limits, router, stopped));
    Ok(Portal { address, stop: Some(stop), task })
}

async fn accept(
    listener: TcpListener,
    tls: Option<Tls>,
    limits: HttpLimits,
    router: Router,
    mut stopped: oneshot::Receiver<()>,
) {
    let HttpLimits { connections: places, strangers, strangers_per_address: strangers_of_one, .. } = limits;
    let port = if tls.is_some() { "HTTPS" } else { "HTTP" };
    let lobby = Lobby::new(port, lobby::Limits { places, strangers, strangers_of_one });
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = &mut stopped => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        let (place, left) = tokio::select! {
            biased;
            _ = &mut stopped => break,
            entered = entered(&lobby, peer.ip()) => entered,
        };
        let (tls, router, watcher) = (tls.clone(), router.clone(), graceful.watcher());
        tokio::spawn(async move {
            tokio::select! {
                () = connection(stream, peer, tls, limits, router, watcher, place) => {}
                // it makes room for another one
                _ = left => {}
            }
        });
    }
    drop(listener);
    if timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way at the end and were cut off");
    }
}

/// A place, as soon as there is one, and what tells that it has to be left.
async fn entered(lobby: &Lobby, from: IpAddr) -> (Place, oneshot::Receiver<()>) {
    loop {
        let (leave, left) = oneshot::channel();
        let leave = move || {
            // an error here means that the connection ends already
            let _ = leave.send(());
        };
        if let Some(place) = lobby.enter(from, leave) {
            return (place, left);
        }
        tokio::time::sleep(PLACE_RETRY).await;
    }
}

/// One connection from handshake to end. What goes wrong here is the client's or the network's and ends the connection.
async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Tls>,
    limits: HttpLimits,
    router: Router,
    watcher: Watcher,
    place: Place,
) {
    // without this an answer of several writes waits for the client's delayed acknowledgement
    let _ = stream.set_nodelay(true);
    let address = peer.ip().to_canonical();
    let ended = match tls {
        None => match timeout(limits.header, first_word(&stream, &place)).await {
            Ok(Ok(())) => requests(stream, address, None, limits, router, watcher, place).await,
            Ok(Err(_)) | Err(_) => return,
        },
        Some(tls) => match timeout(limits.tls_handshake, shaken(stream, &tls, &place)).await {
            Ok(Ok(stream)) => {
                let certificates = stream.get_ref().1.peer_certificates();
                let certificate = certificates.and_then(|chain| chain.first());
                let certificate = certificate.map(|own| ClientCertificate(Thumbprint::of_certificate(own)));
                requests(stream, address, certificate, limits, router, watcher, place).await
            }
            Ok(Err(_)) | Err(_) => return,
        },
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "a connection ended early");
    }
}

/// Waits until the client says anything at all.
async fn first_word(stream: &TcpStream, place: &Place) -> io::Result<()> {
    stream.readable().await?;
    place.heard();
    Ok(())
}

async fn shaken(stream: TcpStream, tls: &Tls, place: &Place) -> io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
    first_word(&stream, place).await?;
    tls.acceptor().accept(stream).await
}

async fn requests<S>(
    stream: S,
    address: IpAddr,
    certificate: Option<ClientCertificate>,
    limits: HttpLimits,
    router: Router,
    watcher: Watcher,
    place: Place,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = StallGuard::new(stream, limits.header, limits.write_stall);
    let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(guard::Peer(address));
        if let Some(certificate) = certificate {
            request.extensions_mut().insert(certificate);
        }
        let (router, busy) = (router.clone(), place.busy());
        async move {
            let response = router.oneshot(request).await?;
            // busy until the last of the answer is on its way
            Ok::<_, Infallible>(response.map(|body| HeldBody::wrap(body, busy)))
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_headers(HEADER_FIELDS_MAX)
        .max_buf_size(READ_BUFFER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    watcher.watch(connection).await
}
