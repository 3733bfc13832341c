//! An outsider with a leaked login: what budgets leave to whoever holds it, whatever its relationships reach.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use phantom::{ct_instance, uid};
use serde_json::Value;

use crate::client::{Answer, get};
use crate::installation::{Installation, store};
use crate::persons::Person;

const PATIENTS: u32 = 40;
/// Patients a day whose images may be opened, and whose names may be read, by the login that leaks.
const OPENED: u32 = 12;
const LISTED: u32 = 24;

/// A site with patients and a login that reaches all of it and leaks.
fn leaking() -> (Installation, String) {
    let site = Installation::new();
    site.with_devices();
    let files = (1..=PATIENTS).map(|patient| ct_instance(patient, patient, 1, 1, 16, 16)).collect();
    assert!(store(site.dicom(), files).unwrap().iter().all(|status| *status == 0));
    site.ok(&["settle"]);
    let token = reader(&site, "leaked");
    site.ok(&["relate", "device:leaked", "site", "--until", "90d", "--basis", "a reader of everything"]);
    (site, token)
}

fn reader(site: &Installation, name: &str) -> String {
    let added = site.ok(&["device", "add", name, "--organisation", "Machines", "--may", "list,open", "--token"]);
    added["token"].as_str().unwrap().to_owned()
}

fn findings(site: &Installation) -> Vec<Value> {
    site.ok(&["findings", "list"]).as_array().unwrap().clone()
}

/// Asks for every patient's study from eight sides at once, as often as it is told to wait; who was opened.
fn open_everything(site: &Installation, token: &str) -> BTreeSet<u32> {
    let next = AtomicU32::new(1);
    let opened = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let patient = next.fetch_add(1, Ordering::Relaxed);
                    if patient > PATIENTS {
                        return;
                    }
                    let path = format!("/dicom-web/studies/{}", uid(&[9, patient, patient]));
                    let mut answer = get(site.http(), token, &path);
                    while answer.status == 429 {
                        std::thread::sleep(std::time::Duration::from_millis(500));
                        answer = get(site.http(), token, &path);
                    }
                    match answer.status {
                        200 => drop(opened.lock().unwrap().insert(patient)),
                        403 => assert!(String::from_utf8_lossy(&answer.body).contains("stopped"), "it says why"),
                        other => panic!("{other}: {}", String::from_utf8_lossy(&answer.body)),
                    }
                }
            });
        }
    });
    opened.into_inner().unwrap()
}

#[test]
fn an_outsider_with_a_leaked_login_opens_no_more_than_its_budget_and_the_officer_reads_of_it() {
    let (mut site, token) = leaking();
    let (opened, listed) = (OPENED.to_string(), LISTED.to_string());
    site.ok(&["budget", "set", "device:leaked", "--opened-due", &opened, "--listed-due", &listed]);
    let gone = open_everything(&site, &token);
    println!("opened by eight connections at once: {} of {PATIENTS} patients, the budget is {OPENED}", gone.len());
    assert_eq!(gone.len(), OPENED as usize);

    // what was found is an entry, and a sentence with its numbers
    let found = findings(&site);
    let stopped = found.iter().find(|row| row["finding"]["reaction"] == "stopped").unwrap();
    let sentence = stopped["sentence"].as_str().unwrap();
    println!("{sentence}");
    assert!(sentence.starts_with("leaked opened 13 patients who are due within a day"), "{sentence}");
    assert!(sentence.ends_with("the limit is 12: such reading is stopped until an officer lifts it"), "{sentence}");
    let exposure = site.ok(&["exposure", "device:leaked", "--from", "1h"]);
    assert_eq!(exposure["opened"]["patients"], OPENED, "the report counts the same");

    // it stays stopped when the warden starts again, and others read on
    site.kill();
    site.start();
    assert!(open_everything(&site, &token).iter().all(|patient| gone.contains(patient)));
    let other = reader(&site, "another");
    site.ok(&["relate", "device:another", "patient:DEMO/M00000033", "--until", "8h", "--basis", "order"]);
    assert_eq!(get(site.http(), &other, &format!("/dicom-web/studies/{}", uid(&[9, 33, 33]))).status, 200);

    // acknowledging says that somebody looked; lifting lets it go on
    let entry = stopped["entry"].to_string();
    site.ok(&["findings", "acknowledge", &entry, "--note", "asked the practice: it was not them"]);
    assert!(findings(&site).iter().any(|row| row["entry"] == stopped["entry"] && row["acknowledged"].is_i64()));
    let studies = format!("/dicom-web/studies/{}", uid(&[9, 40, 40]));
    assert_eq!(get(site.http(), &token, &studies).status, 403);
    site.ok(&["budget", "lift", "device:leaked", "--note", "the token was changed"]);
    assert_eq!(get(site.http(), &token, &studies).status, 200);
}

#[test]
fn an_outsider_with_a_leaked_login_opens_nobody_new_before_a_fresh_touch() {
    let (site, _) = leaking();
    site.ok(&["org", "add", "Practice", "--password-and-code"]);
    let add = ["person", "add", "dr@x.example", "--name", "Dr. X", "--role", "referrer", "--organisation", "Practice"];
    let link = site.ok(&add)["enrolment"].as_str().unwrap().to_owned();
    site.ok(&["relate", "person:dr@x.example", "site", "--until", "90d", "--basis", "a reach as the incident had it"]);
    // slows past 4, asks past 6, stops past 8
    site.ok(&["budget", "set", "person:dr@x.example", "--opened-due", "8"]);
    let login = Person::enrol(&site, "dr@x.example", &link);
    let open = |patient: u32| login.get(&format!("/dicom-web/studies/{}", uid(&[9, patient, patient])));
    let answers: Vec<u16> = (1..=10).map(|patient| open(patient).status).collect();
    assert_eq!(answers, [200, 200, 200, 200, 200, 200, 403, 403, 403, 403]);
    let answer = open(20).json();
    assert_eq!(answer["error"], "unusually many patients were read here");
    assert_eq!(answer["hint"], "confirm that it is you, then go on");
    assert_eq!(answer["fresh"], "still-here", "the page asks for it");
    assert_eq!(open(3).status, 200, "who was read before is read again");
    let reactions: Vec<Value> = findings(&site).iter().map(|row| row["finding"]["reaction"].clone()).collect();
    assert_eq!(reactions, ["touch", "slowed"], "newest first");
    // a cookie and its key alone show nobody; whoever is there reads on, up to the stop
    let here = "/api/fresh/still-here";
    assert_eq!(login.post_bare(here, &serde_json::json!({})).status, 403);
    assert_eq!(open(20).status, 403);
    assert_eq!(login.post(here, &serde_json::json!({})).status, 204);
    let answers: Vec<u16> = (20..=23).map(|patient| open(patient).status).collect();
    assert_eq!(answers, [200, 200, 403, 403]);
    assert!(open(24).json()["error"].as_str().unwrap().contains("stopped"));
}

#[test]
fn an_outsider_with_a_leaked_login_reads_no_more_names_than_its_budget() {
    let (site, token) = leaking();
    site.ok(&["budget", "set", "device:leaked", "--listed-due", &LISTED.to_string()]);
    let mut names = BTreeSet::new();
    let mut refused = 0;
    for offset in (0..PATIENTS).step_by(4) {
        let answer = get(site.http(), &token, &format!("/dicom-web/studies?limit=4&offset={offset}"));
        if answer.status == 200 {
            for row in answer.json().as_array().unwrap() {
                names.insert(row["00100020"]["Value"][0].as_str().unwrap().to_owned());
            }
        } else {
            refused += u32::from(answer.status == 403);
        }
    }
    println!("names: {} of {PATIENTS}, the budget is {LISTED}; {refused} pages were refused", names.len());
    assert_eq!((names.len() as u32, refused), (LISTED, (PATIENTS - LISTED) / 4));
    let budget = site.ok(&["budget", "show", "device:leaked"]);
    let row =
        budget["rows"].as_array().unwrap().iter().find(|row| row["measure"] == "listed-due" && row["span"] == "day");
    assert_eq!(row.unwrap()["patients"], LISTED);
    assert_eq!(budget["stopped"], serde_json::json!(["listed-due"]));
}

/// The address of a search for one patient.
type Address<'a> = &'a dyn Fn(u32) -> String;

/// Names that are read patient by patient, by a search of each way in turn, and how many searches were refused.
fn names_by(ways: &[Address<'_>], get: &dyn Fn(&str) -> Answer) -> (BTreeSet<u32>, u32) {
    let (mut names, mut refused) = (BTreeSet::new(), 0);
    for (patient, address) in (1..=PATIENTS).zip(ways.iter().cycle()) {
        let answer = get(&address(patient));
        let body = String::from_utf8_lossy(&answer.body);
        match answer.status {
            200 if body.contains(&format!("M{patient:08}")) => drop(names.insert(patient)),
            403 => refused += 1,
            other => panic!("{other}: {body}"),
        }
    }
    (names, refused)
}

#[test]
fn names_found_as_fhir_count_in_the_budget_as_those_of_a_search() {
    let (site, _) = leaking();
    let qido = |patient: u32| format!("/dicom-web/studies?PatientID=M{patient:08}&IssuerOfPatientID=DEMO");
    let by_patient = |patient: u32| format!("/fhir/ImagingStudy?patient=DEMO%7CM{patient:08}");
    let by_study = |patient: u32| format!("/fhir/ImagingStudy?identifier=urn:oid:{}", uid(&[9, patient, patient]));
    let ways: [(&str, &[Address]); 4] = [
        ("qido", &[&qido]),
        ("patient", &[&by_patient]),
        ("study", &[&by_study]),
        // neither way has a count of its own
        ("mixed", &[&qido, &by_patient, &by_study]),
    ];
    let listed = LISTED.to_string();
    let by_day = |who: &str| {
        let budget = site.ok(&["budget", "show", who]);
        let mut rows = budget["rows"].as_array().unwrap().iter();
        let row = rows.find(|row| row["measure"] == "listed-due" && row["span"] == "day").unwrap();
        (row["patients"].clone(), budget["stopped"].clone())
    };
    let told = |device: &Value| {
        let entries = site.entries_of("listed");
        let own = entries.iter().filter(|entry| entry["actor"]["device"]["device"] == *device);
        own.map(|entry| (entry["patients"].clone(), entry["studies"].clone())).collect::<Vec<_>>()
    };
    let mut entries = Vec::new();
    for (name, addresses) in ways {
        let who = format!("device:{name}");
        let token = reader(&site, name);
        site.ok(&["relate", &who, "site", "--until", "90d", "--basis", "a reader of everything"]);
        site.ok(&["budget", "set", &who, "--listed-due", &listed]);
        let (names, refused) = names_by(addresses, &|address| get(site.http(), &token, address));
        println!(
            "{name}: {} of {PATIENTS} names, the budget is {LISTED}; {refused} searches were refused",
            names.len()
        );
        assert_eq!((names.len() as u32, refused), (LISTED, PATIENTS - LISTED), "{name}");
        assert_eq!(by_day(&who), (LISTED.into(), serde_json::json!(["listed-due"])), "{name}");
        let devices = site.ok(&["device", "list"]);
        let device = devices.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
        entries.push(told(&device["device"]));
    }
    assert_eq!(entries[0].len() as u32, LISTED);
    assert!(entries.iter().all(|own| *own == entries[0]), "the ledger tells the same of each");

    // and so it is for a person
    site.ok(&["org", "add", "Practice", "--password-and-code"]);
    let people = ["q@x.example", "f@x.example"].map(|email| {
        let add = ["person", "add", email, "--name", email, "--role", "referrer", "--organisation", "Practice"];
        let link = site.ok(&add)["enrolment"].as_str().unwrap().to_owned();
        let who = format!("person:{email}");
        site.ok(&["relate", &who, "site", "--until", "90d", "--basis", "a reach as the incident had it"]);
        site.ok(&["budget", "set", &who, "--listed-due", &listed]);
        (Person::enrol(&site, email, &link), who)
    });
    let addresses: [Address; 2] = [&qido, &by_patient];
    let found = people.each_ref().map(|(person, who)| {
        let address = addresses[usize::from(who.contains("f@"))];
        let answers: Vec<u16> = (1..=PATIENTS).map(|patient| person.get(&address(patient)).status).collect();
        (answers, by_day(who).0)
    });
    assert!(found[0].0.contains(&200) && found[0].0.contains(&403), "{:?}", found[0]);
    assert_eq!(found[0], found[1]);
}

#[test]
fn a_honey_patient_is_in_no_list_of_care_and_raises_when_somebody_walks_over_it() {
    let (site, token) = leaking();
    let honey = site.ok(&["honey", "add", "--count", "3"]);
    let honey: Vec<String> =
        honey.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(honey.len(), 3);
    // a reader with relationships of care meets none
    let care = reader(&site, "care");
    for patient in 1..=5 {
        site.ok(&[
            "relate",
            "device:care",
            &format!("patient:DEMO/M{patient:08}"),
            "--until",
            "8h",
            "--basis",
            "order",
        ]);
    }
    let rows = get(site.http(), &care, "/dicom-web/studies").json();
    assert_eq!(rows.as_array().unwrap().len(), 5);
    // the newest studies show none either, nor does an exact search raise anything
    let newest = get(site.http(), &token, "/dicom-web/studies?limit=4").json();
    assert_eq!(newest.as_array().unwrap().len(), 4);
    assert_eq!(get(site.http(), &token, &format!("/dicom-web/studies?PatientID={}", honey[0])).status, 200);
    assert_eq!(findings(&site), Vec::<Value>::new());
    // whoever reads everything meets them all
    // what matches everything is no exact search, however it is written
    assert_eq!(get(site.http(), &token, "/dicom-web/studies?PatientID=%00%20&limit=200").status, 403);
    assert_eq!(get(site.http(), &token, "/dicom-web/studies?limit=200").status, 403);
    let found = findings(&site);
    assert!(found.iter().any(|row| row["finding"]["reaction"] == "stopped"), "{found:?}");
    assert!(found.iter().all(|row| row["sentence"].as_str().unwrap().contains("honey patient")), "{found:?}");
    assert_eq!(get(site.http(), &care, "/dicom-web/studies").status, 200);
}
