//! The warden's side: who proves a known key is connected to the warden's front socket.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::relay::{carry, watch};
use crate::{Key, KeyError, Pin, Pins, tls};

/// The most connections at a time, known or not.
const CONNECTIONS_MAX: usize = 64;
/// How long a handshake may take, in seconds.
const HANDSHAKE_SECONDS_MAX: u64 = 5;
/// How often a connection's pin is looked for again, in seconds.
const LOOK_SECONDS: u64 = 2;
/// How long the socket waits after a connection that could not be accepted.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Serves `far` until the task is dropped. `near` makes a stream to the warden's front socket.
pub async fn listen<F, Near>(far: TcpListener, key: &Key, fronts: Pins, near: F) -> Result<(), KeyError>
where
    F: Fn() -> Near + Clone + Send + Sync + 'static,
    Near: Future<Output = io::Result<UnixStream>> + Send,
{
    let acceptor = TlsAcceptor::from(tls::server(key, fronts.clone())?);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        match far.accept().await {
            Ok((stream, peer)) => {
                let (acceptor, fronts, near) = (acceptor.clone(), fronts.clone(), near.clone());
                tokio::spawn(async move {
                    if let Err(error) = serve(acceptor, fronts, stream, near).await {
                        tracing::warn!(%error, peer = %peer.ip(), "a connection to the warden was refused or broke");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

async fn serve<F, Near>(acceptor: TlsAcceptor, fronts: Pins, stream: TcpStream, near: F) -> io::Result<()>
where
    F: Fn() -> Near,
    Near: Future<Output = io::Result<UnixStream>>,
{
    watch(&stream)?;
    let handshake = tokio::time::timeout(Duration::from_secs(HANDSHAKE_SECONDS_MAX), acceptor.accept(stream));
    let far = handshake.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let presented = far.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let pin = Pin::of(presented.ok_or_else(|| io::Error::from(io::ErrorKind::PermissionDenied))?);
    let near = near().await?;
    tokio::select! {
        () = carry(far, near) => {}
        () = forgotten(&fronts, pin) => tracing::warn!(%pin, "a front's pin was removed; its connection is closed"),
    }
    Ok(())
}

/// Returns when the pin is known no more.
async fn forgotten(fronts: &Pins, pin: Pin) {
    while fronts.knows(pin) {
        tokio::time::sleep(Duration::from_secs(LOOK_SECONDS)).await;
    }
}
