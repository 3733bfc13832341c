//! What an officer hands out and writes down: signed reports, disks, keys, incidents, with the built program.

use std::process::Output;

use phantom::ct_instance;

use crate::client::get;
use crate::installation::{Installation, store};

/// Two patients, a reader who opened one of them, and the key of that study.
fn site() -> (Installation, String) {
    let site = Installation::new();
    site.with_devices();
    let files = (1..=2).map(|patient| ct_instance(patient, patient, 1, 1, 64, 64)).collect();
    assert!(store(site.dicom(), files).unwrap().iter().all(|status| *status == 0));
    site.ok(&["settle"]);
    let added = site.ok(&["device", "add", "viewer", "--organisation", "Machines", "--may", "list,open", "--token"]);
    let token = added["token"].as_str().unwrap().to_owned();
    site.ok(&["relate", "device:viewer", "patient:DEMO/M00000001", "--until", "8h", "--basis", "order 1"]);
    (site, token)
}

/// Runs a command with the arguments as they are; in the site's folder unless they name one.
fn plain(site: &Installation, arguments: &[&str]) -> Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_leadglass"));
    command.args(arguments);
    if !arguments.contains(&"--dir") {
        command.arg("--dir").arg(site.dir());
    }
    command.output().unwrap()
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_signed_report_is_accepted_and_one_flipped_byte_is_not() {
    let (site, token) = site();
    assert_eq!(get(site.http(), &token, &format!("/dicom-web/studies/{}", phantom::uid(&[9, 1, 1]))).status, 200);
    let incident = site.ok(&[
        "incident",
        "open",
        "--title",
        "a token was lost",
        "--account",
        "device:viewer",
        "--from",
        "1h",
        "--aware",
        "30m",
    ]);
    assert_eq!(incident["row"]["incident"], 1);
    for (name, language) in [("report.pdf", "de"), ("report.json", "en")] {
        let file = site.path(name);
        let written = site.ok(&[
            "exposure",
            "device:viewer",
            "--from",
            "1h",
            "--output",
            &file,
            "--language",
            language,
            "--incident",
            "1",
        ]);
        let key = written["key"].as_str().unwrap();
        let elsewhere = site.path("nowhere");
        // no installation is needed, and its own key is found when there is one
        for extra in [vec!["--key", key, "--dir", &elsewhere], vec!["--dir", &elsewhere], vec![]] {
            let output =
                plain(&site, &[vec!["ledger", "verify", "--format", "json", "--report", &file], extra].concat());
            let value: serde_json::Value = serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
            assert_eq!((&value["verified"], &value["opened"]["patients"]), (&true.into(), &1.into()));
            assert_eq!(value["entry"], written["entry"]);
        }
        let bytes = std::fs::read(&file).unwrap();
        for position in [10, bytes.len() / 3, bytes.len() / 2, bytes.len() - 3] {
            let mut changed = bytes.clone();
            changed[position] ^= 1;
            let path = site.path("changed");
            std::fs::write(&path, changed).unwrap();
            let said = refused(&plain(&site, &["ledger", "verify", "--report", &path, "--key", key]));
            assert!(said.starts_with("error: ") && said.contains("hint: "), "{position}: {said}");
        }
    }
    let shown = site.ok(&["incident", "show", "1"]);
    assert_eq!(shown["steps"].as_array().unwrap().iter().filter(|step| step["what"] == "report").count(), 2);
    let csv = site.path("report.csv");
    site.ok(&["exposure", "device:viewer", "--from", "1h", "--output", &csv]);
    assert_eq!(std::fs::read_to_string(csv).unwrap().lines().count(), 2);
}

#[test]
fn pages_that_somebody_changed_and_gave_to_another_version_are_said_not_to_be_compared() {
    let (site, _) = site();
    let (file, drawn) = (site.path("report.pdf"), site.path("drawn.pdf"));
    site.ok(&["exposure", "device:viewer", "--from", "1h", "--output", &file]);
    let bytes = std::fs::read(&file).unwrap();
    let creator = b"leadglass, drawing ";
    let mut changed = [&bytes[..], b"\n% other pages\n"].concat();
    for at in 0..bytes.len() - creator.len() {
        if bytes[at..].starts_with(creator) {
            changed[at + creator.len()] = b'9';
        }
    }
    std::fs::write(&file, changed).unwrap();
    let said = refused(&plain(&site, &["ledger", "verify", "--report", &file]));
    assert!(said.contains("somebody changed them"), "{said}");
    let output = plain(&site, &["ledger", "verify", "--report", &file, "--pages", &drawn]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("NOT compared") && said.contains(&drawn), "{said}");
    assert!(!said.contains("every byte"), "{said}");
    assert_eq!(std::fs::read(&drawn).unwrap(), bytes, "the signed content's own pages");
    let again = site.path("again.pdf");
    let output = plain(&site, &["ledger", "verify", "--format", "json", "--report", &file, "--pages", &again]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["pages"], "not-compared");
    // a file that was there already is not taken for what was drawn
    let said = refused(&plain(&site, &["ledger", "verify", "--report", &file, "--pages", &again]));
    assert!(said.contains("new file"), "{said}");
}

#[test]
fn another_sites_key_and_a_checkpoint_of_another_ledger_are_refused() {
    let (site, _) = site();
    let other = Installation::stopped();
    let file = site.path("report.pdf");
    let written = site.ok(&["exposure", "device:viewer", "--from", "1h", "--output", &file]);
    let foreign = other.dir().join("ledger/site.vkey");
    let said = refused(&plain(&site, &["ledger", "verify", "--report", &file, "--key", foreign.to_str().unwrap()]));
    assert!(said.contains("another site"), "{said}");
    let checkpoint = other.dir().join("ledger/checkpoint");
    let said =
        refused(&plain(&site, &["ledger", "verify", "--report", &file, "--checkpoint", checkpoint.to_str().unwrap()]));
    assert!(said.contains("is not this site's"), "{said}");
    let said = refused(&plain(&site, &["ledger", "verify", "--report", foreign.to_str().unwrap()]));
    assert!(said.contains("holds no signed report"), "{said}");
    let again = site.run(&["exposure", "device:viewer", "--from", "1h", "--output", &file]);
    assert!(refused(&again).contains("exists already"));
    assert!(written["key"].as_str().unwrap().starts_with("leadglass/"));
}

#[test]
fn a_key_a_disk_and_a_session_that_nobody_used_say_so_and_later_say_who() {
    let (site, token) = site();
    let filed = site.entries_of("keys-filed");
    assert_eq!(filed.len(), 2, "a batch has one pair of keys for each study");
    let first_study = filed.iter().find(|entry| entry["study"] == 0).unwrap();
    let key = format!("key:{}", first_study["keys"][0].as_str().unwrap());
    let disks = site.entries_of("disk-holds");
    let disk = disks.iter().find(|entry| entry["holds"].as_array().unwrap().contains(&"images".into())).unwrap();
    let disk = format!("disk:{}", disk["disk"].as_str().unwrap());

    let report = site.ok(&["exposure", &key, "--from", "1h"]);
    assert_eq!(report["reachable"], serde_json::json!({ "patients": 1, "studies": 1 }));
    assert_eq!(
        (&report["about"]["key"]["released"], &report["about"]["key"]["released_before"]),
        (&0.into(), &0.into())
    );
    let report = site.ok(&["exposure", &disk, "--from", "1h"]);
    assert_eq!(report["reachable"], serde_json::json!({ "patients": 2, "studies": 2 }));
    assert_eq!((&report["opened"]["studies"], &report["about"]["disk"]["keys"]), (&0.into(), &2.into()));
    let named = |report: &serde_json::Value| -> Vec<(String, serde_json::Value, serde_json::Value)> {
        let rows = report["about"]["disk"]["sealed_under"].as_array().unwrap();
        rows.iter()
            .map(|row| (format!("key:{}", row["key"].as_str().unwrap()), row["study"].clone(), row["released"].clone()))
            .collect()
    };
    let keys = named(&report);
    assert_eq!(keys.len(), 2);
    assert!(keys.contains(&(key.clone(), 0.into(), false.into())), "{keys:?}");

    assert_eq!(get(site.http(), &token, &format!("/dicom-web/studies/{}", phantom::uid(&[9, 1, 1]))).status, 200);
    let report = site.ok(&["exposure", &key, "--from", "1h"]);
    assert_eq!(report["about"]["key"]["released"], 1);
    assert_eq!(report["about"]["key"]["releases"][0]["who"], "viewer");
    assert_eq!(report["opened"]["patients"], 1);
    let report = site.ok(&["exposure", &disk, "--from", "1h"]);
    assert_eq!(
        (&report["opened"]["studies"], &report["about"]["disk"]["studies_opened_before"]),
        (&1.into(), &0.into())
    );
    assert_eq!(report["patients"][0]["patient"]["id"], "M00000001");
    let keys = named(&report);
    assert_eq!((&keys[0], &keys[1].2), (&(key, 0.into(), true.into()), &false.into()), "the released one first");

    for (who, expected) in [
        ("key:00112233445566778899aabbccddeeff", "unknown"),
        ("disk:none", "unknown"),
        ("session:xyz", "32 hexadecimal digits"),
        ("link:abc", "no share links yet"),
        ("cat:tom", "person:EMAIL"),
    ] {
        let said = refused(&site.run(&["exposure", who, "--from", "1h"]));
        assert!(said.contains(expected) || said.contains("there is no"), "{who}: {said}");
    }
}

#[test]
fn a_vault_is_a_disk_that_holds_what_was_there_at_its_last_synchronisation() {
    let (site, _) = site();
    let vault = site.path("vault");
    site.ok(&["vault", "init", &vault, "--allow-same-filesystem"]);
    site.ok(&["vault", "sync", &vault]);
    store(site.dicom(), vec![ct_instance(3, 3, 1, 1, 64, 64)]).unwrap();
    site.ok(&["settle"]);
    let copies: Vec<_> = site
        .entries_of("disk-holds")
        .into_iter()
        .filter(|entry| entry["holds"] == serde_json::json!(["copy"]))
        .collect();
    assert_eq!(copies.len(), 1);
    let disk = format!("disk:{}", copies[0]["disk"].as_str().unwrap());
    assert_eq!(site.ok(&["exposure", &disk, "--from", "1h"])["reachable"]["studies"], 2);
    site.ok(&["vault", "sync", &vault]);
    assert_eq!(site.ok(&["exposure", &disk, "--from", "1h"])["reachable"]["studies"], 3);
    site.ok(&["vault", "verify", &vault]);
}

#[test]
fn an_incident_has_clocks_a_draft_and_an_end() {
    let site = Installation::new();
    let opened = site.ok(&[
        "incident",
        "open",
        "--title",
        "login found in a dump",
        "--account",
        "person:officer@localhost",
        "--from",
        "30d",
        "--aware",
        "25h",
    ]);
    let clock = |value: &serde_json::Value, name: &str| {
        let clocks = value["row"]["clocks"].as_array().unwrap();
        clocks.iter().find(|clock| clock["clock"] == name).unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(clock(&opened, "nis2-early-warning"), "overdue");
    assert_eq!(clock(&opened, "nis2-notification"), "running");
    assert_eq!(clock(&opened, "ndb-assessment"), "running");
    let done = site.ok(&["incident", "done", "1", "gdpr-notification", "--at", "1h"]);
    assert_eq!(clock(&done, "gdpr-notification"), "done");
    let done = site.ok(&["incident", "done", "1", "nis2-early-warning"]);
    assert_eq!(clock(&done, "nis2-early-warning"), "done-late");
    site.ok(&["incident", "note", "1", "all sessions of the account ended"]);
    let draft = site.ok(&["incident", "draft", "1", "--language", "de"])["draft"].as_str().unwrap().to_owned();
    for fact in ["DSGVO Art. 33", "login found in a dump", "officer@localhost", "all sessions of the account ended"] {
        assert!(draft.contains(fact), "{fact} in {draft}");
    }
    site.ok(&["incident", "draft", "1", "--output", &site.path("notice.pdf")]);
    assert!(std::fs::read(site.path("notice.pdf")).unwrap().starts_with(b"%PDF-"));
    let closed = site.ok(&["incident", "close", "1", "the dump was old"]);
    assert!(closed["row"]["closed"].is_i64());
    assert!(refused(&site.run(&["incident", "close", "1", "again"])).contains("not closed already"));
    assert!(refused(&site.run(&["incident", "show", "7"])).contains("incident"));
    assert_eq!(site.ok(&["incident", "list"]).as_array().unwrap().len(), 1);
    assert!(refused(&site.run(&["incident", "open", "--title", " ", "--from", "1h"])).contains("title"));
}
