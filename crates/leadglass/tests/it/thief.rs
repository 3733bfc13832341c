//! `thief`: carries the disk away after the machine was killed in the middle of its work.

use std::path::Path;

use phantom::canary::{Search, canary_instance};
use phantom::uid;

use crate::client::{self, get};
use crate::installation::{Installation, store};

fn files(folder: &Path, out: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = std::fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            files(&path, out);
        } else if kind.is_file() {
            out.push(path);
        }
    }
}

#[test]
fn a_disk_carried_away_after_kill_9_shows_nobody() {
    let mut site = Installation::new();
    let token = site.with_devices();
    let mut canaries = Vec::new();
    let mut sent = Vec::new();
    for number in 1..=6 {
        let (file, more) = canary_instance(number);
        sent.push(file);
        canaries.extend(more);
    }
    // by C-STORE, by STOW-RS, by import; a relationship and an order by identifier
    let statuses = store(site.dicom(), sent[..3].to_vec()).unwrap();
    assert_eq!(statuses, [0, 0, 0]);
    for file in &sent[3..5] {
        let stored = client::ask(
            site.http(),
            "POST",
            "/dicom-web/studies",
            &[
                ("Authorization", &format!("Bearer {token}")),
                ("Content-Type", "application/dicom"),
                ("Accept", "application/dicom+json"),
            ],
            file,
        );
        assert_eq!(stored.status, 200, "{}", String::from_utf8_lossy(&stored.body));
    }
    std::fs::write(site.path("import.dcm"), &sent[5]).unwrap();
    assert_eq!(site.ok(&["import", &site.path("import.dcm")])["stored"], 1);
    site.ok(&["org", "add", "Practice"]);
    site.ok(&["relate", "org:Practice", "patient:/CANARY-PATIENT-ID-77", "--until", "8h", "--basis", "order"]);
    // listed, opened, rendered
    let rows = get(site.http(), &token, "/dicom-web/studies?PatientName=canaryfamily*");
    assert_eq!(rows.json()[0]["00100020"]["Value"][0], "CANARY-PATIENT-ID-77");
    let study = uid(&[77, 1]);
    for what in ["", "/metadata", "/rendered", "/instances", "/series"] {
        let answer = get(site.http(), &token, &format!("/dicom-web/studies/{study}{what}"));
        assert_eq!(answer.status, 200, "{what}: {}", String::from_utf8_lossy(&answer.body));
    }
    // more on its way when the machine is killed
    let address = site.dicom();
    let flood = std::thread::spawn(move || {
        let files = (10..60).map(|number| canary_instance(number).0).collect();
        let _ = store(address, files);
    });
    std::thread::sleep(std::time::Duration::from_millis(150));
    site.kill();
    flood.join().unwrap();
    (10..60).for_each(|number| {
        canaries.extend(canary_instance(number).1.into_iter().filter(|c| c.name == "32 bytes of pixels").take(2))
    });

    let search = Search::new(&canaries);
    let mut found = Vec::new();
    let mut paths = Vec::new();
    files(&site.dir(), &mut paths);
    paths.push(site.path("log").into());
    assert!(paths.len() > 10, "there is something to search: {paths:?}");
    for path in paths {
        let bytes = std::fs::read(&path).unwrap();
        found.extend(search.look(&bytes).into_iter().map(|hit| format!("{}: {hit}", path.display())));
        found.extend(
            search
                .look(path.to_string_lossy().as_bytes())
                .into_iter()
                .map(|hit| format!("name of {}: {hit}", path.display())),
        );
    }
    assert!(found.is_empty(), "{found:#?}");
}
