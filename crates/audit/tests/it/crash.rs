//! A crash at every durable step: what was answered is there afterwards, and what was not is whole or gone.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audit::{AppendError, Ledger, LedgerIo, LedgerOptions, verify};
use model::EntryNumber;

use crate::site::{START, Site, Unsynced, append, assert_story, files, opened, options};

/// How a step goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// The process ends before the step.
    Before,
    /// The process ends in the step, which is half done.
    Within,
    /// The power fails in the step: what was not synced is lost in part, sector by sector.
    Power,
}

/// A disk that works until a step, and never again.
struct Failing {
    wrong: Wrong,
    /// Steps until it fails.
    left: Mutex<u64>,
    /// What was written into journal files and not synced: inode, offset, length.
    unsynced: Mutex<HashMap<u64, Vec<(u64, usize)>>>,
}

impl Failing {
    fn after(steps: u64, wrong: Wrong) -> Arc<Self> {
        Arc::new(Self { wrong, left: Mutex::new(steps), unsynced: Mutex::default() })
    }

    fn has_failed(&self) -> bool {
        *self.left.lock().unwrap() == 0
    }

    /// Whether this step is done, and if not, whether it is the one that fails.
    fn step(&self, step: impl FnOnce() -> io::Result<()>, half: impl FnOnce()) -> io::Result<()> {
        let mut left = self.left.lock().unwrap();
        match *left {
            0 => return Err(io::Error::other("the machine is off")),
            1 => {
                if self.wrong != Wrong::Before {
                    half();
                }
                *left = 0;
                return Err(io::Error::other("the machine went off"));
            }
            _ => *left -= 1,
        }
        step()
    }
}

impl LedgerIo for Failing {
    fn create_journal(&self, path: &Path, bytes: u64) -> io::Result<File> {
        let mut made = None;
        self.step(
            || Unsynced.create_journal(path, bytes).map(|file| made = Some(file)),
            || fs::write(path.with_extension("tmp"), vec![0; bytes as usize / 2]).unwrap(),
        )?;
        Ok(made.unwrap())
    }

    fn write_journal(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let inode = file.metadata()?.ino();
        self.step(
            || {
                self.unsynced.lock().unwrap().entry(inode).or_default().push((offset, bytes.len()));
                Unsynced.write_journal(file, offset, bytes)
            },
            || {
                // sectors arrive in any order, here every second one
                let first = offset as usize / 512;
                for sector in (first..(offset as usize + bytes.len()).div_ceil(512)).step_by(2) {
                    let from = (sector * 512).max(offset as usize);
                    let to = ((sector + 1) * 512).min(offset as usize + bytes.len());
                    file.write_all_at(&bytes[from - offset as usize..to - offset as usize], from as u64).unwrap();
                }
            },
        )
    }

    fn sync_journal(&self, file: &File) -> io::Result<()> {
        let inode = file.metadata()?.ino();
        self.step(
            || {
                Unsynced.sync_journal(file)?;
                self.unsynced.lock().unwrap().remove(&inode);
                Ok(())
            },
            || {
                if self.wrong == Wrong::Power {
                    for (offset, length) in self.unsynced.lock().unwrap().remove(&inode).unwrap_or_default() {
                        let lost = offset as usize / 512 + (length / 512).min(1);
                        let from = (lost * 512).max(offset as usize);
                        let to = ((lost + 1) * 512).min(offset as usize + length);
                        file.write_all_at(&vec![0; to - from], from as u64).unwrap();
                    }
                }
            },
        )
    }

    fn write_file(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.step(
            || Unsynced.write_file(path, content),
            || match self.wrong {
                // the new content arrived, the process did not hear of it
                Wrong::Power => Unsynced.write_file(path, content).unwrap(),
                _ => fs::write(path.with_extension("tmp"), &content[..content.len() / 2]).unwrap(),
            },
        )
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.step(|| Unsynced.sync_directory(path), || {})
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.step(|| Unsynced.remove_file(path), || fs::remove_file(path).unwrap())
    }
}

/// Appends until the disk fails or the story ends; how many entries were answered, and how many were asked for.
fn work(ledger: &Ledger, to: u64) -> (u64, u64) {
    let mut next = ledger.size();
    while next < to {
        let batch = (next..(next + 1 + next % 5).min(to)).collect::<Vec<_>>();
        let entries = batch.iter().map(|n| opened(*n)).collect();
        match ledger.append(entries, START.plus_seconds(next as i64)) {
            Ok(appended) => assert_eq!(appended[0].0, EntryNumber(next)),
            Err(_) => return (next, next + batch.len() as u64),
        }
        next += batch.len() as u64;
    }
    (next, next)
}

fn small(io: Arc<dyn LedgerIo>) -> LedgerOptions {
    LedgerOptions { io, journal_bytes: 8 * 1024, publish_entries: 20, publish_after: Duration::from_millis(1) }
}

/// Works on a copy of `start` with a disk that fails after `steps`; false when it never failed.
fn crash(start: &Site, steps: u64, wrong: Wrong) -> bool {
    let site = Site::like(&start.ledger());
    let io = Failing::after(steps, wrong);
    let before = verify(&site.ledger(), None).unwrap().size;
    let (answered, asked) = match site.open_with(small(io.clone())) {
        Ok((ledger, replay)) => {
            assert_eq!(replay.size(), before);
            work(&ledger, 290)
        }
        Err(_) => (before, before),
    };
    // what a verifier sees right after the crash, before anything is repaired
    let seen = verify(&site.ledger(), None).unwrap_or_else(|error| panic!("{steps} steps, {wrong:?}: {error}"));
    assert!(seen.size == answered || seen.size == asked, "{steps} steps, {wrong:?}: {} seen", seen.size);
    let (ledger, entries) = site.open();
    let size = entries.len() as u64;
    assert!(size == answered || size == asked, "{steps} steps, {wrong:?}: {answered} answered, {size} there");
    assert_eq!(size, seen.size);
    assert_story(&entries, size);
    append(&ledger, size..size + 3);
    drop(ledger);
    verify(&site.ledger(), None).unwrap();
    assert!(files(&site.ledger()).iter().all(|file| !file.starts_with("journal")), "nothing is left to do");
    io.has_failed()
}

#[test]
fn whatever_step_a_crash_hits_every_answered_append_is_there() {
    let start = Site::new();
    let (ledger, _) = start.open();
    append(&ledger, 0..240);
    drop(ledger);
    for wrong in [Wrong::Before, Wrong::Within, Wrong::Power] {
        let mut steps = 1;
        while crash(&start, steps, wrong) {
            // every step at first, then some of them: the later ones repeat what was there
            steps += if steps < 50 { 1 } else { 9 };
        }
        assert!(steps > 50, "the story has many steps: {steps}");
    }
}

#[test]
fn whatever_step_of_a_recovery_a_crash_hits_nothing_is_lost() {
    // a ledger whose journal holds what the tiles do not
    let left = {
        let site = Site::new();
        let (ledger, _) = site.open();
        append(&ledger, 0..250);
        drop(ledger);
        let (ledger, _) = site.open_with(crate::site::unpublished()).unwrap();
        append(&ledger, 250..290);
        Site::like(&site.ledger())
    };
    for wrong in [Wrong::Before, Wrong::Within, Wrong::Power] {
        for steps in 1.. {
            let site = Site::like(&left.ledger());
            let io = Failing::after(steps, wrong);
            let opened = site.open_with(small(io.clone())).is_ok();
            assert_eq!(verify(&site.ledger(), None).unwrap().size, 290, "{steps} steps, {wrong:?}");
            assert_story(&site.open().1, 290);
            if opened {
                break;
            }
        }
    }
}

#[test]
fn after_a_failed_sync_nothing_is_recorded_until_the_ledger_is_opened_again() {
    let site = Site::new();
    let io = Failing::after(5, Wrong::Before);
    let (ledger, _) = site.open_with(small(io)).unwrap();
    // the names of the folders, make a journal file, its name, write, sync: the fifth step fails
    let error = ledger.append(vec![opened(0)], START).unwrap_err();
    assert!(matches!(error, AppendError::Stopped(_)), "{error}");
    assert!(matches!(ledger.append(vec![opened(0)], START), Err(AppendError::Stopped(_))));
    assert_eq!(ledger.size(), 0);
    drop(ledger);
    // the record may have arrived: it was written whole
    let (_, entries) = site.open();
    assert_story(&entries, entries.len() as u64);
}

#[test]
fn a_journal_whose_own_name_is_not_durable_takes_no_entry() {
    let site = Site::new();
    // a copy without empty folders
    fs::remove_dir(site.ledger().join("journal")).unwrap();
    let io = Failing::after(1, Wrong::Before);
    let refused = site.open_with(small(io)).map(|_| ());
    assert!(matches!(refused, Err(audit::OpenError::Io(_))), "{refused:?}");
    site.open();
}

/// A disk without room for another journal file, for a while.
struct Full(Mutex<u32>);

impl LedgerIo for Full {
    fn create_journal(&self, path: &Path, bytes: u64) -> io::Result<File> {
        let mut left = self.0.lock().unwrap();
        if *left > 0 {
            *left -= 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        Unsynced.create_journal(path, bytes)
    }
    fn write_journal(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        Unsynced.write_journal(file, offset, bytes)
    }
    fn sync_journal(&self, file: &File) -> io::Result<()> {
        Unsynced.sync_journal(file)
    }
    fn write_file(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        Unsynced.write_file(path, content)
    }
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        Unsynced.sync_directory(path)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        Unsynced.remove_file(path)
    }
}

#[test]
fn a_full_disk_refuses_and_takes_entries_again_once_there_is_room() {
    let site = Site::new();
    let (ledger, _) = site.open_with(options(Arc::new(Full(Mutex::new(2))))).unwrap();
    for _ in 0..2 {
        let error = ledger.append(vec![opened(0)], START).unwrap_err();
        assert!(matches!(&error, AppendError::NoSpace(source) if source.kind() == io::ErrorKind::StorageFull));
    }
    append(&ledger, 0..40);
    drop(ledger);
    assert_story(&site.open().1, 40);
}

/// A copy of a ledger with everything in the journal, and the path of its one journal file.
fn in_journal() -> (Site, PathBuf) {
    let other = Site::new();
    let (ledger, _) = other.open_with(crate::site::unpublished()).unwrap();
    append(&ledger, 0..3);
    let site = Site::like(&other.ledger());
    let path = site.ledger().join("journal/00000001");
    (site, path)
}

#[test]
fn a_torn_record_is_cut_back_and_said() {
    let (site, path) = in_journal();
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    // the last record lost its last sector
    bytes[end / 512 * 512..end].fill(0);
    fs::write(&path, &bytes).unwrap();
    assert!(verify(&site.ledger(), None).unwrap().unfinished_bytes > 0);
    let (ledger, replay) = site.open_with(options(Arc::new(Unsynced))).unwrap();
    assert!(replay.unfinished_bytes() > 0);
    assert_eq!(ledger.size(), 2);
    append(&ledger, 2..4);
}

#[test]
fn a_changed_journal_is_refused_and_named() {
    let (site, path) = in_journal();
    let whole = fs::read(&path).unwrap();
    for position in (0..whole.len()).step_by(97) {
        let mut changed = whole.clone();
        changed[position] ^= 2;
        fs::write(&path, &changed).unwrap();
        match site.open_with(options(Arc::new(Unsynced))) {
            Err(audit::OpenError::Journal { path: named, .. }) => assert_eq!(named, path),
            Err(other) => panic!("byte {position}: {other}"),
            Ok(_) => panic!("byte {position} was not found"),
        }
    }
}

#[test]
fn what_the_checkpoint_signs_for_is_refused_when_it_changed_or_is_gone() {
    let site = Site::new();
    let (ledger, _) = site.open();
    append(&ledger, 0..300);
    drop(ledger);
    for file in ["checkpoint", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44", "payload/001.p/44"] {
        let path = site.ledger().join(file);
        let whole = fs::read(&path).unwrap();
        let mut changed = whole.clone();
        changed[20] ^= 1;
        fs::write(&path, changed).unwrap();
        assert!(site.open_with(options(Arc::new(Unsynced))).is_err(), "{file} was changed");
        fs::remove_file(&path).unwrap();
        assert!(site.open_with(options(Arc::new(Unsynced))).is_err(), "{file} was removed");
        fs::write(&path, whole).unwrap();
    }
    // full bundles are read by the replay
    for file in ["tile/entries/000", "payload/000"] {
        let path = site.ledger().join(file);
        let whole = fs::read(&path).unwrap();
        let mut changed = whole.clone();
        changed[40] ^= 1;
        fs::write(&path, changed).unwrap();
        let (_, mut replay) = site.open_with(options(Arc::new(Unsynced))).unwrap();
        assert!(replay.any(|entry| entry.is_err()), "{file} was changed");
        fs::write(&path, whole).unwrap();
    }
    assert_story(&site.open().1, 300);
}
