//! The contract for machines, held against the running program by schemathesis.

use std::process::Command;

use phantom::{ct_instance, uid};
use serde_json::{Value, json};

use crate::clients::python;
use crate::installation::{Installation, store};
use crate::persons::{PASSWORD, Person};

const SEED: &str = "20261127";
/// Cases of each phase and route.
const EXAMPLES: &str = "4";

/// Enrols somebody; what they type to sign in.
fn signs_in(site: &Installation, email: &str, link: &str) -> Value {
    let person = Person::enrol(site, email, link);
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
    for role in ["patient", "referrer"] {
        let email = format!("{role}@x.example");
        let add = ["person", "add", &email, "--name", role, "--role", role, "--organisation", "Practice"];
        let link = site.ok(&add)["enrolment"].as_str().unwrap().to_owned();
        let who = format!("person:{email}");
        site.ok(&["relate", &who, "patient:DEMO/M00000001", "--until", "90d", "--basis", "treatment"]);
        people.insert(role.to_owned(), signs_in(&site, &email, &link));
    }
    let add = ["device", "add", "RIS", "--organisation", "Machines", "--may", "orders", "--token"];
    let orders = site.ok(&add)["token"].as_str().unwrap().to_owned();
    let officer = site.made["officer"].as_str().unwrap().to_owned();
    people.insert("officer".into(), signs_in(&site, &officer, site.made["enrolment"].as_str().unwrap()));

    let origin = format!("http://localhost:{}", site.http().port());
    let path = json!({
        "study": uid(&[9, 1, 1]), "series": uid(&[9, 1, 1, 1]), "instance": uid(&[9, 1, 1, 1, 1]), "frames": "1",
    });
    let known = json!({
        "origin": origin, "people": people, "reader": reader, "orders": orders, "path": path, "patient": "DEMO|M00000001",
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
    println!("seed {SEED}\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "schemathesis found something; see above");
    // nobody was signed out on the way: then it would have seen refusals only
    assert!(!site.entries_of("listed").is_empty() && !site.entries_of("opened").is_empty());
}
