//! The ledger as the warden uses it: opening, appending, reading.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use model::{Actor, Entry, EntryBody, EntryNumber, Instant};
use policy::Grant;
use seal::{RootSecret, Secret32, SigningKey};
use thiserror::Error;

use crate::io::{Disk, LedgerIo};
use crate::journal;
use crate::leaf::SealedEntry;
use crate::note::{Checkpoint, NoteError, NoteVerifier};
use crate::payload::{PayloadError, PayloadKeys, PayloadSealer};
use crate::pending::{Appended, Pending, PendingReceipt, pending};
use crate::publisher::Publisher;
use crate::read::{ReadError, Replay, load, read_bundle};
use crate::sequencer::{AppendError, Observer, Request, Sequencer, Shared, State};
use crate::tile::{CHECKPOINT, JOURNAL, LOCK, PAYLOAD, TILE, TILE_WIDTH, VKEY};

/// What a ledger is written with.
///
/// Who holds the signing key can make checkpoints that pass for the site's; who holds the payload secret reads every
/// entry. Losing both costs the entries' content; what the files prove stays.
pub struct LedgerKeys {
    signing: SigningKey,
    payload: Secret32,
}

impl LedgerKeys {
    /// Takes the keys.
    #[must_use]
    pub fn new(signing: SigningKey, payload: Secret32) -> Self {
        Self { signing, payload }
    }

    /// The keys that derive from a site's root (labels `site signing key v1` and `ledger payload v1`).
    #[must_use]
    pub fn from_root(root: &RootSecret) -> Self {
        Self { signing: root.site_signing_key(), payload: root.derive("ledger payload v1") }
    }

    /// What checks this site's checkpoints.
    #[must_use]
    pub fn verifier(&self, origin: &str) -> NoteVerifier {
        NoteVerifier::new(origin, self.signing.verifying_key())
    }

    /// What opens every payload.
    #[must_use]
    pub fn payload_keys(&self) -> PayloadKeys {
        PayloadKeys::All(self.payload.clone())
    }
}

/// How a ledger is written. The default is right for everything but tests.
pub struct LedgerOptions {
    /// The disk.
    pub io: Arc<dyn LedgerIo>,
    /// Bytes of a journal file. Losing it costs nothing that tiles hold already.
    pub journal_bytes: u64,
    /// Tiles and checkpoint are written when this many entries wait ...
    pub publish_entries: u64,
    /// ... or this long after an entry.
    pub publish_after: Duration,
}

impl Default for LedgerOptions {
    fn default() -> Self {
        Self {
            io: Arc::new(Disk),
            journal_bytes: 4 * 1024 * 1024,
            publish_entries: 4096,
            publish_after: Duration::from_secs(1),
        }
    }
}

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

/// An append-only ledger in a folder (`DIR/ledger`), written by one process.
///
/// Closing it, by dropping it, ends both threads after what was appended is durable and published.
pub struct Ledger {
    dir: PathBuf,
    origin: String,
    payload: Secret32,
    shared: Arc<Shared>,
    requests: Option<Sender<Request>>,
    threads: Vec<JoinHandle<()>>,
    _lock: File,
}

impl Ledger {
    /// Makes an empty ledger in `dir`, which must not hold one. `origin` is the checkpoint's origin line,
    /// `leadglass/<site id>`.
    pub fn create(dir: &Path, keys: &LedgerKeys, origin: &str) -> Result<(), OpenError> {
        create(dir, keys, origin, &Disk)
    }

    /// Opens the ledger in `dir`. The replay gives every entry that is there, from the first.
    ///
    /// What a crash left in the journal is published by the function that publishes every second. A record that was
    /// not finished, and so never answered, is cut away; [`Replay::unfinished_bytes`] says so.
    pub fn open(dir: &Path, keys: LedgerKeys, origin: &str) -> Result<(Self, Replay), OpenError> {
        Self::open_with(dir, keys, origin, LedgerOptions::default())
    }

    /// The same, written in another way.
    pub fn open_with(
        dir: &Path,
        keys: LedgerKeys,
        origin: &str,
        options: LedgerOptions,
    ) -> Result<(Self, Replay), OpenError> {
        let LedgerOptions { io, journal_bytes, publish_entries, publish_after } = options;
        let lock = lock(dir)?;
        let verifier = keys.verifier(origin);
        if fs::read(dir.join(VKEY))? != vkey_file(&verifier).as_bytes() {
            return Err(OpenError::OtherSite);
        }
        let (mut published, note) = load(dir, &verifier)?;
        make_folders(dir)?;
        let journal =
            journal::read(dir)?.map_err(|journal::Damage { path, offset }| OpenError::Journal { path, offset })?;
        let tail = unpublished(&journal, published.frontier(), &verifier)?;
        if journal.unfinished_bytes > 0 {
            tracing::warn!(bytes = journal.unfinished_bytes, "the journal ended in a record that was never answered");
        }
        let note = match tail {
            Some((entries, tail_note)) => {
                published.publish(io.as_ref(), &entries, &tail_note)?;
                tail_note
            }
            None => note,
        };
        // crash here: the journal is read again, and everything in it is published already
        for path in &journal.files {
            io.remove_file(path)?;
            io.sync_directory(&dir.join(JOURNAL))?;
        }

        let frontier = published.frontier();
        let mut sealer = PayloadSealer::new(keys.payload_keys(), origin);
        let recorded = match published.last(dir)? {
            Some(last) => {
                let number = EntryNumber(frontier.size() - 1);
                sealer.open(number, &last).map_err(OpenError::LastEntry)?.recorded
            }
            None => Instant(i64::MIN),
        };
        let replay = Replay::new(
            dir,
            frontier.clone(),
            published.bundle().to_vec(),
            PayloadSealer::new(keys.payload_keys(), origin),
            journal.unfinished_bytes,
        );
        let shared = Arc::new(Shared::new(State {
            recent_from: published.size() / TILE_WIDTH * TILE_WIDTH,
            recent: VecDeque::from(published.bundle().to_vec()),
            published: published.size(),
            note,
            size: published.size(),
            spare: None,
            spare_wanted: false,
            full: Vec::new(),
            next_file: journal.next_file,
            stopped: false,
            closing: false,
        }));
        let (requests, receiver) = channel();
        let sequencer = Sequencer {
            io: Arc::clone(&io),
            shared: Arc::clone(&shared),
            dir: dir.to_owned(),
            origin: origin.to_owned(),
            signing: keys.signing,
            sealer,
            frontier,
            recorded,
            current: None,
            offset: 0,
            journal_bytes,
            publish_entries,
            stopped: None,
        };
        let publisher = Publisher {
            io,
            shared: Arc::clone(&shared),
            dir: dir.to_owned(),
            published,
            journal_bytes,
            publish_entries,
            publish_after,
            done: Vec::new(),
        };
        let threads = vec![
            thread::Builder::new().name("ledger-sequencer".to_owned()).spawn(move || sequencer.run(&receiver))?,
            thread::Builder::new().name("ledger-publisher".to_owned()).spawn(move || publisher.run())?,
        ];
        let ledger = Self {
            dir: dir.to_owned(),
            origin: origin.to_owned(),
            payload: keys.payload,
            shared,
            requests: Some(requests),
            threads,
            _lock: lock,
        };
        Ok((ledger, replay))
    }

    /// Has `observer` called for every entry recorded from now on, in order, before the append is answered.
    pub fn observe(&self, observer: Observer) {
        *self.shared.observer.lock().unwrap_or_else(PoisonError::into_inner) = Some(observer);
    }

    /// Records entries, all or none, and returns when they are durable. Blocks; [`Self::append_later`] does not.
    ///
    /// `recorded` is `now`, or the time of the entry before when that is later. The number of a
    /// [`EntryBody::Related`] is filled in.
    pub fn append(&self, entries: Vec<(Actor, EntryBody)>, now: Instant) -> Result<Appended, AppendError> {
        self.append_later(entries, now).wait()
    }

    /// The same, answered later: await it, or [`Pending::wait`].
    pub fn append_later(&self, entries: Vec<(Actor, EntryBody)>, now: Instant) -> Pending {
        let (promise, pending) = pending();
        if let Some(requests) = &self.requests {
            // when the sequencer is gone the promise is dropped, which answers that the ledger is closed
            let _ = requests.send(Request { entries, now, promise });
        }
        pending
    }

    /// Records what a grant allowed and turns the grant into a receipt. Await it, or [`PendingReceipt::wait`].
    pub fn record(&self, grant: Grant, actor: Actor, body: EntryBody, now: Instant) -> PendingReceipt {
        PendingReceipt::new(grant, self.append_later(vec![(actor, body)], now))
    }

    /// How many entries are durable.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.shared.lock().size
    }

    /// The signed checkpoint over every durable entry, as text. The file `checkpoint` follows within a second.
    #[must_use]
    pub fn checkpoint(&self) -> String {
        self.shared.lock().note.clone()
    }

    /// Reads at most `limit` entries from `from` on; at most [`Self::READ_ENTRIES_MAX`] at a time.
    pub fn read(&self, from: EntryNumber, limit: usize) -> Result<Vec<(EntryNumber, Entry)>, ReadError> {
        let mut sealer = PayloadSealer::new(PayloadKeys::All(self.payload.clone()), &self.origin);
        let (size, recent_from) = {
            let state = self.shared.lock();
            (state.size, state.recent_from)
        };
        let end = size.min(from.0.saturating_add(limit.min(Self::READ_ENTRIES_MAX) as u64));
        let mut entries = Vec::with_capacity(end.saturating_sub(from.0) as usize);
        let mut number = from.0;
        while number < end {
            let bundle: Vec<Arc<SealedEntry>> = if number < recent_from {
                read_bundle(&self.dir, number / TILE_WIDTH)?.into_iter().map(Arc::new).collect()
            } else {
                self.recent(number, end)
            };
            let start = if number < recent_from { number % TILE_WIDTH } else { 0 };
            if bundle.is_empty() {
                // published between the two looks: the bundle is on disk now
                return self.read(from, limit);
            }
            for sealed in bundle.iter().skip(start as usize).take((end - number) as usize) {
                let number_of_this = EntryNumber(number);
                entries.push((number_of_this, sealer.open(number_of_this, sealed)?));
                number += 1;
            }
        }
        Ok(entries)
    }

    /// The most entries that one [`Self::read`] gives.
    pub const READ_ENTRIES_MAX: usize = 10_000;

    fn recent(&self, from: u64, end: u64) -> Vec<Arc<SealedEntry>> {
        let state = self.shared.lock();
        if from < state.recent_from {
            return Vec::new();
        }
        let skip = (from - state.recent_from) as usize;
        state.recent.iter().skip(skip).take((end - from) as usize).cloned().collect()
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // the sequencer ends when the last request is answered, then the publisher publishes the rest
        self.requests = None;
        for (position, thread) in self.threads.drain(..).enumerate() {
            if thread.join().is_err() {
                tracing::error!("a thread of the ledger ended by a panic");
            }
            if position == 0 {
                self.shared.lock().closing = true;
                self.shared.wake.notify_all();
            }
        }
    }
}

fn vkey_file(verifier: &NoteVerifier) -> String {
    format!("{}\n", verifier.to_text())
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    if !dir.join(VKEY).is_file() {
        return Err(OpenError::Missing(dir.to_owned()));
    }
    let lock = File::options().create(true).truncate(false).write(true).open(dir.join(LOCK))?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            // a verifier holds it for an instant to see whether somebody writes
            Err(fs::TryLockError::WouldBlock) if attempt < 20 => thread::sleep(Duration::from_millis(10)),
            Err(fs::TryLockError::WouldBlock) => return Err(OpenError::Locked(dir.to_owned())),
            Err(fs::TryLockError::Error(error)) => return Err(error.into()),
        }
    }
}

fn create(dir: &Path, keys: &LedgerKeys, origin: &str, io: &dyn LedgerIo) -> Result<(), OpenError> {
    if dir.join(VKEY).exists() || dir.join(CHECKPOINT).exists() {
        return Err(OpenError::Exists(dir.to_owned()));
    }
    make_folders(dir)?;
    let empty = Checkpoint { origin: origin.to_owned(), size: 0, root: crate::merkle::Frontier::default().root() };
    io.write_file(&dir.join(CHECKPOINT), empty.sign(&keys.signing).as_bytes())?;
    // the key comes last: a folder without it holds no ledger
    io.write_file(&dir.join(VKEY), vkey_file(&keys.verifier(origin)).as_bytes())?;
    io.sync_directory(dir)?;
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        io.sync_directory(parent)?;
    }
    Ok(())
}

fn make_folders(dir: &Path) -> io::Result<()> {
    [TILE, PAYLOAD, JOURNAL].iter().try_for_each(|folder| fs::create_dir_all(dir.join(folder)))
}

type Tail = (Vec<Arc<SealedEntry>>, String);

/// What the journal holds beyond the checkpoint file, checked against the signed checkpoint of its last record.
fn unpublished(
    journal: &journal::Journal,
    mut frontier: crate::merkle::Frontier,
    verifier: &NoteVerifier,
) -> Result<Option<Tail>, OpenError> {
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
