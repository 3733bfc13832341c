//! THREATS: a workstation or modality as a shared identity. Whoever sits there has what the device has, and no more.

use phantom::{ct_instance, uid};
use serde_json::Value;

use crate::client::{ask, get, instance};
use crate::installation::{Installation, store};

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
