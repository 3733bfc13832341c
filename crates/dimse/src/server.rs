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
use lobby::Lobby;
use model::Origin;
use protocol::AssociationRefusal;

use crate::{
    association::{Admission, Association, read_request},
    connection::{Connection, Ended},
    devices::Devices,
    limits::DimseLimits,
    service::Served,
    stream::Stream,
};

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
    /// Who has no association yet.
    lobby: Lobby,
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
        let DimseLimits { waiting, waiting_per_peer, .. } = settings.limits;
        let places = lobby::Limits { places: waiting, strangers: waiting, strangers_of_one: waiting_per_peer };
        let lobby = Lobby::new(if settings.tls.is_some() { "DICOM over TLS" } else { "DICOM" }, places);
        let shared = Arc::new(Shared {
            settings,
            intake,
            devices,
            stopping: Arc::new(AtomicBool::new(false)),
            lobby,
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

    /// Connections now that have no association.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.lobby.callers()
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
        while self.connections() > 0 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        self.shared.lobby.clear();
        for running in self.shared.associations().running.values() {
            let _ = running.stream.shutdown(std::net::Shutdown::Both);
        }
        // what is still on its way to the disk comes to its end: the store answers within moments
        while self.connections() > 0 && Instant::now() < deadline + Duration::from_secs(2) {
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn connections(&self) -> usize {
        self.waiting() + self.associations()
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
        let waiting = stream.try_clone().ok().and_then(|to_cut| {
            self.lobby.enter(peer, move || {
                // an error here means that it is closed already
                let _ = to_cut.shutdown(std::net::Shutdown::Both);
            })
        });
        let Some(waiting) = waiting else {
            tracing::warn!(%peer, "too many connections; one was closed");
            return;
        };
        let shared = Arc::clone(self);
        let begun = thread::Builder::new().name("dimse association".into()).stack_size(STACK_BYTES).spawn(move || {
            shared.serve(stream, peer, waiting);
        });
        if let Err(error) = begun {
            tracing::error!(%error, "no thread for an association");
        }
    }

    /// A place among the associations; nothing past a limit.
    fn take_place(self: &Arc<Self>, stream: &TcpStream, peer: IpAddr) -> Option<Place> {
        let limits = &self.settings.limits;
        let stream = stream.try_clone().ok()?;
        let mut associations = self.associations();
        let of_peer = associations.running.values().filter(|running| running.peer == peer).count();
        if associations.running.len() >= limits.associations || of_peer >= limits.associations_per_peer {
            return None;
        }
        let number = associations.next;
        associations.next += 1;
        associations.running.insert(number, Running { peer, stream });
        Some(Place { number, shared: Arc::clone(self) })
    }

    fn serve(self: &Arc<Self>, stream: TcpStream, peer: IpAddr, waiting: lobby::Place) {
        let (limits, stopping) = (self.settings.limits, Arc::clone(&self.stopping));
        let to_cut = stream.try_clone();
        let begun = to_cut.and_then(|to_cut| Ok((to_cut, Stream::begin(stream, self.settings.tls.as_ref())?)));
        let begun = begun.and_then(|(to_cut, stream)| Ok((to_cut, Connection::new(stream, limits, stopping)?)));
        let (to_cut, mut connection) = match begun {
            Ok(begun) => begun,
            Err(error) => return tracing::warn!(%peer, %error, "a connection failed at its beginning"),
        };
        // where it is counted until it is closed, even if the thread panics
        let mut counted = Counted::Waiting(waiting);
        let ended = self.converse(&mut connection, &to_cut, peer, &mut counted);
        tracing::debug!(%peer, %ended, "an association ended");
        match ended {
            Ended::Released => {
                let _ = connection.send(&dicom_ul::Pdu::ReleaseRP);
            }
            Ended::Protocol(_) => connection.abort(AbortReason::UnexpectedPdu),
            Ended::TooSlow | Ended::Stopping => connection.abort(AbortReason::ReasonNotSpecified),
            Ended::Handshake(ref error) => {
                log_handshake(peer, error);
                // nobody said a name
                self.devices.refused("", peer, AssociationRefusal::Handshake);
            }
            Ended::Rejected | Ended::Aborted | Ended::Closed | Ended::Io(_) => {}
        }
        connection.close();
    }

    fn converse(
        self: &Arc<Self>,
        connection: &mut Connection,
        to_cut: &TcpStream,
        peer: IpAddr,
        counted: &mut Counted,
    ) -> Ended {
        let limits = &self.settings.limits;
        let (association, caller) = match self.admit(connection, to_cut, peer, counted) {
            Ok(admitted) => admitted,
            Err(ended) => return ended,
        };
        let actor = IntakeActor { device: Some(association.device), origin: Origin(peer.to_string()) };
        let mut batch = self.intake.begin_batch(actor);
        let devices = &*self.devices;
        let served = Served { connection, association: &association, limits, devices, caller, batch: &mut batch };
        served.until_end()
    }

    /// From the first byte to an association, which takes a place of its own.
    fn admit(
        self: &Arc<Self>,
        connection: &mut Connection,
        to_cut: &TcpStream,
        peer: IpAddr,
        counted: &mut Counted,
    ) -> Result<(Association, Caller), Ended> {
        connection.is_spoken_to()?;
        counted.heard();
        let caller = Caller { address: peer, certificate: connection.shake_hands()? };
        let request = read_request(connection, &self.settings.limits)?;
        let asked = counted.busy();
        let admission = Admission {
            called_ae_title: self.settings.called_ae_title.as_deref(),
            devices: &*self.devices,
            caller,
            room: &|| self.take_place(to_cut, peer),
        };
        let (association, place) = Association::accept(connection, request, &self.settings.limits, &admission)?;
        drop(asked);
        *counted = Counted::Association { _place: place };
        Ok((association, caller))
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

/// Where a connection is counted.
enum Counted {
    Waiting(lobby::Place),
    Association { _place: Place },
}

impl Counted {
    fn heard(&self) {
        if let Self::Waiting(place) = self {
            place.heard();
        }
    }

    /// Who is looked up does not make room for others.
    fn busy(&self) -> Option<lobby::Busy> {
        match self {
            Self::Waiting(place) => Some(place.busy()),
            Self::Association { .. } => None,
        }
    }
}

/// A place among the associations, freed when dropped.
struct Place {
    number: u64,
    shared: Arc<Shared>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.associations().running.remove(&self.number);
    }
}
