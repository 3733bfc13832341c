//! A second copy and a way back: the machine is wiped, and everything acknowledged is there again.

use phantom::{ct_instance, uid};

use crate::client::{get, instance};
use crate::installation::{Installation, PASSPHRASE, store};

/// A folder on another filesystem where there is one.
fn elsewhere() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn wiped_and_restored(unseal: &str) {
    let mut site = Installation::new();
    let token = site.with_devices();
    let vault = elsewhere();
    let path = vault.path().join("vault").to_string_lossy().into_owned();
    site.ok(&["vault", "init", &path, "--allow-same-filesystem"]);
    let files: Vec<_> = (1..=12).map(|number| ct_instance(1 + number % 3, number % 3, 1, number, 64, 64)).collect();
    assert!(store(site.dicom(), files[..6].to_vec()).unwrap().iter().all(|status| *status == 0));
    site.ok(&["vault", "sync", &path]);
    site.ok(&["org", "add", "Practice"]);
    site.ok(&["device", "add", "late reader", "--organisation", "Practice", "--may", "list,open", "--token"]);
    site.ok(&["relate", "device:late reader", "patient:DEMO/M00000002", "--until", "90d", "--basis", "order 5"]);
    assert!(store(site.dicom(), files[6..].to_vec()).unwrap().iter().all(|status| *status == 0));
    // while serving, while more comes in, whether handed over or not
    let address = site.dicom();
    let more = std::thread::spawn(move || {
        for number in 1..40 {
            let _ = store(address, vec![ct_instance(40, 40, 1, number, 64, 64)]);
        }
    });
    let synced = site.ok(&["vault", "sync", &path]);
    assert_eq!(synced["generation"], 2);
    more.join().unwrap();
    assert_eq!(site.ok(&["vault", "verify", &path])["damages"], serde_json::json!([]));
    let checkpoint = site.path("checkpoint");
    let entries_at_sync = site.ok(&["ledger", "checkpoint"])["checkpoint"].as_str().unwrap().to_owned();
    std::fs::write(&checkpoint, entries_at_sync).unwrap();

    site.kill();
    std::fs::remove_dir_all(site.dir()).unwrap();
    let restored = site.ok(&["vault", "restore", &path]);
    assert_eq!(restored["generation"], 2);
    match unseal {
        "passphrase" => site.start_with(&["--passphrase-file", "-"], PASSPHRASE),
        _ => {
            let kit = site.path("kit");
            site.start_with(&["--recovery-kit", &kit], "");
        }
    }
    site.ok(&["settle"]);
    for (index, file) in files.iter().enumerate() {
        let number = index as u32 + 1;
        let (patient, study) = (1 + number % 3, number % 3);
        let answer = instance(
            site.http(),
            &token,
            &uid(&[9, patient, study]),
            &uid(&[9, patient, study, 1]),
            &uid(&[9, patient, study, 1, number]),
        );
        assert_eq!(answer.status, 200, "instance {number}: {}", String::from_utf8_lossy(&answer.body));
        let data_set = |file: &[u8]| dimse::sender::Outgoing::from_part10(file.to_vec()).unwrap().data_set;
        assert!(data_set(&answer.body) == data_set(file), "instance {number} differs");
    }
    let exposure = site.ok(&["exposure", "device:late reader", "--from", "1h"]);
    assert_eq!(exposure["reachable"]["patients"], 1, "the relationship is back");
    assert_eq!(site.ok(&["ledger", "verify"])["verified"], true);
    assert_eq!(site.ok(&["doctor"])["wrong"], 0);
    // and life goes on: more comes in, is listed, is copied
    assert_eq!(store(site.dicom(), vec![ct_instance(50, 50, 1, 1, 64, 64)]).unwrap(), [0]);
    site.ok(&["settle"]);
    assert_eq!(get(site.http(), &token, "/dicom-web/studies?PatientID=M00000050").status, 200);
    site.ok(&["vault", "sync", &path]);
}

#[test]
fn a_wiped_machine_comes_back_with_the_passphrase() {
    wiped_and_restored("passphrase");
}

#[test]
fn a_wiped_machine_comes_back_with_the_recovery_kit() {
    wiped_and_restored("kit");
}

#[test]
fn a_vault_is_refused_where_it_would_not_protect_and_named_when_damaged() {
    let mut site = Installation::new();
    let inside = site.dir().join("vault").to_string_lossy().into_owned();
    site.refused(1, &["vault", "init", &inside]);
    let same = site.path("vault");
    let error = site.refused(1, &["vault", "init", &same]);
    assert!(error.contains("filesystem"), "{error}");
    site.refused(1, &["vault", "sync", &site.path("nowhere")]);
    site.ok(&["vault", "init", &same, "--allow-same-filesystem"]);
    site.refused(1, &["vault", "verify", &same]);
    site.with_devices();
    store(site.dicom(), vec![ct_instance(1, 1, 1, 1, 64, 64)]).unwrap();
    site.ok(&["vault", "sync", &same]);
    let error = site.refused(1, &["vault", "restore", &same]);
    assert!(error.contains("hint"), "a full DIR is not overwritten: {error}");
    // stopped, too
    site.stop();
    site.ok(&["vault", "sync", &same]);
    // one damaged byte in the largest file
    let mut files = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(&same)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let volume = files.into_iter().max_by_key(|path| std::fs::metadata(path).unwrap().len()).unwrap();
    std::fs::set_permissions(&volume, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mut bytes = std::fs::read(&volume).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&volume, bytes).unwrap();
    site.refused(1, &["vault", "verify", &same]);
}
