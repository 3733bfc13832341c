//! An auditor on another machine: files, a window's file, no key of the site.

use phantom::{ct_instance, uid};

use crate::client::{get, instance};
use crate::installation::{Installation, store};

#[test]
fn an_auditor_on_another_machine_gets_the_sites_own_report() {
    let mut site = Installation::new();
    let token = site.with_devices();
    let files: Vec<_> = (1..=6).map(|number| ct_instance(number, number, 1, 1, 64, 64)).collect();
    assert!(store(site.dicom(), files).unwrap().iter().all(|status| *status == 0));
    site.ok(&["settle"]);
    assert_eq!(get(site.http(), &token, "/dicom-web/studies").status, 200);
    for number in 1..4 {
        let (study, series) = (uid(&[9, number, number]), uid(&[9, number, number, 1]));
        assert_eq!(instance(site.http(), &token, &study, &series, &uid(&[9, number, number, 1, 1])).status, 200);
    }
    let time = |when: &str| {
        let output = std::process::Command::new("date").args(["-u", "-d", when, "+%Y-%m-%dT%H:%M:%S.%6NZ"]).output();
        String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
    };
    let (from, to) = (time("1 hour ago"), time("now"));
    let window = site.path("window.jsonl");
    let report = site.ok(&["exposure", "device:reader", "--from", &from, "--to", &to]);
    site.ok(&["ledger", "export-window", "--from", &from, "--to", &to, "--out", &window]);
    site.refused(1, &["ledger", "export-window", "--from", &from, "--to", &to, "--out", &window]);
    let long = ["--from", "1900-01-01T00:00:00Z", "--to", &to, "--out", &site.path("long.jsonl")];
    let error = site.refused(1, &[&["ledger", "export-window"], &long[..]].concat());
    assert!(error.contains("36525 days"), "{error}");
    let entries = site.run(&["ledger", "entries", "--format", "json"]);
    assert!(String::from_utf8_lossy(&entries.stdout).contains("window-exported"), "it is recorded");
    site.stop();
    let elsewhere = tempfile::tempdir().unwrap();
    let status =
        std::process::Command::new("cp").arg("-a").arg(site.dir().join("ledger")).arg(elsewhere.path()).status();
    assert!(status.unwrap().success());
    let mut auditor = std::process::Command::new(env!("CARGO_BIN_EXE_leadglass"));
    auditor.args(["ledger", "verify", "--refold", &window, "--who", "device:reader", "--format", "json", "--dir"]);
    let output = auditor.arg(elsewhere.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let folded: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let row = &folded["exposure"][0];
    for what in ["reachable", "listed", "opened"] {
        assert_eq!(row[what], report[what], "{what}: {folded} {report}");
    }
    assert_eq!(row["opened"]["patients"], 3);
    assert_eq!(row["reachable"]["studies"], 6);
    let mut auditor = std::process::Command::new(env!("CARGO_BIN_EXE_leadglass"));
    let output =
        auditor.args(["ledger", "verify", "--refold", &window, "--dir"]).arg(elsewhere.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let seconds = |time: &str| time.split('.').next().unwrap().to_owned();
    assert!(said.contains(&format!("window     from {}Z to {}Z", seconds(&from), seconds(&to))), "{said}");
}
