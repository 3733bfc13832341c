//! DCMTK as a real client. A test says so and ends when DCMTK is not installed; `cargo xtask test` installs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use dimse::Settings;

use crate::objects::{Object, meta};
use crate::server::TestServer;

/// Runs a tool of DCMTK; `None` when it is not installed.
fn run(tool: &str, server: &TestServer, calling: &str, more: &[&str], files: &[PathBuf]) -> Option<Output> {
    let port = server.address().port().to_string();
    let output = Command::new(tool)
        .env("TCP_NODELAY", "1")
        .args(["-v", "-aet", calling, "-aec", "LEADGLASS"])
        .args(more)
        .args(["127.0.0.1", &port])
        .args(files)
        .output();
    match output {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("{tool} is not installed, so this test shows nothing; `cargo xtask test` installs it");
            None
        }
        output => Some(output.unwrap()),
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn write(folder: &Path, object: &Object) -> PathBuf {
    let path = folder.join(format!("{}.dcm", object.instance));
    std::fs::write(&path, object.part10()).unwrap();
    path
}

#[test]
fn echoscu_is_answered() {
    let server = TestServer::new();
    let Some(output) = run("echoscu", &server, "CT1", &[], &[]) else { return };
    assert!(output.status.success(), "{}", said(&output));
    let Some(output) = run("echoscu", &server, "LISTER", &["--repeat", "5"], &[]) else { return };
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn who_is_not_known_here_is_refused_at_association() {
    let server = TestServer::new();
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), &Object::new(1, 1, 1));
    for (tool, calling, why) in [
        ("echoscu", "STRANGER", "an unknown title"),
        ("echoscu", "ELSEWHERE", "a known title from another address"),
        ("echoscu", "ct1", "a title in other letters"),
        ("storescu", "STRANGER", "an unknown title that stores"),
        ("storescu", "LISTER", "a device that may not store"),
    ] {
        let files = if tool == "storescu" { std::slice::from_ref(&file) } else { &[] };
        let Some(output) = run(tool, &server, calling, &[], files) else { return };
        assert!(!output.status.success(), "{why}");
        assert!(said(&output).contains("Calling AE Title Not Recognized"), "{why}: {}", said(&output));
    }
    assert_eq!(server.durable(), 0);
}

#[test]
fn a_called_title_that_is_not_ours_is_refused() {
    let settings = Settings { called_ae_title: Some("OTHER".into()), ..Settings::default() };
    let server = TestServer::with(settings, Default::default());
    let Some(output) = run("echoscu", &server, "CT1", &[], &[]) else { return };
    assert!(said(&output).contains("Called AE Title Not Recognized"), "{}", said(&output));
}

#[test]
fn storescu_stores_bit_for_bit() {
    let server = TestServer::new();
    let folder = tempfile::tempdir().unwrap();
    let objects: Vec<_> = (1..=5)
        .map(|instance| Object { rows: 300, columns: 301, ..Object::new(1, 1 + instance % 2, instance) })
        .collect();
    let files: Vec<_> = objects.iter().map(|object| write(folder.path(), object)).collect();
    for pdu in ["4096", "131072"] {
        let Some(output) = run("storescu", &server, "CT1", &["--max-send-pdu", pdu], &files) else { return };
        assert!(output.status.success(), "{}", said(&output));
    }
    // sent twice, filed once
    let stored = server.stored("1.2.826.0.1.1");
    assert_eq!(stored.len(), 5);
    for object in &objects {
        assert!(stored.iter().any(|stored| stored.ends_with(&object.data_set())));
    }
    assert_eq!(server.durable(), 10);
}

#[test]
fn every_transfer_syntax_and_a_private_class_are_taken_as_they_come() {
    let server = TestServer::new();
    let folder = tempfile::tempdir().unwrap();
    let object = Object { sop_class: "1.3.46.670589.5.0.10".into(), ..Object::new(1, 1, 1) };
    let path = folder.path().join("private.dcm");
    let explicit = [meta(&object.sop_class, &object.instance, crate::objects::EXPLICIT), object.data_set()].concat();
    std::fs::write(&path, explicit).unwrap();
    let mut objects = vec![dimse::sender::Outgoing::read(&path).unwrap()];
    // nothing here decodes pixels, so made-up encapsulated ones do for the syntaxes that only a codec reads
    for (index, syntax) in ["4.50", "4.70", "4.80", "4.90", "4.201", "5"].iter().enumerate() {
        let object = Object::new(1, 1, 10 + index as u32);
        let mut data_set = object.head();
        let at = data_set.len() - 4;
        data_set.truncate(at);
        data_set.extend_from_slice(&[0xff; 4]);
        for (tag, bytes) in [(0xE000, &[][..]), (0xE000, &[1, 2, 3, 4][..])] {
            data_set.extend_from_slice(&[0xFE, 0xFF]);
            data_set.extend_from_slice(&(tag as u16).to_le_bytes());
            data_set.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            data_set.extend_from_slice(bytes);
        }
        data_set.extend_from_slice(&[0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
        objects.push(dimse::sender::Outgoing {
            sop_class: model::Uid::parse(&object.sop_class).unwrap(),
            sop_instance: model::Uid::parse(&object.instance).unwrap(),
            transfer_syntax: model::Uid::parse(&format!("1.2.840.10008.1.2.{syntax}")).unwrap(),
            data_set,
        });
    }
    let kinds: Vec<_> = objects.iter().map(dimse::sender::Outgoing::kind).collect();
    let mut sender = dimse::sender::Sender::connect(server.address(), "CT1", "ANY", kinds).unwrap();
    for object in &objects {
        assert_eq!(sender.store(object).unwrap(), 0);
    }
    sender.release().unwrap();
    assert_eq!(server.stored("1.2.826.0.1.1").len(), objects.len());
}

#[test]
fn findscu_movescu_and_getscu_find_nothing_to_talk_to() {
    let server = TestServer::new();
    for tool in ["findscu", "getscu", "movescu"] {
        let more = ["-S", "-k", "0008,0052=STUDY", "-k", "0020,000D=1.2.3"];
        let Some(output) = run(tool, &server, "CT1", &more, &[]) else { return };
        assert!(!output.status.success(), "{tool}");
        let said = said(&output).to_lowercase();
        // DCMTK's tools word it differently
        assert!(said.contains("presentation context"), "{tool}: {said}");
    }
}
