//! A shelf of damaged vaults: `verify` names each defect, `restore` refuses it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use replica::{CHUNK_BYTES, Damage, Generation, ManifestError, NoHooks, RestoreError, Stopped, SyncError, Vault};

use crate::support::{NOW, Site, content};

/// Two volumes and a large object.
fn made() -> (Site, Vault) {
    made_of(14)
}

fn made_of(instances: u8) -> (Site, Vault) {
    let site = Site::new();
    let vault = site.init();
    site.take_in(1, instances);
    site.sync(&vault);
    (site, vault)
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Damages a vault, and checks that it is named and that nothing of it is restored.
#[track_caller]
fn check(name: &str, damage: impl FnOnce(&Site), expected: &[Damage]) {
    check_in(made(), name, damage, expected);
}

#[track_caller]
fn check_in((site, vault): (Site, Vault), name: &str, damage: impl FnOnce(&Site), expected: &[Damage]) {
    damage(&site);
    assert_eq!(vault.verify(&mut NoHooks).unwrap().damages, expected, "{name}");
    let target = site.folder.path().join("target");
    let error = vault.restore(&target, Generation::Newest, &mut NoHooks).unwrap_err();
    match &error {
        RestoreError::Damaged(damage) => assert!(expected.contains(damage), "{name}: {error}"),
        RestoreError::Manifest(ManifestError::Damaged { generation: 1 }) => {}
        error => panic!("{name}: {error}"),
    }
    assert_eq!(fs::read_dir(&target).map_or(0, Iterator::count), 0, "{name}: nothing is left behind");
}

fn volume(site: &Site, number: u32) -> PathBuf {
    site.vault_path().join(format!("volumes/{number:06}.vol"))
}

/// The vault's file for a path below DIR, by the bytes that the installation has there.
fn stored(site: &Site, path: &str) -> PathBuf {
    let hash = blake3::hash(&fs::read(site.dir().join(path)).unwrap());
    site.vault_path().join("files").join(hash.to_hex().as_str())
}

fn text(name: &str) -> String {
    name.to_owned()
}

#[test]
fn a_flipped_bit_in_a_volume() {
    let damage = Damage::Changed { name: text("volumes/000001.vol"), offset: CHUNK_BYTES };
    check("second chunk", |site| change(&volume(site, 1), |bytes| bytes[CHUNK_BYTES as usize + 7] ^= 1), &[damage]);
    let damage = Damage::Changed { name: text("volumes/000001.vol"), offset: 0 };
    check("first byte", |site| change(&volume(site, 1), |bytes| bytes[0] ^= 0x80), &[damage]);
}

#[test]
fn a_volume_that_is_cut_off() {
    let mut length = 0;
    let (site, _vault) = made();
    length += fs::metadata(volume(&site, 1)).unwrap().len();
    let damage = Damage::Short { name: text("volumes/000001.vol"), length };
    check("one byte short", |site| change(&volume(site, 1), |bytes| bytes.truncate(bytes.len() - 1)), &[damage]);
}

#[test]
fn a_volume_that_is_missing() {
    let damage = Damage::Missing { name: text("volumes/000002.vol") };
    check("missing", |site| fs::remove_file(volume(site, 2)).unwrap(), &[damage]);
}

#[test]
fn a_large_object_that_is_changed() {
    let damage = Damage::Changed { name: text("volumes/000001.large"), offset: 0 };
    let path = |site: &Site| site.vault_path().join("volumes/000001.large");
    check("large", |site| change(&path(site), |bytes| bytes[500_000] ^= 1), &[damage]);
}

#[test]
fn two_volumes_that_changed_places() {
    let swap = |site: &Site| {
        let (first, second) = (fs::read(volume(site, 1)).unwrap(), fs::read(volume(site, 2)).unwrap());
        change(&volume(site, 1), |bytes| *bytes = second);
        change(&volume(site, 2), |bytes| *bytes = first);
    };
    let (site, vault) = made();
    swap(&site);
    let damages = vault.verify(&mut NoHooks).unwrap().damages;
    for name in ["volumes/000001.vol", "volumes/000002.vol"] {
        assert!(
            damages.iter().any(
                |damage| matches!(damage, Damage::Changed { name: n, .. } | Damage::Short { name: n, .. } if n == name)
            ),
            "{damages:?}"
        );
    }
    assert!(vault.restore(&site.folder.path().join("target"), Generation::Newest, &mut NoHooks).is_err());
}

#[test]
fn a_small_file_that_is_changed_cut_off_or_missing() {
    for path in ["tls/cert.pem", "front/site.json", "warden/root.json", "ledger/checkpoint", "ledger/tile/0/000.p/1"] {
        let length = fs::metadata(made_of(1).0.dir().join(path)).unwrap().len();
        let changed = Damage::Changed { name: text(path), offset: 0 };
        check_in(made_of(1), path, |site| change(&stored(site, path), |bytes| bytes[0] ^= 1), &[changed]);
        let short = Damage::Short { name: text(path), length };
        check_in(
            made_of(1),
            path,
            |site| change(&stored(site, path), |bytes| bytes.truncate(bytes.len() - 1)),
            &[short],
        );
        let missing = Damage::Missing { name: text(path) };
        check_in(made_of(1), path, |site| fs::remove_file(stored(site, path)).unwrap(), &[missing]);
    }
}

#[test]
fn the_hashes_of_a_volume_that_are_missing() {
    let name = text("the hashes of volumes/000001.vol");
    let hashes = |site: &Site| {
        let bytes = fs::read(volume(site, 1)).unwrap();
        let hashes: Vec<u8> =
            bytes.chunks(CHUNK_BYTES as usize).flat_map(|chunk| *blake3::hash(chunk).as_bytes()).collect();
        site.vault_path().join("files").join(blake3::hash(&hashes).to_hex().as_str())
    };
    check("missing", |site| fs::remove_file(hashes(site)).unwrap(), &[Damage::Missing { name: name.clone() }]);
    let (site, vault) = made();
    change(&hashes(&site), |bytes| bytes[3] ^= 1);
    let damages = vault.verify(&mut NoHooks).unwrap().damages;
    assert!(damages.contains(&Damage::Changed { name, offset: 0 }), "{damages:?}");
    site.take_in(2, 1);
    let error = vault.sync(&site.dir(), &mut Stopped::new(&site.dir()), NOW, &mut NoHooks);
    // only the volume that grew needs its list again
    assert!(matches!(error, Ok(_) | Err(SyncError::VaultDamaged { .. })), "{error:?}");
}

fn manifest(site: &Site) -> PathBuf {
    fs::read_dir(site.vault_path().join("manifests")).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn a_manifest_that_is_changed_or_cut_off() {
    let damages = [Damage::Manifest { generation: 1 }];
    check_in(made_of(1), "changed", |site| change(&manifest(site), |bytes| bytes[100] ^= 1), &damages);
    check_in(made_of(1), "cut off", |site| change(&manifest(site), |bytes| bytes.truncate(50)), &damages);
    check_in(made_of(1), "empty", |site| change(&manifest(site), Vec::clear), &damages);
    let rename = |site: &Site| {
        let from = manifest(site);
        let name = from.file_name().unwrap().to_str().unwrap().replace("-", "-0").replace(".json", "");
        fs::rename(&from, from.with_file_name(format!("{}.json", &name[..9 + 64]))).unwrap();
    };
    check_in(made_of(1), "another hash in its name", rename, &damages);
}

/// Puts another text into a manifest, with the right hash in its name.
fn forge(site: &Site, from: &str, to: &str) {
    let path = manifest(site);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    let text = text.replacen(from, to, 1);
    fs::remove_file(&path).unwrap();
    let name = format!("00000001-{}.json", blake3::hash(text.as_bytes()).to_hex());
    fs::write(path.with_file_name(name), text).unwrap();
}

#[test]
fn a_manifest_that_names_places_outside_is_refused() {
    for (from, to) in [
        ("\"tls/cert.pem\"", "\"../../outside\""),
        ("\"tls/cert.pem\"", "\"/tmp/outside\""),
        ("\"volumes/000001.vol\"", "\"volumes/../../outside.vol\""),
        ("\"hash\": \"", "\"hash\": \"../"),
        ("\"generation\": 1", "\"generation\": 2"),
        ("leadglass vault manifest", "another manifest"),
        ("\"length\": ", "\"length\": -"),
    ] {
        let (site, vault) = made_of(1);
        forge(&site, from, to);
        assert_eq!(vault.verify(&mut NoHooks).unwrap().damages, [Damage::Manifest { generation: 1 }], "{to}");
        let error = vault.restore(&site.folder.path().join("target"), Generation::Newest, &mut NoHooks).unwrap_err();
        assert!(matches!(error, RestoreError::Manifest(ManifestError::Damaged { .. })), "{to}: {error}");
    }
}

#[test]
fn a_manifest_of_a_later_version_is_refused() {
    let (site, vault) = made_of(1);
    forge(&site, "\"version\": 1", "\"version\": 2");
    let error = vault.restore(&site.folder.path().join("target"), Generation::Newest, &mut NoHooks).unwrap_err();
    assert!(matches!(error, RestoreError::Manifest(ManifestError::Version { version: 2, .. })), "{error}");
    assert!(vault.verify(&mut NoHooks).is_err());
    let error = vault.sync(&site.dir(), &mut Stopped::new(&site.dir()), NOW, &mut NoHooks).unwrap_err();
    assert!(matches!(error, SyncError::Manifest(ManifestError::Version { .. })), "{error}");
}

#[test]
fn a_damaged_newest_generation_is_not_passed_over_silently() {
    let (site, vault) = made();
    let first = content(&site.dir());
    site.take_in(2, 2);
    site.sync(&vault);
    let newest =
        fs::read_dir(site.vault_path().join("manifests")).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    change(&newest, |bytes| bytes[10] ^= 1);
    let target = site.folder.path().join("target");
    let error = vault.restore(&target, Generation::Newest, &mut NoHooks).unwrap_err();
    assert!(matches!(error, RestoreError::Manifest(ManifestError::Damaged { generation: 2 })), "{error}");
    assert!(vault.sync(&site.dir(), &mut Stopped::new(&site.dir()), NOW, &mut NoHooks).is_err());
    vault.restore(&target, Generation::Number(1), &mut NoHooks).unwrap();
    assert_eq!(content(&target), first);
}

#[test]
fn a_copy_that_was_cut_off_is_not_appended_to() {
    let (site, vault) = made();
    let newest = (1..10).rev().find(|number| volume(&site, *number).exists()).unwrap();
    change(&volume(&site, newest), |bytes| bytes.truncate(100));
    site.take_in(2, 1);
    let error = vault.sync(&site.dir(), &mut Stopped::new(&site.dir()), NOW, &mut NoHooks).unwrap_err();
    assert!(matches!(error, SyncError::VaultDamaged { .. }), "{error}");
}
