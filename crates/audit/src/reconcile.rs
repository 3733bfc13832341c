//! Two folders at a start: which one is right when they differ.
//!
//! The second folder may be longer than the first for three reasons. The first one's disk failed for a while: then the second
//! folder says so, and a flag beside the ledger, because both were told before anybody was answered without the first. Or the machine ended while a group was
//! written: then what is more is the last record of its journal. Or the first was rolled back, with or without its machine:
//! then nothing says so, and the owner decides.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::io::{Disk, LedgerIo};
use crate::journal;
use crate::open::{Recovered, begin_origin, recover};
use crate::rejoin::{MARK, RejoinError, catch_up};
use crate::{Ahead, Checkpoint, LedgerKeys};

/// The file in a second folder's place that says up to where the first one came.
const AWAY: &str = "first-away.json";
/// The same beside the ledger, for a start at which the second folder's place is not there: one byte. It is made beforehand and
/// overwritten in place, which needs no space on a disk that is full.
const FLAG: &str = "witnesses/first-away";
const FLAG_AWAY: &[u8] = b"1";
const FLAG_THERE: &[u8] = b"0";

#[derive(Serialize, Deserialize)]
struct FirstAway {
    size: u64,
}

/// Where the ledger lies in the place of a second folder.
#[must_use]
pub fn sink_ledger(place: &Path) -> PathBuf {
    place.join("ledger")
}

/// Marks a place for a second folder.
pub fn mark_sink(place: &Path) -> io::Result<()> {
    fs::create_dir_all(place)?;
    Disk.write_file(&place.join(MARK), b"{\"version\":1}\n")?;
    Disk.sync_directory(place)
}

fn flag(ledger: &Path) -> io::Result<PathBuf> {
    Ok(ledger.parent().ok_or(io::ErrorKind::NotFound)?.join(FLAG))
}

/// Makes the flag beside a ledger, if it is not there.
pub(crate) fn prepare_flag(ledger: &Path) -> io::Result<()> {
    let flag = flag(ledger)?;
    if flag.is_file() {
        return Ok(());
    }
    let folder = flag.parent().ok_or(io::ErrorKind::NotFound)?;
    fs::create_dir_all(folder)?;
    Disk.write_file(&flag, FLAG_THERE)?;
    Disk.sync_directory(folder)
}

fn set_flag(ledger: &Path, value: &[u8]) -> io::Result<()> {
    prepare_flag(ledger)?;
    let file = fs::File::options().write(true).open(flag(ledger)?)?;
    file.write_all_at(value, 0)?;
    file.sync_data()
}

/// Whether a second folder holds entries that were answered and that the ledger in `ledger` has not, as far as it was told.
pub fn first_is_away(ledger: &Path) -> io::Result<bool> {
    match fs::read(flag(ledger)?) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        value => Ok(value? != FLAG_THERE),
    }
}

/// What only a second folder held is given up.
pub fn forget_first_away(ledger: &Path) -> io::Result<()> {
    if first_is_away(ledger)? { set_flag(ledger, FLAG_THERE) } else { Ok(()) }
}

/// Says beside the ledger and in every second folder that is there up to where the first folder came.
pub(crate) fn say_away(ledger: &Path, seconds: &[PathBuf], first: u64) -> io::Result<()> {
    let flagged = set_flag(ledger, FLAG_AWAY);
    seconds.iter().map(|dir| say_first_away(dir, first)).fold(flagged, Result::and)
}

/// Says that the first folder holds everything again. A crash in between leaves what a second folder says, which then is no more
/// than the first one has.
pub(crate) fn say_back(ledger: &Path, seconds: &[PathBuf]) -> io::Result<()> {
    forget_first_away(ledger)?;
    seconds.iter().try_for_each(|dir| say_first_back(dir))
}

fn say_first_away(dir: &Path, size: u64) -> io::Result<()> {
    let place = dir.parent().ok_or(io::ErrorKind::NotFound)?;
    let json = serde_json::to_vec(&FirstAway { size }).map_err(io::Error::other)?;
    Disk.write_file(&place.join(AWAY), &json)?;
    Disk.sync_directory(place)
}

fn say_first_back(dir: &Path) -> io::Result<()> {
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
    /// It holds no ledger yet.
    Empty,
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
        return Ok(Reconciled::Empty);
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
        back(dir, second);
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
            if other.origin != first.origin {
                begin_origin(dir, keys, &other.origin, &first.published.frontier(), &Disk)?;
            }
            back(dir, second);
            Ok(Reconciled::TakenOver(theirs - ours))
        }
        Err(RejoinError::Forked) => Ok(Reconciled::Ahead(shown())),
        // whatever came behind it now would be another history
        Err(error) if !accepted => {
            tracing::error!(%error, "what only the second folder of the ledger holds cannot be taken over");
            Ok(Reconciled::Ahead(shown()))
        }
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
fn back(ledger: &Path, second: PathBuf) {
    if let Err(error) = say_back(ledger, &[second]) {
        tracing::warn!(%error, "it is still said that the first folder of the ledger is away");
    }
}

impl Ahead {
    /// How many entries the note signs for, if it is this site's.
    #[must_use]
    pub fn size(&self, verifier: &crate::NoteVerifier) -> Option<u64> {
        Checkpoint::open(self.note.as_bytes(), verifier).ok().map(|shown| shown.size)
    }
}
