//! Making a ledger, and opening it after whatever ended the process before.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use model::{EntryNumber, Instant};
use thiserror::Error;

use crate::LedgerKeys;
use crate::io::LedgerIo;
use crate::journal::{self, Damage, Journal};
use crate::leaf::SealedEntry;
use crate::merkle::Frontier;
use crate::note::{Checkpoint, NOTE_BYTES_MAX, NoteError, NoteVerifier};
use crate::payload::{PayloadError, PayloadSealer};
use crate::publish::Published;
use crate::read::{load, read_limited};
use crate::tile::{CHECKPOINT, JOURNAL, LOCK, PAYLOAD, TILE, VKEY};

/// How often the lock is tried, and the pause between: a verifier holds it for an instant to see who writes.
const LOCK_ATTEMPTS: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Why a ledger does not open.
#[derive(Debug, Error)]
pub enum OpenError {
    /// There is none.
    #[error("there is no ledger in {}; make the site with `leadglass init`, or restore the folder from the vault", .0.display())]
    Missing(PathBuf),
    /// There is one already.
    #[error("there is a ledger in {} already; nothing was changed", .0.display())]
    Exists(PathBuf),
    /// Another process writes it.
    #[error("another process writes the ledger in {}; end it first", .0.display())]
    Locked(PathBuf),
    /// The folder cannot be read or written.
    #[error("the ledger's folder cannot be used; look at its permissions and at the disk")]
    Io(#[from] io::Error),
    /// The public key in the folder is another site's.
    #[error("the ledger belongs to another site or another root secret; open it with its own")]
    OtherSite,
    /// The checkpoint file does not hold.
    #[error("the ledger's checkpoint does not hold ({0}); restore the ledger's folder from the vault")]
    Checkpoint(NoteError),
    /// A file that the checkpoint covers is missing or was changed.
    #[error("{} is missing or was changed after it was signed for; restore the ledger's folder from the vault", .0.display())]
    Changed(PathBuf),
    /// The journal was changed: this is not what a crash leaves.
    #[error("the journal {} was changed at byte {offset}; this is not what a crash leaves, restore the ledger's folder from the vault", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// Where it stops making sense.
        offset: u64,
    },
    /// The last entry does not open.
    #[error("the ledger's last entry cannot be read: {0}")]
    LastEntry(PayloadError),
}

/// A ledger's files, brought to where the journal was.
pub(crate) struct Recovered {
    /// Held while it lives; nothing when the caller holds it.
    pub lock: Option<File>,
    /// The origin line of its checkpoints.
    pub origin: String,
    pub published: Published,
    /// The signed checkpoint over all of it.
    pub note: String,
    /// When the last entry was recorded.
    pub recorded: Instant,
    /// Number of the next journal file.
    pub next_file: u64,
    /// Bytes of a record that was not finished and never answered.
    pub unfinished_bytes: u64,
}

/// Publishes what the journal holds, by the function that publishes every second, and removes the journal.
pub(crate) fn recover(dir: &Path, keys: &LedgerKeys, base: &str, io: &dyn LedgerIo) -> Result<Recovered, OpenError> {
    let held = lock(dir)?;
    let recovered = recover_locked(dir, keys, base, io)?;
    Ok(Recovered { lock: Some(held), ..recovered })
}

/// The same for who holds the lock.
pub(crate) fn recover_locked(
    dir: &Path,
    keys: &LedgerKeys,
    base: &str,
    io: &dyn LedgerIo,
) -> Result<Recovered, OpenError> {
    let mut origin = log_origin(dir, base);
    if let Some(later) = begun_origin(dir, keys, base, &origin) {
        finish_renewal(dir, keys, &later, io)?;
        origin = later;
    }
    let verifier = keys.verifier(&origin);
    if fs::read(dir.join(VKEY))? != vkey_file(&verifier).as_bytes() {
        return Err(OpenError::OtherSite);
    }
    let (mut published, mut note) = load(dir, &verifier)?;
    make_folders(dir, io)?;
    let journal = journal::read(dir)?.map_err(|Damage { path, offset }| OpenError::Journal { path, offset })?;
    if journal.unfinished_bytes > 0 {
        tracing::warn!(bytes = journal.unfinished_bytes, "the journal ended in a record that was never answered");
    }
    if let Some((entries, tail_note)) = unpublished(&journal, published.frontier(), &verifier)? {
        published.publish(io, &entries, &tail_note)?;
        note = tail_note;
    }
    // crash here: the journal is read again, and everything in it is published already
    for path in &journal.files {
        io.remove_file(path)?;
        io.sync_directory(&dir.join(JOURNAL))?;
    }
    let recorded = match published.last(dir)? {
        Some(last) => {
            let mut sealer = PayloadSealer::new(keys.payload_keys(), base);
            sealer.open(EntryNumber(published.size() - 1), &last).map_err(OpenError::LastEntry)?.recorded
        }
        None => Instant(i64::MIN),
    };
    let Journal { next_file, unfinished_bytes, .. } = journal;
    Ok(Recovered { lock: None, origin, published, note, recorded, next_file, unfinished_bytes })
}

fn vkey_file(verifier: &NoteVerifier) -> String {
    format!("{}\n", verifier.to_text())
}

pub(crate) fn lock(dir: &Path) -> Result<File, OpenError> {
    if !dir.join(VKEY).is_file() {
        return Err(OpenError::Missing(dir.to_owned()));
    }
    let lock = File::options().create(true).truncate(false).write(true).open(dir.join(LOCK))?;
    for attempt in 1.. {
        match lock.try_lock() {
            Ok(()) => break,
            Err(fs::TryLockError::WouldBlock) if attempt < LOCK_ATTEMPTS => thread::sleep(LOCK_PAUSE),
            Err(fs::TryLockError::WouldBlock) => return Err(OpenError::Locked(dir.to_owned())),
            Err(fs::TryLockError::Error(error)) => return Err(error.into()),
        }
    }
    Ok(lock)
}

/// Makes an empty ledger.
pub(crate) fn create(dir: &Path, keys: &LedgerKeys, origin: &str, io: &dyn LedgerIo) -> Result<(), OpenError> {
    if dir.join(VKEY).exists() || dir.join(CHECKPOINT).exists() {
        return Err(OpenError::Exists(dir.to_owned()));
    }
    make_folders(dir, io)?;
    let empty = Checkpoint { origin: origin.to_owned(), size: 0, root: Frontier::default().root() };
    io.write_file(&dir.join(CHECKPOINT), empty.sign(&keys.signing).as_bytes())?;
    // the key comes last: a folder without it holds no ledger
    io.write_file(&dir.join(VKEY), vkey_file(&keys.verifier(origin)).as_bytes())?;
    io.sync_directory(dir)?;
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        io.sync_directory(parent)?;
    }
    Ok(())
}

/// A record counts once it is synced, so the journal's own name must be durable before; a process that was killed may have
/// made the folders and not come further.
fn make_folders(dir: &Path, io: &dyn LedgerIo) -> io::Result<()> {
    [TILE, PAYLOAD, JOURNAL].iter().try_for_each(|folder| fs::create_dir_all(dir.join(folder)))?;
    io.sync_directory(dir)
}

/// The origin line of a ledger's checkpoints: what the key in the folder is named. It is `base`, or `base/<n>` once a
/// loss was accepted n - 1 times: a witness knows the ledger from there on as another one.
pub(crate) fn log_origin(dir: &Path, base: &str) -> String {
    let vkey = fs::read_to_string(dir.join(VKEY)).unwrap_or_default();
    let name = NoteVerifier::parse(vkey.trim_end()).map(|verifier| verifier.name().to_owned()).unwrap_or_default();
    if generation(&name, base).is_some() { name } else { base.to_owned() }
}

/// How often this origin was begun: 1 for `base`, n for `base/<n>`.
fn generation(origin: &str, base: &str) -> Option<u64> {
    let rest = origin.strip_prefix(base)?;
    if rest.is_empty() {
        return Some(1);
    }
    rest.strip_prefix('/').and_then(crate::decimal).filter(|generation| *generation > 1)
}

/// The origin that payloads are bound to, which never changes: the first two parts of the checkpoint's.
pub(crate) fn payload_origin(origin: &str) -> &str {
    origin.match_indices('/').nth(1).map_or(origin, |(position, _)| &origin[..position])
}

/// Has the ledger's checkpoints begin under a new origin line, with the entries that are there; the old and the new.
pub(crate) fn renew(
    dir: &Path,
    keys: &LedgerKeys,
    base: &str,
    io: &dyn LedgerIo,
) -> Result<(String, String), OpenError> {
    let old = log_origin(dir, base);
    let recovered = recover(dir, keys, base, io)?;
    let new = format!("{base}/{}", generation(&old, base).unwrap_or(1) + 1);
    begin_origin(dir, keys, &new, &recovered.published.frontier(), io)?;
    Ok((old, new))
}

/// Has the checkpoint in a folder be of another origin line, over what it holds.
pub(crate) fn begin_origin(
    dir: &Path,
    keys: &LedgerKeys,
    origin: &str,
    frontier: &Frontier,
    io: &dyn LedgerIo,
) -> io::Result<String> {
    let checkpoint = Checkpoint { origin: origin.to_owned(), size: frontier.size(), root: frontier.root() };
    let note = checkpoint.sign(&keys.signing);
    io.write_file(&dir.join(CHECKPOINT), note.as_bytes())?;
    io.sync_directory(dir)?;
    // crash here: the key in the folder is of the old line, and opening does the rest
    finish_renewal(dir, keys, origin, io)?;
    Ok(note)
}

/// The origin line of a checkpoint that is later than the key in the folder: what begins a line was not finished.
fn begun_origin(dir: &Path, keys: &LedgerKeys, base: &str, origin: &str) -> Option<String> {
    let note = read_limited(&dir.join(CHECKPOINT), NOTE_BYTES_MAX as u64).ok()?;
    let named = std::str::from_utf8(&note).ok()?.lines().next()?.to_owned();
    let later = generation(&named, base)? > generation(origin, base)?;
    (later && Checkpoint::open(&note, &keys.verifier(&named)).is_ok()).then_some(named)
}

fn finish_renewal(dir: &Path, keys: &LedgerKeys, origin: &str, io: &dyn LedgerIo) -> io::Result<()> {
    io.write_file(&dir.join(VKEY), vkey_file(&keys.verifier(origin)).as_bytes())?;
    io.sync_directory(dir)
}

type Tail = (Vec<Arc<SealedEntry>>, String);

/// What the journal holds beyond the checkpoint file, checked against the signed checkpoint of its last record.
fn unpublished(journal: &Journal, mut frontier: Frontier, verifier: &NoteVerifier) -> Result<Option<Tail>, OpenError> {
    let published = frontier.size();
    let damaged = |record: usize| OpenError::Journal {
        path: journal.records[record].path.clone(),
        offset: journal.records[record].offset,
    };
    let mut entries = Vec::new();
    let mut note = None;
    for (position, record) in journal.records.iter().enumerate().filter(|(_, record)| record.end() > published) {
        // records end where checkpoints do, so none lies on both sides of one, and none may be missing
        if record.first != frontier.size() {
            return Err(damaged(position));
        }
        for entry in &record.entries {
            frontier.push(entry.leaf.hash());
            entries.push(Arc::new(entry.clone()));
        }
        note = Some((position, &record.note));
    }
    let Some((position, note)) = note else { return Ok(None) };
    let checkpoint = Checkpoint::open(note.as_bytes(), verifier).map_err(|_| damaged(position))?;
    if checkpoint.size != frontier.size() || checkpoint.root != frontier.root() {
        return Err(damaged(position));
    }
    Ok(Some((entries, note.clone())))
}
