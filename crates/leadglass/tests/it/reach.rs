//! Reach follows relationships and ends with them; exposure says so.

use phantom::{ct_instance, uid};

use crate::client::get;
use crate::installation::{Installation, store};

/// A device with a token, as a referrer's own program would have.
fn reader(site: &Installation, name: &str, organisation: &str) -> String {
    let added = site.ok(&["device", "add", name, "--organisation", organisation, "--may", "list,open", "--token"]);
    added["token"].as_str().unwrap().to_owned()
}

#[test]
fn a_practice_sees_whom_it_was_sent_and_nobody_else_and_only_until_the_end() {
    let site = Installation::new();
    site.with_devices();
    let files = (1..=4).map(|patient| ct_instance(patient, patient, 1, 1, 64, 64)).collect();
    assert!(store(site.dicom(), files).unwrap().iter().all(|status| *status == 0));
    site.ok(&["settle"]);
    site.ok(&["org", "add", "Practice"]);
    let token = reader(&site, "practice reader", "Practice");
    let studies = |token: &str| get(site.http(), token, "/dicom-web/studies");
    assert_eq!(studies(&token).status, 204, "nobody without a relationship");
    assert_eq!(get(site.http(), &token, &format!("/dicom-web/studies/{}", uid(&[9, 1, 1]))).status, 404);

    site.ok(&["relate", "device:practice reader", "patient:DEMO/M00000002", "--until", "8h", "--basis", "order 17"]);
    let rows = studies(&token).json();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(rows[0]["00100020"]["Value"][0], "M00000002");
    assert_eq!(get(site.http(), &token, &format!("/dicom-web/studies/{}", uid(&[9, 2, 2]))).status, 200);
    assert_eq!(get(site.http(), &token, &format!("/dicom-web/studies/{}", uid(&[9, 3, 3]))).status, 404);
    // an identifier of another patient in any level of a query does not help
    for path in [
        "/dicom-web/studies?PatientID=M00000003".to_owned(),
        format!("/dicom-web/series?StudyInstanceUID={}", uid(&[9, 3, 3])),
        format!("/dicom-web/studies/{}/series", uid(&[9, 3, 3])),
        format!("/dicom-web/studies/{}/instances", uid(&[9, 3, 3])),
    ] {
        let answer = get(site.http(), &token, &path);
        assert!(matches!(answer.status, 204 | 404), "{path}: {}", answer.status);
    }

    let exposure = site.ok(&["exposure", "device:practice reader", "--from", "1h"]);
    assert_eq!(exposure["reachable"], serde_json::json!({ "patients": 1, "studies": 1 }));
    assert_eq!(exposure["opened"], serde_json::json!({ "patients": 1, "studies": 1 }));
    assert_eq!(exposure["patients"][0]["patient"]["id"], "M00000002");

    site.ok(&["unrelate", "device:practice reader", "patient:DEMO/M00000002"]);
    assert_eq!(studies(&token).status, 204, "the list ends with the relationship");
    // what was reachable stays on record
    let exposure = site.ok(&["exposure", "device:practice reader", "--from", "1h"]);
    assert_eq!(exposure["reachable"]["patients"], 1);
    let later = site.ok(&["exposure", "device:practice reader", "--from", "now"]);
    assert_eq!(later["reachable"]["patients"], 0);
}

#[test]
fn a_relationship_to_list_opens_no_image() {
    let site = Installation::new();
    site.with_devices();
    store(site.dicom(), vec![ct_instance(1, 1, 1, 1, 64, 64)]).unwrap();
    site.ok(&["settle"]);
    let token = reader(&site, "lister", "Machines");
    site.ok(&["relate", "device:lister", "site", "--until", "8h", "--basis", "board", "--list-only"]);
    assert_eq!(get(site.http(), &token, "/dicom-web/studies").status, 200);
    assert_eq!(get(site.http(), &token, &format!("/dicom-web/studies/{}/metadata", uid(&[9, 1, 1]))).status, 200);
    assert_eq!(get(site.http(), &token, &format!("/dicom-web/studies/{}", uid(&[9, 1, 1]))).status, 404);
    assert_eq!(get(site.http(), &token, &format!("/dicom-web/studies/{}/rendered", uid(&[9, 1, 1]))).status, 404);
}

#[test]
fn the_same_patient_id_of_two_issuers_is_two_people() {
    let site = Installation::new();
    let token = site.with_devices();
    let file = |issuer: &str, number: u32| {
        let mut data = phantom::DataSet::new("1.2.840.10008.5.1.4.1.1.7", &uid(&[8, number]));
        data.text(0x0010_0010, "PN", &format!("Person{number}^A"));
        data.text(0x0010_0020, "LO", "12345");
        data.text(0x0010_0021, "LO", issuer);
        data.text(0x0020_000D, "UI", &uid(&[8, 100 + number]));
        data.text(0x0020_000E, "UI", &uid(&[8, 200 + number]));
        data.text(0x0008_0060, "CS", "OT");
        data.part10()
    };
    store(site.dicom(), vec![file("NORTH", 1), file("SOUTH", 2)]).unwrap();
    site.ok(&["settle"]);
    assert_eq!(get(site.http(), &token, "/dicom-web/studies?PatientID=12345").json().as_array().unwrap().len(), 2);
    let north = reader(&site, "north", "Machines");
    site.ok(&["relate", "device:north", "patient:NORTH/12345", "--until", "8h", "--basis", "order"]);
    let rows = get(site.http(), &north, "/dicom-web/studies?PatientID=12345").json();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(rows[0]["00100021"]["Value"][0], "NORTH");
}

#[test]
fn one_study_uid_of_two_patients_stays_two_studies_with_two_keys() {
    let site = Installation::new();
    site.with_devices();
    let file = |id: &str, number: u32| {
        let mut data = phantom::DataSet::new("1.2.840.10008.5.1.4.1.1.7", &uid(&[7, number]));
        data.text(0x0010_0010, "PN", &format!("Twin^{id}"));
        data.text(0x0010_0020, "LO", id);
        data.text(0x0020_000D, "UI", &uid(&[7, 100]));
        data.text(0x0020_000E, "UI", &uid(&[7, 200]));
        data.text(0x0008_0060, "CS", "OT");
        data.part10()
    };
    // over one association, so that one batch sees both
    assert_eq!(store(site.dicom(), vec![file("A", 1), file("B", 2), file("A", 3)]).unwrap(), [0, 0, 0]);
    site.ok(&["settle"]);
    let a = reader(&site, "a", "Machines");
    site.ok(&["relate", "device:a", "patient:/A", "--until", "8h", "--basis", "order"]);
    let rows = get(site.http(), &a, &format!("/dicom-web/studies/{}/instances", uid(&[7, 100]))).json();
    let mut instances: Vec<_> =
        rows.as_array().unwrap().iter().map(|row| row["00080018"]["Value"][0].as_str().unwrap().to_owned()).collect();
    instances.sort();
    assert_eq!(instances, [uid(&[7, 1]), uid(&[7, 3])]);
    let b = reader(&site, "b", "Machines");
    site.ok(&["relate", "device:b", "patient:/B", "--until", "8h", "--basis", "order"]);
    let rows = get(site.http(), &b, &format!("/dicom-web/studies/{}/instances", uid(&[7, 100]))).json();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(rows[0]["00080018"]["Value"][0], uid(&[7, 2]));
    let answer = crate::client::instance(site.http(), &a, &uid(&[7, 100]), &uid(&[7, 200]), &uid(&[7, 2]));
    assert_eq!(answer.status, 404);
}

#[test]
fn a_misfiled_study_moves_with_its_reach_and_its_bytes_stay() {
    let site = Installation::new();
    let token = site.with_devices();
    let original = ct_instance(1, 1, 1, 1, 64, 64);
    store(site.dicom(), vec![original.clone(), ct_instance(2, 2, 1, 1, 64, 64)]).unwrap();
    site.ok(&["settle"]);
    let right = reader(&site, "right", "Machines");
    site.ok(&["relate", "device:right", "patient:DEMO/M00000002", "--until", "8h", "--basis", "order"]);
    let study = uid(&[9, 1, 1]);
    assert_eq!(get(site.http(), &right, &format!("/dicom-web/studies/{study}")).status, 404);
    site.ok(&["move", &study, "patient:DEMO/M00000002", "--reason", "wrong patient at the console"]);
    let rows = get(site.http(), &right, &format!("/dicom-web/studies?StudyInstanceUID={study}")).json();
    assert_eq!(rows[0]["00100020"]["Value"][0], "M00000002");
    let metadata = get(site.http(), &right, &format!("/dicom-web/studies/{study}/metadata")).json();
    assert_eq!(metadata[0]["00100020"]["Value"][0], "M00000002", "metadata shows the right patient");
    assert_eq!(get(site.http(), &token, "/dicom-web/studies?PatientID=M00000001").status, 204);
    let kinds = site.run(&["ledger", "entries", "--limit", "1000", "--format", "json"]);
    assert!(String::from_utf8_lossy(&kinds.stdout).contains("\"moved\""));
    // identical bytes of the misfiled study are still known
    std::fs::write(site.path("again.dcm"), &original).unwrap();
    assert_eq!(site.ok(&["import", &site.path("again.dcm")])["duplicates"], 1);
}

#[test]
fn other_bytes_under_one_sop_instance_are_kept_and_seen() {
    let site = Installation::new();
    let token = site.with_devices();
    let first = ct_instance(1, 1, 1, 1, 64, 64);
    let mut second = first.clone();
    let last = second.len() - 1;
    second[last] ^= 1;
    assert_eq!(store(site.dicom(), vec![first.clone(), second, first]).unwrap(), [0, 0, 0]);
    site.ok(&["settle"]);
    let rows = get(site.http(), &token, "/dicom-web/studies").json();
    assert_eq!(rows[0]["00201208"]["Value"][0], 2, "the conflicting version is counted");
    let stored = site.entries_of("stored");
    let sum = |field: &str| stored.iter().map(|entry| entry[field].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("instances"), sum("duplicates"), sum("conflicts")), (2, 1, 1));
}

#[test]
fn keys_that_first_sealed_a_duplicate_outlive_the_warden_that_saw_them() {
    let site = Installation::new();
    let token = site.with_devices();
    let first = ct_instance(1, 1, 1, 1, 64, 64);
    let second = ct_instance(1, 1, 1, 2, 64, 64);
    assert_eq!(store(site.dicom(), vec![first.clone()]).unwrap(), [0]);
    // one association, one batch of keys: a duplicate, then the warden dies, then something new
    let objects = [first, second.clone()].map(|file| dimse::sender::Outgoing::from_part10(file).unwrap());
    let mut sender = dimse::sender::Sender::connect(site.dicom(), "CT1", "LEADGLASS", [objects[0].kind()]).unwrap();
    assert_eq!(sender.store(&objects[0]).unwrap(), 0);
    site.ok(&["settle"]);
    crate::installation::kill(site.pid("warden").unwrap(), "KILL");
    assert_eq!(sender.store(&objects[1]).unwrap(), 0);
    sender.release().unwrap();
    crate::installation::wait_until("the warden is back", || site.run(&["org", "list"]).status.success());
    site.ok(&["settle"]);
    let answer =
        crate::client::instance(site.http(), &token, &uid(&[9, 1, 1]), &uid(&[9, 1, 1, 1]), &uid(&[9, 1, 1, 1, 2]));
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
}
