//! THREATS: a forged order or referral. What makes somebody see a patient is a relationship, and what a stranger, a device or a referrer
//! sends makes none.

use phantom::{DataSet, ct_instance, uid};
use serde_json::{Value, json};

use crate::client::{ask, get};
use crate::installation::{Installation, store};
use crate::persons::Person;

const REFERRER: &str = "ruth@practice.example";

/// A site with one image, a device with every right but a relationship, and a referrer who is signed in.
fn scene() -> (Installation, String, Person) {
    let site = Installation::new();
    site.with_devices();
    store(site.dicom(), vec![ct_instance(1, 1, 1, 1, 32, 32)]).unwrap();
    site.ok(&["settle"]);
    let added =
        site.ok(&["device", "add", "forger", "--organisation", "Machines", "--may", "store,list,open", "--token"]);
    site.ok(&["org", "add", "Practice", "--password-and-code"]);
    let person = ["person", "add", REFERRER, "--name", "Ruth Referrer", "--role", "referrer"];
    let added_person = site.ok(&[&person[..], &["--organisation", "Practice"]].concat());
    let referrer = Person::enrol(&site, REFERRER, added_person["enrolment"].as_str().unwrap());
    (site, added["token"].as_str().unwrap().to_owned(), referrer)
}

#[test]
fn a_forged_order_of_a_stranger_a_device_or_a_referrer_makes_no_relationship() {
    let (site, token, referrer) = scene();
    let before = site.entries_of("related").len();
    let related = |who: &str| {
        let whom = "patient:DEMO/M00000001";
        json!({ "who": who, "whom": whom, "tier": "open", "from": 0, "until": i64::MAX, "basis": "order 4711" })
    };
    let of_the_device = "device:forger";
    let of_the_referrer = format!("person:{REFERRER}");
    let tried = [
        ("/api/relationships", related(of_the_device)),
        ("/api/relationships", related(&of_the_referrer)),
        ("/api/approvals/role", json!({ "email": REFERRER, "role": "radiologist" })),
        ("/api/devices", json!({ "name": "x", "organisation": "Practice", "may": ["list"], "token": true })),
        ("/api/people", json!({ "email": "x@y.example", "name": "X", "role": "referrer", "organisation": "Practice" })),
        ("/api/budgets/lift", json!({ "whose": of_the_device, "note": "an order" })),
    ];
    let bearer = format!("Bearer {token}");
    for (path, body) in &tried {
        let text = body.to_string();
        let json = ("Content-Type", "application/json");
        let by_the_device = ask(site.http(), "POST", path, &[("Authorization", &bearer), json], text.as_bytes());
        let by_a_stranger = ask(site.http(), "POST", path, &[("X-Leadglass", "1"), json], text.as_bytes());
        let by_the_referrer = referrer.post(path, body);
        for (who, answer) in [("device", by_the_device), ("stranger", by_a_stranger), ("referrer", by_the_referrer)] {
            assert!(matches!(answer.status, 401 | 403 | 404), "{path} by a {who}: {} {}", answer.status, answer.json());
        }
    }
    assert_eq!(site.entries_of("related").len(), before, "no relationship was made");
    assert_eq!(get(site.http(), &token, "/dicom-web/studies").status, 204, "the device sees nobody");
    assert_eq!(referrer.get("/api/studies").json()["studies"], json!([]), "nor does the referrer");
}

#[test]
fn a_referral_that_a_modality_writes_into_an_image_gives_nobody_reach() {
    let (site, token, referrer) = scene();
    let mut data = DataSet::new("1.2.840.10008.5.1.4.1.1.7", &uid(&[7, 1]));
    data.text(0x0008_0050, "SH", "4711");
    data.text(0x0008_0060, "CS", "OT");
    data.text(0x0008_0080, "LO", "Practice");
    data.text(0x0008_0090, "PN", "Referrer^Ruth");
    data.text(0x0008_0094, "SH", REFERRER);
    data.text(0x0008_1048, "PN", "Referrer^Ruth");
    data.text(0x0010_0010, "PN", "Victim^Vera");
    data.text(0x0010_0020, "LO", "V1");
    data.text(0x0020_000D, "UI", &uid(&[7, 100]));
    data.text(0x0020_000E, "UI", &uid(&[7, 200]));
    data.text(0x0032_1032, "PN", "Referrer^Ruth");
    data.text(0x0032_1033, "LO", "Practice");
    data.text(0x0040_2008, "PN", "Referrer^Ruth");
    let before = site.entries_of("related").len();
    assert_eq!(store(site.dicom(), vec![data.part10()]).unwrap(), [0]);
    site.ok(&["settle"]);
    assert_eq!(site.entries_of("related").len(), before);
    assert_eq!(referrer.get("/api/studies").json()["studies"], json!([]));
    assert_eq!(referrer.get(&format!("/api/studies/{}", uid(&[7, 100]))).status, 404);
    assert_eq!(get(site.http(), &token, "/dicom-web/studies").status, 204);
    let exposure = site.ok(&["exposure", &format!("person:{REFERRER}"), "--from", "1h"]);
    assert_eq!(exposure["reachable"], json!({ "patients": 0, "studies": 0 }));
    // an administrator's word is what counts: the same person, with a relationship, sees the study
    site.ok(&["relate", &format!("person:{REFERRER}"), "patient:/V1", "--until", "8h", "--basis", "referral"]);
    assert_eq!(referrer.get("/api/studies").json()["studies"].as_array().unwrap().len(), 1);
}

#[test]
fn a_patient_is_told_of_every_warm_up_whoever_ordered_it() {
    let site = Installation::new();
    site.with_devices();
    let files = (1..=2).map(|patient| ct_instance(patient, 1, 1, patient, 16, 16)).collect();
    assert!(store(site.dicom(), files).unwrap().iter().all(|status| *status == 0));
    site.ok(&["settle"]);
    let words = site.path("anna.words");
    site.ok(&["cold", "holder", "new", "anna", "--out", &words]);
    site.ok(&["cold", "init", "--threshold", "1", "--holder", &format!("{words}.pub")]);
    site.ok(&["cold", "holder", "prove", "--share-file", &words]);
    site.ok(&["cold", "rule", "--after", "0s"]);
    assert_eq!(site.ok(&["cold", "sweep"])["studies"], 2);
    site.ok(&["org", "add", "Patients", "--password-and-code"]);
    let patient = |number: u32| {
        let email = format!("patient{number}@home.example");
        let person = ["person", "add", &email, "--name", "Somebody", "--role", "patient", "--organisation", "Patients"];
        let link = site.ok(&person)["enrolment"].as_str().unwrap().to_owned();
        let (who, whom) = (format!("person:{email}"), format!("patient:DEMO/M0000000{number}"));
        site.ok(&["relate", &who, &whom, "--until", "90d", "--basis", "the patient"]);
        Person::enrol(&site, &email, &link)
    };
    let (told, other) = (patient(1), patient(2));
    let asked = site.ok(&["cold", "ask", "patient:DEMO/M00000001", "--reason", "order 4711", "--until", "1h"]);
    site.ok(&["cold", "approve", &asked["request"].to_string(), "--share-file", &words]);
    let warm_ups = |person: &Person| {
        let rows = person.get("/api/my/accesses").json();
        rows["rows"].as_array().unwrap().iter().filter(|row| row["warmed"] == true).cloned().collect::<Vec<_>>()
    };
    let rows = warm_ups(&told);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["who"], "owner of the machine");
    assert_eq!(rows[0]["basis"], "order 4711");
    assert_eq!(rows[0]["studies"], json!([uid(&[9, 1, 1])]));
    assert_eq!(rows[0]["opened"], false);
    assert_eq!(warm_ups(&other), Vec::<Value>::new(), "nobody else's page says so");
}
