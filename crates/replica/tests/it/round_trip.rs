//! What went in comes out.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use replica::{GENERATIONS_KEPT, Generation, NoHooks, Progress, RestoreError, Stopped, SyncError};

use crate::support::{NOW, Site, content, write};

#[test]
fn a_restore_equals_the_source() {
    let site = Site::new();
    let vault = site.init();
    site.take_in(1, 12);
    site.sync(&vault);
    site.take_in(2, 9);
    let synced = site.sync(&vault);
    assert_eq!(synced.generation, 2);
    assert!(synced.volumes >= 5, "{synced:?}");
    assert_eq!(vault.verify(&mut NoHooks).unwrap().damages, []);

    let target = site.folder.path().join("elsewhere/target");
    let restored = vault.restore(&target, Generation::Newest, &mut NoHooks).unwrap();
    assert_eq!((restored.generation, restored.made, restored.bytes), (2, NOW, synced.bytes));
    let expected = content(&site.dir());
    assert_eq!(expected.instances.len(), 21);
    assert_eq!(content(&target), expected);
    assert!(!target.join("run").exists() && !target.join(".restore").exists() && !target.join("ledger/lock").exists());
}

#[test]
fn what_was_restored_goes_on_and_syncs_into_the_same_vault() {
    let site = Site::new();
    let vault = site.init();
    site.take_in(1, 10);
    site.sync(&vault);
    std::fs::remove_dir_all(site.dir()).unwrap();
    vault.restore(&site.dir(), Generation::Newest, &mut NoHooks).unwrap();
    site.take_in(2, 10);
    assert_eq!(site.sync(&vault).generation, 2);
    assert_eq!(vault.verify(&mut NoHooks).unwrap().damages, []);
    let target = site.folder.path().join("target");
    vault.restore(&target, Generation::Newest, &mut NoHooks).unwrap();
    assert_eq!(content(&target), content(&site.dir()));
}

#[test]
fn a_passphrase_beside_the_installation_does_not_reach_the_vault() {
    let site = Site::new();
    let vault = site.init();
    let secret = b"correct horse battery staple";
    for path in ["passphrase", "front/passphrase", "tls/key.pem", "run/token", "warden/passphrase.txt", "kit/recovery"]
    {
        write(&site.dir().join(path), secret);
    }
    site.sync(&vault);
    let hash = blake3::hash(secret).to_hex();
    assert!(!site.vault_path().join("files").join(hash.as_str()).exists());
    let target = site.folder.path().join("target");
    vault.restore(&target, Generation::Newest, &mut NoHooks).unwrap();
    assert_eq!(content(&target), content(&site.dir()));
}

#[test]
fn an_older_generation_is_restored_as_it_was() {
    let site = Site::new();
    let vault = site.init();
    site.take_in(1, 8);
    site.sync(&vault);
    let first = content(&site.dir());
    site.take_in(2, 8);
    site.sync(&vault);
    let target = site.folder.path().join("target");
    vault.restore(&target, Generation::Number(1), &mut NoHooks).unwrap();
    assert_eq!(content(&target), first);
    let error = vault.restore(&site.folder.path().join("none"), Generation::Number(7), &mut NoHooks).unwrap_err();
    assert!(matches!(error, RestoreError::Manifest(replica::ManifestError::Unknown { generation: 7 })), "{error}");
}

#[test]
fn a_folder_that_is_not_empty_is_not_restored_into() {
    let site = Site::new();
    let vault = site.init();
    site.sync(&vault);
    let before = content(&site.dir());
    let error = vault.restore(&site.dir(), Generation::Newest, &mut NoHooks).unwrap_err();
    assert!(matches!(error, RestoreError::NotEmpty { .. }), "{error}");
    assert_eq!(content(&site.dir()), before);
}

#[test]
fn old_generations_go_and_what_they_alone_needed_with_them() {
    let site = Site::new();
    let vault = site.init();
    for round in 0..GENERATIONS_KEPT + 3 {
        write(&site.dir().join("front/devices.json"), format!("[{round}]").as_bytes());
        site.sync(&vault);
    }
    let verified = vault.verify(&mut NoHooks).unwrap();
    assert_eq!(verified.generations, (4..=GENERATIONS_KEPT as u64 + 3).collect::<Vec<_>>());
    assert_eq!(verified.damages, []);
    let kept = |round: usize| {
        site.vault_path().join("files").join(blake3::hash(format!("[{round}]").as_bytes()).to_hex().as_str())
    };
    assert!(!kept(0).exists() && !kept(2).exists());
    assert!(kept(3).exists() && kept(GENERATIONS_KEPT + 2).exists());
}

#[test]
fn files_in_a_vault_are_read_only() {
    let site = Site::new();
    let vault = site.init();
    site.take_in(1, 10);
    site.sync(&vault);
    for folder in ["volumes", "files"] {
        for entry in std::fs::read_dir(site.vault_path().join(folder)).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o400, "{:?}", entry.path());
        }
    }
}

#[test]
fn only_what_is_new_is_copied_and_progress_tells() {
    let site = Site::new();
    let vault = site.init();
    site.take_in(1, 12);
    let mut last = Progress::default();
    let mut shown = |progress: Progress| {
        assert!(progress.done >= last.done && progress.total >= progress.done);
        last = progress;
    };
    vault.sync(&site.dir(), &mut Stopped::new(&site.dir()), NOW, &mut shown).unwrap();
    assert!(last.done > 12 * 700_000, "{last:?}");
    let first = last.done;
    let mut again = Progress::default();
    vault.sync(&site.dir(), &mut Stopped::new(&site.dir()), NOW, &mut |progress| again = progress).unwrap();
    assert!(again.done < first / 20, "{again:?} after {first}");
}

#[test]
fn an_installation_that_lost_or_changed_a_volume_does_not_reach_the_vault() {
    let volume = |site: &Site, number: u32| -> PathBuf { site.dir().join(format!("front/volumes/{number:06}.vol")) };
    type Change = fn(&mut Vec<u8>);
    let changes: [(&str, Change); 2] = [
        ("shorter", |bytes| bytes.truncate(bytes.len() - 100)),
        ("longer and different", |bytes| {
            let end = bytes.len() - 50;
            bytes[end] ^= 1;
            bytes.extend_from_slice(&[0; 1000]);
        }),
    ];
    for (name, change) in changes {
        let site = Site::new();
        let vault = site.init();
        site.take_in(1, 3);
        site.sync(&vault);
        let copy = site.vault_path().join("volumes/000001.vol");
        let before = std::fs::read(&copy).unwrap();
        // the front itself would refuse to start from this; its snapshot says what its files say
        let mut bytes = std::fs::read(volume(&site, 1)).unwrap();
        change(&mut bytes);
        std::fs::write(volume(&site, 1), &bytes).unwrap();
        let mut sources = Lying { length: bytes.len() as u64, stopped: Stopped::new(&site.dir()) };
        let error = vault.sync(&site.dir(), &mut sources, NOW, &mut NoHooks).unwrap_err();
        assert!(matches!(error, SyncError::Shorter { .. } | SyncError::Diverged { .. }), "{name}: {error}");
        assert_eq!(std::fs::read(&copy).unwrap(), before, "{name}: the copy stays as it was");
        assert_eq!(vault.verify(&mut NoHooks).unwrap().damages, [], "{name}");
    }
}

struct Lying {
    length: u64,
    stopped: Stopped,
}

impl replica::Sources for Lying {
    fn front(&mut self, into: &std::path::Path) -> Result<(), replica::SourceError> {
        write(&into.join("volumes.list"), format!("{} volumes/000001.vol\n", self.length).as_bytes());
        Ok(())
    }

    fn warden(&mut self, into: &std::path::Path) -> Result<(), replica::SourceError> {
        self.stopped.warden(into)
    }
}

#[test]
fn a_source_that_does_not_answer_leaves_the_vault_as_it_was() {
    let site = Site::new();
    let vault = site.init();
    site.take_in(1, 4);
    site.sync(&vault);
    let store = site.open();
    let error = vault.sync(&site.dir(), &mut Stopped::new(&site.dir()), NOW, &mut NoHooks).unwrap_err();
    assert!(matches!(error, SyncError::Source { who: "the front", .. }), "{error}");
    store.close();
    std::fs::remove_file(site.dir().join("warden/root.json")).unwrap();
    let error = vault.sync(&site.dir(), &mut Stopped::new(&site.dir()), NOW, &mut NoHooks).unwrap_err();
    assert!(matches!(error, SyncError::Source { who: "the warden", .. }), "{error}");
    let verified = vault.verify(&mut NoHooks).unwrap();
    assert_eq!((verified.generations, verified.damages), (vec![1], vec![]));
}
