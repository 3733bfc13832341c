//! `leadglass drill`: incidents are played and every row says what was seen.

use std::process::Command;

use serde_json::Value;

/// Runs a drill with its temporary folder in `folder`.
fn drill(folder: &std::path::Path, arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_leadglass")).args(arguments).env("TMPDIR", folder).output().unwrap()
}

#[test]
fn the_stolen_disk_is_played_row_by_row_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let output = drill(folder.path(), &["drill", "stolen-disk", "--format", "json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let held = rows.iter().filter(|row| row["outcome"] == "held").count();
    assert_eq!(report["failed"], 0, "{report:#}");
    assert!(held >= 12, "{report:#}");
    // what is not there is never said to hold
    for row in rows.iter().filter(|row| row["outcome"] != "held") {
        assert_eq!(row["outcome"], "not-in-this-version", "{row}");
    }
    let evidence = |claim: &str| {
        let row = rows.iter().find(|row| row["claim"] == claim).unwrap_or_else(|| panic!("no row says: {claim}"));
        row["evidence"].as_str().unwrap().to_owned()
    };
    assert!(evidence("a disk alone shows nobody").contains("patterns, 0 found"));
    assert!(evidence("a whole server carried away stays shut").contains("the second pin cannot be reached"));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_drill_that_cannot_be_played_fails_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let output = drill(&folder.path().join("nowhere"), &["drill", "stolen-disk"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: "));
    assert_eq!(drill(folder.path(), &["drill", "earthquake"]).status.code(), Some(2));
}
