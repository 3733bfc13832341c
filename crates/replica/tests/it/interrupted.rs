//! Interrupted at every durable step.

use replica::{Generation, NoHooks, RestoreError, Step, Stopped, SyncError};

use crate::support::{FailAt, NOW, Site, content};

#[test]
fn a_sync_that_is_interrupted_at_any_step_leaves_what_was_there_and_goes_on() {
    for step in Step::SYNC {
        for after in [0, 3] {
            let site = Site::new();
            let vault = site.init();
            site.take_in(1, 4);
            site.sync(&vault);
            let first = content(&site.dir());
            site.take_in(2, 4);
            let mut hooks = FailAt { step, after, struck: false };
            let synced = vault.sync(&site.dir(), &mut Stopped::new(&site.dir()), NOW, &mut hooks);
            assert_eq!(synced.is_err(), hooks.struck, "{step:?}");
            assert!(hooks.struck || after > 0, "{step:?} is a step of a sync");

            let verified = vault.verify(&mut NoHooks).unwrap();
            assert_eq!(verified.damages, [], "{step:?}");
            let newest = *verified.generations.last().unwrap();
            let target = site.folder.path().join("after");
            vault.restore(&target, Generation::Newest, &mut NoHooks).unwrap();
            let expected = if newest == 1 { &first } else { &content(&site.dir()) };
            assert_eq!(&content(&target), expected, "{step:?}");

            site.sync(&vault);
            let target = site.folder.path().join("again");
            vault.restore(&target, Generation::Newest, &mut NoHooks).unwrap();
            assert_eq!(content(&target), content(&site.dir()), "{step:?}");
            assert_eq!(vault.verify(&mut NoHooks).unwrap().damages, [], "{step:?}");
            assert!(!site.vault_path().join("staging").exists(), "{step:?}");
        }
    }
}

#[test]
fn a_first_sync_that_is_interrupted_leaves_an_empty_vault() {
    let site = Site::new();
    let vault = site.init();
    site.take_in(1, 9);
    let mut hooks = FailAt { step: Step::ManifestRename, after: 0, struck: false };
    vault.sync(&site.dir(), &mut Stopped::new(&site.dir()), NOW, &mut hooks).unwrap_err();
    assert!(vault.verify(&mut NoHooks).is_err());
    assert_eq!(site.sync(&vault).generation, 1);
    assert_eq!(vault.verify(&mut NoHooks).unwrap().damages, []);
}

#[test]
fn a_restore_that_is_interrupted_at_any_step_is_made_again() {
    let site = Site::new();
    let vault = site.init();
    site.take_in(1, 9);
    site.sync(&vault);
    let expected = content(&site.dir());
    let mut cases = vec![(Step::RestoreWrite, 0), (Step::RestoreWrite, 5), (Step::RestoreComplete, 0)];
    cases.extend((0..5).map(|after| (Step::RestoreMove, after)));
    for (index, (step, after)) in cases.into_iter().enumerate() {
        let target = site.folder.path().join(format!("target-{index}"));
        let mut hooks = FailAt { step, after, struck: false };
        vault.restore(&target, Generation::Newest, &mut hooks).unwrap_err();
        assert!(hooks.struck, "{step:?} {after}");
        vault.restore(&target, Generation::Newest, &mut NoHooks).unwrap();
        assert_eq!(content(&target), expected, "{step:?} {after}");
        assert!(matches!(vault.restore(&target, Generation::Newest, &mut NoHooks), Err(RestoreError::NotEmpty { .. })));
    }
}

#[test]
fn half_of_an_older_restore_is_finished_before_another_generation() {
    let site = Site::new();
    let vault = site.init();
    site.take_in(1, 3);
    site.sync(&vault);
    let expected = content(&site.dir());
    let target = site.folder.path().join("target");
    let mut hooks = FailAt { step: Step::RestoreMove, after: 2, struck: false };
    vault.restore(&target, Generation::Newest, &mut hooks).unwrap_err();
    site.take_in(2, 3);
    site.sync(&vault);
    let restored = vault.restore(&target, Generation::Newest, &mut NoHooks).unwrap();
    assert_eq!(restored.generation, 1);
    assert_eq!(content(&target), expected);
}

#[test]
fn what_a_killed_restore_left_is_thrown_away() {
    let site = Site::new();
    let vault = site.init();
    site.take_in(1, 3);
    site.sync(&vault);
    let target = site.folder.path().join("target");
    crate::support::write(&target.join(".restore/files/front/volumes/000001.vol"), b"half");
    vault.restore(&target, Generation::Newest, &mut NoHooks).unwrap();
    assert_eq!(content(&target), content(&site.dir()));
}

#[test]
fn a_sync_error_names_what_to_do() {
    let site = Site::new();
    let vault = site.init();
    let mut hooks = FailAt { step: Step::FileWrite, after: 0, struck: false };
    let error = vault.sync(&site.dir(), &mut Stopped::new(&site.dir()), NOW, &mut hooks).unwrap_err();
    assert!(matches!(error, SyncError::Io { .. }));
    assert!(error.to_string().contains("run the sync again"), "{error}");
}

#[test]
fn a_root_that_is_half_in_place_is_not_copied() {
    let site = Site::new();
    let vault = site.init();
    site.take_in(1, 3);
    site.sync(&vault);
    let half = site.dir().join("warden/new-root");
    crate::support::write(&half.join("root.json"), b"another root");
    vault.sync(&site.dir(), &mut Stopped::new(&site.dir()), NOW, &mut NoHooks).unwrap_err();
    std::fs::remove_dir_all(&half).unwrap();
    // nor while somebody has the folder to themselves
    let alone = std::fs::File::open(site.dir().join("warden")).unwrap();
    alone.lock().unwrap();
    vault.sync(&site.dir(), &mut Stopped::new(&site.dir()), NOW, &mut NoHooks).unwrap_err();
    drop(alone);
    assert_eq!(site.sync(&vault).generation, 2);
    assert_eq!(vault.verify(&mut NoHooks).unwrap().damages, []);
}
