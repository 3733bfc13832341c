//! THREATS.md, the thief of disks, backups, or the whole server: what unseals the root must not have been carried away too.

use std::path::Path;

use audit::{LedgerKeys, Reader};
use phantom::{ct_instance, uid};
use seal::{RootEnvelope, RootShare};

use crate::client::{get, instance};
use crate::installation::{Installation, PASSPHRASE, store};
use crate::tang::{Tang, Tpm};
use crate::threats_root::opened_with;
use crate::unsealing::{share_files, with_shares};

/// A site with its TPM in a folder, as the machine has it.
fn with_tpm() -> (Installation, Tpm) {
    let mut site = Installation::stopped();
    let tpm = Tpm::start(&site.folder.path().join("tpm"));
    site.environment.push(tpm.environment());
    (site, tpm)
}

pub fn seal_to(site: &Installation, label: &str, seal: &[&str]) {
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

pub fn copy(from: &Path, to: &Path) {
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
pub fn stays_shut(site: &Installation, arguments: &[&str]) -> String {
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

#[test]
fn a_removed_holder_with_an_older_copy_of_root_json_and_todays_disk_opens_nothing() {
    let (mut site, token) = Installation::with_image();
    let shares = with_shares(&site, "A,B,C");
    let files = share_files(&site, &shares);
    let vault = site.path("vault");
    site.ok(&["vault", "init", &vault, "--allow-same-filesystem"]);
    site.ok(&["vault", "sync", &vault]);
    site.stop();
    // two holders leave with their papers and a copy of root.json: together they have the root of then
    let older = std::fs::read(site.dir().join("warden/root.json")).unwrap();
    let envelope = RootEnvelope::from_json(&older).unwrap();
    let papers: Vec<RootShare> = shares[..2].iter().map(|words| RootShare::parse(words).unwrap()).collect();
    let (id, root) = (envelope.site().unwrap(), envelope.unseal_with_shares(&papers).unwrap());
    assert_eq!(opened_with(&site.dir(), id, &root), (1, 1), "the search finds it before");

    let kit = site.path("kit");
    let new = ["unseal", "new-root", "--remove", "shares", "--passphrase-file", "-", "--recovery-kit", &kit];
    let made = site.run_with_input(&new, PASSPHRASE);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    site.start();
    assert_eq!(store(site.dicom(), vec![ct_instance(2, 2, 1, 1, 16, 16)]).unwrap(), [0]);
    site.ok(&["settle"]);
    let read = |site: &Installation, study: u32| {
        let uids = [uid(&[9, study, study]), uid(&[9, study, study, 1]), uid(&[9, study, study, 1, 1])];
        instance(site.http(), &token, &uids[0], &uids[1], &uids[2]).status
    };
    assert_eq!((read(&site, 1), read(&site, 2)), (200, 200));
    assert_eq!(get(site.http(), &token, "/dicom-web/studies").json().as_array().unwrap().len(), 2);
    assert_eq!(site.ok(&["doctor"])["wrong"], 0);
    site.ok(&["vault", "sync", &vault]);
    site.stop();

    // today's disk with the older file in the place of today's, and whatever the root of then leads to
    let mut stolen = Installation::empty();
    copy(&site.dir(), &stolen.dir());
    assert_eq!(opened_with(&stolen.dir(), id, &root), (0, 0));
    let since = |root: &seal::RootSecret| {
        let keys = LedgerKeys::from_root(root).payload_keys();
        let mut reader = Reader::open(&stolen.dir().join("ledger"), keys).unwrap();
        let opened =
            (0..reader.size().div_ceil(256)).flat_map(|index| reader.bundle(index).unwrap()).collect::<Vec<_>>();
        opened.iter().filter(|(_, entry)| entry.is_ok()).map(|(number, _)| number.0).collect::<Vec<_>>()
    };
    let today = RootEnvelope::from_json(&std::fs::read(site.dir().join("warden/root.json")).unwrap()).unwrap();
    let (theirs, ours) = (since(&root), since(&today.unseal_with_passphrase(PASSPHRASE).unwrap()));
    assert!(!ours.is_empty() && theirs.iter().all(|number| number < &ours[0]), "{theirs:?} {ours:?}");
    let by_shares = ["--share-file", &files[0], "--share-file", &files[1]];
    let error = stays_shut(&stolen, &by_shares);
    assert!(error.contains("the root is not sealed to this method") || error.contains("no unseal method"), "{error}");
    std::fs::write(stolen.dir().join("warden/root.json"), &older).unwrap();
    let error = stays_shut(&stolen, &by_shares);
    assert!(error.contains("warden.db is sealed to another root"), "{error}");
    assert_eq!(opened_with(&stolen.dir(), id, &root), (0, 0), "nor does a start with it change that");

    // the newest copy of the vault comes back with what stayed, not with the papers
    std::fs::remove_dir_all(stolen.dir()).unwrap();
    stolen.ok(&["vault", "restore", &vault]);
    stays_shut(&stolen, &by_shares);
    stolen.start_with(&["--recovery-kit", &kit], "");
    assert_eq!((read(&stolen, 1), read(&stolen, 2)), (200, 200));
}
