//! THREATS.md, the thief of disks, backups, or the whole server: what unseals the root must not have been carried away too.

use std::path::Path;

use crate::installation::{Installation, PASSPHRASE};
use crate::tang::{Tang, Tpm};

/// A site with its TPM in a folder, as the machine has it.
fn with_tpm() -> (Installation, Tpm) {
    let mut site = Installation::stopped();
    let tpm = Tpm::start(&site.folder.path().join("tpm"));
    site.environment.push(tpm.environment());
    (site, tpm)
}

fn seal_to(site: &Installation, label: &str, seal: &[&str]) {
    let with = ["unseal", "add", "command", "--label", label, "--passphrase-file", "-", "--format", "json", "--"];
    let output = site.run_with_input(&[&with[..], seal].concat(), PASSPHRASE);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Everything that stood in the machine, in another folder: DIR and the state of the TPM.
fn carried_away(site: &Installation) -> (Installation, Tpm) {
    let mut stolen = Installation::empty();
    copy(&site.dir(), &stolen.dir());
    let state = stolen.folder.path().join("tpm");
    copy(&site.folder.path().join("tpm"), &state);
    let tpm = Tpm::start(&state);
    stolen.environment.push(tpm.environment());
    (stolen, tpm)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        let kind = std::fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            copy(&path, &target);
        } else if kind.is_file() {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// What a start says that must fail.
#[track_caller]
fn stays_shut(site: &Installation, arguments: &[&str]) -> String {
    let serve = ["serve", "--plain-http", "--http", "127.0.0.1:0", "--dicom", "none"];
    let output = site.run_with_input(&[&serve, arguments].concat(), "");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    error
}

#[test]
fn the_whole_server_carried_away_stays_shut_without_its_tang() {
    let (mut site, tpm) = with_tpm();
    let tang = Tang::start();
    let pins = format!("{{\"t\":2,\"pins\":{{\"tpm2\":{{}},\"tang\":{{\"url\":\"{}\"}}}}}}", tang.url());
    seal_to(&site, "tpm and tang", &["clevis", "encrypt", "sss", &pins, "-y"]);
    site.start_with(&["--unseal", "tpm and tang"], "");
    site.ok(&["org", "add", "Practice"]);
    site.stop();
    drop(tpm);

    // the thief has the disk and the chip; the key server stood in another room
    tang.out_of_reach();
    let (mut stolen, _tpm) = carried_away(&site);
    let error = stays_shut(&stolen, &["--unseal", "tpm and tang"]);
    assert!(error.contains("the root stays sealed"), "{error}");
    assert!(error.contains("carried away it stays shut"), "{error}");
    // it is the key server alone that was missing
    tang.within_reach();
    stolen.start_with(&["--unseal", "tpm and tang"], "");
    let organisations = stolen.ok(&["org", "list"]);
    assert!(organisations.as_array().unwrap().iter().any(|row| row["name"] == "Practice"));
}

#[test]
fn a_key_server_alone_opens_nothing_once_it_is_out_of_reach() {
    let mut site = Installation::stopped();
    let tang = Tang::start();
    let pin = format!("{{\"url\":\"{}\"}}", tang.url());
    seal_to(&site, "tang", &["clevis", "encrypt", "tang", &pin, "-y"]);
    site.start_with(&["--unseal", "tang"], "");
    // a role that ends is started again by the same method
    crate::installation::kill(site.pid("warden").unwrap(), "KILL");
    crate::installation::wait_until("the warden is back", || site.run(&["org", "list"]).status.success());
    site.stop();
    tang.out_of_reach();
    let error = stays_shut(&site, &["--unseal", "tang"]);
    assert!(error.contains("the root stays sealed") && error.contains("Tang"), "{error}");
    // the passphrase is still one, whatever became of the key server
    site.start();
}

#[test]
fn a_tpm_alone_opens_itself_for_the_thief_and_doctor_says_so_before() {
    let (mut site, tpm) = with_tpm();
    site.start();
    assert_eq!(site.ok(&["doctor"])["wrong"], 0);
    seal_to(&site, "chip", &["clevis", "encrypt", "tpm2", "{}"]);
    let output = site.run(&["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("opens with this machine alone: who carries it away reads everything"), "{text}");
    assert!(text.contains("Tang server on another machine"), "{text}");
    site.stop();
    drop(tpm);
    // and so it is
    let (mut stolen, _tpm) = carried_away(&site);
    stolen.start_with(&["--unseal", "chip"], "");
    // without the chip the disk is shut
    stolen.stop();
    stolen.environment.clear();
    stolen.environment.push(("TPM2TOOLS_TCTI".to_owned(), "swtpm:host=127.0.0.1,port=1".to_owned()));
    let error = stays_shut(&stolen, &["--unseal", "chip"]);
    assert!(error.contains("the TPM of the machine that it was sealed on"), "{error}");
}

#[test]
fn a_threshold_that_this_machine_reaches_alone_counts_as_this_machine() {
    let (mut site, _tpm) = with_tpm();
    let tang = Tang::start();
    let pins = format!("{{\"t\":1,\"pins\":{{\"tpm2\":{{}},\"tang\":{{\"url\":\"{}\"}}}}}}", tang.url());
    seal_to(&site, "either", &["clevis", "encrypt", "sss", &pins, "-y"]);
    site.start();
    let doctor = site.run(&["doctor"]);
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("opens with this machine alone"));
    // removed, it opens nothing, and doctor is content
    let removed = site.run_with_input(&["unseal", "remove", "either", "--passphrase-file", "-"], PASSPHRASE);
    assert!(removed.status.success(), "{}", String::from_utf8_lossy(&removed.stderr));
    assert_eq!(site.ok(&["doctor"])["wrong"], 0);
    site.stop();
    let error = stays_shut(&site, &["--unseal", "either"]);
    assert!(error.contains("no unseal method is called either"), "{error}");
}
