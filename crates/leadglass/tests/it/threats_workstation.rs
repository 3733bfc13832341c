//! THREATS: a workstation or modality as a shared identity. Whoever sits there has what the device has, and no more.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;

use phantom::{ct_instance, uid};
use serde_json::Value;

use crate::client::{ask, get, instance};
use crate::clients::have;
use crate::installation::{Installation, kill, store, wait_until};

fn added(site: &Installation, name: &str, more: &[&str]) -> Value {
    site.ok(&[&["device", "add", name, "--organisation", "Machines"][..], more].concat())
}

#[test]
fn a_modality_as_a_shared_identity_stores_and_reads_nothing_even_when_related() {
    let site = Installation::new();
    site.with_devices();
    store(site.dicom(), vec![ct_instance(1, 1, 1, 1, 32, 32)]).unwrap();
    site.ok(&["settle"]);
    // nothing is said of what it may do: it stores
    let token = added(&site, "shared console", &["--token"])["token"].as_str().unwrap().to_owned();
    site.ok(&["relate", "device:shared console", "site", "--until", "90d", "--basis", "somebody thought it needs it"]);
    let file = ct_instance(2, 2, 1, 1, 32, 32);
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/dicom")];
    assert_eq!(ask(site.http(), "POST", "/dicom-web/studies", &headers, &file).status, 200);
    let study = format!("/dicom-web/studies/{}", uid(&[9, 1, 1]));
    for path in
        ["/dicom-web/studies", "/dicom-web/series", &study, &format!("{study}/metadata"), &format!("{study}/rendered")]
    {
        let status = get(site.http(), &token, path).status;
        assert!(matches!(status, 403 | 404), "{path}: {status}");
    }
    let exposure = site.ok(&["exposure", "device:shared console", "--from", "1h"]);
    assert_eq!((&exposure["listed"]["patients"], &exposure["opened"]["patients"]), (&0.into(), &0.into()));
}

#[test]
fn a_modality_s_name_from_another_place_and_another_name_from_its_place_are_refused() {
    let site = Installation::new();
    site.with_devices();
    let images = || vec![ct_instance(1, 1, 1, 1, 32, 32)];
    let objects: Vec<_> =
        images().into_iter().map(|file| dimse::sender::Outgoing::from_part10(file).unwrap()).collect();
    let as_ae = |ae: &str| {
        let kinds: Vec<_> = objects.iter().map(dimse::sender::Outgoing::kind).collect();
        dimse::sender::Sender::connect(site.dicom(), ae, "LEADGLASS", kinds).map(drop)
    };
    as_ae("CT1").unwrap();
    assert!(as_ae("CT2").is_err(), "nobody introduced this AE title");
    // known, but at another address
    added(&site, "MR", &["--ae", "MR1", "--from", "192.0.2.7"]);
    assert!(as_ae("MR1").is_err());
    // a device with a token and no AE title is nobody on the DICOM port
    added(&site, "reader two", &["--may", "list", "--token"]);
    assert!(as_ae("reader two").is_err());
}

#[test]
fn a_workstation_that_may_read_sees_today_s_patients_and_no_archive() {
    let site = Installation::new();
    site.with_devices();
    // an old archive that was taken over, and what a modality sends today
    std::fs::create_dir(site.path("old")).unwrap();
    for patient in 2..=4 {
        std::fs::write(site.path(&format!("old/{patient}.dcm")), ct_instance(patient, patient, 1, 1, 32, 32)).unwrap();
    }
    site.ok(&["import", &site.path("old")]);
    store(site.dicom(), vec![ct_instance(1, 1, 1, 1, 32, 32)]).unwrap();
    // a prior of today's patient, from the old archive
    std::fs::write(site.path("prior.dcm"), ct_instance(1, 7, 1, 1, 32, 32)).unwrap();
    site.ok(&["import", &site.path("prior.dcm")]);
    site.ok(&["settle"]);
    let whole =
        added(&site, "archive reader", &["--may", "list,open", "--token"])["token"].as_str().unwrap().to_owned();
    let today = added(&site, "console", &["--may", "list,open,today", "--token"])["token"].as_str().unwrap().to_owned();
    for who in ["device:archive reader", "device:console"] {
        site.ok(&["relate", who, "site", "--until", "90d", "--basis", "reading room"]);
    }
    let listed = |token: &str| {
        let rows = get(site.http(), token, "/dicom-web/studies").json();
        rows.as_array().map_or(0, Vec::len)
    };
    assert_eq!((listed(&whole), listed(&today)), (5, 2), "today's patient, with the prior");
    let image = |token: &str, patient: u32, study: u32| {
        let (study, series) = (uid(&[9, patient, study]), uid(&[9, patient, study, 1]));
        instance(site.http(), token, &study, &series, &format!("{series}.1")).status
    };
    assert_eq!((image(&today, 1, 1), image(&today, 1, 7)), (200, 200));
    for patient in 2..=4 {
        assert_eq!(image(&whole, patient, patient), 200);
        assert_eq!(image(&today, patient, patient), 404, "it is not said that the study is there");
    }
    // a relationship that names the patient puts them on today's list
    site.ok(&["relate", "device:console", "patient:DEMO/M00000003", "--until", "8h", "--basis", "appointment"]);
    assert_eq!((listed(&today), image(&today, 3, 3), image(&today, 4, 4)), (3, 200, 404));
    // who sat there is not known; which device it was, and what it reached, is
    let exposure = site.ok(&["exposure", "device:console", "--from", "1h"]);
    assert_eq!((&exposure["listed"]["patients"], &exposure["opened"]["patients"]), (&2.into(), &2.into()));
}

/// DCMTK sends a file; whether it was taken, and what it said.
fn storescu(ae: &str, over: &[&str], at: SocketAddr, file: &str) -> (bool, String) {
    let port = at.port().to_string();
    let sent = Command::new("storescu").args(["-v", "-aet", ae]).args(over).args(["127.0.0.1", &port, file]).output();
    let sent = sent.unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&sent.stdout), String::from_utf8_lossy(&sent.stderr));
    (sent.status.success(), said)
}

#[test]
fn an_ae_title_that_is_bound_to_a_certificate_stores_over_tls_with_it_and_is_refused_without() {
    if !have("storescu") {
        return;
    }
    let site = Installation::with_dicom_tls();
    let token = site.with_devices();
    let (own, other) = (site.with_bound_device("MR1"), site.certificate("other"));
    added(&site, "far MR", &["--ae", "FARMR", "--from", "192.0.2.7", "--bind-certificate", &own[1]]);
    let archive = site.dir().join("tls/cert.pem").to_string_lossy().into_owned();
    let trusts = ["+cf", archive.as_str()];
    let with = |identity: &[String; 2]| {
        let shown = ["+tls".to_owned(), identity[0].clone(), identity[1].clone()];
        shown.into_iter().chain(trusts.map(str::to_owned)).collect::<Vec<_>>()
    };
    let send = |ae: &str, over: &[String], at: SocketAddr, study: u32| {
        let file = site.path(&format!("{study}.dcm"));
        std::fs::write(&file, ct_instance(study, study, 1, 1, 32, 32)).unwrap();
        let over: Vec<&str> = over.iter().map(String::as_str).collect();
        storescu(ae, &over, at, &file)
    };
    let (own, other) = (with(&own), with(&other));
    let anonymous: Vec<String> = ["+tla", trusts[0], trusts[1]].map(str::to_owned).into();
    let stored = send("MR1", &own, site.dicom_tls(), 1);
    assert!(stored.0, "{}", stored.1);
    for (what, sent) in [
        ("another certificate", send("MR1", &other, site.dicom_tls(), 2)),
        ("its own certificate and another AE title", send("CT1", &own, site.dicom_tls(), 3)),
        ("its own certificate from another address", send("FARMR", &own, site.dicom_tls(), 4)),
        ("an AE title that nobody has", send("NOBODY", &own, site.dicom_tls(), 5)),
        ("its AE title in the clear", send("MR1", &[], site.dicom(), 6)),
    ] {
        assert!(!sent.0 && sent.1.contains("Calling AE Title Not Recognized"), "{what}: {}", sent.1);
    }
    for (what, sent) in [
        ("no certificate", send("MR1", &anonymous, site.dicom_tls(), 7)),
        ("no TLS at the TLS port", send("MR1", &[], site.dicom_tls(), 8)),
        ("TLS at the port in the clear", send("MR1", &own, site.dicom(), 9)),
    ] {
        // it does not come as far as an association
        assert!(!sent.0 && !sent.1.contains("Rejected") && !sent.1.contains("Accepted"), "{what}: {}", sent.1);
    }
    assert!(site.log().contains("a TLS handshake failed; a device calls this port"), "{}", site.log());
    assert!(send("CT1", &[], site.dicom(), 10).0, "who is bound to nothing sends in the clear");
    // the front knows its devices while the warden is silent
    let warden = site.pid("warden").unwrap();
    kill(warden, "STOP");
    let meanwhile = send("MR1", &own, site.dicom_tls(), 11);
    kill(warden, "CONT");
    assert!(meanwhile.0, "{}", meanwhile.1);
    site.ok(&["settle"]);
    let rows = get(site.http(), &token, "/dicom-web/studies").json();
    assert_eq!(rows.as_array().map(Vec::len), Some(3), "{rows}");
    let entries = |reason: &str| {
        let entries = site.entries_of("association-refused").into_iter();
        entries.filter(|entry| entry["reason"] == reason).collect::<Vec<_>>()
    };
    let counted = |reason: &str| entries(reason).iter().filter_map(|entry| entry["count"].as_u64()).sum::<u64>();
    wait_until("each is counted", || counted("certificate") == 3 && counted("handshake") > 0);
    // no certificate, or no TLS: nobody said a name, and one minute of one address is one entry after the first
    let first = &entries("handshake")[0];
    assert_eq!(first["calling_ae_title"], "");
    assert_eq!(first["actor"]["stranger"]["origin"], "127.0.0.1", "{first}");
    for _ in 0..40 {
        assert!(!send("MR1", &anonymous, site.dicom_tls(), 7).0);
    }
    assert!(entries("handshake").len() < 5, "{:?}", entries("handshake"));
}

/// A connection from another address of this machine.
fn connection_from(from: Ipv4Addr, to: SocketAddr) -> TcpStream {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &SocketAddr::new(from.into(), 0)).unwrap();
    connect(&socket, &to).unwrap();
    socket.into()
}

#[test]
fn strangers_from_many_addresses_hold_both_dicom_ports_and_devices_store_meanwhile() {
    if !have("storescu") {
        return;
    }
    let site = Installation::with_dicom_tls();
    site.with_devices();
    let own = site.with_bound_device("MR1");
    let archive = site.dir().join("tls/cert.pem").to_string_lossy().into_owned();
    let over = ["+tls", own[0].as_str(), own[1].as_str(), "+cf", archive.as_str()];
    for (ae, over, at) in [("MR1", &over[..], site.dicom_tls()), ("CT1", &[], site.dicom())] {
        let strangers = || -> Vec<TcpStream> {
            let mut held: Vec<_> = (1..=150).map(|last| connection_from([127, 0, 1, last].into(), at)).collect();
            // half of them begin: a TLS record, or the head of an A-ASSOCIATE-RQ, and no more
            let begun: &[u8] = if over.is_empty() { &[1, 0, 0, 0, 1, 0] } else { &[22, 3, 1, 1, 0, 1] };
            held.iter_mut().step_by(2).for_each(|stranger| drop(stranger.write_all(begun)));
            held
        };
        let mut held = strangers();
        for number in 1..=3 {
            let file = site.path(&format!("{ae}-{number}.dcm"));
            std::fs::write(&file, ct_instance(number, number, 1, 1, 32, 32)).unwrap();
            let sent = storescu(ae, over, at, &file);
            assert!(sent.0, "{ae}: {}", sent.1);
            held.extend(strangers());
        }
    }
    assert!(site.log().contains("all places for callers who have not said who they are were taken"), "{}", site.log());
}

#[test]
fn the_certificate_outlives_the_token_of_a_device_and_a_start_and_the_doctor_says_who_sends_in_the_clear() {
    if !have("storescu") {
        return;
    }
    let mut site = Installation::stopped();
    let start = ["--passphrase-file", "-", "--dicom", "0.0.0.0:0", "--dicom-tls", "127.0.0.1:0"];
    site.start_with(&start, crate::installation::PASSPHRASE);
    site.ok(&["org", "add", "Machines"]);
    let own = site.certificate("own");
    added(&site, "MR", &["--ae", "MR1", "--token", "--bind-certificate", &own[1]]);
    let doctor = |site: &Installation| String::from_utf8(site.run(&["doctor"]).stdout).unwrap();
    assert!(!doctor(&site).contains("in the clear"), "{}", doctor(&site));
    added(&site, "CT", &["--ae", "CT1"]);
    let said = format!("ok   devices that send in the clear to {}: 1;", site.dicom());
    assert!(doctor(&site).contains(&said), "{}", doctor(&site));
    site.ok(&["device", "remove", "MR", "--token"]);
    site.stop();
    site.start_with(&start, crate::installation::PASSPHRASE);
    let file = site.path("1.dcm");
    std::fs::write(&file, ct_instance(1, 1, 1, 1, 32, 32)).unwrap();
    let archive = site.dir().join("tls/cert.pem").to_string_lossy().into_owned();
    let over = ["+tls", own[0].as_str(), own[1].as_str(), "+cf", archive.as_str()];
    assert!(!storescu("MR1", &[], site.dicom(), &file).0);
    let stored = storescu("MR1", &over, site.dicom_tls(), &file);
    assert!(stored.0, "{}", stored.1);
    let unbindable = ["device", "add", "x", "--organisation", "Machines", "--bind-certificate", &own[1]];
    let error = site.refused(2, &unbindable);
    assert!(error.contains("--token") && error.contains("--ae"), "{error}");
}
