//! Two folders at a start: which one is right when they differ.
//!
//! The second folder may be longer than the first for three reasons. The first one's disk failed for a while: then the second
//! folder says so, because it was told before anybody was answered without the first. Or the machine ended while a group was
//! written: then what is more is the last record of its journal. Or the first was rolled back, with or without its machine:
//! then nothing says so, and the owner decides.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::io::{Disk, LedgerIo};
use crate::journal;
use crate::open::{Recovered, recover};
use crate::rejoin::{MARK, RejoinError, catch_up};
use crate::{Ahead, Checkpoint, LedgerKeys};

/// The file in a second folder's place that says up to where the first one came.
const AWAY: &str = "first-away.json";

#[derive(Serialize, Deserialize)]
struct FirstAway {
    size: u64,
}

/// Where the ledger lies in the place of a second folder.
#[must_use]
pub fn sink_ledger(place: &Path) -> std::path::PathBuf {
    place.join("ledger")
}

/// Marks a place for a second folder.
pub fn mark_sink(place: &Path) -> io::Result<()> {
    fs::create_dir_all(place)?;
    Disk.write_file(&place.join(MARK), b"{\"version\":1}\n")?;
    Disk.sync_directory(place)
}

pub(crate) fn say_first_away(dir: &Path, size: u64) -> io::Result<()> {
    let place = dir.parent().ok_or(io::ErrorKind::NotFound)?;
    let json = serde_json::to_vec(&FirstAway { size }).map_err(io::Error::other)?;
    Disk.write_file(&place.join(AWAY), &json)?;
    Disk.sync_directory(place)
}

pub(crate) fn say_first_back(dir: &Path) -> io::Result<()> {
    let place = dir.parent().ok_or(io::ErrorKind::NotFound)?;
    match fs::remove_file(place.join(AWAY)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Disk.sync_directory(place),
    }
}

/// What the second folder said at a start.
#[derive(Debug)]
pub enum Reconciled {
    /// It holds no more than the first.
    Behind,
    /// The first had failed for a while; these many entries were taken over from the second.
    TakenOver(u64),
    /// It holds a history that the first does not continue; this shows it.
    Ahead(Ahead),
}

/// Compares the ledger in `dir` with its second folder in `place`, both closed. With `accepted`, what the second holds
/// more is taken over although nothing says that the first had failed.
pub fn reconcile(
    dir: &Path,
    place: &Path,
    keys: &LedgerKeys,
    base: &str,
    accepted: bool,
) -> Result<Reconciled, RejoinError> {
    let second = sink_ledger(place);
    if !place.join(MARK).is_file() {
        return Err(RejoinError::Place);
    }
    if !second.join(crate::tile::VKEY).is_file() {
        return Ok(Reconciled::Behind);
    }
    let mut first: Recovered = recover(dir, keys, base, &Disk)?;
    let ours = first.published.size();
    if in_one_record(&second, ours)? {
        // crash after this: the second folder says so at the next start
        say_first_away(&second, ours)?;
    }
    let other = recover(&second, keys, base, &Disk)?;
    let theirs = other.published.size();
    if theirs <= ours {
        back(&second);
        return Ok(Reconciled::Behind);
    }
    let said = fs::read(place.join(AWAY)).ok().and_then(|json| serde_json::from_slice::<FirstAway>(&json).ok());
    let legitimate = accepted || said.is_some_and(|said| said.size <= ours);
    let shown = || Ahead { witness: place.display().to_string(), note: other.note.clone() };
    if !legitimate {
        return Ok(Reconciled::Ahead(shown()));
    }
    let note = first.note.clone();
    match catch_up(&mut first.published, &second, &Disk, note) {
        Ok(_) => {
            back(&second);
            Ok(Reconciled::TakenOver(theirs - ours))
        }
        Err(RejoinError::Forked) => Ok(Reconciled::Ahead(shown())),
        Err(error) => Err(error),
    }
}

/// Whether everything that a second folder holds beyond `ours` is one record of its journal. Then the machine ended while a
/// group was written: it is whole there and not in the first folder, and nobody was answered; or it was answered, and is taken
/// over as well. A folder that was rolled back by no more than that loses nothing by it.
fn in_one_record(second: &Path, ours: u64) -> io::Result<bool> {
    // what does not fit together is named when it is recovered
    let journal = journal::read(second)?.unwrap_or_default();
    Ok(journal.records.last().is_some_and(|last| last.first <= ours && last.end() > ours))
}

/// The first folder holds what the second does.
fn back(second: &Path) {
    if let Err(error) = say_first_back(second) {
        tracing::warn!(%error, "a second folder still says that the first is away");
    }
}

impl Ahead {
    /// How many entries the note signs for, if it is this site's.
    #[must_use]
    pub fn size(&self, verifier: &crate::NoteVerifier) -> Option<u64> {
        Checkpoint::open(self.note.as_bytes(), verifier).ok().map(|shown| shown.size)
    }
}
