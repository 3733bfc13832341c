//! Real clients: DCMTK, pynetdicom, dicomweb-client.

use std::io::Write;
use std::process::Command;

use crate::client::get;
use crate::installation::{Installation, wait_until};

/// Whether a program is here. `cargo xtask test` installs it and sets `LEADGLASS_TEST_PYTHON`: then it must be.
pub fn have(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    let wanted = std::env::var_os("LEADGLASS_TEST_PYTHON").is_some();
    assert!(there || !wanted, "{program} is not here although `cargo xtask test` installs it");
    if !there {
        not_run(&format!("{program} is not here"));
    }
    there
}

/// A Python with the real clients, made by `cargo xtask test`. One that is named must have them.
pub fn python() -> Option<String> {
    let Some(python) = std::env::var_os("LEADGLASS_TEST_PYTHON") else {
        not_run("LEADGLASS_TEST_PYTHON is not set, which names a Python with the real clients");
        return None;
    };
    let output = Command::new(&python).args(["-c", HAS_CLIENTS]).output();
    let output = output.unwrap_or_else(|error| panic!("LEADGLASS_TEST_PYTHON is {}: {error}", python.display()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "LEADGLASS_TEST_PYTHON is {}, which lacks what it is for: {said}",
        python.display()
    );
    Some(python.into_string().expect("a path of readable characters"))
}

/// Looks for the clients without loading them.
const HAS_CLIENTS: &str = "
import sys
from importlib.util import find_spec
wanted = 'pydicom pynetdicom dicomweb_client hl7apy hl7 pyzipper schemathesis cryptography aics_witness aics_tlog'
sys.exit(', '.join(name for name in wanted.split() if find_spec(name) is None) or None)
";

/// Says that a test, or the rest of one, did not run: past what a test harness holds back of a test that passes. nextest shows it by
/// `.config/nextest.toml`, and `cargo xtask test` fails where it stands.
fn not_run(why: &str) {
    let named = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("NOT RUN: {named}: {why}; `cargo xtask test` installs and sets it\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

fn demo_files(site: &Installation) -> Vec<String> {
    phantom::demo_files()
        .into_iter()
        .take(20)
        .map(|file| {
            let path = site.path(&file.name);
            std::fs::write(&path, file.bytes).unwrap();
            path
        })
        .collect()
}

#[test]
fn dcmtk_echoes_and_stores() {
    if !have("storescu") {
        return;
    }
    let site = Installation::new();
    let token = site.with_devices();
    let port = site.dicom().port().to_string();
    let echo = Command::new("echoscu").args(["-aet", "CT1", "127.0.0.1", &port]).output().unwrap();
    assert!(echo.status.success(), "{}", String::from_utf8_lossy(&echo.stderr));
    let files = demo_files(&site);
    let stored = Command::new("storescu").args(["-aet", "CT1", "127.0.0.1", &port]).args(&files).output().unwrap();
    assert!(stored.status.success(), "{}", String::from_utf8_lossy(&stored.stderr));
    site.ok(&["settle"]);
    let rows =
        get(site.http(), &token, "/dicom-web/instances?StudyInstanceUID=2.25.297441826412394518240617934805.1.2");
    assert_eq!(rows.json().as_array().map(Vec::len), Some(16));
    // nobody without an AE title of ours
    let stranger =
        Command::new("storescu").args(["-aet", "STRANGER", "127.0.0.1", &port]).args(&files).output().unwrap();
    assert!(!stranger.status.success());
    // reading is not offered over DIMSE
    let find = Command::new("findscu")
        .args(["-S", "-aet", "CT1", "-k", "QueryRetrieveLevel=STUDY", "127.0.0.1", &port])
        .output()
        .unwrap();
    assert!(!find.status.success());
}

#[test]
fn associations_that_dcmtk_is_refused_are_entries_and_a_flood_of_them_makes_few() {
    if !have("echoscu") {
        return;
    }
    let site = Installation::new();
    site.with_devices();
    let elsewhere = ["device", "add", "elsewhere", "--organisation", "Machines", "--may", "store", "--ae", "FARAWAY"];
    site.ok(&[&elsewhere[..], &["--from", "192.0.2.0/24"]].concat());
    let port = site.dicom().port().to_string();
    let echo = |calling: &str| {
        Command::new("echoscu").args(["-aet", calling, "127.0.0.1", &port]).output().unwrap().status.success()
    };
    assert!(echo("CT1"), "a device of ours is not in the way of it");
    assert!(!echo("STRANGER") && !echo("FARAWAY"));
    let of = |reason: &str| {
        let rows: Vec<_> =
            site.entries_of("association-refused").into_iter().filter(|entry| entry["reason"] == reason).collect();
        (rows.iter().map(|entry| entry["count"].as_u64().unwrap()).sum::<u64>(), rows)
    };
    wait_until("both are recorded", || of("unknown").0 == 1 && of("address").0 == 1);
    for (reason, name) in [("unknown", "STRANGER"), ("address", "FARAWAY")] {
        let row = &of(reason).1[0];
        assert_eq!(row["calling_ae_title"], name);
        assert_eq!(row["actor"]["stranger"]["origin"], "127.0.0.1", "{row}");
    }
    for _ in 0..40 {
        assert!(!echo("STRANGER"));
    }
    wait_until("every one is counted", || of("unknown").0 == 41);
    assert!(of("unknown").1.len() < 30, "{:?}", of("unknown").1);
    assert!(echo("CT1"));
    assert_eq!(of("service").0 + of("room").0 + of("protocol").0, 0);
}

#[test]
fn pynetdicom_stores_and_dicomweb_client_reads_what_it_stored() {
    let Some(python) = python() else { return };
    let site = Installation::with_dicom_tls();
    let token = site.with_devices();
    let [key, certificate] = site.with_bound_device("MR1");
    let archive = site.dir().join("tls/cert.pem").to_string_lossy().into_owned();
    let files = demo_files(&site);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients.py");
    let output = Command::new(python)
        .arg(script)
        .args([site.dicom().port().to_string(), site.dicom_tls().port().to_string()])
        .args([key, certificate, archive, format!("http://localhost:{}", site.http().port()), token])
        .args(&files)
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("all clients agree"), "{text}");
}
