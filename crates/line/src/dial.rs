//! The front's side: every connection to its Unix socket becomes one over the line to the warden.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio_rustls::TlsConnector;

use crate::relay::{carry, watch};
use crate::{Key, KeyError, Pin, tls};

/// How long reaching the other machine may take, handshake included, in seconds.
const REACH_SECONDS_MAX: u64 = 5;

/// How long the socket waits after a connection that could not be accepted.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Serves `near` until the task is dropped. The warden is at `far` and has this pin.
pub async fn dial(near: UnixListener, far: SocketAddr, key: &Key, warden: Pin) -> Result<(), KeyError> {
    let connector = TlsConnector::from(tls::client(key, warden)?);
    loop {
        match near.accept().await {
            Ok((stream, _)) => {
                let connector = connector.clone();
                tokio::spawn(async move {
                    // a caller whose line does not come about is closed, and tries again
                    if let Err(error) = reach(connector, far, stream).await {
                        tracing::info!(%error, "the warden's machine was not reached");
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

async fn reach(connector: TlsConnector, far: SocketAddr, near: UnixStream) -> io::Result<()> {
    let reached = tokio::time::timeout(Duration::from_secs(REACH_SECONDS_MAX), async {
        let stream = TcpStream::connect(far).await?;
        watch(&stream)?;
        connector.connect(ServerName::IpAddress(far.ip().into()), stream).await
    });
    carry(reached.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??, near).await;
    Ok(())
}
