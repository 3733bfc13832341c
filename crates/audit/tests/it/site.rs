//! A site's ledger in a folder of its own, and entries to put into it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use audit::{Disk, Ledger, LedgerIo, LedgerKeys, LedgerOptions, OpenError, Replay};
use model::{
    Actor, Entry, EntryBody, EntryNumber, Instant, OpenScope, Origin, PatientNumber, PersonId, SECOND, SessionId,
    StudyNumber,
};
use seal::RootSecret;

pub const ORIGIN: &str = "leadglass/00112233445566778899aabbccddeeff";

/// 2025-11-24T16:00:00Z.
pub const START: Instant = Instant(1_764_000_000 * SECOND);

pub fn keys() -> LedgerKeys {
    LedgerKeys::from_root(&RootSecret::from_bytes(&[7; 32]))
}

/// The file system without waiting for the disk: what the process wrote is there for whoever reads afterwards.
pub struct Unsynced;

impl LedgerIo for Unsynced {
    fn create_journal(&self, path: &Path, bytes: u64) -> io::Result<File> {
        let unfinished = path.with_extension("tmp");
        let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&unfinished)?;
        file.write_all(&vec![0; bytes as usize])?;
        fs::rename(unfinished, path)?;
        Ok(file)
    }

    fn write_journal(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        Disk.write_journal(file, offset, bytes)
    }

    fn sync_journal(&self, _: &File) -> io::Result<()> {
        Ok(())
    }

    fn write_file(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        fs::write(path.with_extension("tmp"), content)?;
        fs::rename(path.with_extension("tmp"), path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path).map(drop)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        Disk.remove_file(path)
    }
}

pub struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    pub fn new() -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        Ledger::create(&site.ledger(), &keys(), ORIGIN).unwrap();
        site
    }

    /// A site with a copy of another's ledger.
    pub fn like(other: &Path) -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        copy(other, &site.ledger());
        site
    }

    pub fn ledger(&self) -> PathBuf {
        self.folder.path().join("ledger")
    }

    pub fn open(&self) -> (Ledger, Vec<(EntryNumber, Entry)>) {
        let (ledger, replay) = self.open_with(options(Arc::new(Unsynced))).unwrap();
        let entries = replay.map(Result::unwrap).collect();
        (ledger, entries)
    }

    pub fn open_with(&self, options: LedgerOptions) -> Result<(Ledger, Replay), OpenError> {
        Ledger::open_with(&self.ledger(), keys(), ORIGIN, options)
    }
}

/// Small journal files, and tiles that are written only when asked for by number.
pub fn options(io: Arc<dyn LedgerIo>) -> LedgerOptions {
    LedgerOptions { io, journal_bytes: 16 * 1024, publish_entries: 50, publish_after: Duration::from_millis(5) }
}

/// Keeps everything in the journal until the ledger closes.
pub fn unpublished() -> LedgerOptions {
    LedgerOptions { publish_entries: u64::MAX, publish_after: Duration::from_secs(3600), ..options(Arc::new(Unsynced)) }
}

/// Entry `n` of a story in which nothing is alike.
pub fn opened(n: u64) -> (Actor, EntryBody) {
    let person = PersonId(n as u32 % 7);
    let actor =
        Actor::Person { person, session: SessionId([n as u8; 16]), origin: Origin(format!("192.0.2.{}", n % 200)) };
    let body = EntryBody::Opened {
        patient: PatientNumber(n as u32),
        study: StudyNumber(n as u32 * 2),
        scope: OpenScope::Images,
        lease_until: START.plus_seconds(n as i64 + 300),
    };
    (actor, body)
}

/// Appends the entries of these numbers, one by one.
pub fn append(ledger: &Ledger, numbers: std::ops::Range<u64>) {
    for n in numbers {
        let appended = ledger.append(vec![opened(n)], START.plus_seconds(n as i64)).unwrap();
        assert_eq!(appended[0].0, EntryNumber(n));
    }
}

/// Asserts that entries are those of the story, from 0.
#[track_caller]
pub fn assert_story(entries: &[(EntryNumber, Entry)], count: u64) {
    assert_eq!(entries.len() as u64, count);
    for (n, (number, entry)) in (0..).zip(entries) {
        let (actor, body) = opened(n);
        assert_eq!(*number, EntryNumber(n));
        assert_eq!((&entry.actor, &entry.body), (&actor, &body), "entry {n}");
    }
}

/// Every file of a folder, as paths inside it, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path.strip_prefix(folder).unwrap().to_owned()) }
        }
    }
    found.sort();
    found
}

/// Copies a folder. What an open ledger is only just making is left out: it may be gone before it is read.
pub fn copy(from: &Path, to: &Path) {
    for file in files(from).into_iter().filter(|file| file.extension().is_none_or(|extension| extension != "tmp")) {
        let target = to.join(&file);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(from.join(&file), target).unwrap();
    }
    std::fs::create_dir_all(to.join("journal")).unwrap();
    std::fs::create_dir_all(to.join("payload")).unwrap();
    std::fs::create_dir_all(to.join("tile")).unwrap();
}
