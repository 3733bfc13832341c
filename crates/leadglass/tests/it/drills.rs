//! `leadglass drill`: incidents are played and every row says what was seen.

use std::process::Command;

use serde_json::Value;

use crate::installation::{has_ended, kill, wait_until};

/// Runs a drill with its temporary folder in `folder`.
fn drill(folder: &std::path::Path, arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_leadglass")).args(arguments).env("TMPDIR", folder).output().unwrap()
}

/// The rows of `drill stolen-disk` that must hold.
const STOLEN_DISK: [&str; 16] = [
    "the search finds a patient who lies open",
    "a disk alone shows nobody",
    "a disk alone does not open",
    "a backup alone shows nobody",
    "what is restored from a backup shows nobody",
    "a backup alone does not open",
    "a server opens in its house, with its second pin",
    "a whole server carried away stays shut",
    "it was the second pin alone that kept it shut",
    "what unseals one site unseals nothing of the other",
    "the root of one site opens no record of the other",
    "the site is restored from its vault",
    "what lay on the disk, under which keys, and whether one ever left is a report",
    "there is a signed statement of it that anybody checks",
    "the keys of the restored site are rotated",
    "the keys of a patient are destroyed",
];

#[test]
fn the_stolen_disk_is_played_row_by_row_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let output = drill(folder.path(), &["drill", "stolen-disk", "--format", "json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(report["failed"], 0, "{report:#}");
    let ended = |outcome: &str| -> Vec<&str> {
        rows.iter().filter(|row| row["outcome"] == outcome).map(|row| row["claim"].as_str().unwrap()).collect()
    };
    assert_eq!(ended("held"), STOLEN_DISK, "{report:#}");
    // what is not there is never said to hold
    assert_eq!(ended("not-in-this-version"), ["one installation serves several sites, each with keys of its own"]);
    assert!(rows.iter().all(|row| row["incident"].is_string()), "each row has its fact: {report:#}");
    let evidence = |claim: &str| {
        let row = rows.iter().find(|row| row["claim"] == claim).unwrap_or_else(|| panic!("no row says: {claim}"));
        row["evidence"].as_str().unwrap().to_owned()
    };
    assert!(evidence("a disk alone shows nobody").contains("patterns, 0 found"));
    assert!(evidence("a whole server carried away stays shut").contains("the second pin cannot be reached"));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[cfg(debug_assertions)]
#[test]
fn a_stolen_disk_with_images_in_the_clear_and_the_pin_beside_it_makes_rows_fail_and_the_drill_exit_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let output = drill(folder.path(), &["drill", "stolen-disk", "--as-it-was", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let failed = rows.iter().filter(|row| row["outcome"] == "failed").map(|row| row["claim"].as_str().unwrap());
    assert_eq!(
        failed.collect::<Vec<_>>(),
        ["a disk alone shows nobody", "a whole server carried away stays shut"],
        "{report:#}"
    );
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
}

#[test]
fn a_drill_that_cannot_be_played_fails_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let output = drill(&folder.path().join("nowhere"), &["drill", "stolen-disk"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: "));
    assert_eq!(drill(folder.path(), &["drill", "earthquake"]).status.code(), Some(2));
}

/// The archive of these tests: the rows are the same as with 20,000 patients.
const LEAKED_LOGIN: [&str; 6] = ["drill", "leaked-login", "--patients", "400", "--format", "json"];

/// What it says, in the order of the letters.
const LEAKED_LOGIN_HOLDS: [&str; 14] = [
    "a clinic's login lists and opens whom the clinic referred, and nobody else",
    "a dump with the logins locks their accounts, and says what they exposed",
    "a login on two devices at once is a finding",
    "a password of three to five letters is refused when it is set",
    "a password that is known from a leak is refused when it is set",
    "a password that leaks later opens no session from the next list on",
    "a right password alone opens no session",
    "a session cookie opens nothing away from its browser's key, and each try is an entry",
    "an account is one person, and each device signs in by itself",
    "fast harvesting with everything that the owners have is slowed, asked and stopped, and found while it happens",
    "older studies are cold: the radiologist's login opens none without a reason and two holders",
    "slow harvesting over four weeks is found within days, and stopped",
    "the record is complete: its files verify against a checkpoint of before, and a changed copy does not",
    "what each account could reach, listed and opened is a number at once, and what the attacker counted",
];

#[test]
fn the_leaked_login_is_played_row_by_row_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let output = drill(folder.path(), &LEAKED_LOGIN);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert!(output.status.success(), "{report:#}");
    assert_eq!(report["failed"], 0, "{report:#}");
    let rows = report["rows"].as_array().unwrap();
    let mut held: Vec<&str> =
        rows.iter().filter(|row| row["outcome"] == "held").map(|row| row["claim"].as_str().unwrap()).collect();
    held.sort_unstable();
    assert_eq!(held, LEAKED_LOGIN_HOLDS, "{report:#}");
    assert_eq!(rows.len(), held.len(), "every row is played: {report:#}");
    assert!(rows.iter().all(|row| row["incident"].is_string()), "each row has its fact: {report:#}");
    let evidence = |claim: &str| {
        let row = rows.iter().find(|row| row["claim"].as_str().unwrap().contains(claim));
        row.unwrap_or_else(|| panic!("no row says: {claim}"))["evidence"].as_str().unwrap().to_owned()
    };
    assert!(evidence("three to five letters").contains("3 letters: HTTP 400"));
    assert!(evidence("whom the clinic referred").contains("0 strangers were listed or opened"));
    assert!(evidence("a dump with the logins").contains("3 of 3 accounts locked"));
    assert!(report["parts"].as_array().unwrap().iter().all(|part| part["seconds"].is_number()), "{report:#}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[cfg(debug_assertions)]
#[test]
fn a_leaked_login_with_the_reach_that_it_had_makes_rows_fail_and_the_drill_exit_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let output = drill(folder.path(), &[&LEAKED_LOGIN[..], &["--as-it-was"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let failed: Vec<&str> = report["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["outcome"] == "failed")
        .map(|row| row["claim"].as_str().unwrap())
        .collect();
    for claim in ["whom the clinic referred", "older studies are cold", "fast harvesting", "slow harvesting"] {
        assert!(failed.iter().any(|failed| failed.contains(claim)), "{claim}: {failed:?}");
    }
    assert_eq!(report["failed"], failed.len());
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
}

#[test]
fn a_drill_that_is_interrupted_ends_its_processes_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut drill = Command::new(env!("CARGO_BIN_EXE_leadglass"))
        .args(["drill", "leaked-login", "--format", "json"])
        .env("TMPDIR", folder.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let warden = || {
        let made = std::fs::read_dir(folder.path()).ok()?.next()?.ok()?.path().join("data/run/warden.walls");
        let said: Value = serde_json::from_slice(&std::fs::read(made).ok()?).ok()?;
        u32::try_from(said["pid"].as_u64()?).ok()
    };
    wait_until("a warden runs for the drill", || warden().is_some());
    let warden = warden().unwrap();
    kill(drill.id(), "INT");
    let output = drill.wait().map(|status| (status, drill.stderr.take())).unwrap();
    assert_eq!(output.0.code(), Some(1));
    let said = std::io::read_to_string(output.1.unwrap()).unwrap();
    assert!(said.contains("\"error\""), "{said}");
    assert!(has_ended(warden), "the warden runs on");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
