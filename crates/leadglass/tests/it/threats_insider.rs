//! THREATS: an administrator, or an IT contractor with the owner's access to the machine.

use phantom::ct_instance;
use serde_json::{Value, json};

use crate::client::get;
use crate::installation::{Installation, store, wait_until};
use crate::persons::Person;

/// A site that is set up, with an image in it. Changes wait two seconds.
pub struct Scene {
    pub site: Installation,
    pub officer: Person,
    pub admin: Person,
    /// A device that may list and open, without any relationship: what an insider would read through.
    spy: String,
}

impl Scene {
    pub fn new() -> Self {
        let mut site = Installation::stopped_with(&["--setup", "0s", "--approval-delay", "2s"]);
        let officers_link = site.made["enrolment"].as_str().unwrap().to_owned();
        site.start();
        // before anybody is enrolled there is nobody to ask
        site.with_devices();
        let added = site.ok(&["device", "add", "spy", "--organisation", "Machines", "--may", "list,open", "--token"]);
        let spy = added["token"].as_str().unwrap().to_owned();
        store(site.dicom(), vec![ct_instance(1, 1, 1, 1, 64, 64)]).unwrap();
        site.ok(&["settle"]);
        site.ok(&["org", "add", "Practice", "--password-and-code"]);
        let add = |email: &str, role: &str| {
            let person = ["person", "add", email, "--name", "Somebody", "--role", role, "--organisation", "Practice"];
            site.ok(&person)["enrolment"].as_str().unwrap().to_owned()
        };
        let admins_link = add("admin@x.example", "administrator");
        add("reader@x.example", "referrer");
        add("control@x.example", "referrer");
        let officer = Person::with_passkey(&site, &officers_link);
        let admin = Person::with_passkey(&site, &admins_link);
        Self { site, officer, admin, spy }
    }

    pub fn proposals(&self) -> Vec<Value> {
        self.site.ok(&["approve", "list"])["proposals"].as_array().unwrap().clone()
    }

    pub fn state(&self, proposal: &Value) -> Value {
        self.proposals().iter().find(|row| row["proposal"] == *proposal).unwrap()["state"].clone()
    }

    /// Lets the delay of everything proposed so far pass: a change that two persons stand behind, proposed after it, is carried out.
    pub fn let_the_delay_pass(&self, role: &str) {
        let answer = self.admin.post("/api/approvals/role", &json!({ "email": "control@x.example", "role": role }));
        assert_eq!(answer.status, 202, "{}", answer.json());
        let row = answer.json()["proposed"].clone();
        assert_eq!(self.officer.approve(&row).status, 202);
        wait_until("the control is carried out", || self.state(&row["proposal"]).get("carried-out").is_some());
    }

    fn kinds(&self) -> Vec<Value> {
        let entries = self.site.run(&["ledger", "entries", "--limit", "1000", "--format", "json"]);
        let text = String::from_utf8_lossy(&entries.stdout).into_owned();
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["entry"].clone()).collect()
    }
}

fn site_wide(who: &str) -> Value {
    json!({ "who": who, "whom": "site", "tier": "open", "from": 0, "until": i64::MAX, "basis": "reading group" })
}

#[test]
fn one_administrator_alone_makes_no_reader_no_officer_and_no_reach_however_long_they_wait() {
    let scene = Scene::new();
    let admin = &scene.admin;
    let person =
        json!({ "email": "friend@x.example", "name": "Friend", "role": "officer", "organisation": "Practice" });
    let tried = [
        ("/api/relationships", site_wide("device:spy")),
        ("/api/relationships", site_wide("person:reader@x.example")),
        ("/api/approvals/role", json!({ "email": "reader@x.example", "role": "radiologist" })),
        ("/api/approvals/role", json!({ "email": "admin@x.example", "role": "radiologist" })),
        ("/api/approvals/rule", json!({ "delay_seconds": 0, "setup_seconds": 604_800 })),
        ("/api/people/enrolment", json!({ "email": "officer@localhost" })),
        ("/api/people/close", json!({ "email": "officer@localhost" })),
        ("/api/people", person),
    ];
    let mut proposed = Vec::new();
    for (path, body) in tried {
        let answer = admin.post(path, &body);
        assert_eq!(answer.status, 202, "{path}: {}", answer.json());
        let row = answer.json()["proposed"].clone();
        let own = admin.approve(&row);
        assert!(matches!(own.status, 400 | 403), "nobody approves their own: {}", own.status);
        proposed.push(row["proposal"].clone());
    }
    scene.let_the_delay_pass("technologist");
    for proposal in &proposed {
        assert_eq!(scene.state(proposal), "open", "proposal {proposal}");
    }
    assert_eq!(get(scene.site.http(), &scene.spy, "/dicom-web/studies").status, 204, "the spy sees nobody");
    assert_eq!(admin.get("/api/studies").status, 403, "nor does the administrator");
    // and each try stands in the ledger under their name
    let tries = scene.kinds().into_iter().filter(|entry| entry["kind"] == "proposed").count();
    assert!(tries >= proposed.len(), "{tries}");
}

#[test]
fn the_owner_of_the_machine_alone_gets_no_further() {
    let scene = Scene::new();
    let site = &scene.site;
    let tried: [&[&str]; 6] = [
        &["relate", "device:spy", "site", "--until", "90d", "--basis", "maintenance"],
        &["person", "role", "reader@x.example", "radiologist"],
        &["person", "enrol", "officer@localhost"],
        &["person", "add", "friend@x.example", "--name", "Friend", "--role", "officer", "--organisation", "Practice"],
        &["person", "close", "officer@localhost"],
        &["propose", "rule", "--delay", "0s"],
    ];
    let proposed: Vec<Value> = tried.iter().map(|arguments| site.ok(arguments)["proposal"].clone()).collect();
    assert!(proposed.iter().all(Value::is_number), "{proposed:?}");
    scene.let_the_delay_pass("technologist");
    for proposal in &proposed {
        assert_eq!(scene.state(proposal), "open", "proposal {proposal}");
    }
    assert_eq!(get(site.http(), &scene.spy, "/dicom-web/studies").status, 204);
    // the owner takes back what the owner proposed, and says what waits
    let number = proposed[0].to_string();
    site.ok(&["approve", "withdraw", &number]);
    assert!(scene.state(&proposed[0]).get("ended").is_some());
    let shown = String::from_utf8_lossy(&site.run(&["approve", "show", &number]).stdout).into_owned();
    assert!(shown.contains("every patient of this site") && shown.contains("withdrawn"), "{shown}");
}

#[test]
fn the_owner_of_the_machine_alone_changes_no_witness_no_unseal_method_and_takes_no_keys() {
    let scene = Scene::new();
    let site = &scene.site;
    let (second, out) = (site.path("second"), site.path("window.jsonl"));
    let (kit, new_kit) = (site.path("kit"), site.path("new-kit"));
    let key = witness_key(site);
    let export = ["ledger", "export-window", "--from", "30d", "--to", "1s", "--out", out.as_str()];
    let root = std::fs::read(site.dir().join("warden/root.json")).unwrap();
    let tried: [&[&str]; 10] = [
        &["ledger", "witness", "add", "https://witness.example", "--vkey", &key],
        &["ledger", "sink", "add", &second, "--allow-same-filesystem"],
        &export,
        &["unseal", "add", "recovery-kit", "--new-recovery-kit", &new_kit, "--recovery-kit", &kit],
        &["budget", "set", "device:spy", "--no-limit"],
        &["budget", "lift", "device:spy", "--note", "maintenance"],
        &["shred", &format!("study:{}", phantom::uid(&[9, 1, 1])), "--reason", "maintenance"],
        &["rotate"],
        &["cold", "rule", "--after", "3650d"],
        &["propose", "break-glass", "--longest", "4h", "--review", "30d"],
    ];
    let proposed: Vec<Value> = tried.iter().map(|arguments| site.ok(arguments)["proposal"].clone()).collect();
    assert!(proposed.iter().all(Value::is_number), "{proposed:?}");
    scene.let_the_delay_pass("technologist");
    for proposal in &proposed {
        assert_eq!(scene.state(proposal), "open", "proposal {proposal}");
    }
    let take = |proposal: &Value| {
        let number = proposal.to_string();
        site.refused(1, &["ledger", "export-window", "--proposal", &number, "--out", &out])
    };
    assert!(take(&proposed[2]).contains("--proposal"), "no key leaves");
    assert!(!std::path::Path::new(&out).exists(), "and no file is left behind");
    assert_eq!(std::fs::read(site.dir().join("warden/root.json")).unwrap(), root);
    assert_eq!(site.ok(&["ledger", "witness", "list"]), json!([]));
    let folders = site.ok(&["ledger", "sink", "list"]);
    assert_eq!(folders.as_array().unwrap().len(), 1, "the ledger's own, and no second one: {folders}");
    let happened =
        ["witness-added", "sink-added", "window-exported", "unseal-method-added", "budget-set", "budget-lifted"];
    let happened = [&happened[..], &["shredded", "keys-rotated", "cold-rule-set"]].concat();
    let kinds = scene.kinds();
    let found: Vec<_> = kinds.iter().filter(|entry| happened.iter().any(|kind| entry["kind"] == *kind)).collect();
    assert!(found.is_empty(), "{found:?}");

    // with two persons, one of whom is the officer, the keys leave: once
    let row = scene.proposals().into_iter().find(|row| row["proposal"] == proposed[2]).unwrap();
    assert_eq!(row["need"]["approvals"], 2);
    assert_eq!(scene.officer.approve(&row).status, 202);
    assert_eq!(scene.admin.approve(&row).status, 202);
    wait_until("the export is carried out", || scene.state(&proposed[2]).get("carried-out").is_some());
    let number = proposed[2].to_string();
    site.ok(&["ledger", "export-window", "--proposal", &number, "--out", &out]);
    assert!(std::fs::read_to_string(&out).unwrap().lines().next().unwrap().contains("\"days\""));
    let again = site.path("again.jsonl");
    site.refused(1, &["ledger", "export-window", "--proposal", &number, "--out", &again]);
    let exported = scene.kinds().into_iter().filter(|entry| entry["kind"] == "window-exported").count();
    assert_eq!(exported, 1);
}

/// The key of a witness that nobody runs.
fn witness_key(site: &Installation) -> String {
    let dir = site.path("witness");
    let init = ["witness", "init", "--name", "witness.example/w1", "--format", "json", "--dir", &dir];
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_leadglass")).args(init).output().unwrap();
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    made["vkeys"][0].as_str().unwrap().to_owned()
}

#[test]
fn two_who_collude_get_it_after_the_delay_and_the_ledger_names_both() {
    let scene = Scene::new();
    let row = scene.admin.post("/api/relationships", &site_wide("device:spy")).json()["proposed"].clone();
    let other = json!("00".repeat(32));
    assert_eq!(scene.officer.approve_with(&row, &other).status, 400, "another digest is another change");
    // a touch for something else, and one that was used, approve nothing
    let path = format!("/api/approvals/{}/approve", row["proposal"]);
    let body = json!({ "digest": row["digest"] });
    let elsewhere = scene.officer.touch("/api/break-glass", &body);
    assert_eq!(scene.officer.post_with(&path, &body, &elsewhere).status, 403, "a touch for another act");
    assert_eq!(scene.officer.post_bare(&path, &body).status, 403, "no touch");
    assert_eq!(scene.officer.approve(&row).status, 202);
    wait_until("it is carried out", || scene.state(&row["proposal"]).get("carried-out").is_some());
    assert_eq!(get(scene.site.http(), &scene.spy, "/dicom-web/studies").status, 200);
    let entries = scene.kinds();
    let about = |kind: &str| entries.iter().find(|entry| entry["kind"] == kind && entry["proposal"] == row["proposal"]);
    let approved = about("approved").unwrap();
    assert_eq!(approved["digest"], row["digest"]);
    let evidence: Value = serde_json::from_str(approved["evidence"].as_str().unwrap()).unwrap();
    assert!(evidence["response"]["signature"].is_string(), "what the passkey signed stands in the ledger");
    assert_eq!(about("carried-out").unwrap()["standing"], "two-persons");
    let proposed =
        entries.iter().find(|entry| entry["kind"] == "proposed" && entry["earliest"] == row["earliest"]).unwrap();
    assert_ne!(proposed["actor"]["person"]["person"], approved["actor"]["person"]["person"]);
}

#[test]
fn what_was_removed_sends_and_reads_no_more() {
    let scene = Scene::new();
    let site = &scene.site;
    site.ok(&["device", "remove", "reader", "--token"]);
    site.ok(&["device", "remove", "CT1"]);
    // the front fetches its signed list every two seconds
    wait_until("the modality is refused", || store(site.dicom(), vec![ct_instance(2, 2, 1, 1, 64, 64)]).is_err());
    site.ok(&["person", "close", "reader@x.example"]);
    let people = site.ok(&["person", "list"]);
    let closed = people.as_array().unwrap().iter().find(|row| row["email"] == "reader@x.example").unwrap();
    assert!(closed["closed"].is_number(), "{closed}");
    let error = site.refused(1, &["person", "enrol", "reader@x.example"]);
    assert!(error.contains("there is no person"), "{error}");
}
