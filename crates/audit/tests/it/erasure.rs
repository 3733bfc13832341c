//! Erased content is gone from every folder, the tree still verifies, and nothing else may be missing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use audit::{AppendError, EraseError, Ledger, LedgerOptions, RefoldError, VerifyError, refold, verify};
use model::{Actor, ERASED, Entry, EntryBody, EntryNumber, Kept, Window};

use crate::exposure::dice::Dice;
use crate::site::{START, Site, Unsynced, copy, files, opened, options, unpublished};

/// What somebody wrote into entry `n`.
fn note(n: u64) -> EntryBody {
    EntryBody::IncidentNoted { incident: 1, text: format!("about somebody, {n}") }
}

/// Every third entry has words, the others are readings.
fn is_note(n: u64) -> bool {
    n.is_multiple_of(3)
}

fn append(ledger: &Ledger, count: u64) {
    for n in ledger.size()..count {
        let entry = if is_note(n) { (Actor::Owner, note(n)) } else { opened(n) };
        ledger.append(vec![entry], START.plus_seconds(n as i64)).unwrap();
    }
}

fn erase(ledger: &Ledger, number: u64) -> u64 {
    let erasure = ledger.erasure(EntryNumber(number)).unwrap();
    ledger.append(vec![(Actor::Warden, erasure)], START.plus_seconds(number as i64)).unwrap()[0].0.0
}

/// The sealed payloads of a closed ledger's files, in order; nothing for an erased one.
fn payloads(dir: &Path) -> Vec<Option<Vec<u8>>> {
    let mut payloads = Vec::new();
    let mut bundles: Vec<PathBuf> = files(&dir.join("payload"));
    bundles.sort();
    for bundle in bundles {
        let bytes = fs::read(dir.join("payload").join(bundle)).unwrap();
        let mut rest = &bytes[..];
        while let Some((length, behind)) = rest.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            let (payload, behind) = behind.split_at(if length == 0 { 8 } else { length });
            payloads.push((length > 0).then(|| payload.to_vec()));
            rest = behind;
        }
    }
    payloads
}

/// Puts the number of an entry in place of a payload.
fn cut_out(dir: &Path, number: u64, by: u64, size: u64) {
    let (index, width) = (number / 256, (size - number / 256 * 256).min(256));
    let name = if width == 256 { format!("payload/{index:03}") } else { format!("payload/{index:03}.p/{width}") };
    let bytes = fs::read(dir.join(&name)).unwrap();
    let (mut rest, mut changed) = (&bytes[..], Vec::new());
    for n in index * 256.. {
        let Some((length, _)) = rest.split_first_chunk::<4>() else { break };
        let length = u32::from_be_bytes(*length) as usize;
        let (record, behind) = rest.split_at(4 + if length == 0 { 8 } else { length });
        if n == number {
            changed.extend_from_slice(&[0; 4]);
            changed.extend_from_slice(&by.to_be_bytes());
        } else {
            changed.extend_from_slice(record);
        }
        rest = behind;
    }
    fs::write(dir.join(name), changed).unwrap();
}

#[track_caller]
fn is_left(entry: &Entry, n: u64) {
    let left = EntryBody::IncidentNoted { incident: 1, text: ERASED.to_owned() };
    assert_eq!((&entry.actor, &entry.body), (&Actor::Owner, &left), "entry {n}");
    assert_eq!(entry.recorded, START.plus_seconds(n as i64));
}

#[test]
fn random_erasures_leave_every_tree_verifiable_and_no_other_payload_may_be_missing() {
    for seed in 0..24 {
        let mut dice = Dice::new(seed);
        let count = 1 + dice.roll(700);
        let site = Site::new();
        let (ledger, _) = site.open();
        append(&ledger, count);
        drop(ledger);
        let before = payloads(&site.ledger());

        // several runs, each with some erasures, some of them of the run's own entries
        let mut erased = BTreeSet::new();
        for _ in 0..1 + dice.roll(3) {
            let (ledger, _) = site.open();
            for _ in 0..1 + dice.roll(4) {
                let number = dice.roll(count);
                if is_note(number) && erased.insert(number) {
                    erase(&ledger, number);
                    assert!(matches!(ledger.erasure(EntryNumber(number)), Err(EraseError::Erased(_))), "seed {seed}");
                }
                let size = ledger.size() + dice.roll(40);
                append(&ledger, size);
            }
            for number in &erased {
                is_left(&ledger.read(EntryNumber(*number), 1).unwrap()[0].1, *number);
            }
        }
        let verified = verify(&site.ledger(), None).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!((verified.erased, verified.erasures_owed), (erased.len() as u64, 0), "seed {seed}");
        let after = payloads(&site.ledger());
        let everything: Vec<Vec<u8>> =
            files(&site.ledger()).iter().map(|file| fs::read(site.ledger().join(file)).unwrap()).collect();
        for (number, payload) in (0..).zip(&before) {
            if !erased.contains(&number) {
                assert_eq!(&after[number as usize], payload, "seed {seed}, entry {number}");
                continue;
            }
            assert_eq!(after[number as usize], None, "seed {seed}, entry {number}");
            let payload = &payload.as_deref().unwrap()[..40];
            let somewhere = everything.iter().any(|file| file.windows(40).any(|window| window == payload));
            assert!(!somewhere, "seed {seed}, entry {number} lies somewhere");
        }
        let (ledger, entries) = site.open();
        assert_eq!(entries.len() as u64, verified.size);
        for number in &erased {
            is_left(&entries[*number as usize].1, *number);
        }
        drop(ledger);

        // whatever else is cut out is named, wherever its place points to
        let size = verified.size;
        for _ in 0..6 {
            let number = dice.roll(size);
            if erased.contains(&number) {
                continue;
            }
            let copied = Site::like(&site.ledger());
            cut_out(&copied.ledger(), number, dice.roll(size), size);
            match verify(&copied.ledger(), None) {
                Err(VerifyError::PayloadMissing { number: named, .. }) => assert_eq!(named, number, "seed {seed}"),
                other => panic!("seed {seed}, entry {number}: {other:?}"),
            }
            let opened = copied.open_with(options(Arc::new(Unsynced)));
            let refused = opened.map_or(true, |(_, mut replay)| replay.any(|item| item.is_err()));
            assert!(refused, "seed {seed}, entry {number}: it opens");
        }
        if let Some(number) = erased.first() {
            let copied = Site::like(&site.ledger());
            let wrong = (0..size).find(|by| !erased.contains(by) && *by < 2).unwrap_or(size);
            cut_out(&copied.ledger(), *number, wrong, size);
            assert!(
                matches!(verify(&copied.ledger(), None), Err(VerifyError::PayloadMissing { number: named, .. }) if named == *number)
            );
        }
    }
}

#[test]
fn an_erased_payload_goes_while_the_ledger_is_open_and_from_its_journal_too() {
    let site = Site::new();
    let (ledger, _) = site.open();
    append(&ledger, 10);
    erase(&ledger, 6);
    for _ in 0..3000 {
        let verified = verify(&site.ledger(), None).unwrap();
        if verified.erased == 1 {
            // the journal begins with the erasure: what is left of the folder does not hold the payload
            assert_eq!(verified.erasures_owed, 0);
            let journal = files(&site.ledger().join("journal"));
            let copied = Site::like(&site.ledger());
            assert_eq!(verify(&copied.ledger(), None).unwrap().erased, 1, "with journal {journal:?}");
            let (_, entries) = copied.open();
            is_left(&entries[6].1, 6);
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("the payload stays");
}

#[test]
fn a_process_that_ends_between_the_erasure_and_the_payload_is_followed_by_one_that_removes_it() {
    let site = Site::new();
    let (ledger, _) = site.open();
    append(&ledger, 300);
    drop(ledger);
    let (ledger, _) = site.open_with(LedgerOptions { journal_bytes: 8 * 1024, ..unpublished() }).unwrap();
    erase(&ledger, 3);
    erase(&ledger, 297);
    // what a kill leaves at this moment
    let killed = Site::like(&site.ledger());
    let verified = verify(&killed.ledger(), None).unwrap();
    assert_eq!((verified.erased, verified.erasures_owed), (0, 2));
    let (ledger, entries) = killed.open();
    assert_eq!(entries[3].1.body, note(3), "the replay reads what is still there");
    is_left(&ledger.read(EntryNumber(3), 1).unwrap()[0].1, 3);
    drop(ledger);
    let verified = verify(&killed.ledger(), None).unwrap();
    assert_eq!((verified.erased, verified.erasures_owed), (2, 0));
}

#[test]
fn what_reach_rests_on_and_what_is_not_there_is_not_erased() {
    let site = Site::new();
    let (ledger, _) = site.open();
    append(&ledger, 10);
    let kept = |number| ledger.erasure(EntryNumber(number)).unwrap_err();
    assert!(matches!(kept(1), EraseError::Kept { kept: Kept::Reach, .. }));
    assert!(matches!(kept(10), EraseError::Absent(_)));
    let by = erase(&ledger, 3);
    assert!(matches!(kept(by), EraseError::Kept { kept: Kept::Erasure, .. }));
    assert!(matches!(kept(3), EraseError::Erased(_)));
    // nobody erases twice, nor what comes later
    let left = Box::new(ledger.read(EntryNumber(3), 1).unwrap()[0].1.clone());
    for entry in [EntryNumber(3), EntryNumber(by + 1), EntryNumber(u64::MAX)] {
        let refused = ledger.append(vec![(Actor::Warden, EntryBody::Erased { entry, left: left.clone() })], START);
        assert!(matches!(refused, Err(AppendError::Erasure { .. })), "{entry}");
    }
    let twice = ledger.erasure(EntryNumber(6)).unwrap();
    let twice = vec![(Actor::Warden, twice.clone()), (Actor::Warden, twice)];
    assert!(matches!(ledger.append(twice, START), Err(AppendError::Erasure { .. })));
    drop(ledger);
    assert_eq!(verify(&site.ledger(), None).unwrap().erased, 1);
}

#[test]
fn an_auditor_is_told_what_was_erased_and_gets_the_same_fold() {
    const DAY: i64 = 86_400;
    let site = Site::new();
    let (ledger, _) = site.open();
    for n in 0..40 {
        let entry = if is_note(n) { (Actor::Owner, note(n)) } else { opened(n) };
        ledger.append(vec![entry], START.plus_seconds(n as i64 / 10 * DAY)).unwrap();
    }
    // three days, of which the second is the window; one erasure inside of it, one before, the others after all
    for number in [3, 12, 15, 24] {
        let erasure = ledger.erasure(EntryNumber(number)).unwrap();
        ledger.append(vec![(Actor::Warden, erasure)], START.plus_seconds(5 * DAY)).unwrap();
    }
    let window = Window { from: START.plus_seconds(DAY), to: START.plus_seconds(DAY + 60) };
    let (shown, next) = ledger.shown(EntryNumber(0), window).unwrap();
    assert_eq!(next, None);
    let numbers: Vec<u64> = shown.iter().map(|shown| shown.number.0).collect();
    assert_eq!(&numbers[numbers.len() - 2..], [41, 42], "the two erasures that are about the window");
    assert!(!numbers.contains(&40) && !numbers.contains(&43), "{numbers:?}");
    let mut lines = vec![serde_json::to_string(&ledger.window(window)).unwrap()];
    lines.extend(shown.iter().map(|shown| serde_json::to_string(shown).unwrap()));
    drop(ledger);
    let elsewhere = tempfile::tempdir().unwrap();
    let copied = elsewhere.path().join("ledger");
    copy(&site.ledger(), &copied);
    let folded = refold(&copied, lines.iter().map(String::as_str)).unwrap();
    assert_eq!((folded.erased, folded.opened), (2, 8));
    // an erasure cannot be kept back
    let fewer = &lines[..lines.len() - 1];
    match refold(&copied, fewer.iter().map(String::as_str)) {
        Err(RefoldError::Closed { number, .. }) => assert_eq!(number, EntryNumber(15)),
        other => panic!("{:?}", other.map(|folded| folded.opened)),
    }
}
