//! DICOM TLS (PS3.15 B.12): who is heard, and handshakes that no client should make.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use archive::IntakeSettings;
use dicom_ul::pdu::{AssociationRJServiceUserReason as UserReason, AssociationRJSource, Pdu};
use dimse::{DimseLimits, DimseServer, Settings};
use dpop::Thumbprint;
use protocol::AssociationRefusal;
use rustls::client::{ClientConnection, ResolvesClientCert};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, SignatureScheme, StreamOwned, SupportedProtocolVersion};

use crate::hostile::{Random, count_panics};
use crate::objects::{CT, EXPLICIT, Object};
use crate::peer::{Heard, IMPLICIT, Peer, VERIFICATION, echo, request, store};
use crate::server::{TestServer, short_limits};

type OverTls = StreamOwned<ClientConnection, TcpStream>;

const VERSIONS: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

/// A certificate with its key.
struct Identity {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key_pem: String,
}

impl Identity {
    fn new(name: &str) -> Self {
        let made = portal::development_certificate(&[name]).unwrap();
        let certificate = CertificateDer::from_pem_slice(made.certificate_pem.as_bytes()).unwrap();
        Self { certificate, certificate_pem: made.certificate_pem, key_pem: made.key_pem }
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).unwrap()
    }
}

/// A server that speaks TLS, with its certificate and that of its one device.
struct Site {
    server: TestServer,
    own: Identity,
    device: Identity,
}

impl Site {
    fn new(limits: DimseLimits) -> Self {
        let (own, device) = (Identity::new("localhost"), Identity::new("ct1.example"));
        let tls = portal::Tls::from_pem(own.certificate_pem.as_bytes(), own.key_pem.as_bytes()).unwrap();
        let settings = Settings { limits, tls: Some(tls.for_devices().unwrap()), ..Settings::default() };
        let server = TestServer::with(settings, IntakeSettings::default());
        let certificate = Thumbprint::of_certificate(&device.certificate);
        server.devices.2.lock().unwrap().insert("CT1".into(), certificate);
        Self { server, own, device }
    }

    fn peer(&self, version: &'static SupportedProtocolVersion, shows: Shows) -> Peer<OverTls> {
        let stream = Peer::connect(self.server.address()).stream;
        Peer { stream: StreamOwned::new(self.client(version, shows), stream) }
    }

    fn client(&self, version: &'static SupportedProtocolVersion, shows: Shows) -> ClientConnection {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.own.certificate.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_client_cert_resolver(Arc::new(shows));
        ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap()
    }

    /// What was told of refusals: names and reasons.
    fn told(&self) -> Vec<(String, AssociationRefusal)> {
        self.server.devices.1.lock().unwrap().clone()
    }

    fn device(&self, version: &'static SupportedProtocolVersion) -> Peer<OverTls> {
        self.peer(version, Shows::held(&self.device))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// What a client shows when it is asked for a certificate.
#[derive(Debug)]
struct Shows(Option<Arc<CertifiedKey>>);

impl Shows {
    fn nothing() -> Self {
        Self(None)
    }

    fn held(identity: &Identity) -> Self {
        Self::with_key_of(identity, identity)
    }

    /// Shows one's certificate and signs with another's key.
    fn with_key_of(shown: &Identity, signs: &Identity) -> Self {
        let key = provider().key_provider.load_private_key(signs.key()).unwrap();
        Self(Some(Arc::new(CertifiedKey::new(vec![shown.certificate.clone()], key))))
    }
}

impl ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

impl Peer<OverTls> {
    /// Shakes hands and is refused with an alert. By TLS 1.3 a client has done its part before it comes, and finds it when it reads.
    #[track_caller]
    fn is_refused_at_the_handshake(&mut self, defect: &str) {
        let error = self.stream.read_exact(&mut [0]).unwrap_err();
        let alert = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        assert!(matches!(alert, Some(rustls::Error::AlertReceived(_))), "{defect}: {error:?}");
    }
}

#[test]
fn a_device_stores_with_its_certificate_by_tls_1_2_and_by_tls_1_3() {
    let site = Site::new(DimseLimits::default());
    for (version, instance) in VERSIONS.into_iter().zip(1..) {
        // more than one record, and more than rustls holds at once
        let object = Object { rows: 700, columns: 701, ..Object::new(1, 1, instance) };
        let mut peer = site.device(version);
        peer.accepted("CT1", &[(CT, EXPLICIT), (VERIFICATION, IMPLICIT)]);
        peer.command(3, &echo());
        assert_eq!(peer.status(), 0, "{version:?}");
        peer.command(1, &store(CT, &object.instance));
        let data_set = object.data_set();
        let pieces = data_set.chunks(16_000);
        let last = pieces.len() - 1;
        for (number, piece) in pieces.enumerate() {
            peer.data(1, number == last, piece);
        }
        assert_eq!(peer.status(), 0, "{version:?}");
        assert_eq!(site.server.durable(), u64::from(instance));
        peer.send(&Pdu::ReleaseRQ);
        assert!(matches!(peer.hear(), Heard::Pdu(Pdu::ReleaseRP)), "{version:?}");
        // the end is announced, so that nobody can cut a conversation unseen
        assert_eq!(peer.stream.read(&mut [0]).unwrap(), 0, "{version:?}");
        let stored = site.server.stored("1.2.826.0.1.1");
        assert!(stored.iter().any(|stored| stored.ends_with(&data_set)), "{version:?}");
    }
    site.server.until_alone();
}

#[test]
fn whoever_shows_no_certificate_or_one_without_its_key_is_refused_at_the_handshake() {
    let site = Site::new(DimseLimits::default());
    let thief = Identity::new("ct1.example");
    for version in VERSIONS {
        site.peer(version, Shows::nothing()).is_refused_at_the_handshake("no certificate");
        let stolen = Shows::with_key_of(&site.device, &thief);
        site.peer(version, stolen).is_refused_at_the_handshake("a certificate that somebody else holds");
    }
    site.server.until_alone();
    // nobody came as far as an association and a name; each is counted
    assert_eq!(site.told(), vec![(String::new(), AssociationRefusal::Handshake); 2 * VERSIONS.len()]);
    site.device(&rustls::version::TLS13).accepted("CT1", &[(CT, EXPLICIT)]);
}

#[test]
fn another_certificate_and_a_device_that_is_bound_to_none_are_refused_at_association() {
    let site = Site::new(DimseLimits::default());
    let other = Identity::new("ct1.example");
    for version in VERSIONS {
        for (calling, identity) in [("CT1", &other), ("LISTER", &site.device)] {
            let mut peer = site.peer(version, Shows::held(identity));
            peer.send(&request(calling, "ANY", &[(VERIFICATION, IMPLICIT)]));
            let Heard::Pdu(Pdu::AssociationRJ(rejected)) = peer.hear() else { panic!("{calling} is not rejected") };
            let reason = AssociationRJSource::ServiceUser(UserReason::CallingAETitleNotRecognized);
            assert_eq!(rejected.source, reason, "{calling}");
        }
    }
    let told = site.told();
    assert_eq!(told.len(), 4);
    assert!(told.iter().all(|(_, reason)| *reason == AssociationRefusal::Certificate), "{told:?}");
}

#[test]
fn what_is_no_tls_is_refused_and_slow_handshakes_end_in_time() {
    let site = Site::new(short_limits());
    let mut clear = Vec::new();
    dicom_ul::pdu::write_pdu(&mut clear, &request("CT1", "ANY", &[(CT, EXPLICIT)])).unwrap();
    let mut hello = Vec::new();
    site.client(&rustls::version::TLS13, Shows::held(&site.device)).write_tls(&mut hello).unwrap();
    for (defect, bytes) in [
        ("DICOM in the clear", clear),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("nothing at all", Vec::new()),
        ("half a hello", hello[..hello.len() / 2].to_vec()),
        ("a record of 64 KiB", [22, 3, 1, 0xff, 0xff].to_vec()),
        ("a hello and nothing after it", hello.clone()),
    ] {
        let mut peer = Peer::connect(site.server.address());
        peer.write(&bytes);
        let mut heard = Vec::new();
        // a reset is an end as well; one that never comes is not
        if let Err(error) = peer.stream.read_to_end(&mut heard) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{defect}");
        }
        // alerts and handshakes, never a PDU
        assert!(matches!(heard.first(), None | Some(21 | 22)), "{defect}: {heard:?}");
    }
    // byte by byte: each byte comes in time, the whole does not
    let mut peer = Peer::connect(site.server.address());
    for byte in hello {
        if peer.stream.write_all(&[byte]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    site.server.until_alone();
    // what was said and is no TLS is counted; who says nothing, or not enough, is not heard
    assert_eq!(site.told(), vec![(String::new(), AssociationRefusal::Handshake); 3]);
}

/// Limits under which nobody has to hurry.
fn patient() -> DimseLimits {
    let patient = Duration::from_secs(600);
    DimseLimits { associate_time: patient, handshake_time: patient, ..DimseLimits::default() }
}

#[test]
fn slow_handshakes_take_no_place_of_an_association() {
    let site = Site::new(DimseLimits { associations_per_peer: 1, ..patient() });
    let slow: Vec<_> = (0..8).map(|_| Peer::connect(site.server.address())).collect();
    let mut device = site.device(&rustls::version::TLS13);
    device.accepted("CT1", &[(CT, EXPLICIT)]);
    // the device hears that it is accepted before its place among those who wait is free
    while site.server.server.waiting() > 8 {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!((site.server.server.associations(), site.server.server.waiting()), (1, 8));
    let mut late = site.device(&rustls::version::TLS13);
    late.send(&request("CT1", "ANY", &[(CT, EXPLICIT)]));
    assert!(matches!(late.hear(), Heard::Pdu(Pdu::AssociationRJ(_))));
    assert_eq!(site.told(), [("CT1".to_owned(), AssociationRefusal::Room)]);
    drop(slow);
}

/// What strangers do who hold a connection: nothing, half a hello, a whole handshake with a certificate of their own and nothing after.
fn stranger(site: &Site, number: u8, hello: &[u8]) -> Box<dyn std::any::Any> {
    let mut peer = Peer::connect_from([127, 0, 1, number].into(), site.server.address());
    match number % 3 {
        0 => Box::new(peer),
        1 => {
            peer.write(&hello[..hello.len() / 2]);
            Box::new(peer)
        }
        _ => {
            let client = site.client(&rustls::version::TLS13, Shows::held(&Identity::new("stranger.example")));
            let mut peer = StreamOwned::new(client, peer.stream);
            // as far as it comes
            while peer.conn.is_handshaking() && peer.conn.complete_io(&mut peer.sock).is_ok() {}
            Box::new(peer)
        }
    }
}

#[test]
fn strangers_from_many_addresses_hold_what_they_can_and_a_device_stores_meanwhile() {
    // more strangers than places of every kind, and nobody has to hurry
    let site = Site::new(DimseLimits { associations: 8, waiting: 16, waiting_per_peer: 4, ..patient() });
    let mut hello = Vec::new();
    site.client(&rustls::version::TLS13, Shows::held(&site.device)).write_tls(&mut hello).unwrap();
    let mut strangers: Vec<_> = (1..=60).map(|number| stranger(&site, number, &hello)).collect();
    for instance in 1..=3 {
        let object = Object::new(1, 1, instance);
        let mut device = site.device(&rustls::version::TLS13);
        device.accepted("CT1", &[(CT, EXPLICIT)]);
        // they come on while it stores
        strangers.extend((61..=120).map(|number| stranger(&site, number, &hello)));
        device.command(1, &store(CT, &object.instance));
        device.data(1, true, &object.data_set());
        assert_eq!(device.status(), 0);
        assert_eq!(site.server.durable(), u64::from(instance));
        assert!(site.server.server.waiting() <= 16 && site.server.server.associations() <= 8);
    }
    assert_eq!(site.told(), [], "nobody was out of room");
}

#[test]
fn strangers_in_the_clear_hold_what_they_can_and_a_device_stores_meanwhile() {
    let limits = DimseLimits { associations: 8, waiting: 16, waiting_per_peer: 4, ..patient() };
    let server = TestServer::with(Settings { limits, ..Settings::default() }, IntakeSettings::default());
    let strangers = |numbers: std::ops::RangeInclusive<u8>| -> Vec<Peer> {
        let come = |number| {
            let mut peer = Peer::connect_from([127, 0, 1, number].into(), server.address());
            if number % 2 == 0 {
                // the head of a request, and never its body
                peer.write(&[1, 0, 0, 0, 1, 0]);
            }
            peer
        };
        numbers.map(come).collect()
    };
    let first = strangers(1..=60);
    let object = Object::new(1, 1, 1);
    let (mut device, _) = Peer::associate(server.address(), "CT1", &[(CT, EXPLICIT)]);
    let second = strangers(61..=120);
    device.command(1, &store(CT, &object.instance));
    device.data(1, true, &object.data_set());
    assert_eq!(device.status(), 0);
    assert_eq!((server.durable(), server.server.associations()), (1, 1));
    assert!(server.server.waiting() <= 16);
    drop((first, second));
}

#[test]
fn one_address_has_so_many_connections_without_an_association_and_others_are_not_in_its_way() {
    let limits = DimseLimits { waiting_per_peer: 2, ..patient() };
    let server = TestServer::with(Settings { limits, ..Settings::default() }, IntakeSettings::default());
    let from = |last: u8| Peer::connect_from([127, 0, 1, last].into(), server.address());
    let mut other = from(1);
    let mut of_one: Vec<_> = (0..5).map(|_| from(2)).collect();
    // the first three made room for the ones after them
    for gone in &mut of_one[..3] {
        assert!(matches!(gone.hear(), Heard::Closed));
    }
    assert_eq!(server.server.waiting(), 3);
    for here in of_one[3..].iter_mut().chain([&mut other]) {
        here.send(&request("CT1", "ANY", &[(CT, EXPLICIT)]));
        assert!(
            matches!(here.hear(), Heard::Pdu(Pdu::AssociationRJ(_))),
            "no device calls from there, and it is told so"
        );
    }
}

#[test]
fn a_shutdown_aborts_who_rests_also_over_tls_and_in_a_handshake() {
    let mut site = Site::new(DimseLimits::default());
    let mut shaking = Peer::connect(site.server.address());
    let mut resting = site.device(&rustls::version::TLS13);
    resting.accepted("CT1", &[(CT, EXPLICIT)]);
    DimseServer::shutdown(&mut site.server.server);
    assert!(matches!(resting.hear(), Heard::Pdu(Pdu::AbortRQ { .. })));
    let _ = shaking.stream.read_to_end(&mut Vec::new());
    assert_eq!(site.server.server.associations(), 0);
}

#[test]
fn a_data_set_that_is_cut_off_is_not_stored() {
    let site = Site::new(DimseLimits::default());
    let object = Object::new(1, 1, 1);
    let mut peer = site.device(&rustls::version::TLS13);
    peer.accepted("CT1", &[(CT, EXPLICIT)]);
    peer.command(1, &store(CT, &object.instance));
    peer.data(1, false, &object.data_set()[..100]);
    // without saying so, as somebody on the way would
    peer.stream.sock.shutdown(std::net::Shutdown::Both).unwrap();
    site.server.until_alone();
    assert_eq!(site.server.durable(), 0);
}

#[test]
fn handshakes_with_changed_bytes_never_end_the_server() {
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 | 1;
    println!("seed {seed}");
    let mut random = Random(seed);
    let panics = count_panics();
    let site = Site::new(short_limits());
    let mut bytes = Vec::new();
    dicom_ul::pdu::write_pdu(&mut bytes, &request("CT1", "ANY", &[(CT, EXPLICIT)])).unwrap();
    let mut refused = 0;
    for turn in 0..200 {
        let stream = TcpStream::connect(site.server.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let changed = Changed { stream, left: Some(random.next(800)), by: 1 << random.next(8) };
        let client = site.client(VERSIONS[turn % 2], Shows::held(&site.device));
        let mut peer = StreamOwned::new(client, changed);
        let mut first = [0; 1];
        match peer.write_all(&bytes).and_then(|()| peer.flush()).and_then(|()| peer.read_exact(&mut first)) {
            // the version in a record's header is read by nobody; a longer length is waited for, and aborted
            Ok(()) => {
                assert!(matches!(first, [2 | 7]), "seed {seed}, turn {turn}: {first:?} is no acceptance and no abort")
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 100, "seed {seed}: {refused} of 200 were refused");
    site.server.until_alone();
    assert_eq!(panics.load(Ordering::Relaxed), 0, "seed {seed}");
    site.device(&rustls::version::TLS13).accepted("CT1", &[(CT, EXPLICIT)]);
}

/// A way to the server on which one bit is turned over.
struct Changed {
    stream: TcpStream,
    /// How many bytes go unchanged before it; nothing once it went.
    left: Option<usize>,
    by: u8,
}

impl Read for Changed {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.stream.read(out)
    }
}

impl Write for Changed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut bytes = bytes.to_vec();
        if let Some(left) = self.left {
            self.left = left.checked_sub(bytes.len());
            if let Some(byte) = bytes.get_mut(left) {
                *byte ^= self.by;
            }
        }
        self.stream.write_all(&bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}
