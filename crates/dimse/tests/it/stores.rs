//! Storage: what is answered with which status, and what is durable then.

use archive::IntakeSettings;
use dataset::Limits;
use dicom_ul::pdu::{PDataValueType, Pdu};
use dimse::Settings;
use dimse::sender::{Outgoing, SendError, Sender};
use policy::Service;
use protocol::AssociationRefusal;

use crate::objects::{CT, EXPLICIT, Object};
use crate::peer::{FIND, Heard, IMPLICIT, Peer, VERIFICATION, command, echo, store, value};
use crate::server::TestServer;

fn outgoing(object: &Object) -> Outgoing {
    Outgoing::from_part10(object.part10()).unwrap()
}

#[test]
fn one_association_stores_many_and_they_are_durable_when_answered() {
    let server = TestServer::new();
    let objects: Vec<_> = (1..=30).map(|instance| Object::new(1 + instance % 2, 1, instance)).collect();
    let mut sender = Sender::connect(server.address(), "CT1", "ANY", [outgoing(&objects[0]).kind()]).unwrap();
    for (index, object) in objects.iter().enumerate() {
        assert_eq!(sender.store(&outgoing(object)).unwrap(), 0);
        assert_eq!(server.durable(), index as u64 + 1);
    }
    sender.release().unwrap();
    let stored = server.stored("1.2.826.0.1.1");
    assert_eq!(stored.len(), 15);
    assert!(stored.iter().all(|stored| objects.iter().any(|object| stored.ends_with(&object.data_set()))));
}

#[test]
fn files_are_sent_over_one_association() {
    let server = TestServer::new();
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (1..=3)
        .map(|instance| {
            let path = folder.path().join(format!("{instance}.dcm"));
            std::fs::write(&path, Object::new(1, 1, instance).part10()).unwrap();
            path
        })
        .collect();
    let statuses = dimse::sender::send_files(server.address(), "CT1", "ANY", &paths).unwrap();
    assert_eq!(statuses, [0, 0, 0]);
    std::fs::write(&paths[0], b"nonsense").unwrap();
    let refused = dimse::sender::send_files(server.address(), "CT1", "ANY", &paths);
    assert!(matches!(refused, Err(SendError::NotPart10 { .. })));
    // each refused association is told with its reason, none that was accepted is
    let told = |calling: &str, reason| {
        let refused = dimse::sender::send_files(server.address(), calling, "ANY", &paths[1..]);
        assert!(matches!(refused, Err(SendError::Rejected(_))), "{calling}");
        let last = server.devices.1.lock().unwrap().last().cloned();
        assert_eq!(last, Some((calling.to_owned(), reason)));
    };
    told("STRANGER", AssociationRefusal::Unknown);
    told("ELSEWHERE", AssociationRefusal::Address);
    told("LISTER", AssociationRefusal::Service);
    assert_eq!(server.devices.1.lock().unwrap().len(), 3);
    let named = TestServer::with(
        Settings { called_ae_title: Some("ARCHIVE".into()), ..Settings::default() },
        IntakeSettings::default(),
    );
    dimse::sender::send_files(named.address(), "CT1", "ANY", &paths[1..]).unwrap_err();
    let refused = named.devices.1.lock().unwrap().clone();
    assert_eq!(refused, [("CT1".to_owned(), AssociationRefusal::CalledAeTitle)]);
}

/// The status that a data set sent as `class` and `instance` is answered with.
fn answered(server: &TestServer, class: &str, instance: &str, data_set: Vec<u8>) -> u16 {
    let contexts = [(CT, EXPLICIT)];
    let (mut peer, _) = Peer::associate(server.address(), "CT1", &contexts);
    peer.command(1, &store(class, instance));
    for part in data_set.chunks(1000) {
        peer.data(1, false, part);
    }
    peer.data(1, true, &[]);
    let status = peer.status();
    // the association goes on
    let object = Object::new(9, 9, 9);
    peer.command(1, &store(CT, &object.instance));
    peer.data(1, true, &object.data_set());
    assert_eq!(peer.status(), 0);
    status
}

#[test]
fn what_is_refused_has_the_status_that_the_standard_gives_it() {
    let limits = Limits { stream_bytes: 4096, ..Limits::default() };
    let intake = IntakeSettings { limits, ..IntakeSettings::default() };
    let server = TestServer::with(Settings::default(), intake);
    let object = Object::new(1, 1, 1);
    let good = object.data_set();
    let check = |defect: &str, class: &str, instance: &str, data_set: Vec<u8>, expected: u16| {
        let before = server.warden.state(|state| state.notes.len());
        let status = answered(&server, class, instance, data_set);
        assert_eq!(status, expected, "{defect}: {status:04X}");
        server.runtime.block_on(server.handover.handover_idle()).unwrap();
        let filed = server
            .warden
            .state(|state| state.notes[before..].iter().any(|note| note.study.uid.as_str() != "1.2.826.0.1.9"));
        assert!(!filed, "{defect}: something of it was filed");
    };
    check("another instance", CT, "1.2.3", good.clone(), 0xA900);
    let other = Object { sop_class: "1.2.840.10008.5.1.4.1.1.4".into(), ..object.clone() };
    check("another class", CT, &object.instance, other.data_set(), 0xA900);
    check("a class that is not the context's", &other.sop_class, &object.instance, other.data_set(), 0x0122);
    check("an instance that is no UID", CT, "one", good.clone(), 0x0106);
    check("no instance", CT, "", good.clone(), 0x0106);
    check("cut in the pixels", CT, &object.instance, good[..good.len() - 2].to_vec(), 0xC000);
    check("empty", CT, &object.instance, Vec::new(), 0xC000);
    check("noise", CT, &object.instance, vec![0xA5; 3000], 0xC000);
    let large = Object { rows: 300, columns: 300, ..object.clone() };
    check("past a limit", CT, &object.instance, large.data_set(), 0xA702);
}

#[test]
fn a_full_disk_is_out_of_resources_and_the_association_goes_on() {
    // a closed store refuses as a failed disk does
    let server = TestServer::new();
    let object = Object::new(1, 1, 1);
    let mut sender = Sender::connect(server.address(), "CT1", "ANY", [outgoing(&object).kind()]).unwrap();
    assert_eq!(sender.store(&outgoing(&object)).unwrap(), 0);
    server.store.close();
    assert_eq!(sender.store(&outgoing(&Object::new(1, 1, 2))).unwrap(), 0xA701);
    assert_eq!(sender.store(&outgoing(&Object::new(1, 1, 3))).unwrap(), 0xA701);
    sender.release().unwrap();
}

#[test]
fn a_device_that_is_removed_stores_no_more() {
    let server = TestServer::new();
    let object = Object::new(1, 1, 1);
    let mut sender = Sender::connect(server.address(), "CT1", "ANY", [outgoing(&object).kind()]).unwrap();
    assert_eq!(sender.store(&outgoing(&object)).unwrap(), 0);
    server.devices.0.lock().unwrap()[0].2 = vec![Service::Echo];
    assert_eq!(sender.store(&outgoing(&Object::new(1, 1, 2))).unwrap(), 0x0124);
    assert_eq!(server.durable(), 1);
}

#[test]
fn an_association_that_is_aborted_in_a_transfer_leaves_nothing_acknowledged() {
    let server = TestServer::new();
    let object = Object { rows: 200, columns: 200, ..Object::new(1, 1, 1) };
    let data_set = object.data_set();
    for (defect, cut, abort) in [
        ("before the data set", 0, true),
        ("in the header", 100, true),
        ("in the pixels", data_set.len() / 2, true),
        ("before the last fragment", data_set.len(), true),
        ("cut in the header", 100, false),
        ("cut before the last fragment", data_set.len(), false),
    ] {
        let (mut peer, _) = Peer::associate(server.address(), "CT1", &[(CT, EXPLICIT)]);
        peer.command(1, &store(CT, &object.instance));
        if cut > 0 {
            peer.data(1, false, &data_set[..cut]);
        }
        if abort {
            peer.send(&Pdu::AbortRQ { source: dicom_ul::pdu::AbortRQSource::ServiceUser });
        }
        drop(peer);
        server.until_alone();
        assert_eq!(server.durable(), 0, "{defect}");
    }
}

#[test]
fn fragments_are_joined_however_they_are_cut() {
    let server = TestServer::new();
    let object = Object::new(1, 1, 1);
    let data_set = object.data_set();
    let (mut peer, _) = Peer::associate(server.address(), "CT1", &[(VERIFICATION, IMPLICIT), (CT, EXPLICIT)]);
    // the command in two values of one PDU, the first fragment of the data set beside it
    let set = store(CT, &object.instance);
    let (first, second) = set.split_at(10);
    peer.send(&Pdu::PData {
        data: vec![
            value(3, PDataValueType::Command, false, first),
            value(3, PDataValueType::Command, true, second),
            value(3, PDataValueType::Data, false, &data_set[..1]),
            value(3, PDataValueType::Data, false, &[]),
            value(3, PDataValueType::Data, false, &data_set[1..7]),
        ],
    });
    for part in data_set[7..].chunks(13) {
        peer.data(3, false, part);
    }
    peer.data(3, true, &[]);
    assert_eq!(peer.status(), 0);
    peer.command(1, &echo());
    assert_eq!(peer.status(), 0);
    peer.send(&Pdu::ReleaseRQ);
    assert!(matches!(peer.hear(), Heard::Pdu(Pdu::ReleaseRP)));
    assert!(server.stored("1.2.826.0.1.1")[0].ends_with(&data_set));
}

#[test]
fn commands_that_are_not_offered_are_answered_and_refused() {
    let server = TestServer::new();
    let private = "1.3.46.670589.11";
    let (mut peer, accepted) =
        Peer::associate(server.address(), "CT1", &[(private, EXPLICIT), (FIND, IMPLICIT), (VERIFICATION, IMPLICIT)]);
    assert_eq!(accepted.presentation_contexts.len(), 3);
    let reasons: Vec<_> = accepted.presentation_contexts.iter().map(|result| result.reason.clone() as u8).collect();
    assert_eq!(reasons, [0, 3, 0]);
    // C-FIND-RQ with an identifier on a private context
    let find = [(0x0100, &[0x20, 0][..]), (0x0110, &[5, 0]), (0x0800, &[0, 0])];
    peer.command(1, &command(&find));
    peer.data(1, false, &[1; 100]);
    peer.data(1, true, &[2; 100]);
    assert_eq!(peer.status(), 0x0211);
    // C-ECHO on a storage context
    peer.command(1, &echo());
    assert_eq!(peer.status(), 0x0122);
    peer.command(5, &echo());
    assert_eq!(peer.status(), 0);
}
