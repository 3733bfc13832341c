//! `root on the machine of a running warden`: has the passphrase, the root and every byte of DIR, and tries everything that looks like a
//! key. What is hot opens, unlogged, and that is said; what is cold does not.

use std::collections::BTreeSet;
use std::path::Path;

use model::{KeyId, ObjectId, SiteId};
use phantom::ct_instance;
use seal::{
    EpochKey, HEADER_BYTES, ObjectContext, ObjectKind, RootEnvelope, RootSecret, SealKey, TAG_BYTES, WrappedBatchKeys,
    open_blob,
};

use crate::installation::{Installation, PASSPHRASE, store};

/// Where things stand in the header of a sealed object (`docs/formats/sealed-object.md`).
const KEY_AT: usize = 6;
const OBJECT_AT: usize = 22;
const OBJECT_END: usize = 38;

/// How many batch keys open by any means, of those that sealed objects name.
fn keys_that_open(dir: &Path) -> usize {
    let envelope = RootEnvelope::from_json(&std::fs::read(dir.join("warden/root.json")).unwrap()).unwrap();
    let (site, root) = (envelope.site().unwrap(), envelope.unseal_with_passphrase(PASSPHRASE).unwrap());
    let (keys, epochs) = opened_with(dir, site, &root);
    assert!(epochs > 0, "the epoch key of what is hot is there for who has the root");
    keys
}

/// How many batch keys open with a root and what lies in a folder, and how many epoch keys.
pub fn opened_with(dir: &Path, site: SiteId, root: &RootSecret) -> (usize, usize) {
    let mut files = Vec::new();
    read_all(dir, &mut files);
    let (mut names, mut epochs) = (BTreeSet::new(), Vec::new());
    let secrets = SealKey::from(root.derive("warden secrets v1"));
    for file in &files {
        for at in places(file, b"LGSO") {
            let Some(header) = file.get(at..at + HEADER_BYTES) else { continue };
            names.insert(KeyId(header[KEY_AT..OBJECT_AT].try_into().unwrap()));
            let Some(sealed) = file.get(at..at + HEADER_BYTES + 32 + TAG_BYTES) else { continue };
            let object = ObjectId(header[OBJECT_AT..OBJECT_END].try_into().unwrap());
            let context = ObjectContext { site, key: KeyId([0; 16]), object, kind: ObjectKind::Secret };
            if let Ok(plain) = open_blob(&secrets, context, sealed) {
                epochs.push(EpochKey::from_bytes(plain.as_slice().try_into().unwrap()));
            }
        }
    }
    let cut = |magic: &'static [u8; 4], bytes: usize| -> Vec<&[u8]> {
        files.iter().flat_map(|file| places(file, magic).filter_map(move |at| file.get(at..at + bytes))).collect()
    };
    let (hot, taken_in) = (cut(b"LGWE", EpochKey::WRAP_BYTES), cut(b"LGWB", WrappedBatchKeys::BYTES));
    let site_key = root.site_secret_key();
    let opens = |name: &KeyId| {
        hot.iter().any(|wrap| epochs.iter().any(|epoch| epoch.unwrap(site, *name, wrap).is_ok()))
            || taken_in.iter().any(|wrap| site_key.unwrap(site, *name, wrap).is_ok())
    };
    (names.iter().filter(|name| opens(name)).count(), epochs.len())
}

fn places<'a>(file: &'a [u8], magic: &'a [u8; 4]) -> impl Iterator<Item = usize> + 'a {
    file.windows(4).enumerate().filter(move |(_, window)| *window == magic).map(|(at, _)| at)
}

fn read_all(folder: &Path, files: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            read_all(&entry.path(), files);
        } else if kind.is_file() {
            files.push(std::fs::read(entry.path()).unwrap_or_default());
        }
    }
}

#[test]
fn root_on_the_machine_of_a_running_warden_opens_what_is_hot_and_no_cold_and_no_shredded_study() {
    let site = Installation::new();
    site.with_devices();
    let files = (1..=4).map(|patient| ct_instance(patient, 1, 1, patient, 16, 16)).collect();
    assert!(store(site.dicom(), files).unwrap().iter().all(|status| *status == 0));
    site.ok(&["settle"]);
    let hot = keys_that_open(&site.dir());
    assert_eq!(hot, 4, "hot keys are there for root, and the README says so");

    site.ok(&["shred", "patient:DEMO/M00000004", "--reason", "erasure asked for"]);
    assert_eq!(keys_that_open(&site.dir()), 3);
    let words = site.path("anna.words");
    site.ok(&["cold", "holder", "new", "anna", "--out", &words]);
    site.ok(&["cold", "init", "--threshold", "1", "--holder", &format!("{words}.pub")]);
    site.ok(&["cold", "holder", "prove", "--share-file", &words]);
    site.ok(&["cold", "rule", "--after", "0s"]);
    assert_eq!(site.ok(&["cold", "sweep"])["studies"], 3);
    assert_eq!(keys_that_open(&site.dir()), 0);
    // one patient is warmed: that patient's, and no other's
    let asked = site.ok(&["cold", "ask", "patient:DEMO/M00000001", "--reason", "comparison", "--until", "1h"]);
    site.ok(&["cold", "approve", &asked["request"].to_string(), "--share-file", &words]);
    assert_eq!(keys_that_open(&site.dir()), 1);
}
