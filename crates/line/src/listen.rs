//! The warden's side: who proves a known key is connected to the warden's front socket.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::relay::{carry, watch};
use crate::{Key, KeyError, Pin, Pins, tls};

/// The most connections at a time of which it is not known yet who they are.
const UNKNOWN_MAX: usize = 64;
/// The most connections of one front: one that was taken over does not keep the others out.
pub const CONNECTIONS_OF_ONE_MAX: usize = 16;
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
    let places = Arc::new(Semaphore::new(UNKNOWN_MAX));
    let open = Open::default();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        match far.accept().await {
            Ok((stream, peer)) => {
                let (acceptor, fronts, near, open) = (acceptor.clone(), fronts.clone(), near.clone(), open.clone());
                tokio::spawn(async move {
                    let known = known(acceptor, stream, &open).await;
                    drop(place);
                    let served = match known {
                        Ok((far, seat)) => serve(fronts, far, seat, near).await,
                        Err(error) => Err(error),
                    };
                    if let Err(error) = served {
                        tracing::warn!(%error, peer = %peer.ip(), "a connection to the warden was refused or broke");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

/// Connections of known fronts.
#[derive(Clone, Default)]
struct Open(Arc<Mutex<HashMap<Pin, usize>>>);

/// One of them; given back when it is dropped.
struct Seat {
    pin: Pin,
    open: Open,
}

impl Open {
    fn seat(&self, pin: Pin) -> Option<Seat> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(pin).or_default();
        if *count == CONNECTIONS_OF_ONE_MAX {
            return None;
        }
        *count += 1;
        Some(Seat { pin, open: self.clone() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.pin) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.pin);
            }
        }
    }
}

/// Hears who it is.
async fn known(acceptor: TlsAcceptor, stream: TcpStream, open: &Open) -> io::Result<(TlsStream<TcpStream>, Seat)> {
    watch(&stream)?;
    let handshake = tokio::time::timeout(Duration::from_secs(HANDSHAKE_SECONDS_MAX), acceptor.accept(stream));
    let far = handshake.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let presented = far.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let pin = Pin::of(presented.ok_or_else(|| io::Error::from(io::ErrorKind::PermissionDenied))?);
    let seat = open.seat(pin).ok_or_else(|| io::Error::from(io::ErrorKind::QuotaExceeded))?;
    Ok((far, seat))
}

async fn serve<F, Near>(fronts: Pins, far: TlsStream<TcpStream>, seat: Seat, near: F) -> io::Result<()>
where
    F: Fn() -> Near,
    Near: Future<Output = io::Result<UnixStream>>,
{
    let near = near().await?;
    tokio::select! {
        () = carry(far, near) => {}
        () = forgotten(&fronts, seat.pin) => {
            tracing::warn!(pin = %seat.pin, "a front's pin was removed; its connection is closed");
        }
    }
    Ok(())
}

/// Returns when the pin is known no more.
async fn forgotten(fronts: &Pins, pin: Pin) {
    while fronts.knows(pin) {
        tokio::time::sleep(Duration::from_secs(LOOK_SECONDS)).await;
    }
}
