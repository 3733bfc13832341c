//! The ledger as the warden uses it: opening, appending, reading.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use model::{Actor, Entry, EntryBody, EntryNumber, Instant};
use policy::Grant;
use seal::{RootSecret, Secret32, SigningKey};
use zeroize::Zeroizing;

use crate::io::{Disk, LedgerIo};
use crate::leaf::{Leaf, SealedEntry};
use crate::note::NoteVerifier;
use crate::open::{OpenError, Recovered, create, recover};
use crate::payload::{PayloadKeys, PayloadSealer};
use crate::pending::{Appended, Pending, PendingReceipt, pending};
use crate::publisher::Publisher;
use crate::read::{ReadError, Replay, read_bundle};
use crate::sequencer::{AppendError, Observer, Request, Sequencer, Shared, State};
use crate::tile::TILE_WIDTH;

/// What a ledger is written with.
///
/// Who holds the signing key can make checkpoints that pass for the site's; who holds the payload secret reads every
/// entry. Losing both costs the entries' content; what the files prove stays.
pub struct LedgerKeys {
    pub(crate) signing: SigningKey,
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
        let Recovered { lock, published, note, recorded, next_file, unfinished_bytes } =
            recover(dir, &keys, origin, io.as_ref())?;
        let frontier = published.frontier();
        let sealer = || PayloadSealer::new(keys.payload_keys(), origin);
        let replay = Replay::new(dir, frontier.clone(), published.bundle().to_vec(), sealer(), unfinished_bytes);
        let shared = Arc::new(Shared::new(State {
            recent_from: published.size() / TILE_WIDTH * TILE_WIDTH,
            recent: VecDeque::from(published.bundle().to_vec()),
            published: published.size(),
            note,
            size: published.size(),
            spare: None,
            spare_wanted: false,
            full: Vec::new(),
            next_file,
            stopped: false,
            closing: false,
        }));
        let (requests, receiver) = channel();
        let sequencer = Sequencer {
            io: Arc::clone(&io),
            shared: Arc::clone(&shared),
            dir: dir.to_owned(),
            origin: origin.to_owned(),
            sealer: sealer(),
            signing: keys.signing,
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

    /// Where its files are.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What checks its notes, for who holds the signing key.
    pub(crate) fn verifier(&self, signing: &SigningKey) -> NoteVerifier {
        NoteVerifier::new(&self.origin, signing.verifying_key())
    }

    /// An entry's leaf, and its plaintext as the leaf commits to it.
    pub(crate) fn disclosed(&self, number: EntryNumber) -> Result<(Leaf, Zeroizing<Vec<u8>>), ReadError> {
        let mut sealer = PayloadSealer::new(PayloadKeys::All(self.payload.clone()), &self.origin);
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
