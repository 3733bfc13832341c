//! THREATS: ransomware. Objects cannot be altered through any door; what is done to the files of DIR, the vault undoes.

use std::path::{Path, PathBuf};

use phantom::{ct_instance, uid};

use crate::client::{ask, get, instance};
use crate::installation::{Installation, PASSPHRASE, store};

/// Every regular file below a folder.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files.extend(files_of(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files
}

fn served(site: &Installation, token: &str, patient: u32) -> Vec<u8> {
    let (study, series) = (uid(&[9, patient, patient]), uid(&[9, patient, patient, 1]));
    let answer = instance(site.http(), token, &study, &series, &uid(&[9, patient, patient, 1, 1]));
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    dimse::sender::Outgoing::from_part10(answer.body).unwrap().data_set
}

fn data_set(file: &[u8]) -> Vec<u8> {
    dimse::sender::Outgoing::from_part10(file.to_vec()).unwrap().data_set
}

#[test]
fn ransomware_with_every_token_and_ae_title_overwrites_and_deletes_nothing() {
    let site = Installation::new();
    let token = site.with_devices();
    let original = ct_instance(1, 1, 1, 1, 64, 64);
    assert_eq!(store(site.dicom(), vec![original.clone()]).unwrap(), [0]);
    let mut scrambled = original.clone();
    let pixels = scrambled.len() - 4_096..;
    scrambled[pixels].iter_mut().for_each(|byte| *byte ^= 0x5A);
    // the same SOP Instance UID by every door that takes images in
    assert_eq!(store(site.dicom(), vec![scrambled.clone()]).unwrap(), [0]);
    scrambled[original.len() - 1] ^= 1;
    let bearer = format!("Bearer {token}");
    let stow = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/dicom"),
        ("Accept", "application/dicom+json"),
    ];
    assert!(matches!(ask(site.http(), "POST", "/dicom-web/studies", &stow, &scrambled).status, 200 | 202));
    scrambled[original.len() - 2] ^= 1;
    std::fs::write(site.path("scrambled.dcm"), &scrambled).unwrap();
    site.ok(&["import", &site.path("scrambled.dcm")]);
    site.ok(&["settle"]);
    assert!(served(&site, &token, 1) == data_set(&original), "what came first is what is served");
    // no door deletes or replaces
    let study = format!("/dicom-web/studies/{}", uid(&[9, 1, 1]));
    let paths = [study.clone(), format!("{study}/series/{}", uid(&[9, 1, 1, 1])), "/dicom-web/studies".to_owned()];
    for path in &paths {
        for method in ["DELETE", "PUT", "PATCH"] {
            let answer = ask(site.http(), method, path, &[("Authorization", &bearer)], &[]);
            assert!(matches!(answer.status, 401 | 403 | 404 | 405), "{method} {path}: {}", answer.status);
        }
    }
    assert!(served(&site, &token, 1) == data_set(&original));
    // the three versions that came later are kept beside it, and counted
    let conflicts: u64 = site.entries().iter().filter_map(|entry| entry["conflicts"].as_u64()).sum();
    assert_eq!(conflicts, 3);
    assert_eq!(site.ok(&["ledger", "verify"])["verified"], true);
}

#[test]
fn ransomware_with_the_owner_s_files_in_hand_is_undone_bit_for_bit_from_the_vault() {
    let mut site = Installation::new();
    let token = site.with_devices();
    let files: Vec<_> = (1..=6).map(|patient| ct_instance(patient, patient, 1, 1, 64, 64)).collect();
    assert!(store(site.dicom(), files.clone()).unwrap().iter().all(|status| *status == 0));
    site.ok(&["settle"]);
    let vault = site.path("vault");
    site.ok(&["vault", "init", &vault, "--allow-same-filesystem"]);
    site.ok(&["vault", "sync", &vault]);
    let kept: Vec<_> =
        files_of(Path::new(&vault)).into_iter().map(|path| (std::fs::read(&path).unwrap(), path)).collect();
    assert!(kept.iter().all(|(_, path)| {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions());
        !path.to_string_lossy().contains("volume") || mode & 0o222 == 0
    }));

    // everything in DIR: encrypted in place, cut short, taken away
    site.kill();
    let damaged = files_of(&site.dir());
    for (number, path) in damaged.iter().enumerate() {
        let bytes: Vec<u8> = std::fs::read(path).unwrap().iter().map(|byte| byte ^ 0xA5).collect();
        match number % 3 {
            0 => std::fs::write(path, bytes).unwrap(),
            1 => std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap(),
            _ => std::fs::remove_file(path).unwrap(),
        }
    }
    println!("{} files of DIR were damaged", damaged.len());
    // a sync that runs afterwards spoils nothing: it fails, and the copy stays as it was
    site.refused(1, &["vault", "sync", &vault]);
    for (bytes, path) in &kept {
        assert!(std::fs::read(path).unwrap() == *bytes, "{} was changed by a sync of damaged files", path.display());
    }
    assert_eq!(site.ok(&["vault", "verify", &vault])["damages"], serde_json::json!([]));

    std::fs::remove_dir_all(site.dir()).unwrap();
    site.ok(&["vault", "restore", &vault]);
    site.start_with(&["--passphrase-file", "-"], PASSPHRASE);
    for (patient, file) in (1..).zip(&files) {
        assert!(served(&site, &token, patient) == data_set(file), "patient {patient}");
    }
    assert_eq!(get(site.http(), &token, "/dicom-web/studies").json().as_array().unwrap().len(), files.len());
    assert_eq!(site.ok(&["ledger", "verify"])["verified"], true);
    assert_eq!(site.ok(&["doctor"])["wrong"], 0);
}
