//! Peers that do what no client should: each ends with an abort or a closed connection, and its place is free again.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dicom_ul::pdu::{
    AssociationRJResult, AssociationRJServiceProviderPresentationReason as PresentationReason, AssociationRJSource,
    PDataValueType, Pdu,
};
use dimse::{DimseLimits, DimseServer, Settings};

use crate::objects::{CT, EXPLICIT, Object};
use crate::peer::{Heard, IMPLICIT, Peer, VERIFICATION, command, echo, request, store, value};
use crate::server::{TestServer, short_limits};

fn with(limits: DimseLimits) -> TestServer {
    TestServer::with(Settings { limits, ..Settings::default() }, Default::default())
}

#[test]
fn what_is_no_association_is_aborted() {
    let server = TestServer::new();
    for (defect, bytes) in [
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("TLS", [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3].to_vec()),
        ("data without association", [4, 0, 0, 0, 0, 8, 0, 0, 0, 4, 1, 3, 0, 0].to_vec()),
        ("a release without association", [5, 0, 0, 0, 0, 4, 0, 0, 0, 0].to_vec()),
        ("a request of 4 GiB", [1, 0, 0xff, 0xff, 0xff, 0xff].to_vec()),
        ("a request past the limit", [1, 0, 0, 4, 0, 1].to_vec()),
        ("an empty request", [1, 0, 0, 0, 0, 0].to_vec()),
        ("a request of zeros", [[1, 0, 0, 0, 1, 0].as_slice(), &[0; 256]].concat()),
        ("a request of ones", [[1, 0, 0, 0, 1, 0].as_slice(), &[0xff; 256]].concat()),
    ] {
        let mut peer = Peer::connect(server.address());
        peer.write(&bytes);
        peer.is_aborted(defect);
    }
    server.until_alone();
}

#[test]
fn a_request_that_is_cut_anywhere_ends_quietly() {
    let server = TestServer::new();
    let mut whole = Vec::new();
    dicom_ul::pdu::write_pdu(&mut whole, &request("CT1", "ANY", &[(CT, EXPLICIT)])).unwrap();
    for cut in (0..whole.len()).step_by(7) {
        let mut peer = Peer::connect(server.address());
        peer.write(&whole[..cut]);
        drop(peer);
        // the same bytes as a whole PDU: shorter than its items say
        if cut > 6 {
            let mut peer = Peer::connect(server.address());
            let mut short = whole[..cut].to_vec();
            short[2..6].copy_from_slice(&(cut as u32 - 6).to_be_bytes());
            peer.write(&short);
            // some cuts leave out whole items only, and are requests still
            match peer.hear() {
                Heard::Pdu(Pdu::AbortRQ { .. } | Pdu::AssociationAC(_) | Pdu::AssociationRJ(_)) => {}
                other => panic!("cut at {cut}: {other:?}"),
            }
        }
    }
    server.until_alone();
}

#[test]
fn a_peer_that_breaks_the_protocol_is_aborted() {
    let server = TestServer::new();
    let contexts = [(CT, EXPLICIT), (VERIFICATION, IMPLICIT)];
    let check = |defect: &str, act: &dyn Fn(&mut Peer)| {
        let (mut peer, _) = Peer::associate(server.address(), "CT1", &contexts);
        act(&mut peer);
        peer.is_aborted(defect);
    };
    let write = |bytes: Vec<u8>| move |peer: &mut Peer| peer.write(&bytes);
    check("a PDU longer than agreed", &write([4, 0, 0, 4, 0, 1].to_vec()));
    check("a PDU of 4 GiB", &write([4, 0, 0xff, 0xff, 0xff, 0xff].to_vec()));
    check("an empty PDU", &write([4, 0, 0, 0, 0, 0].to_vec()));
    check("a value longer than its PDU", &write([4, 0, 0, 0, 0, 8, 0, 0, 0, 5, 1, 3, 0, 0].to_vec()));
    check("a value of 4 GiB", &write([4, 0, 0, 0, 0, 8, 0xff, 0xff, 0xff, 0xff, 1, 3, 0, 0].to_vec()));
    check("a value without a control byte", &write([4, 0, 0, 0, 0, 6, 0, 0, 0, 1, 1, 3].to_vec()));
    check("a PDU that ends inside a header", &write([4, 0, 0, 0, 0, 8, 0, 0, 0, 2, 1, 1, 0, 0].to_vec()));
    check("an unknown PDU", &write([9, 0, 0, 0, 0, 0].to_vec()));
    check("a second association", &|peer| peer.send(&request("CT1", "ANY", &contexts)));
    check("a release with a body", &write([5, 0, 0, 0, 0, 200].to_vec()));
    check("data before a command", &|peer| peer.data(1, true, &[0; 10]));
    check("a context that was not accepted", &|peer| peer.command(99, &echo()));
    check("a command set that is none", &|peer| peer.command(1, &[0xff; 40]));
    check("an empty command set", &|peer| peer.command(1, &[]));
    check("a command set without end", &|peer| {
        let padding = command(&[(0x0002, &[b'1'; 20_000])]);
        peer.command(1, &padding);
    });
    check("a response", &|peer| peer.command(1, &command(&[(0x0100, &[0x01, 0x80]), (0x0110, &[1, 0])])));
    check("a C-ECHO with a data set", &|peer| {
        peer.command(3, &command(&[(0x0100, &[0x30, 0]), (0x0110, &[1, 0]), (0x0800, &[0, 0])]));
    });
    check("a C-STORE without a data set", &|peer| {
        peer.command(1, &command(&[(0x0100, &[1, 0]), (0x0110, &[1, 0]), (0x0800, &[1, 1])]));
    });
    check("a command inside a data set", &|peer| {
        peer.command(1, &store(CT, "1.2.3"));
        peer.command(1, &echo());
    });
    check("a data set on another context", &|peer| {
        peer.command(1, &store(CT, "1.2.3"));
        peer.data(3, true, &[0; 10]);
    });
    check("a release inside a data set", &|peer| {
        peer.command(1, &store(CT, "1.2.3"));
        peer.data(1, false, &[0; 10]);
        peer.send(&request("CT1", "ANY", &contexts));
    });
    server.until_alone();
    assert_eq!(server.durable(), 0);
}

#[test]
fn a_refused_data_set_that_does_not_end_is_aborted() {
    let server = with(DimseLimits { refused_bytes: 100_000, ..DimseLimits::default() });
    let (mut peer, _) = Peer::associate(server.address(), "CT1", &[(CT, EXPLICIT)]);
    peer.command(1, &store(CT, "not a uid"));
    for _ in 0..7 {
        peer.data(1, false, &[0; 16_000]);
    }
    peer.is_aborted("a refused data set that does not end");
}

#[test]
fn a_slow_peer_is_aborted_at_every_stage() {
    let server = with(short_limits());
    // nothing at all
    Peer::connect(server.address()).is_aborted("a connection that says nothing");
    // byte by byte: each byte comes in time, the whole does not
    let dribble = |peer: &mut Peer, bytes: &[u8]| {
        for byte in bytes.iter().cycle().take(200) {
            if peer.stream.write_all(&[*byte]).is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    let mut peer = Peer::connect(server.address());
    peer.write(&[1, 0, 0, 0, 1, 0]);
    dribble(&mut peer, &[0]);
    server.until_alone();
    // an association that rests
    Peer::associate(server.address(), "CT1", &[(CT, EXPLICIT)]).0.is_aborted("an association that rests");
    // a PDU that does not end
    let (mut peer, _) = Peer::associate(server.address(), "CT1", &[(CT, EXPLICIT)]);
    peer.command(1, &store(CT, "1.2.3"));
    peer.write(&[4, 0, 0, 0, 0x40, 6, 0, 0, 0x40, 2, 1, 0]);
    dribble(&mut peer, &Object::new(1, 1, 1).data_set());
    server.until_alone();
    // a message that does not go on
    let (mut peer, _) = Peer::associate(server.address(), "CT1", &[(CT, EXPLICIT)]);
    peer.command(1, &store(CT, "1.2.3"));
    peer.is_aborted("a message that does not go on");
    server.until_alone();
    assert_eq!(server.durable(), 0);
}

#[test]
fn past_the_limits_associations_are_rejected_and_later_accepted() {
    let limits = DimseLimits { associations: 3, associations_per_peer: 2, ..DimseLimits::default() };
    let server = with(limits);
    let first = Peer::associate(server.address(), "CT1", &[(CT, EXPLICIT)]);
    let _second = Peer::associate(server.address(), "CT1", &[(CT, EXPLICIT)]);
    let mut third = Peer::connect(server.address());
    third.send(&request("CT1", "ANY", &[(CT, EXPLICIT)]));
    match third.hear() {
        Heard::Pdu(Pdu::AssociationRJ(rejected)) => {
            assert_eq!(rejected.result, AssociationRJResult::Transient);
            let reason = PresentationReason::LocalLimitExceeded;
            assert_eq!(rejected.source, AssociationRJSource::ServiceProviderPresentation(reason));
        }
        other => panic!("{other:?}"),
    }
    let told = server.devices.1.lock().unwrap().clone();
    assert_eq!(told, [("CT1".to_owned(), protocol::AssociationRefusal::Room)]);
    drop((first, third));
    while server.server.associations() > 1 {
        std::thread::sleep(Duration::from_millis(5));
    }
    Peer::associate(server.address(), "CT1", &[(CT, EXPLICIT)]);
}

#[test]
fn connections_that_come_and_go_leave_their_places_free() {
    let server = TestServer::new();
    for _ in 0..300 {
        drop(Peer::connect(server.address()));
    }
    // some of them may wait in the listener's queue still and take all places once more: then this one is closed as well
    let accepted = (0..1_000).any(|_| {
        server.until_alone();
        let mut peer = Peer::connect(server.address());
        peer.send(&request("CT1", "ANY", &[(CT, EXPLICIT)]));
        matches!(peer.hear(), Heard::Pdu(Pdu::AssociationAC(_)))
    });
    assert!(accepted);
}

#[test]
fn a_shutdown_aborts_who_rests_and_stops_listening() {
    let mut server = TestServer::new();
    let (mut resting, _) = Peer::associate(server.address(), "CT1", &[(CT, EXPLICIT)]);
    let (mut sending, _) = Peer::associate(server.address(), "CT1", &[(CT, EXPLICIT)]);
    sending.command(1, &store(CT, "1.2.3"));
    sending.data(1, false, &Object::new(1, 1, 1).data_set()[..100]);
    let address = server.address();
    DimseServer::shutdown(&mut server.server);
    assert!(matches!(resting.hear(), Heard::Pdu(Pdu::AbortRQ { .. })));
    assert!(matches!(sending.hear(), Heard::Pdu(Pdu::AbortRQ { .. })));
    assert!(std::net::TcpStream::connect(address).is_err());
    assert_eq!(server.server.associations(), 0);
    assert_eq!(server.durable(), 0);
}

/// Xorshift: the same bytes for the same seed, everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }
}

/// Counts panics of associations from now on.
pub fn count_panics() -> Arc<AtomicUsize> {
    let panics = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&panics);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() == Some("dimse association") {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        before(panic);
    }));
    panics
}

#[test]
fn requests_and_messages_with_changed_bytes_never_end_the_server() {
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 | 1;
    println!("seed {seed}");
    let mut random = Random(seed);
    let panics = count_panics();
    let server = with(short_limits());
    let object = Object::new(1, 1, 1);
    let mut whole = Vec::new();
    let mut ends = vec![0];
    for pdu in [
        request("CT1", "ANY", &[(CT, EXPLICIT), (VERIFICATION, IMPLICIT)]),
        Pdu::PData { data: vec![value(3, PDataValueType::Command, true, &echo())] },
        Pdu::PData { data: vec![value(1, PDataValueType::Command, true, &store(CT, &object.instance))] },
        Pdu::PData { data: vec![value(1, PDataValueType::Data, true, &object.data_set())] },
        Pdu::ReleaseRQ,
    ] {
        dicom_ul::pdu::write_pdu(&mut whole, &pdu).unwrap();
        ends.push(whole.len());
    }
    for _ in 0..400 {
        let mut changed = whole.clone();
        // mostly in one of the first PDUs, which are small
        let end = ends[1 + random.next(ends.len() - 1)];
        for _ in 0..=random.next(3) {
            // bytes that were left out before have made it shorter
            let end = end.min(changed.len());
            let at = random.next(end);
            match random.next(4) {
                0 => changed[at] = random.next(256) as u8,
                1 => changed[at] ^= 1 << random.next(8),
                2 => changed[at] = 0xff,
                _ => drop(changed.drain(at..(at + 1 + random.next(4)).min(end)).count()),
            }
        }
        let mut peer = Peer::connect(server.address());
        peer.write(&changed);
        let _ = peer.stream.shutdown(std::net::Shutdown::Write);
        while let Heard::Pdu(_) = peer.hear() {}
    }
    server.until_alone();
    assert_eq!(panics.load(Ordering::Relaxed), 0, "seed {seed}");
    Peer::associate(server.address(), "CT1", &[(CT, EXPLICIT)]);
}
