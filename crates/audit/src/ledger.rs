//! The ledger as the warden uses it: opening, appending, reading.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use model::{Actor, Entry, EntryBody, EntryNumber, Instant, Kept};
use policy::Grant;
use seal::{RootSecret, Secret32, SigningKey};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::io::{Disk, LedgerIo};
use crate::leaf::{Leaf, SealedEntry};
use crate::note::{Checkpoint, NoteVerifier};
use crate::open::{OpenError, Recovered, create, recover, renew};
use crate::payload::{PayloadError, PayloadKeys, PayloadSealer, SALT_BYTES};
use crate::pending::{Appended, Pending, PendingReceipt, pending};
use crate::proof::{ProofError, Prover};
use crate::publish::Published;
use crate::publisher::Publisher;
use crate::read::{ReadError, read_bundle};
use crate::reconcile::{prepare_flag, sink_ledger};
use crate::replay::Replay;
use crate::sequencer::{AppendError, Observer, Request, Sequencer, Shared, State};
use crate::sink::{JournalWriter, SinkState};
use crate::tile::TILE_WIDTH;

/// What a ledger is written with.
///
/// Who holds the signing key can make checkpoints that pass for the site's; who holds the payload secret reads every
/// entry. Losing both costs the entries' content; what the files prove stays.
pub struct LedgerKeys {
    pub(crate) signing: SigningKey,
    /// The last one seals.
    payloads: Vec<Secret32>,
}

impl LedgerKeys {
    /// Takes the keys.
    #[must_use]
    pub fn new(signing: SigningKey, payload: Secret32) -> Self {
        Self { signing, payloads: vec![payload] }
    }

    /// The same with secrets that payloads were sealed under before, oldest first: they open, and seal nothing any more.
    #[must_use]
    pub fn with_former(mut self, former: Vec<Secret32>) -> Self {
        self.payloads.splice(..0, former);
        self
    }

    /// The keys that derive from a site's root (labels `site signing key v1` and `ledger payload v1`).
    #[must_use]
    pub fn from_root(root: &RootSecret) -> Self {
        Self::new(root.site_signing_key(), root.derive("ledger payload v1"))
    }

    /// What checks this site's checkpoints.
    #[must_use]
    pub fn verifier(&self, origin: &str) -> NoteVerifier {
        NoteVerifier::new(origin, self.signing.verifying_key())
    }

    /// What opens every payload.
    #[must_use]
    pub fn payload_keys(&self) -> PayloadKeys {
        PayloadKeys::All(self.payloads.clone())
    }
}

/// An entry's number, salt, JSON, and what the JSON says.
pub(crate) type Plain = (EntryNumber, Vec<u8>, String, Entry);

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

/// An append-only ledger in a folder (`DIR/ledger`), written by one process.
///
/// Closing it, by dropping it, ends both threads after what was appended is durable and published.
pub struct Ledger {
    dir: PathBuf,
    /// What checks its checkpoints.
    verifier: NoteVerifier,
    /// What payloads are bound to.
    origin: String,
    keys: Arc<LedgerKeys>,
    shared: Arc<Shared>,
    requests: Option<Sender<Request>>,
    sequencer: Option<JoinHandle<()>>,
    /// One for each folder; each holds the lock of its own.
    publishers: Mutex<Vec<JoinHandle<()>>>,
    io: Arc<dyn LedgerIo>,
    journal_bytes: u64,
    publish_entries: u64,
    publish_after: Duration,
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
        let Recovered { lock, origin: log_origin, published, note, recorded, next_file, unfinished_bytes } =
            recover(dir, &keys, origin, io.as_ref())?;
        let frontier = published.frontier();
        let keys = Arc::new(keys);
        let sealer = || PayloadSealer::new(keys.payload_keys(), origin);
        let size = published.size();
        let mut first = SinkState::new(dir, size, &note, next_file);
        first.rejoin = Some(JournalWriter::new(Arc::clone(&io), dir, 0, journal_bytes));
        let shared = Arc::new(Shared::new(State {
            recent_from: size / TILE_WIDTH * TILE_WIDTH,
            recent: VecDeque::from(published.bundle().to_vec()),
            note,
            size,
            sinks: vec![first],
            erasures: BTreeMap::new(),
            held: false,
            closing: false,
        }));
        let last = published.bundle().to_vec();
        let replay = Replay::new(dir, frontier.clone(), last, sealer(), unfinished_bytes, Arc::clone(&shared));
        let verifier = keys.verifier(&log_origin);
        let (requests, receiver) = channel();
        let sequencer = Sequencer {
            shared: Arc::clone(&shared),
            origin: log_origin,
            sealer: sealer(),
            keys: Arc::clone(&keys),
            frontier,
            recorded,
            writers: Vec::new(),
            publish_entries,
            stopped: None,
            said_away: false,
        };
        let sequencer =
            thread::Builder::new().name("ledger-sequencer".to_owned()).spawn(move || sequencer.run(&receiver))?;
        let ledger = Self {
            dir: dir.to_owned(),
            verifier,
            origin: origin.to_owned(),
            keys,
            shared,
            requests: Some(requests),
            sequencer: Some(sequencer),
            publishers: Mutex::default(),
            io,
            journal_bytes,
            publish_entries,
            publish_after,
        };
        ledger.start_publisher(0, dir, Some(published), lock)?;
        Ok((ledger, replay))
    }

    /// Has every entry written to a second folder too, which lies in `place` on another disk. It is brought to the
    /// ledger's size by a thread of its own; [`Self::sinks`] says how far it is.
    pub fn add_sink(&self, place: &Path) -> Result<(), OpenError> {
        let dir = sink_ledger(place);
        if let Err(error) = prepare_flag(&self.dir) {
            tracing::warn!(%error, "the flag for a first folder that fails cannot be made beside the ledger");
        }
        let sink = {
            let mut state = self.shared.lock();
            if state.sinks.iter().any(|sink| sink.dir == dir) {
                return Ok(());
            }
            let note = state.note.clone();
            let mut sink = SinkState::new(&dir, 0, &note, 1);
            sink.away = Some("it was not read yet".to_owned());
            state.sinks.push(sink);
            state.sinks.len() - 1
        };
        self.start_publisher(sink, &dir, None, None)?;
        Ok(())
    }

    /// The folders that entries are written to, the ledger's own first.
    #[must_use]
    pub fn sinks(&self) -> Vec<SinkInfo> {
        let state = self.shared.lock();
        let info = |sink: &SinkState| SinkInfo {
            folder: sink.dir.clone(),
            away: sink.away.clone(),
            behind: state.size - sink.size.min(state.size),
            ahead: sink.ahead.clone(),
        };
        state.sinks.iter().map(info).collect()
    }

    fn start_publisher(
        &self,
        sink: usize,
        dir: &Path,
        published: Option<Published>,
        lock: Option<File>,
    ) -> Result<(), OpenError> {
        let publisher = Publisher {
            io: Arc::clone(&self.io),
            shared: Arc::clone(&self.shared),
            sink,
            dir: dir.to_owned(),
            published,
            keys: Arc::clone(&self.keys),
            base: self.origin.clone(),
            origin: self.verifier.name().to_owned(),
            lock,
            tried: false,
            journal_bytes: self.journal_bytes,
            publish_entries: self.publish_entries,
            publish_after: self.publish_after,
            done: Vec::new(),
        };
        let thread = thread::Builder::new().name(format!("ledger-publisher-{sink}")).spawn(move || publisher.run())?;
        self.publishers.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// Has `observer` called for every entry recorded from now on, in order, before the append is answered.
    pub fn observe(&self, observer: Observer) {
        *self.shared.observer.lock().unwrap_or_else(PoisonError::into_inner) = Some(observer);
    }

    /// Records entries, all or none, and returns when they are durable. Blocks; [`Self::append_later`] does not.
    ///
    /// `recorded` is `now`, or the time of the entry before when that is later; the end of a lease is moved by as much. The number
    /// of a [`EntryBody::Related`] is filled in.
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

    /// Has checkpoints begin under a new origin line: after a loss, because a witness continues only what it has seen.
    /// The old line and the new one. The ledger must be closed.
    pub fn renew(dir: &Path, keys: &LedgerKeys, origin: &str) -> Result<(String, String), OpenError> {
        renew(dir, keys, origin, &Disk)
    }

    /// What checks its checkpoints.
    #[must_use]
    pub fn verifier(&self) -> &NoteVerifier {
        &self.verifier
    }

    /// What `note` says, when this site signed it and this ledger is not seen to continue it: the ledger was rolled back
    /// or forked, or its tiles do not reach that far yet.
    #[must_use]
    pub fn contradicts(&self, note: &str) -> Option<Checkpoint> {
        let shown = Checkpoint::open(note.as_bytes(), &self.verifier).ok()?;
        (!continues(&self.dir, &shown)).then_some(shown)
    }

    /// Takes no entry from now on, or takes them again: a ledger that was rolled back must not grow into a fork.
    pub fn hold(&self, held: bool) {
        self.shared.lock().held = held;
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
        let mut sealer = PayloadSealer::new(self.keys.payload_keys(), &self.origin);
        let mut entries = Vec::new();
        for (number, sealed) in self.read_sealed(from, limit)? {
            let entry = match self.erased_by(number, &sealed) {
                Some(by) => self.left(&mut sealer, number, by)?,
                None => sealer.open(number, &sealed)?,
            };
            entries.push((number, entry));
        }
        Ok(entries)
    }

    /// What an erasure of this entry would leave of it, as the body of the erasure's entry; or why its content stays.
    pub fn erasure(&self, number: EntryNumber) -> Result<EntryBody, EraseError> {
        if self.shared.lock().erasures.contains_key(&number.0) {
            return Err(EraseError::Erased(number));
        }
        let (_, entry) = self.read(number, 1)?.pop().ok_or(EraseError::Absent(number))?;
        let body = entry.body.without_words().map_err(|kept| EraseError::Kept { number, kept })?;
        Ok(EntryBody::Erased { entry: number, left: Box::new(Entry { body, ..entry }) })
    }

    /// The entry that erased another's content; the payload may be there for a moment longer.
    fn erased_by(&self, number: EntryNumber, sealed: &SealedEntry) -> Option<EntryNumber> {
        let by = sealed.erased_by().or_else(|| self.shared.lock().erasures.get(&number.0).copied());
        by.map(EntryNumber)
    }

    fn left(&self, sealer: &mut PayloadSealer, number: EntryNumber, by: EntryNumber) -> Result<Entry, ReadError> {
        let erasure = self.read_sealed(by, 1)?.pop().ok_or(PayloadError::Missing { number })?;
        Ok(sealer.open_left(number, by, &erasure.1)?)
    }

    /// Erased entries, each with the entry that says so.
    pub(crate) fn erasures(&self) -> Vec<(EntryNumber, EntryNumber)> {
        let erasures = &self.shared.lock().erasures;
        erasures.iter().map(|(number, by)| (EntryNumber(*number), EntryNumber(*by))).collect()
    }

    /// The same with the salt and the JSON of each entry, which its leaf commits to. Entries whose content was erased have none
    /// and are left out.
    pub(crate) fn read_shown(&self, from: EntryNumber, limit: usize) -> Result<Vec<Plain>, ReadError> {
        let mut sealer = PayloadSealer::new(self.keys.payload_keys(), &self.origin);
        let mut shown = Vec::new();
        for (number, sealed) in self.read_sealed(from, limit)? {
            if self.erased_by(number, &sealed).is_some() {
                continue;
            }
            let plain = sealer.open_salted(number, &sealed)?;
            let (salt, json) = plain.split_at(SALT_BYTES);
            let unreadable = PayloadError::Json { number };
            let entry = serde_json::from_slice(json).map_err(|_| unreadable)?;
            let json = std::str::from_utf8(json).map_err(|_| unreadable)?;
            shown.push((number, salt.to_vec(), json.to_owned(), entry));
        }
        Ok(shown)
    }

    /// The keys of every day.
    pub(crate) fn payload_keys(&self) -> PayloadKeys {
        self.keys.payload_keys()
    }

    fn read_sealed(&self, from: EntryNumber, limit: usize) -> Result<Vec<(EntryNumber, Arc<SealedEntry>)>, ReadError> {
        let (size, recent_from, dir) = {
            let state = self.shared.lock();
            // any folder that is there has published everything that is not in memory
            let there = state.sinks.iter().find(|sink| sink.away.is_none());
            let dir = there.map_or_else(|| self.dir.clone(), |sink| sink.dir.clone());
            (state.size, state.recent_from, dir)
        };
        let end = size.min(from.0.saturating_add(limit.min(Self::READ_ENTRIES_MAX) as u64));
        let mut entries = Vec::with_capacity(end.saturating_sub(from.0) as usize);
        let mut number = from.0;
        while number < end {
            let bundle: Vec<Arc<SealedEntry>> = if number < recent_from {
                read_bundle(&dir, number / TILE_WIDTH)?.into_iter().map(Arc::new).collect()
            } else {
                self.recent(number, end)
            };
            let start = if number < recent_from { number % TILE_WIDTH } else { 0 };
            if bundle.is_empty() {
                // published between the two looks: the bundle is on disk now
                return self.read_sealed(from, limit);
            }
            for sealed in bundle.into_iter().skip(start as usize).take((end - number) as usize) {
                entries.push((EntryNumber(number), sealed));
                number += 1;
            }
        }
        Ok(entries)
    }

    /// Where its files are.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// An entry's leaf, and its plaintext as the leaf commits to it.
    pub(crate) fn disclosed(&self, number: EntryNumber) -> Result<(Leaf, Zeroizing<Vec<u8>>), ReadError> {
        let mut sealer = PayloadSealer::new(self.keys.payload_keys(), &self.origin);
        let recent = self.recent(number.0, number.0.saturating_add(1)).pop();
        let sealed = match recent {
            Some(sealed) => sealed.as_ref().clone(),
            None => {
                let bundle = read_bundle(&self.dir, number.0 / TILE_WIDTH)?;
                let place = (number.0 % TILE_WIDTH) as usize;
                bundle.into_iter().nth(place).expect("a bundle that was published is full")
            }
        };
        Ok((sealed.leaf, sealer.open_salted(number, &sealed)?))
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
        // the sequencer ends when the last request is answered, then the publishers publish the rest
        self.requests = None;
        let ended = |thread: JoinHandle<()>| {
            if thread.join().is_err() {
                tracing::error!("a thread of the ledger ended by a panic");
            }
        };
        self.sequencer.take().into_iter().for_each(ended);
        self.shared.lock().closing = true;
        self.shared.wake.notify_all();
        let publishers = std::mem::take(&mut *self.publishers.lock().unwrap_or_else(PoisonError::into_inner));
        publishers.into_iter().for_each(ended);
    }
}

/// Why an entry's content is not erased.
#[derive(Debug, Error)]
pub enum EraseError {
    /// There is no such entry.
    #[error("there is no entry {0}; look at `leadglass ledger entries`")]
    Absent(EntryNumber),
    /// It was erased before.
    #[error("the content of entry {0} was erased before")]
    Erased(EntryNumber),
    /// It stays.
    #[error("the content of entry {number} stays: {kept}")]
    Kept {
        /// Which entry.
        number: EntryNumber,
        /// Why.
        kept: Kept,
    },
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// How one of the ledger's folders is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkInfo {
    /// The folder.
    pub folder: PathBuf,
    /// Why nothing is written there now, if so.
    pub away: Option<String>,
    /// Entries that it lacks.
    pub behind: u64,
    /// The signed checkpoint of a folder that was found to hold another history, or more of it.
    pub ahead: Option<String>,
}

/// Whether the files of a ledger are seen to continue what `shown` says.
#[must_use]
pub fn continues(dir: &Path, shown: &Checkpoint) -> bool {
    let continued = || -> Result<bool, ProofError> {
        let mut prover = Prover::open(dir)?;
        let root = prover.checkpoint().1.root;
        Ok(prover.consistency(shown.size)?.check(shown.root, root).is_ok())
    };
    continued().unwrap_or(false)
}
