//! What changes while a ledger is written to, read at a moment when it fitted together.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::VerifyError;
use crate::journal::{self, Damage, Journal};
use crate::note::{Checkpoint, NOTE_BYTES_MAX, NoteError, NoteVerifier};
use crate::publish::partial_places;
use crate::read::{BUNDLE_BYTES_MAX, read_limited};
use crate::tile::{CHECKPOINT, JOURNAL, LOCK, Place, VKEY};

/// How often a snapshot is tried while another process writes, and the pause between.
const ATTEMPTS: u32 = 200;
const PAUSE: Duration = Duration::from_millis(25);
/// The same finding this many times in a row is no race.
const STEADY: u32 = 12;
/// Bytes of the largest `site.vkey`.
const VKEY_BYTES_MAX: u64 = 1024;

/// What changes while the ledger is written to, read at a moment when it fitted together.
pub(crate) struct Snapshot {
    pub verifier: NoteVerifier,
    pub text: String,
    pub checkpoint: Checkpoint,
    /// Contents of the files at the right edge that are not full.
    pub partial: HashMap<Place, Vec<u8>>,
    pub journal: Journal,
    /// Every file that was there before the checkpoint was read, as paths inside the ledger's folder.
    pub files: Vec<PathBuf>,
}

impl Snapshot {
    pub fn take(dir: &Path) -> Result<Self, VerifyError> {
        let mut last = String::new();
        let mut steady = 0;
        for _ in 0..ATTEMPTS {
            let attempt = Self::attempt(dir);
            let finding = match &attempt {
                Ok(snapshot) if snapshot.journal.unfinished_bytes == 0 => return attempt,
                Ok(snapshot) => format!("{} unfinished after {}", snapshot.journal.unfinished_bytes, snapshot.text),
                Err(error) => format!("{error} after {:?}", read(&dir.join(CHECKPOINT), NOTE_BYTES_MAX as u64).ok()),
            };
            steady = if finding == last { steady + 1 } else { 1 };
            last = finding;
            if steady == STEADY || !is_written_to(dir) {
                return attempt;
            }
            thread::sleep(PAUSE);
        }
        Self::attempt(dir)
    }

    fn attempt(dir: &Path) -> Result<Self, VerifyError> {
        let files = list(dir)?;
        let (verifier, text, checkpoint) = read_head(dir)?;
        let mut partial = HashMap::new();
        for place in partial_places(checkpoint.size) {
            partial.insert(place, read(&dir.join(place.path()), BUNDLE_BYTES_MAX)?);
        }
        let journal = match journal::read(dir) {
            Ok(Ok(journal)) => journal,
            Ok(Err(Damage { path, offset })) => return Err(VerifyError::Journal { path, offset }),
            Err(source) => return Err(VerifyError::Io { path: dir.join(JOURNAL), source }),
        };
        if let Some(first) = journal.records.first().filter(|first| first.first > checkpoint.size) {
            return Err(VerifyError::Journal { path: first.path.clone(), offset: first.offset });
        }
        Ok(Self { verifier, text, checkpoint, partial, journal, files })
    }
}

/// The key, and the checkpoint file with what it says.
pub(crate) fn read_head(dir: &Path) -> Result<(NoteVerifier, String, Checkpoint), VerifyError> {
    if !dir.join(VKEY).exists() && !dir.join(CHECKPOINT).exists() {
        return Err(VerifyError::Missing(dir.to_owned()));
    }
    let vkey = read(&dir.join(VKEY), VKEY_BYTES_MAX)?;
    let vkey = std::str::from_utf8(&vkey).ok().and_then(|text| text.strip_suffix('\n'));
    let verifier = vkey.ok_or(NoteError::VerifierKey).and_then(NoteVerifier::parse).map_err(VerifyError::Key)?;
    let note = read(&dir.join(CHECKPOINT), NOTE_BYTES_MAX as u64)?;
    let checkpoint = Checkpoint::open(&note, &verifier).map_err(VerifyError::Checkpoint)?;
    let text = String::from_utf8(note).map_err(|_| VerifyError::Checkpoint(NoteError::Shape))?;
    Ok((verifier, text, checkpoint))
}

/// Reads a file, and names it when that fails.
pub(crate) fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, VerifyError> {
    read_limited(path, bytes_max).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => VerifyError::FileMissing(path.to_owned()),
        _ => VerifyError::Io { path: path.to_owned(), source },
    })
}

/// Whether a process holds the ledger open for writing.
fn is_written_to(dir: &Path) -> bool {
    // a writer that starts at this very moment tries again, so holding the lock for an instant harms nobody
    File::open(dir.join(LOCK)).is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
}

/// Every file in a folder, as paths inside it.
fn list(dir: &Path) -> Result<Vec<PathBuf>, VerifyError> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let path = dir.join(&folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(VerifyError::Io { path, source }),
        };
        for entry in entries {
            let kind = entry.and_then(|entry| Ok((entry.file_type()?, entry.file_name())));
            let (kind, name) = kind.map_err(|source| VerifyError::Io { path: path.clone(), source })?;
            let inside = folder.join(name);
            if kind.is_dir() { folders.push(inside) } else { files.push(inside) }
        }
    }
    files.sort_unstable();
    Ok(files)
}
