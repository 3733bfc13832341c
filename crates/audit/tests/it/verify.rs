//! `verify` finds what was changed, and names it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use audit::{LedgerOptions, Prover, Verified, VerifyError, checkpoint, verify};
use model::EntryNumber;

use crate::site::{Site, Unsynced, append, copy, files, options, unpublished};

/// A closed ledger of 300 entries: a full bundle and one that is not.
fn closed() -> Site {
    let site = Site::new();
    let (ledger, _) = site.open();
    append(&ledger, 0..300);
    drop(ledger);
    site
}

/// A copy of a ledger that a kill left behind: 259 entries published, the rest in the journal.
fn killed() -> (tempfile::TempDir, PathBuf) {
    let site = Site::new();
    let (ledger, _) = site.open();
    append(&ledger, 0..259);
    drop(ledger);
    let (ledger, _) = site.open_with(LedgerOptions { journal_bytes: 8 * 1024, ..unpublished() }).unwrap();
    append(&ledger, 259..275);
    while !site.ledger().join("journal/00000003").exists() {
        std::thread::yield_now();
    }
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("ledger");
    copy(&site.ledger(), &dir);
    let verified = verify(&dir, None).unwrap();
    assert_eq!((verified.size, verified.published), (275, 259));
    (folder, dir)
}

#[track_caller]
fn refused(dir: &Path) -> VerifyError {
    match verify(dir, None) {
        Err(error) => error,
        Ok(Verified { size, .. }) => panic!("{size} entries were found to hold"),
    }
}

#[test]
fn a_ledger_holds_at_every_size_and_so_do_its_proofs() {
    let site = Site::new();
    let (ledger, _) = site.open();
    let mut older = Vec::new();
    for size in [0, 1, 2, 255, 256, 257, 300, 511, 512, 513] {
        append(&ledger, ledger.size()..size);
        while checkpoint(&site.ledger()).unwrap().1.size < size {
            std::thread::yield_now();
        }
        let verified = verify(&site.ledger(), None).unwrap();
        let (text, at_size) = checkpoint(&site.ledger()).unwrap();
        assert_eq!((verified.size, verified.published, verified.root), (size, size, at_size.root));
        assert_eq!(verified.checkpoint, text);
        let mut prover = Prover::open(&site.ledger()).unwrap();
        for number in (0..size).step_by(17).chain(size.checked_sub(1)) {
            let (leaf, proof) = prover.inclusion(EntryNumber(number)).unwrap();
            proof.check(leaf, at_size.root).unwrap();
        }
        assert!(prover.inclusion(EntryNumber(size)).is_err());
        assert!(prover.consistency(size + 1).is_err());
        older.push(at_size.clone());
        for old in &older {
            prover.consistency(old.size).unwrap().check(old.root, at_size.root).unwrap();
        }
    }
}

#[test]
fn a_ledger_holds_while_it_is_written_to() {
    let site = Site::new();
    let (ledger, _) = site.open_with(LedgerOptions { publish_entries: 3, ..options(Arc::new(Unsynced)) }).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| append(&ledger, 0..1500));
        let mut last = 0;
        while !writer.is_finished() {
            let answered = ledger.size();
            let verified = verify(&site.ledger(), None).unwrap();
            assert!(verified.size >= last && verified.size >= answered, "what was answered is there");
            last = verified.size;
        }
    });
    let verified = verify(&site.ledger(), None).unwrap();
    assert_eq!(verified.size, 1500);
    assert_eq!(verified.checkpoint, ledger.checkpoint());
}

/// Every byte of small files, some of each region of large ones.
fn every_byte(dir: &Path) {
    for file in files(dir) {
        let path = dir.join(&file);
        let whole = fs::read(&path).unwrap();
        let step = if whole.len() < 300 { 1 } else { 149 };
        for position in (0..whole.len()).step_by(step).chain(whole.len().checked_sub(1)) {
            let mut changed = whole.clone();
            changed[position] ^= 1 << (position % 8);
            fs::write(&path, &changed).unwrap();
            assert!(verify(dir, None).is_err(), "byte {position} of {}", file.display());
        }
        fs::write(&path, &whole).unwrap();
    }
    verify(dir, None).unwrap();
}

#[test]
fn every_changed_byte_of_a_closed_ledger_is_found() {
    every_byte(&closed().ledger());
}

#[test]
fn every_changed_byte_of_a_ledger_that_was_killed_is_found() {
    every_byte(&killed().1);
}

#[test]
fn what_was_changed_is_named() {
    let site = closed();
    let dir = site.ledger();
    let change = |file: &str, position: usize, check: &dyn Fn(VerifyError)| {
        let path = dir.join(file);
        let whole = fs::read(&path).unwrap();
        let mut changed = whole.clone();
        changed[position] ^= 4;
        fs::write(&path, changed).unwrap();
        check(refused(&dir));
        fs::write(&path, whole).unwrap();
    };
    for (file, first, width) in [("tile/entries/000", 0, 256), ("tile/entries/001.p/44", 256, 44)] {
        for (number, position) in [(0, 2), (0, 40), (7, 7 * 71 + 36), (width - 1, (width as usize - 1) * 71 + 70)] {
            change(file, position, &|error| match error {
                VerifyError::Entries { path, number: named } => {
                    assert_eq!((path, named), (dir.join(file), first + number));
                }
                other => panic!("{file} at {position}: {other}"),
            });
        }
    }
    for file in ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"] {
        change(file, 33 % 32, &|error| assert!(matches!(error, VerifyError::Tile(path) if path == dir.join(file))));
    }
    for (file, first) in [("payload/000", 0), ("payload/001.p/44", 256)] {
        change(file, 30, &|error| {
            assert!(matches!(&error, VerifyError::Payload { number, .. } if *number == first), "{error}");
        });
    }
    change("checkpoint", 3, &|error| assert!(matches!(error, VerifyError::Checkpoint(_))));
    change("site.vkey", 3, &|error| assert!(matches!(error, VerifyError::Key(_))));
}

#[test]
fn a_file_that_was_removed_is_missed() {
    for (_folder, dir) in [killed(), {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("ledger");
        copy(&closed().ledger(), &dir);
        (folder, dir)
    }] {
        let journal = |file: &Path| file.starts_with("journal");
        let last_journal = files(&dir).into_iter().rfind(|file| journal(file));
        for file in files(&dir) {
            // the lock is nobody's content, and an empty journal file was only prepared
            if file == Path::new("lock") || Some(&file) == last_journal.as_ref() {
                continue;
            }
            let whole = fs::read(dir.join(&file)).unwrap();
            fs::remove_file(dir.join(&file)).unwrap();
            let error = refused(&dir);
            if !journal(&file) {
                assert!(matches!(&error, VerifyError::FileMissing(path) if *path == dir.join(&file)), "{error}");
            }
            fs::write(dir.join(&file), whole).unwrap();
        }
        fs::remove_file(dir.join("site.vkey")).unwrap();
        fs::remove_file(dir.join("checkpoint")).unwrap();
        assert!(matches!(refused(&dir), VerifyError::Missing(_)));
    }
}

#[test]
fn two_payloads_that_were_swapped_are_found() {
    let site = closed();
    let path = site.ledger().join("payload/000");
    let whole = fs::read(&path).unwrap();
    let length = |at: usize| 4 + u32::from_be_bytes(whole[at..at + 4].try_into().unwrap()) as usize;
    let (first, second) = (length(0), length(length(0)));
    let mut swapped = whole[first..first + second].to_vec();
    swapped.extend_from_slice(&whole[..first]);
    swapped.extend_from_slice(&whole[first + second..]);
    fs::write(&path, swapped).unwrap();
    assert!(matches!(refused(&site.ledger()), VerifyError::Payload { number: 0, .. }));
}

#[test]
fn two_entries_that_were_swapped_everywhere_are_found() {
    let site = closed();
    let swap = |file: &str, bytes: usize| {
        let path = site.ledger().join(file);
        let mut content = fs::read(&path).unwrap();
        let (first, second) = content[..2 * bytes].split_at_mut(bytes);
        first.swap_with_slice(second);
        fs::write(path, content).unwrap();
    };
    swap("tile/entries/001.p/44", 71);
    swap("tile/0/001.p/44", 32);
    let path = site.ledger().join("payload/001.p/44");
    let whole = fs::read(&path).unwrap();
    let length = |at: usize| 4 + u32::from_be_bytes(whole[at..at + 4].try_into().unwrap()) as usize;
    let (first, second) = (length(0), length(length(0)));
    fs::write(&path, [&whole[first..first + second], &whole[..first], &whole[first + second..]].concat()).unwrap();
    assert!(matches!(refused(&site.ledger()), VerifyError::Root { size: 300 }));
}

#[test]
fn a_file_that_was_cut_or_grew_is_found() {
    let site = closed();
    for file in files(&site.ledger()) {
        let path = site.ledger().join(&file);
        let whole = fs::read(&path).unwrap();
        for changed in [&whole[..whole.len().saturating_sub(1)], &[], &[&whole[..], b"\n"].concat()] {
            if changed != whole && file != Path::new("lock") {
                fs::write(&path, changed).unwrap();
                assert!(verify(&site.ledger(), None).is_err(), "{}: {} bytes", file.display(), changed.len());
            }
        }
        fs::write(&path, whole).unwrap();
    }
}

#[test]
fn a_file_that_the_ledger_did_not_write_is_named() {
    let site = closed();
    for file in [
        "notes.txt",
        "tile/0/002",
        "tile/7/000",
        "payload/002",
        "tile/entries/001",
        "payload/000.p/9",
        "tile/0/000.p/9",
    ] {
        let path = site.ledger().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, b"what is this").unwrap();
        assert!(matches!(refused(&site.ledger()), VerifyError::Stray(named) if named == path), "{file}");
        fs::remove_file(&path).unwrap();
    }
    fs::write(site.ledger().join("checkpoint.tmp"), b"a write that was not finished").unwrap();
    verify(&site.ledger(), None).unwrap();
}

#[test]
fn what_a_crash_between_checkpoint_and_tidying_leaves_is_no_damage() {
    let site = Site::new();
    let (ledger, _) = site.open();
    append(&ledger, 0..100);
    drop(ledger);
    let kept: Vec<(PathBuf, Vec<u8>)> = files(&site.ledger())
        .into_iter()
        .filter(|file| file.to_str().unwrap().contains(".p/"))
        .map(|file| (file.clone(), fs::read(site.ledger().join(file)).unwrap()))
        .collect();
    assert_eq!(kept.len(), 3);
    for size in [150, 400] {
        let (ledger, _) = site.open();
        append(&ledger, ledger.size()..size);
        drop(ledger);
        for (file, content) in &kept {
            fs::create_dir_all(site.ledger().join(file).parent().unwrap()).unwrap();
            fs::write(site.ledger().join(file), content).unwrap();
        }
        verify(&site.ledger(), None).unwrap();
        for (file, content) in &kept {
            let mut changed = content.clone();
            changed[9] ^= 1;
            fs::write(site.ledger().join(file), changed).unwrap();
            assert!(matches!(refused(&site.ledger()), VerifyError::Stray(_)));
            fs::write(site.ledger().join(file), content).unwrap();
        }
    }
}

#[test]
fn a_ledger_that_was_rolled_back_is_found_by_an_older_checkpoint() {
    let site = Site::new();
    let folder = tempfile::tempdir().unwrap();
    let (older, kept) = (folder.path().join("ledger"), folder.path().join("kept"));
    let (ledger, _) = site.open();
    append(&ledger, 0..280);
    drop(ledger);
    copy(&site.ledger(), &older);
    let (ledger, _) = site.open();
    append(&ledger, 280..290);
    fs::write(&kept, ledger.checkpoint()).unwrap();
    append(&ledger, 290..300);
    drop(ledger);
    assert_eq!(verify(&site.ledger(), Some(&kept)).unwrap().since, Some(290));
    verify(&older, None).unwrap();
    assert!(matches!(verify(&older, Some(&kept)), Err(VerifyError::RolledBack { size: 280, since: 290 })));
}

#[test]
fn a_ledger_that_was_written_anew_with_the_sites_key_is_found_by_an_older_checkpoint() {
    let (site, other) = (closed(), closed());
    let kept = site.ledger().join("checkpoint");
    verify(&site.ledger(), Some(&kept)).unwrap();
    assert!(matches!(verify(&other.ledger(), Some(&kept)), Err(VerifyError::Forked { since: 300 })));
}

#[test]
fn an_older_checkpoint_that_was_changed_is_no_witness() {
    let site = closed();
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let text = fs::read_to_string(site.ledger().join("checkpoint")).unwrap();
    fs::write(&kept, text.replace("\n300\n", "\n200\n")).unwrap();
    assert!(matches!(verify(&site.ledger(), Some(&kept)), Err(VerifyError::Since(_))));
    fs::write(&kept, "").unwrap();
    assert!(matches!(verify(&site.ledger(), Some(&kept)), Err(VerifyError::Since(_))));
    assert!(matches!(verify(&site.ledger(), Some(&folder.path().join("none"))), Err(VerifyError::FileMissing(_))));
}
