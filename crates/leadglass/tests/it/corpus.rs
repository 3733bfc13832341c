//! Real files: everything in `../shared/dicom` where it is there, and files of our own always.

use std::path::{Path, PathBuf};

use crate::client::{ask, get};
use crate::installation::Installation;

fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/dicom");
    folder.is_dir().then_some(folder)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "LICENCES") {
                collect(&path, files);
            }
        } else if path.file_name().is_none_or(|name| name != "README.md") {
            files.push(path);
        }
    }
}

fn memory_peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Every instance that the archive lists comes back with the very bytes that one of the files holds.
fn everything_comes_back(site: &Installation, token: &str, files: &[PathBuf]) -> usize {
    let mut known = std::collections::HashSet::new();
    let mut bare = std::collections::HashSet::new();
    for path in files {
        let file = std::fs::read(path).unwrap();
        known.insert(blake3::hash(&file));
        // a data set that came without file meta information is given out behind one (PS3.10 7.1)
        if file.get(128..132) != Some(b"DICM") {
            bare.insert(blake3::hash(&file));
        }
    }
    let is_known = |body: &[u8]| {
        known.contains(&blake3::hash(body))
            || dimse::sender::Outgoing::from_part10(body.to_vec())
                .is_some_and(|object| bare.contains(&blake3::hash(&object.data_set)))
    };
    let mut instances = 0;
    let mut offset = 0;
    loop {
        let page = get(site.http(), token, &format!("/dicom-web/studies?limit=50&offset={offset}"));
        let studies = page.json();
        let Some(studies) = studies.as_array().filter(|rows| !rows.is_empty()) else { break };
        offset += studies.len();
        for study in studies {
            let study = study["0020000D"]["Value"][0].as_str().unwrap();
            let rows = get(site.http(), token, &format!("/dicom-web/studies/{study}/instances?limit=100000"));
            for row in rows.json().as_array().unwrap() {
                let text = |tag: &str| row[tag]["Value"][0].as_str().unwrap().to_owned();
                let answer = crate::client::instance(site.http(), token, study, &text("0020000E"), &text("00080018"));
                assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
                assert!(is_known(&answer.body), "an instance of {study} differs from every file");
                instances += 1;
            }
        }
    }
    instances
}

#[test]
fn every_real_file_is_stored_bit_for_bit_or_refused_with_a_reason() {
    let Some(shared) = shared() else {
        println!("../shared/dicom is not here");
        return;
    };
    let mut files = Vec::new();
    collect(&shared, &mut files);
    let site = Installation::new();
    let token = site.with_devices();
    let before = memory_peak_kib(site.pid("front").unwrap());
    let report = site.ok(&["import", &shared.to_string_lossy()]);
    let (stored, duplicates) = (report["stored"].as_u64().unwrap(), report["duplicates"].as_u64().unwrap());
    let refused = report["refused"].as_array().unwrap();
    println!("{} files: {stored} stored, {duplicates} duplicates, {} refused", files.len(), refused.len());
    for row in refused {
        println!(
            "  {}: {}",
            row["path"].as_str().unwrap().rsplit('/').next().unwrap(),
            row["reason"].as_str().unwrap()
        );
        assert!(row["reason"].as_str().unwrap().len() > 20, "a reason is a sentence: {row}");
    }
    assert!(stored > 600, "most of them are whole: {report}");
    let largest = files.iter().map(|path| std::fs::metadata(path).unwrap().len()).max().unwrap();
    let grown = memory_peak_kib(site.pid("front").unwrap()).saturating_sub(before) * 1024;
    assert!(grown < 10 * largest + (64 << 20), "memory grew by {grown} for files of at most {largest} bytes");
    let back = everything_comes_back(&site, &token, &files);
    println!("{back} instances came back");
    let entries = site.run(&["ledger", "entries", "--limit", "1000000", "--format", "json"]);
    let conflicts: u64 = String::from_utf8_lossy(&entries.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|row| row["entry"]["conflicts"].as_u64())
        .sum();
    println!("{conflicts} of them are other bytes under a known SOP Instance UID");
    assert_eq!(back as u64 + conflicts, stored);

    // once more, by STOW-RS: everything is there already, or is refused again
    for path in &files {
        let stored = ask(
            site.http(),
            "POST",
            "/dicom-web/studies",
            &[
                ("Authorization", &format!("Bearer {token}")),
                ("Content-Type", "application/dicom"),
                ("Accept", "application/dicom+json"),
            ],
            &std::fs::read(path).unwrap(),
        );
        assert!(matches!(stored.status, 200 | 202 | 400 | 409), "{}: {}", path.display(), stored.status);
    }
    site.ok(&["settle"]);
    let health = site.ok(&["doctor"]);
    assert_eq!(health["wrong"], 0, "{health}");
}

#[test]
fn damaged_files_of_our_own_are_stored_or_refused_and_none_crashes() {
    let site = Installation::new();
    site.with_devices();
    let whole = phantom::ct_instance(1, 1, 1, 1, 64, 64);
    let folder = site.path("damaged");
    std::fs::create_dir(&folder).unwrap();
    let mut number = 0;
    let mut put = |bytes: &[u8]| {
        number += 1;
        std::fs::write(format!("{folder}/{number:04}.dcm"), bytes).unwrap();
    };
    for end in (0..1500).step_by(97) {
        put(&whole[..end]);
    }
    for at in (132..1400).step_by(61) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0xff;
        put(&flipped);
    }
    put(b"");
    put(b"not DICOM at all");
    put(&[0xff; 4096]);
    put(&[0; 4096]);
    put(&[&whole[..], &[0; 3]].concat());
    // names and paths inside data are data
    let mut data = phantom::DataSet::new("1.2.840.10008.5.1.4.1.1.7", "1.2.3.4.5");
    data.text(0x0010_0010, "PN", "../../../../etc/passwd^<script>alert(1)</script>");
    data.text(0x0010_0020, "LO", "'; DROP TABLE record; --");
    data.text(0x0020_000D, "UI", "1.2.3.4");
    data.text(0x0020_000E, "UI", "1.2.3.4.1");
    put(&data.part10());
    let mut path = phantom::DataSet::new("1.2.840.10008.5.1.4.1.1.7", "../../x");
    path.text(0x0020_000D, "UI", "../../../tmp/x");
    put(&path.part10());
    let report = site.ok(&["import", &folder]);
    assert!(report["stored"].as_u64().unwrap() >= 1, "{report}");
    assert!(report["refused"].as_array().unwrap().len() >= 10, "{report}");
    assert_eq!(site.ok(&["doctor"])["wrong"], 0);
}

#[test]
fn a_zip_archive_and_a_dicomdir_are_taken_in() {
    let site = Installation::new();
    site.with_devices();
    let zip_path = site.path("studies.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&zip_path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    for file in phantom::demo_files().into_iter().take(5) {
        zip.start_file(format!("../../outside/{}", file.name), options).unwrap();
        std::io::Write::write_all(&mut zip, &file.bytes).unwrap();
    }
    zip.start_file("notes.txt", options).unwrap();
    std::io::Write::write_all(&mut zip, b"hello").unwrap();
    zip.finish().unwrap();
    let report = site.ok(&["import", &zip_path]);
    assert_eq!(report["stored"], 5, "{report}");
    assert_eq!(report["refused"].as_array().unwrap().len(), 1);
    assert!(!site.folder.path().join("outside").exists());

    std::fs::create_dir_all(site.path("medium/DICOM")).unwrap();
    std::fs::write(site.path("medium/DICOMDIR"), b"the index").unwrap();
    let files = phantom::demo_files();
    std::fs::write(site.path("medium/DICOM/IM1"), &files[0].bytes).unwrap();
    std::fs::write(site.path("medium/DICOM/IM2"), &files[40].bytes).unwrap();
    let report = site.ok(&["import", &site.path("medium/DICOMDIR")]);
    assert_eq!((report["stored"].as_u64(), report["duplicates"].as_u64()), (Some(1), Some(1)), "{report}");

    std::fs::write(site.path("broken.zip"), b"PK\x03\x04 and nothing more").unwrap();
    let output = site.run(&["import", &site.path("broken.zip")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("damaged zip archive"));
}
