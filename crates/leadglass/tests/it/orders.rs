//! Orders over HL7: what a real sender's messages make people see, and what ends it.

use std::process::Command;

use phantom::{ct_instance, uid};
use serde_json::Value;

use crate::clients::python;
use crate::hl7::{Sender, message};
use crate::installation::{Installation, store};
use crate::persons::Person;

pub const REFERRER: &str = "ruth@practice.example";
/// Ruth, as orders name her.
pub const RUTH: &str = "123456601^Referrer^Ruth^^^^^^LANR";

/// A site with images of four patients, a referrer with a professional identifier, and a system that may tell orders.
pub struct Scene {
    pub site: Installation,
    pub ruth: Person,
}

impl Scene {
    pub fn new() -> Self {
        let mut site = Installation::stopped();
        let ports = ["--passphrase-file", "-", "--hl7", "127.0.0.1:0", "--hl7-tls", "127.0.0.1:0"];
        site.start_with(&ports, crate::installation::PASSPHRASE);
        site.with_devices();
        let files = (1..=4).map(|patient| ct_instance(patient, patient, 1, 1, 32, 32)).collect();
        store(site.dicom(), files).unwrap();
        site.ok(&["settle"]);
        site.ok(&["org", "add", "Practice", "--password-and-code"]);
        let person = ["person", "add", REFERRER, "--name", "Ruth Referrer", "--role", "referrer"];
        let added =
            site.ok(&[&person[..], &["--organisation", "Practice", "--professional-id", "LANR/123456601"]].concat());
        let ruth = Person::enrol(&site, REFERRER, added["enrolment"].as_str().unwrap());
        let ris = ["device", "add", "RIS", "--organisation", "Machines", "--may", "orders", "--from", "127.0.0.1"];
        site.ok(&ris);
        Self { site, ruth }
    }

    /// Patient identifiers that Ruth sees.
    pub fn seen(&self) -> Vec<String> {
        let rows = self.ruth.get("/api/studies").json();
        let rows = rows["studies"].as_array().unwrap();
        let mut ids: Vec<String> = rows.iter().map(|row| row["patient"]["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    }

    pub fn sender(&self) -> Sender {
        Sender::connect(self.site.hl7())
    }

    /// Entries of a kind.
    pub fn entries(&self, kind: &str) -> Vec<Value> {
        let output = self.site.run(&["ledger", "entries", "--limit", "2000", "--format", "json"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["entry"].clone());
        rows.filter(|entry| entry["kind"] == kind).collect()
    }
}

/// An order of a demonstration patient, as a system writes it.
pub fn order(control: &str, id: &str, patient: u32, number: &str) -> Vec<u8> {
    let pid = format!("PID|1||M0000000{patient}^^^DEMO");
    message(
        "ORM^O01",
        id,
        &[&pid, &format!("ORC|{control}|{number}^RIS||||||||||{RUTH}"), &format!("OBR|1|{number}^RIS||CT")],
    )
}

/// Files below a folder that hold these bytes.
fn files_holding(folder: &std::path::Path, wanted: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_holding(&path, wanted));
        } else if std::fs::read(&path).is_ok_and(|bytes| bytes.windows(wanted.len()).any(|part| part == wanted)) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn script(arguments: &[&str]) -> Option<String> {
    let python = python()?;
    let output = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/orders.py"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[test]
fn an_order_of_hl7apy_over_python_hl7_makes_a_referrer_see_the_patient_and_its_cancellation_ends_it() {
    let scene = Scene::new();
    let port = scene.site.hl7().port().to_string();
    let send = |kind, id, patient, second, number| script(&["send", &port, kind, id, patient, second, number]);
    assert_eq!(scene.seen(), Vec::<String>::new());
    let Some(code) = send("NW", "real-1", "M00000002^^^DEMO", RUTH, "4711^KIS") else { return };
    assert_eq!(code, "AA");
    assert_eq!(scene.seen(), ["M00000002"]);
    let related =
        scene.entries("related").into_iter().rfind(|entry| entry["relationship"]["basis"] == "order").unwrap();
    assert!(related["actor"]["device"].is_object(), "{related}");
    assert_eq!(scene.entries("order-taken").len(), 1);
    // the same message again counts once
    assert_eq!(send("NW", "real-1", "M00000002^^^DEMO", RUTH, "4712^KIS").as_deref(), Some("AR"));
    assert_eq!(send("CA", "real-2", "M00000002^^^DEMO", RUTH, "4711^KIS").as_deref(), Some("AA"));
    assert_eq!(scene.seen(), Vec::<String>::new(), "reach ends with the order");
    // what was merged is seen by whoever was sent either
    assert_eq!(send("NW", "real-3", "M00000003^^^DEMO", RUTH, "4713^KIS").as_deref(), Some("AA"));
    assert_eq!(send("A40", "real-4", "M00000003^^^DEMO", "M00000004^^^DEMO", "-").as_deref(), Some("AA"));
    assert_eq!(scene.seen(), ["M00000003", "M00000003"]);

    let [key, certificate] = scene.site.certificate("ris");
    let bound = ["device", "add", "bound", "--organisation", "Machines", "--may", "orders", "--bind-certificate"];
    scene.site.ok(&[&bound[..], &[&certificate]].concat());
    let archive = scene.site.dir().join("tls/cert.pem").to_string_lossy().into_owned();
    let tls = scene.site.hl7_tls().port().to_string();
    let sent = ["tls", &tls, &key, &certificate, &archive, "real-5", "M00000001^^^DEMO", RUTH, "4714^KIS"];
    assert_eq!(script(&sent).as_deref(), Some("AA"));
    assert_eq!(scene.seen(), ["M00000001", "M00000003", "M00000003"]);
}

/// What entries say that follow from messages.
fn followed(scene: &Scene) -> Vec<(&'static str, usize)> {
    let kinds = [
        "patient-added",
        "related",
        "relationship-ended",
        "order-taken",
        "order-ended",
        "appointment-made",
        "patients-merged",
    ];
    kinds.map(|kind| (kind, scene.entries(kind).len())).to_vec()
}

#[test]
fn each_kind_of_message_of_hl7apy_has_its_effect_once_and_none_in_a_wrong_encoding() {
    let scene = Scene::new();
    let port = scene.site.hl7().port().to_string();
    let mut sent = 0;
    let mut tell = |how: &str, kind: &str, patient: &str, second: &str| {
        sent += 1;
        script(&[how, &port, kind, &format!("kind-{sent}"), patient, second, "4711^KIS"])
    };
    let matched = || scene.site.ok(&["orders", "state"])["orders"][0]["matched"].clone();
    let before = followed(&scene);
    let Some(code) = tell("wrong", "O23", "M00000002^^^DEMO", RUTH) else { return };
    assert_eq!((code.as_str(), followed(&scene)), ("AE", before));
    // what a real sender sends again is answered again, and counts once
    let mut follows = |kind: &str, patient: &str, second: &str, entries: &[(&str, usize)]| {
        let before = followed(&scene);
        assert_eq!(tell("wrong", kind, patient, second).as_deref(), Some("AE"), "{kind}");
        assert_eq!(followed(&scene), before, "{kind} in a wrong encoding");
        assert_eq!(tell("twice", kind, patient, second).as_deref(), Some("AA AA"), "{kind}");
        let more = |(kind, count): &(&'static str, usize)| {
            let new = entries.iter().find(|(own, _)| own == kind).map_or(0, |(_, new)| *new);
            (*kind, count + new)
        };
        assert_eq!(followed(&scene), before.iter().map(more).collect::<Vec<_>>(), "{kind}");
    };
    follows("O23", "M00000002^^^DEMO", RUTH, &[("related", 1), ("order-taken", 1)]);
    assert_eq!((scene.seen(), matched()), (vec!["M00000002".to_owned()], Value::Bool(false)));
    follows("S12", "M00000002^^^DEMO", "A-1^KIS", &[("appointment-made", 1)]);
    assert_eq!(matched(), true);
    follows("S15", "M00000002^^^DEMO", "A-1^KIS", &[("appointment-made", 1)]);
    assert_eq!(matched(), false);
    // of patients who are known and of one who is not
    for (kind, patient) in [("A01", "M00000003^^^DEMO"), ("A01", "M00000077^^^DEMO"), ("A08", "M00000002^^^DEMO")] {
        follows(kind, patient, "-", &[]);
    }
    assert_eq!(scene.seen(), ["M00000002"], "no reach follows from a stay");
    follows("R01", "M00000002^^^DEMO", "-", &[("order-ended", 1), ("relationship-ended", 1)]);
    let ended = scene.entries("relationship-ended").pop().unwrap();
    let days = |micros: i64| micros / 86_400_000_000;
    assert_eq!(days(ended["until"].as_i64().unwrap() - ended["recorded"].as_i64().unwrap() + 3_600_000_000), 30);
    assert_eq!(scene.seen(), ["M00000002"], "until the days of grace are over");
    let kept = scene.site.ok(&["orders", "list"]);
    assert_eq!(kept.as_array().map(Vec::len), Some(8), "what was refused waits for repair: {kept}");
}

#[test]
fn an_order_gives_referrer_and_reading_group_reach_until_its_end_and_the_days_of_grace() {
    let scene = Scene::new();
    scene.site.ok(&["org", "add", "Readers", "--password-and-code"]);
    scene.site.ok(&["orders", "rule", "--reading-group", "Readers", "--grace", "5", "--open", "10"]);
    let mut ris = scene.sender();
    assert_eq!(ris.code(&order("NW", "1", 1, "A")), "AA");
    let related: Vec<Value> =
        scene.entries("related").into_iter().filter(|e| e["relationship"]["basis"] == "order").collect();
    assert_eq!(related.len(), 2, "{related:?}");
    let days = |entry: &Value| {
        let window = &entry["relationship"]["window"];
        (window["to"].as_i64().unwrap() - window["from"].as_i64().unwrap()) / 86_400_000_000
    };
    assert!(related.iter().all(|entry| days(entry) == 15 && entry["relationship"]["tier"] == "open"));
    assert!(related.iter().any(|entry| entry["relationship"]["who"]["organisation"].is_number()));
    // done: the days of grace are left
    let result = message("ORU^R01", "2", &["PID|1||M00000001^^^DEMO", "OBR|1|A^RIS||CT|||||||||||||||||||||F"]);
    assert_eq!(ris.code(&result), "AA");
    let ended = scene.entries("relationship-ended");
    assert_eq!(ended.len(), 2);
    let left = ended[0]["until"].as_i64().unwrap() - ended[0]["recorded"].as_i64().unwrap();
    assert!((0..=5 * 86_400_000_000_i64).contains(&left) && left > 4 * 86_400_000_000, "{left}");
    assert_eq!(scene.seen(), ["M00000001"]);
    // cancelled after that: the grace is gone too
    assert_eq!(ris.code(&order("CA", "3", 1, "A")), "AA");
    assert_eq!(scene.seen(), Vec::<String>::new());
    assert_eq!(scene.entries("order-ended").len(), 2);
    let state = scene.site.ok(&["orders", "state"]);
    assert_eq!(state["orders"][0]["ended"], "cancelled");
}

#[test]
fn the_same_message_again_is_answered_the_same_and_another_of_its_name_is_refused() {
    let mut scene = Scene::new();
    let mut ris = scene.sender();
    let first = order("NW", "1", 1, "A");
    assert_eq!(ris.code(&first), "AA");
    assert_eq!(ris.code(&first), "AA");
    assert_eq!(scene.entries("order-taken").len(), 1);
    let said = ris.send(&order("NW", "1", 2, "B"));
    assert!(said.contains("\rMSA|AR|1\r") && said.contains("|205^"), "{said}");
    // also when the warden does not remember: the ledger does
    scene.site.stop();
    let ports = ["--passphrase-file", "-", "--hl7", "127.0.0.1:0"];
    scene.site.start_with(&ports, crate::installation::PASSPHRASE);
    let mut ris = scene.sender();
    assert_eq!(ris.code(&first), "AA");
    assert_eq!(ris.code(&order("NW", "1", 2, "B")), "AR");
    assert_eq!(scene.entries("order-taken").len(), 1);
}

#[test]
fn a_changed_order_reaches_as_it_says_now_and_a_repeated_one_changes_nothing() {
    let scene = Scene::new();
    let mut ris = scene.sender();
    assert_eq!(ris.code(&order("NW", "1", 1, "A")), "AA");
    assert_eq!(ris.code(&order("XO", "2", 1, "A")), "AA");
    assert_eq!(scene.entries("order-taken").len(), 1, "nothing about it is new");
    scene.site.ok(&["org", "add", "Readers"]);
    scene.site.ok(&["orders", "rule", "--place", "MRT=Readers"]);
    let elsewhere =
        message("ORM^O01", "3", &["PID|1||M00000001^^^DEMO", "ORC|XO|A^RIS", "OBR|1|A^RIS||MR||||||||||||||||||||MRT"]);
    assert_eq!(ris.code(&elsewhere), "AA");
    assert_eq!(scene.seen(), Vec::<String>::new(), "Ruth is not named any more");
    let state = scene.site.ok(&["orders", "state"]);
    assert_eq!(state["orders"][0]["holders"], serde_json::json!(["Readers"]));
    // of another patient it is no change
    let said = ris.send(&order("XO", "4", 2, "A"));
    assert!(said.contains("MSA|AE|4") && said.contains("|204^"), "{said}");
}

#[test]
fn a_patient_is_known_by_authority_and_identifier_and_never_by_the_identifier_alone() {
    let scene = Scene::new();
    let mut ris = scene.sender();
    let of = |id: &str, pid: &str| {
        message("ORM^O01", id, &[&format!("PID|1||{pid}"), &format!("ORC|NW|{id}^RIS||||||||||{RUTH}")])
    };
    let said = ris.send(&of("1", "M00000001"));
    assert!(said.contains("MSA|AE|1\r") && said.contains("PID^1^3|101^"), "{said}");
    assert_eq!(ris.code(&of("2", "M00000001^^^ELSEWHERE")), "AA");
    assert_eq!(scene.seen(), Vec::<String>::new(), "another authority's patient is another patient");
    // the site says which authority its images are of, by name or by OID
    scene.site.ok(&["orders", "rule", "--authority", "HOSPITAL=DEMO", "--authority", "1.2.3=DEMO"]);
    assert_eq!(ris.code(&of("3", "9^^^INSURANCE~M00000001^^^HOSPITAL")), "AA");
    assert_eq!(ris.code(&of("4", "M00000002^^^&1.2.3&ISO")), "AA");
    assert_eq!(scene.seen(), ["M00000001", "M00000002"]);
    // a professional of the same number and another authority is another person
    let stranger = "123456601^Referrer^Ruth^^^^^^OTHER";
    let said =
        ris.send(&message("ORM^O01", "5", &["PID|1||M00000003^^^DEMO", &format!("ORC|NW|5^RIS||||||||||{stranger}")]));
    assert!(said.contains("MSA|AE|5\r") && said.contains("ORC^1^12|204^"), "{said}");
    scene.site.ok(&["person", "professional-id", REFERRER, "OTHER/123456601"]);
    assert_eq!(scene.site.ok(&["orders", "list"]).as_array().map(Vec::len), Some(2));
}

#[test]
fn merged_records_take_reach_and_later_images_along_and_taking_it_back_returns_them() {
    let scene = Scene::new();
    let mut ris = scene.sender();
    assert_eq!(ris.code(&order("NW", "1", 2, "A")), "AA");
    let merge = message("ADT^A40", "2", &["PID|1||M00000001^^^DEMO", "MRG|M00000002^^^DEMO"]);
    assert_eq!(ris.code(&merge), "AA");
    assert_eq!(scene.seen(), ["M00000001", "M00000001"], "both studies, under the record that stays");
    // an image that still names the old record
    store(scene.site.dicom(), vec![ct_instance(2, 9, 1, 1, 32, 32)]).unwrap();
    scene.site.ok(&["settle"]);
    assert_eq!(scene.seen().len(), 3);
    let back = message("ADT^A40", "3", &["PID|1||M00000002^^^DEMO", "MRG|M00000001^^^DEMO"]);
    assert_eq!(ris.code(&back), "AE", "a merge is taken back, not turned round");
    let state = scene.site.ok(&["orders", "state"]);
    let number = state["merges"][0]["merge"].to_string();
    scene.site.ok(&["orders", "unmerge", &number]);
    assert_eq!(scene.seen(), ["M00000002", "M00000002"], "the order and the later image are where they were");
    scene.site.refused(1, &["orders", "unmerge", &number]);
    assert_eq!(ris.code(&order("CA", "4", 2, "A")), "AA");
    assert_eq!(scene.seen(), Vec::<String>::new());
}

#[test]
fn a_message_that_is_not_taken_is_kept_sealed_and_replayed_once_it_can_be() {
    let scene = Scene::new();
    let mut ris = scene.sender();
    let unknown = "777^Nobody^N^^^^^^LANR";
    let secret = "Geheimfrau^Änne";
    let pid = format!("PID|1||M00000003^^^DEMO||{secret}");
    let early = message("ORM^O01", "1", &[&pid, &format!("ORC|NW|A^RIS||||||||||{unknown}")]);
    let said = ris.send(&early);
    assert!(said.contains("MSA|AE|1\r") && said.contains("ORC^1^12|204^"), "{said}");
    // a sender that tries again fills nothing
    assert_eq!(ris.code(&early), "AE");
    let kept = scene.site.ok(&["orders", "list"]);
    assert_eq!(kept.as_array().map(Vec::len), Some(1), "{kept}");
    assert_eq!(
        (&kept[0]["control_id"], &kept[0]["kind"], &kept[0]["sender"]),
        (&"1".into(), &"ORM^O01".into(), &"RIS".into())
    );
    assert!(!kept.to_string().contains("Geheimfrau"));
    assert_eq!(files_holding(&scene.site.dir(), b"Geheimfrau"), Vec::<String>::new());
    assert!(!scene.site.log().contains("Geheimfrau"));
    let number = kept[0]["kept"].to_string();
    let shown = scene.site.run(&["orders", "show", &number]);
    assert_eq!(shown.stdout, early);
    let error = scene.site.refused(1, &["orders", "replay", &number]);
    let (what, hint) = error.split_once("hint: ").unwrap_or_else(|| panic!("no word of what to do: {error}"));
    assert!(what.contains("still not taken") && what.contains("Unknown key identifier at ORC-12"), "{error}");
    for way in ["`leadglass person professional-id`", "`leadglass orders rule`", "`--repaired FILE`"] {
        assert!(hint.contains(way), "{error}");
    }
    scene.site.ok(&["person", "professional-id", REFERRER, "LANR/777"]);
    scene.site.ok(&["orders", "replay", &number]);
    assert_eq!(scene.seen(), ["M00000003"]);
    assert_eq!(scene.site.ok(&["orders", "list"]).as_array().map(Vec::len), Some(0));
    let states: Vec<Value> = scene.entries("order-kept").into_iter().map(|entry| entry["state"].clone()).collect();
    assert_eq!(states, ["kept", "read", "read", "read", "replayed"].map(Value::from), "{states:?}");
    // repaired by hand
    let broken = message("ORM^O01", "2", &["PID|1||M00000004", &format!("ORC|NW|B^RIS||||||||||{RUTH}")]);
    assert_eq!(ris.code(&broken), "AE");
    let number = scene.site.ok(&["orders", "list"])[0]["kept"].to_string();
    let file = scene.site.path("repaired.hl7");
    std::fs::write(&file, "no message").unwrap();
    let error = scene.site.refused(1, &["orders", "replay", &number, "--repaired", &file]);
    let shows = format!("`leadglass orders show {number}`");
    assert!(
        error.contains("still cannot be read") && error.contains("hint: mend") && error.contains(&shows),
        "{error}"
    );
    let text = String::from_utf8(broken).unwrap().replace("M00000004", "M00000004^^^DEMO");
    std::fs::write(&file, text).unwrap();
    scene.site.ok(&["orders", "replay", &number, "--repaired", &file]);
    assert_eq!(scene.seen(), ["M00000003", "M00000004"]);
    scene.site.refused(1, &["orders", "drop", &number]);
}

#[test]
fn a_test_message_is_answered_and_nothing_follows() {
    let scene = Scene::new();
    let text = String::from_utf8(order("NW", "1", 1, "A")).unwrap().replacen("|P|2.5", "|T|2.5", 1);
    let mut ris = scene.sender();
    assert_eq!(ris.code(text.as_bytes()), "AA");
    assert_eq!((scene.seen().len(), scene.entries("order-taken").len()), (0, 0));
    assert_eq!(ris.code(&order("NW", "1", 1, "A")), "AA", "the test used nothing up");
    assert_eq!(scene.seen(), ["M00000001"]);
}

#[test]
fn fhir_resources_of_a_device_with_a_token_make_and_end_the_same_relationships() {
    let scene = Scene::new();
    let add = ["device", "add", "KIS", "--organisation", "Machines", "--may", "orders", "--token"];
    let token = scene.site.ok(&add)["token"].as_str().unwrap().to_owned();
    let reader = scene.site.ok(&["device", "add", "bare", "--organisation", "Machines", "--may", "list", "--token"]);
    scene.site.ok(&["orders", "rule", "--authority", "urn:oid:1.2.3=DEMO"]);
    scene.site.ok(&["person", "professional-id", REFERRER, "https://lanr.example/123456601"]);
    let tell = |token: &str, kind: &str, resource: &Value| {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/fhir+json")];
        let body = resource.to_string();
        crate::client::ask(scene.site.http(), "POST", &format!("/fhir/{kind}"), &headers, body.as_bytes())
    };
    let request = |status: &str, patient: &str| {
        serde_json::json!({
            "resourceType": "ServiceRequest",
            "id": "sr-1",
            "status": status,
            "intent": "order",
            "identifier": [{ "system": "urn:kis", "value": "P-1" }],
            "subject": { "identifier": { "system": "urn:oid:1.2.3", "value": patient } },
            "requester": { "identifier": { "system": "https:", "value": "nobody" } },
        })
    };
    let said = tell(&token, "ServiceRequest", &request("active", "M00000001"));
    assert_eq!((said.status, &said.json()["resourceType"]), (422, &"OperationOutcome".into()), "{}", said.json());
    assert_eq!(said.json()["issue"][0]["details"]["coding"][0]["code"], "204");
    let named = |status: &str, patient: &str| {
        let mut named = request(status, patient);
        named["requester"]["identifier"] =
            serde_json::json!({ "system": "https://lanr.example", "value": "123456601" });
        named
    };
    assert_eq!(tell(&token, "ServiceRequest", &named("active", "M00000001")).status, 200);
    assert_eq!(tell(&token, "ServiceRequest", &named("active", "M00000001")).status, 200);
    assert_eq!((scene.seen(), scene.entries("order-taken").len()), (vec!["M00000001".to_owned()], 1));
    assert_eq!(tell(&token, "ServiceRequest", &named("revoked", "M00000001")).status, 200);
    assert_eq!(scene.seen(), Vec::<String>::new());
    // nobody else, and nothing else
    assert_eq!(tell(reader["token"].as_str().unwrap(), "ServiceRequest", &named("active", "M00000001")).status, 403);
    assert_eq!(tell("nonsense", "ServiceRequest", &named("active", "M00000001")).status, 401);
    assert_eq!(tell(&token, "Appointment", &named("active", "M00000001")).status, 400);
    assert_eq!(tell(&token, "Observation", &serde_json::json!({ "resourceType": "Observation" })).status, 422);
    assert_eq!(crate::client::get(scene.site.http(), &token, "/fhir/Patient").status, 405);
    // kept, and replayed when repaired
    let kept = scene.site.ok(&["orders", "list"]);
    assert_eq!((kept.as_array().map(Vec::len), &kept[0]["kind"]), (Some(1), &"FHIR ServiceRequest".into()), "{kept}");
    let file = scene.site.path("repaired.json");
    let mut repaired = named("active", "M00000001");
    repaired["meta"] = serde_json::json!({ "versionId": "3" });
    std::fs::write(&file, repaired.to_string()).unwrap();
    scene.site.ok(&["orders", "replay", &kept[0]["kept"].to_string(), "--repaired", &file]);
    assert_eq!(scene.seen(), ["M00000001"]);
}

#[test]
fn a_new_order_asks_for_the_cold_priors_of_its_patient() {
    let scene = Scene::new();
    let files = ["anna", "bela"].map(|name| crate::cold::holder(&scene.site, name));
    let [anna, bela] = files.clone().map(|file| format!("{file}.pub"));
    scene.site.ok(&["cold", "init", "--threshold", "2", "--holder", &anna, "--holder", &bela]);
    for file in &files {
        crate::cold::prove(&scene.site, file);
    }
    scene.site.ok(&["cold", "rule", "--after", "0s"]);
    scene.site.ok(&["cold", "sweep"]);
    assert_eq!(scene.site.ok(&["cold", "state"])["cold"], 4);
    let mut ris = scene.sender();
    assert_eq!(ris.code(&order("NW", "1", 1, "A")), "AA");
    let requests = scene.site.ok(&["cold", "requests"]);
    assert_eq!(requests.as_array().map(Vec::len), Some(1), "{requests}");
    assert_eq!(requests[0]["basis"], "order");
    let study = uid(&[9, 1, 1]);
    assert_eq!(
        scene.ruth.get(&format!("/dicom-web/studies/{study}")).status,
        409,
        "the order makes it reachable, the holders warm it"
    );
}
