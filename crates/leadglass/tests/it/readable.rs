//! Data of every version so far is read: `testdata/archives/` holds a small installation of each.
//!
//! `LEADGLASS_BLESS=v2 cargo nextest run -p leadglass archives_of` adds one made by the program of now.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use phantom::{ct_instance, uid};

use crate::client::{get, instance};
use crate::installation::{Installation, PASSPHRASE, store};

fn shelf() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/archives")
}

/// What each of them holds: three slices of one study, one of another, a relationship that is over and one that runs.
fn slices() -> Vec<Vec<u8>> {
    let mut files: Vec<_> = (1..=3).map(|number| ct_instance(1, 1, 1, number, 32, 32)).collect();
    files.push(ct_instance(2, 2, 1, 1, 32, 32));
    files
}

fn write(name: &str) {
    let mut site = Installation::new();
    let token = site.with_devices();
    assert_eq!(store(site.dicom(), slices()).unwrap(), [0; 4]);
    site.ok(&["settle"]);
    site.ok(&["org", "add", "Practice"]);
    site.ok(&["relate", "org:Practice", "patient:DEMO/M00000001", "--until", "36500d", "--basis", "order"]);
    site.ok(&["person", "add", "r@demo.example", "--name", "R", "--role", "referrer", "--organisation", "Practice"]);
    assert_eq!(get(site.http(), &token, &format!("/dicom-web/studies/{}", uid(&[9, 1, 1]))).status, 200);
    site.stop();
    std::fs::create_dir_all(shelf()).unwrap();
    let mut zip = zip::ZipWriter::new(std::fs::File::create(shelf().join(format!("{name}.zip"))).unwrap());
    let options = zip::write::SimpleFileOptions::default().compression_level(Some(9));
    let mut folders = vec![site.dir()];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            let name = path.strip_prefix(site.dir()).unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                zip.add_directory(&name, options).unwrap();
                folders.push(path);
            } else if path.is_file() {
                zip.start_file(&name, options).unwrap();
                zip.write_all(&std::fs::read(&path).unwrap()).unwrap();
            }
        }
    }
    zip.start_file("token.txt", options).unwrap();
    zip.write_all(token.as_bytes()).unwrap();
    zip.finish().unwrap();
}

#[test]
fn archives_of_every_version_are_read() {
    if let Ok(name) = std::env::var("LEADGLASS_BLESS") {
        write(&name);
    }
    let mut archives: Vec<_> = std::fs::read_dir(shelf()).unwrap().map(|entry| entry.unwrap().path()).collect();
    archives.sort();
    assert!(!archives.is_empty());
    for path in archives {
        println!("{}", path.display());
        let mut site = Installation::empty();
        std::fs::create_dir(site.dir()).unwrap();
        let mut zip = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap();
        zip.extract(site.dir()).unwrap();
        let mut token = String::new();
        std::fs::File::open(site.dir().join("token.txt")).unwrap().read_to_string(&mut token).unwrap();
        std::fs::remove_file(site.dir().join("token.txt")).unwrap();
        assert_eq!(site.ok(&["ledger", "verify"])["verified"], true);
        site.start_with(&["--passphrase-file", "-"], PASSPHRASE);
        site.ok(&["settle"]);
        for (patient, number, file) in [(1, 1, 0), (1, 2, 1), (1, 3, 2), (2, 1, 3)] {
            let answer = instance(
                site.http(),
                &token,
                &uid(&[9, patient, patient]),
                &uid(&[9, patient, patient, 1]),
                &uid(&[9, patient, patient, 1, number]),
            );
            assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
            let data_set = |file: &[u8]| dimse::sender::Outgoing::from_part10(file.to_vec()).unwrap().data_set;
            assert!(data_set(&answer.body) == data_set(&slices()[file]));
        }
        let exposure = site.ok(&["exposure", "person:r@demo.example", "--from", "365d"]);
        assert_eq!(exposure["reachable"], serde_json::json!({ "patients": 1, "studies": 1 }));
        // a device of then can still send, and what it sends is handed over
        assert_eq!(store(site.dicom(), vec![ct_instance(3, 3, 1, 1, 32, 32)]).unwrap(), [0]);
        site.ok(&["settle"]);
        assert_eq!(get(site.http(), &token, "/dicom-web/studies?PatientID=M00000003").status, 200);
    }
}
