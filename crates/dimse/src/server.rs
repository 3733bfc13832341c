//! The server: a listener, a thread for each association, and their end.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use archive::{Caller, Intake, IntakeActor};
use dicom_ul::pdu::AbortRQServiceProviderReason as AbortReason;
use model::Origin;

use crate::{
    association::{Association, Room},
    connection::{Connection, Ended},
    devices::Devices,
    limits::DimseLimits,
    service::Served,
    stream::Stream,
};

/// Connections that may be told that there is no room for them; past it they are closed without a word.
const REJECTIONS_MAX: usize = 16;

/// Stack of an association's thread, in bytes.
const STACK_BYTES: usize = 1024 * 1024;

/// How a server is set up.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The AE title that callers must name; `None` takes any.
    pub called_ae_title: Option<String>,
    /// Limits on what comes from outside.
    pub limits: DimseLimits,
    /// Callers come over TLS and show a certificate; absent, they come in the clear.
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

/// A running server. Dropping it shuts it down.
pub struct DimseServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// The thread that accepts, and its socket.
    listener: Option<(JoinHandle<()>, TcpListener)>,
}

struct Shared {
    settings: Settings,
    intake: Intake,
    devices: Arc<dyn Devices>,
    stopping: Arc<AtomicBool>,
    associations: Mutex<Associations>,
}

#[derive(Default)]
struct Associations {
    next: u64,
    running: HashMap<u64, Running>,
}

struct Running {
    peer: IpAddr,
    /// To cut it at a shutdown.
    stream: TcpStream,
}

impl DimseServer {
    /// Listens at `address` (port 0 picks one) and takes into `intake` what `devices` admits.
    pub fn bind(
        address: SocketAddr,
        intake: Intake,
        devices: Arc<dyn Devices>,
        settings: Settings,
    ) -> io::Result<Self> {
        Self::serve(TcpListener::bind(address)?, intake, devices, settings)
    }

    /// The same on a socket that listens already.
    pub fn serve(
        listener: TcpListener,
        intake: Intake,
        devices: Arc<dyn Devices>,
        settings: Settings,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let to_end = listener.try_clone()?;
        let shared = Arc::new(Shared {
            settings,
            intake,
            devices,
            stopping: Arc::new(AtomicBool::new(false)),
            associations: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        let listener = thread::Builder::new().name("dimse".into()).spawn(move || accepting.accept(&listener))?;
        Ok(Self { address, shared, listener: Some((listener, to_end)) })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Associations now.
    #[must_use]
    pub fn associations(&self) -> usize {
        self.shared.associations().running.len()
    }

    /// Stops listening, lets a message that is being received come to its end within
    /// [`DimseLimits::shutdown_time`], and aborts the rest.
    pub fn shutdown(&mut self) {
        let Some((listener, socket)) = self.listener.take() else { return };
        self.shared.stopping.store(true, Ordering::Release);
        // wakes the listener without a connection: inside its walls a front makes none. An error means that it ended by itself
        let _ = rustix::net::shutdown(&socket, rustix::net::Shutdown::Both);
        let _ = listener.join();
        let deadline = Instant::now() + self.shared.settings.limits.shutdown_time;
        while self.associations() > 0 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        for running in self.shared.associations().running.values() {
            let _ = running.stream.shutdown(std::net::Shutdown::Both);
        }
        // what is still on its way to the disk comes to its end: the store answers within moments
        while self.associations() > 0 && Instant::now() < deadline + Duration::from_secs(2) {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for DimseServer {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        while !self.stopping.load(Ordering::Acquire) {
            match listener.accept() {
                Ok((stream, peer)) if !self.stopping.load(Ordering::Acquire) => self.begin(stream, peer.ip()),
                // woken to end
                Ok(_) | Err(_) if self.stopping.load(Ordering::Acquire) => {}
                Ok(_) => {}
                Err(error) => {
                    // out of file descriptors, most likely: those in use come free again
                    tracing::warn!(%error, "a connection could not be accepted");
                    thread::sleep(Duration::from_millis(50));
                }
            }
        }
    }

    fn begin(self: &Arc<Self>, stream: TcpStream, peer: IpAddr) {
        let peer = peer.to_canonical();
        let Some((place, room)) = self.take_place(&stream, peer) else {
            tracing::warn!(%peer, "too many connections; one was closed");
            return;
        };
        let shared = Arc::clone(self);
        let begun = thread::Builder::new().name("dimse association".into()).stack_size(STACK_BYTES).spawn(move || {
            // freed even if the thread panics
            let place = place;
            shared.serve(stream, place.peer, room);
        });
        if let Err(error) = begun {
            tracing::error!(%error, "no thread for an association");
        }
    }

    /// `None` when there is not even room for a rejection.
    fn take_place(self: &Arc<Self>, stream: &TcpStream, peer: IpAddr) -> Option<(Place, Room)> {
        let limits = &self.settings.limits;
        let stream = stream.try_clone().ok()?;
        let mut associations = self.associations();
        let count = associations.running.len();
        let of_peer = associations.running.values().filter(|running| running.peer == peer).count();
        if count >= limits.associations + REJECTIONS_MAX || of_peer >= limits.associations_per_peer + REJECTIONS_MAX {
            return None;
        }
        let number = associations.next;
        associations.next += 1;
        associations.running.insert(number, Running { peer, stream });
        let enough = count < limits.associations && of_peer < limits.associations_per_peer;
        let place = Place { number, peer, shared: Arc::clone(self) };
        Some((place, if enough { Room::Enough } else { Room::None }))
    }

    fn serve(&self, stream: TcpStream, peer: IpAddr, room: Room) {
        let (limits, stopping) = (self.settings.limits, Arc::clone(&self.stopping));
        let begun = Stream::begin(stream, self.settings.tls.as_ref());
        let mut connection = match begun.and_then(|stream| Connection::new(stream, limits, stopping)) {
            Ok(connection) => connection,
            Err(error) => return tracing::warn!(%peer, %error, "a connection failed at its beginning"),
        };
        let ended = self.converse(&mut connection, peer, room);
        tracing::debug!(%peer, %ended, "an association ended");
        match ended {
            Ended::Released => {
                let _ = connection.send(&dicom_ul::Pdu::ReleaseRP);
            }
            Ended::Protocol(_) => connection.abort(AbortReason::UnexpectedPdu),
            Ended::TooSlow | Ended::Stopping => connection.abort(AbortReason::ReasonNotSpecified),
            Ended::Handshake(ref error) => log_handshake(peer, error),
            Ended::Rejected | Ended::Aborted | Ended::Closed | Ended::Io(_) => {}
        }
        connection.close();
    }

    fn converse(&self, connection: &mut Connection, peer: IpAddr, room: Room) -> Ended {
        let (limits, devices) = (&self.settings.limits, &*self.devices);
        let called = self.settings.called_ae_title.as_deref();
        let caller = match connection.shake_hands() {
            Ok(certificate) => Caller { address: peer, certificate },
            Err(ended) => return ended,
        };
        let association = match Association::accept(connection, limits, called, devices, caller, room) {
            Ok(association) => association,
            Err(ended) => return ended,
        };
        let actor = IntakeActor { device: Some(association.device), origin: Origin(peer.to_string()) };
        let mut batch = self.intake.begin_batch(actor);
        let served = Served { connection, association: &association, limits, devices, caller, batch: &mut batch };
        served.until_end()
    }

    fn associations(&self) -> MutexGuard<'_, Associations> {
        self.associations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log_handshake(peer: IpAddr, error: &io::Error) {
    tracing::warn!(
        %peer,
        %error,
        "a TLS handshake failed; a device calls this port by TLS 1.2 or 1.3 with the certificate that it is bound to (`leadglass device add --bind-certificate`), every other one calls the port of --dicom"
    );
}

/// A place among the associations, freed when dropped.
struct Place {
    number: u64,
    peer: IpAddr,
    shared: Arc<Shared>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.associations().running.remove(&self.number);
    }
}
