//! The server: a listener, a task for each connection, and their end.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use archive::{Caller, Clock, WardenLink};
use dpop::Thumbprint;
use tokio::{
    net::TcpStream,
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use crate::connection::{Connection, converse};

/// Connections at a time.
pub const CONNECTIONS_MAX: usize = 64;
/// Connections at a time from one address.
pub const CONNECTIONS_PER_PEER_MAX: usize = 16;
/// How long a TLS handshake may take, in seconds.
pub const HANDSHAKE_SECONDS_MAX: u64 = 10;
/// How long a connection may rest between two messages, in seconds: senders keep one open for a day's orders.
pub const IDLE_SECONDS_MAX: u64 = 3_600;
/// How long a message may take from its first byte to its last, in seconds.
pub const MESSAGE_SECONDS_MAX: u64 = 60;
/// How long a sender may take to take an answer, in seconds.
pub const ANSWER_SECONDS_MAX: u64 = 30;
/// Connections that still work are cut this long after a shutdown began, in seconds.
pub const SHUTDOWN_SECONDS_MAX: u64 = 5;

/// Limits of a server.
#[derive(Clone, Copy, Debug)]
pub struct MllpLimits {
    /// Connections at a time.
    pub connections: usize,
    /// Connections at a time from one address.
    pub connections_per_peer: usize,
    /// Between two messages.
    pub idle_time: Duration,
    /// From the first byte of a message to its last.
    pub message_time: Duration,
}

impl Default for MllpLimits {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS_MAX,
            connections_per_peer: CONNECTIONS_PER_PEER_MAX,
            idle_time: Duration::from_secs(IDLE_SECONDS_MAX),
            message_time: Duration::from_secs(MESSAGE_SECONDS_MAX),
        }
    }
}

/// How a server is set up.
#[derive(Clone, Default)]
pub struct Settings {
    /// Limits on what comes from outside.
    pub limits: MllpLimits,
    /// Senders come over TLS and show a certificate; absent, they come in the clear.
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

/// A running server.
pub struct MllpServer {
    address: SocketAddr,
    stopping: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

/// What every connection shares.
pub(crate) struct Shared {
    pub(crate) limits: MllpLimits,
    pub(crate) link: WardenLink,
    pub(crate) clock: Clock,
    /// Numbers of answers.
    pub(crate) answers: AtomicU64,
    peers: Mutex<HashMap<IpAddr, usize>>,
}

impl MllpServer {
    /// Serves a socket that listens already, on the current runtime.
    pub fn serve(listener: TcpListener, link: WardenLink, clock: Clock, settings: Settings) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let (stopping, stopped) = watch::channel(false);
        let first = clock.now().0.unsigned_abs();
        let Settings { limits, tls } = settings;
        let shared = Arc::new(Shared { limits, link, clock, answers: AtomicU64::new(first), peers: Mutex::default() });
        let tls = tls.map(TlsAcceptor::from);
        let accepting = tokio::spawn(accept(listener, shared, tls, stopped));
        Ok(Self { address, stopping, accepting })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening, lets messages that are being decided on be answered, and cuts the rest.
    pub async fn stop(self) {
        // an error means that it ended by itself
        let _ = self.stopping.send(true);
        let _ = self.accepting.await;
    }
}

async fn accept(
    listener: tokio::net::TcpListener,
    shared: Arc<Shared>,
    tls: Option<TlsAcceptor>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut running = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
        };
        while running.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                let peer = peer.ip().to_canonical();
                let Some(place) = shared.take_place(peer) else {
                    tracing::warn!(%peer, "too many connections for orders; one was closed");
                    continue;
                };
                running.spawn(serve(stream, peer, place, tls.clone(), stopped.clone()));
            }
            Err(error) => {
                // out of file descriptors, most likely: those in use come free again
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    let all = async { while running.join_next().await.is_some() {} };
    let _ = timeout(Duration::from_secs(SHUTDOWN_SECONDS_MAX), all).await;
}

async fn serve(
    stream: TcpStream,
    peer: IpAddr,
    place: Place,
    tls: Option<TlsAcceptor>,
    stopped: watch::Receiver<bool>,
) {
    let shared = Arc::clone(&place.shared);
    // without this an answer waits for the acknowledgement of the segment before it
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = tls else {
        let caller = Caller { address: peer, certificate: None };
        return hear(stream, caller, shared, stopped).await;
    };
    let handshake = timeout(Duration::from_secs(HANDSHAKE_SECONDS_MAX), acceptor.accept(stream)).await;
    let stream = match handshake {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            return tracing::warn!(
                %peer,
                %error,
                "a TLS handshake failed; a sender of orders calls this port by TLS 1.2 or 1.3 with the certificate that it is bound to (`leadglass device add --bind-certificate`)"
            );
        }
        Err(_) => return tracing::warn!(%peer, "a TLS handshake took too long"),
    };
    let own = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    // whatever the configuration takes, nobody is heard without
    let Some(certificate) = own.map(|own| Thumbprint::of_certificate(own)) else { return };
    hear(stream, Caller { address: peer, certificate: Some(certificate) }, shared, stopped).await;
}

async fn hear<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    stream: S,
    caller: Caller,
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
) {
    if let Err(why) = shared.link.admit_order_sender(None, caller).await {
        shared.refused(None, caller, why);
        return;
    }
    let mut connection = Connection::new(stream, shared.limits, stopped);
    let ended = converse(&mut connection, caller, &shared).await;
    tracing::debug!(peer = %caller.address, ended, "a connection for orders ended");
    connection.close().await;
}

impl Shared {
    fn take_place(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = peers.values().sum();
        let own = peers.entry(peer).or_default();
        if all >= self.limits.connections || *own >= self.limits.connections_per_peer {
            return None;
        }
        *own += 1;
        Some(Place { peer, shared: Arc::clone(self) })
    }

    /// The number of the next answer.
    pub(crate) fn next_answer(&self) -> u64 {
        self.answers.fetch_add(1, Ordering::Relaxed)
    }

    /// Has the ledger count a sender that is not heard.
    pub(crate) fn refused(&self, name: Option<&str>, caller: Caller, why: archive::NotAdmitted) {
        tracing::warn!(peer = %caller.address, %why, "a sender of orders is not heard");
        self.link.count_refused(name.unwrap_or_default(), caller.address, why.into());
    }
}

/// A place among the connections, freed when dropped.
struct Place {
    peer: IpAddr,
    shared: Arc<Shared>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut peers = self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = peers.get_mut(&self.peer) {
            *own -= 1;
            if *own == 0 {
                peers.remove(&self.peer);
            }
        }
    }
}
