//! The contract for machines, held against the running program by schemathesis.

use std::collections::BTreeMap;
use std::process::Command;

use phantom::{ct_instance, uid};
use serde_json::{Value, json};

use crate::clients::python;
use crate::installation::{Installation, store};
use crate::persons::{PASSWORD, Person};

const SEED: &str = "20261127";
/// Cases of each phase and route.
const EXAMPLES: &str = "4";

/// Operations that must have been done at least once, of all that were tried: refusals alone show nothing of answers.
const DONE_MIN: usize = 65;

/// What they type to sign in.
fn signs_in(person: &Person, email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "code": person.recovery_code() })
}

#[test]
fn schemathesis_finds_no_answer_that_the_document_does_not_name() {
    let Some(python) = python() else { return };
    let site = Installation::new();
    let reader = site.with_devices();
    assert_eq!(store(site.dicom(), vec![ct_instance(1, 1, 1, 1, 16, 16)]).unwrap(), [0]);
    site.ok(&["settle"]);
    site.ok(&["org", "add", "Practice", "--password-and-code"]);
    let mut people = serde_json::Map::new();
    let (mut link, mut number) = (Value::Null, Value::Null);
    for (name, role) in [("patient", "patient"), ("referrer", "referrer"), ("delegate", "referrer")] {
        let email = format!("{name}@x.example");
        site.ok(&["person", "add", &email, "--name", name, "--role", role, "--organisation", "Practice"]);
        if name == "delegate" {
            site.ok(&["person", "delegate", &email, "--organisation", "Practice"]);
        }
        let enrolment = site.ok(&["person", "enrol", &email])["enrolment"].as_str().unwrap().to_owned();
        let who = format!("person:{email}");
        site.ok(&["relate", &who, "patient:DEMO/M00000001", "--until", "90d", "--basis", "treatment"]);
        let person = Person::enrol(&site, &email, &enrolment);
        if name == "referrer" {
            let body = json!({ "purpose": "outside", "seconds": 86_400, "browsers": 10, "note": "outside" });
            link = person.post(&format!("/api/studies/{}/links", uid(&[9, 1, 1])), &body).json();
            number = person.get("/api/studies").json()["studies"][0]["number"].clone();
        }
        people.insert(name.to_owned(), signs_in(&person, &email));
    }
    // whom requests name; nobody of those who sign them
    site.ok(&[
        "person",
        "add",
        "named@x.example",
        "--name",
        "named",
        "--role",
        "referrer",
        "--organisation",
        "Practice",
    ]);
    let add = ["device", "add", "RIS", "--organisation", "Machines", "--may", "orders", "--token"];
    let orders = site.ok(&add)["token"].as_str().unwrap().to_owned();
    let officer = site.made["officer"].as_str().unwrap().to_owned();
    let person = Person::enrol(&site, &officer, site.made["enrolment"].as_str().unwrap());
    people.insert("officer".into(), signs_in(&person, &officer));

    let origin = format!("http://localhost:{}", site.http().port());
    let path = json!({
        "study": uid(&[9, 1, 1]), "series": uid(&[9, 1, 1, 1]), "instance": uid(&[9, 1, 1, 1, 1]), "frames": "1",
        "number": number, "incident": 1, "question": 1,
    });
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = u64::try_from(since.as_micros()).unwrap();
    let hours = |hours: u64| hours * 3_600_000_000;
    let names = json!({
        "email": "named@x.example", "organisation": "Practice", "who": "person:named@x.example",
        "whose": "person:named@x.example", "whom": "patient:DEMO/M00000001", "about": ["person:named@x.example"],
        "title": "lost", "text": "said", "note": "noted", "reason": "why", "basis": "order", "name": "named",
        "from": now - hours(24), "to": now - hours(1), "aware": now - hours(1), "until": now + hours(24),
    });
    let answers = site.path("answers.json");
    let known = json!({
        "origin": origin, "people": people, "reader": reader, "orders": orders, "path": path, "patient": "DEMO|M00000001",
        "link": { "secret": link["secret"], "code": link["code"] }, "names": names, "answers": answers,
    });
    let mut command = Command::new(python);
    command
        .args(["-m", "schemathesis.cli", "run", &format!("{origin}/api/openapi.json")])
        .args(["--phases", "examples,fuzzing", "--max-examples", EXAMPLES, "--seed", SEED])
        .args(["--generation-database", "none", "--no-shrink", "--continue-on-failure", "--no-color"])
        .args(["--suppress-health-check", "all", "--warnings", "off", "--request-timeout", "30"])
        .args(["--generation-with-security-parameters", "false", "--output-sanitize", "true"])
        // these end the session that signs all the others
        .args(["--exclude-path", "/api/sign-out", "--exclude-path", "/api/people/close"]);
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
    let output = command
        .args(["--checks", checks])
        .env("LEADGLASS_CONTRACT", known.to_string())
        .env("SCHEMATHESIS_HOOKS", "contract")
        .env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/tests"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(site.folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "seed {SEED}\n{said}\n{errors}\nschemathesis found something; see above");
    let answers: BTreeMap<String, [u32; 2]> = serde_json::from_slice(&std::fs::read(answers).unwrap()).unwrap();
    let done = answers.values().filter(|[done, _]| *done > 0).count();
    let refused: Vec<_> = answers.iter().filter(|(_, [done, _])| *done == 0).map(|(name, _)| name.as_str()).collect();
    println!(
        "seed {SEED}: {done} of {} operations were done at least once; only refused were {}",
        answers.len(),
        refused.join(", ")
    );
    assert!(done >= DONE_MIN, "{done} operations were done, and {DONE_MIN} are wanted");
    for operation in ["GET /api/colleagues", "GET /api/link", "POST /api/link/open", "POST /fhir/{resource}"] {
        assert!(answers.get(operation).is_some_and(|[done, _]| *done > 0), "{operation} was refused each time");
    }
    // nobody was signed out on the way: then it would have seen refusals only
    assert!(!site.entries_of("listed").is_empty() && !site.entries_of("opened").is_empty());
}
