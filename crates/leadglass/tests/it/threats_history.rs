//! THREATS.md: someone who rewrites history. Truncates, forks and rolls back, against the built program with a witness and a
//! second folder.

use std::path::Path;
use std::process::Command;

use phantom::ct_instance;

use crate::client::get;
use crate::installation::{Installation, store, wait_until};
use crate::witnesses::{RunningWitness, checkpoint_size, vkey, wait_until_cosigned};

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

fn studies(site: &Installation, token: &str) -> u16 {
    get(site.http(), token, "/dicom-web/studies").status
}

/// Whether the list is released: there may be nothing in it.
fn released(site: &Installation, token: &str) -> bool {
    matches!(studies(site, token), 200 | 204)
}

/// A folder on another filesystem where there is one.
fn elsewhere() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

#[test]
fn someone_who_rolls_the_machine_back_is_found_by_the_witness_and_nothing_is_released() {
    let mut site = Installation::new();
    let token = site.with_devices();
    let witness = RunningWitness::ours();
    witness.watches(&site);
    assert_eq!(store(site.dicom(), vec![ct_instance(1, 1, 1, 1, 64, 64)]).unwrap(), [0]);
    site.ok(&["settle"]);
    assert_eq!(studies(&site, &token), 200);
    wait_until_cosigned(&site);
    site.stop();
    copy(&site.dir(), Path::new(&site.path("yesterday")));
    site.start();
    site.ok(&["org", "add", "What must not be forgotten"]);
    wait_until_cosigned(&site);
    let seen = checkpoint_size(&site);
    site.stop();

    copy(Path::new(&site.path("yesterday")), &site.dir());
    site.start();
    assert_eq!(studies(&site, &token), 503, "nothing is listed");
    let refused = get(site.http(), &token, "/dicom-web/studies");
    assert!(String::from_utf8_lossy(&refused.body).contains("witness"), "it says why");
    // images are still taken in
    assert_eq!(store(site.dicom(), vec![ct_instance(2, 2, 1, 1, 64, 64)]).unwrap(), [0]);
    assert_eq!(studies(&site, &token), 503);
    // and the ledger does not grow into a fork
    let held = site.ok(&["ledger", "verify"])["size"].clone();
    site.refused(1, &["org", "add", "Not now"]);
    assert_eq!(site.ok(&["ledger", "verify"])["size"], held);
    let doctor = site.run(&["doctor"]);
    assert_eq!(doctor.status.code(), Some(1));
    let doctor = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(doctor.contains(&format!("has seen {seen}")) && doctor.contains("accept-loss"), "{doctor}");
    // not while it runs, and a restart changes nothing
    site.refused(1, &["ledger", "accept-loss", "--reason", "rehearsal"]);
    site.stop();
    site.start();
    assert_eq!(studies(&site, &token), 503);
    site.stop();

    // files that the site did not sign accept nothing: the witness shows it again, and no new origin begins
    let origin = vkey(&site);
    for (name, forged) in
        [("ahead", r#"{"witness":"x","note":"x"}"#), ("accepted", r#"{"note":"x","reason":"not the owner"}"#)]
    {
        std::fs::write(site.dir().join("witnesses").join(name), forged).unwrap();
    }
    site.start();
    wait_until("the witness shows the gap again", || studies(&site, &token) == 503);
    assert_eq!(vkey(&site), origin);
    site.stop();

    // a real loss: nobody has it, and the owner goes on
    let before = vkey(&site);
    site.ok(&["ledger", "accept-loss", "--reason", "the disk of yesterday is lost"]);
    site.start();
    site.ok(&["settle"]);
    assert_eq!(
        get(site.http(), &token, "/dicom-web/studies?PatientID=M00000002").status,
        200,
        "what came in meanwhile is there"
    );
    let entries = site.run(&["ledger", "entries", "--format", "json"]);
    let entries = String::from_utf8_lossy(&entries.stdout).into_owned();
    let loss = entries.lines().find(|line| line.contains("loss-accepted")).expect("the gap is named");
    assert!(loss.contains(&format!("\"shown_size\":{seen}")) && loss.contains("the disk of yesterday"), "{loss}");
    assert_ne!(vkey(&site), before, "for witnesses it is another ledger from here on");
    witness.knows(&site);
    wait_until_cosigned(&site);
    assert_eq!(site.ok(&["ledger", "verify"])["verified"], true);
    site.stop();
    site.start();
    assert_eq!(studies(&site, &token), 200);
    assert_eq!(site.ok(&["doctor"])["wrong"], 0);
}

#[test]
fn someone_who_takes_the_witness_away_stops_nobody() {
    let mut site = Installation::new();
    let token = site.with_devices();
    let witness = RunningWitness::ours();
    witness.watches(&site);
    wait_until_cosigned(&site);
    drop(witness);
    site.stop();
    site.start();
    assert!(released(&site, &token), "a dead witness stands between nobody and an emergency");
    wait_until("it is said", || site.run(&["doctor"]).status.code() == Some(1));
}

#[test]
fn someone_who_rolls_back_the_ledger_alone_is_found_by_the_second_folder() {
    let mut site = Installation::new();
    let token = site.with_devices();
    let place = elsewhere();
    let second = place.path().to_string_lossy().into_owned();
    site.add_second_folder(&second);
    let whole = |site: &Installation| {
        let rows = site.ok(&["ledger", "sink", "list"]);
        rows.as_array().unwrap().len() == 2
            && rows.as_array().unwrap().iter().all(|row| row["away"].is_null() && row["behind"] == 0)
    };
    wait_until("the second folder holds everything", || whole(&site));
    site.stop();
    copy(&site.dir(), Path::new(&site.path("yesterday")));
    site.start();
    wait_until("both are there", || whole(&site));
    site.ok(&["org", "add", "What must not be forgotten"]);
    site.stop();
    let kept = checkpoint_of(&site);
    for folder in [site.dir().join("ledger"), place.path().join("ledger")] {
        assert_eq!(
            audit::verify(&folder, None).unwrap().checkpoint,
            audit::verify(&site.dir().join("ledger"), None).unwrap().checkpoint
        );
    }
    copy(Path::new(&site.path("yesterday")), &site.dir());
    site.start();
    assert_eq!(studies(&site, &token), 503);
    assert_eq!(site.run(&["doctor"]).status.code(), Some(1));
    site.stop();
    // the second folder has everything: accepting takes it over, and no entry is lost
    site.ok(&["ledger", "accept-loss", "--reason", "restored from a backup"]);
    site.start();
    assert!(released(&site, &token));
    std::fs::write(site.path("since"), kept).unwrap();
    assert_eq!(site.ok(&["ledger", "verify", "--since", &site.path("since")])["verified"], true);
    wait_until("both go on", || whole(&site));
}

#[test]
fn a_second_disk_that_alone_had_the_last_entries_and_is_lost_is_given_up_by_the_owner_only() {
    let mut site = Installation::new();
    let token = site.with_devices();
    let place = elsewhere();
    let second = place.path().to_string_lossy().into_owned();
    site.add_second_folder(&second);
    wait_until("the second folder is read", || {
        site.ok(&["ledger", "sink", "list"]).as_array().unwrap().iter().all(|row| row["away"].is_null())
    });
    site.stop();
    // what the warden writes before it answers with the second folder alone; then that disk is lost
    let flag = site.dir().join("witnesses/first-away");
    assert_eq!(std::fs::read(&flag).unwrap(), b"0", "it was made beforehand");
    std::fs::write(&flag, b"1").unwrap();
    drop(place);
    for _ in 0..2 {
        site.start();
        let refused = get(site.http(), &token, "/dicom-web/studies");
        assert_eq!(refused.status, 503);
        assert!(String::from_utf8_lossy(&refused.body).contains("second folder"), "it says why");
        site.refused(1, &["org", "add", "Not now"]);
        let doctor = site.run(&["doctor"]);
        assert_eq!(doctor.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&doctor.stdout).contains("in its second folder only"));
        site.stop();
    }
    let before = vkey(&site);
    let accepted = site.ok(&["ledger", "accept-loss", "--reason", "the second disk is lost"]);
    assert_eq!(accepted["shown_by"], second.as_str());
    site.start();
    assert!(released(&site, &token));
    assert_ne!(vkey(&site), before, "checkpoints begin under a new line");
    let entries = site.run(&["ledger", "entries", "--format", "json"]);
    assert!(String::from_utf8_lossy(&entries.stdout).contains("the second disk is lost"), "an entry says so");
    assert_eq!(std::fs::read(&flag).unwrap(), b"0");
}

fn checkpoint_of(site: &Installation) -> String {
    site.ok(&["ledger", "checkpoint"])["checkpoint"].as_str().unwrap().to_owned()
}

#[test]
fn someone_who_truncates_or_forks_the_files_is_named_by_a_kept_checkpoint() {
    let mut site = Installation::new();
    site.ok(&["org", "add", "One"]);
    site.stop();
    copy(&site.dir(), Path::new(&site.path("yesterday")));
    site.start();
    site.ok(&["org", "add", "Two"]);
    site.stop();
    let kept = site.ok(&["ledger", "checkpoint"])["checkpoint"].as_str().unwrap().to_owned();
    std::fs::write(site.path("kept"), kept).unwrap();
    // truncated
    copy(Path::new(&site.path("yesterday")), &site.dir());
    let error = site.refused(1, &["ledger", "verify", "--since", &site.path("kept")]);
    assert!(error.contains("rolled back"), "{error}");
    // forked: other entries in the place of the ones that were cut away
    site.start();
    for number in 0..8 {
        site.ok(&["org", "add", &format!("Instead {number}")]);
    }
    site.stop();
    let error = site.refused(1, &["ledger", "verify", "--since", &site.path("kept")]);
    assert!(error.contains("rewritten"), "{error}");
}
