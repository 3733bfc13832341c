//! The thread that puts entries in order and makes them durable.
//!
//! All appends that wait are one group: sealed, written as one journal record with the checkpoint over it, synced
//! once, then answered. While a group syncs, the next one gathers.

use std::collections::VecDeque;
use std::fs::File;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use model::{Actor, Entry, EntryBody, EntryNumber, Instant};
use seal::SigningKey;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::io::LedgerIo;
use crate::journal;
use crate::leaf::SealedEntry;
use crate::merkle::Frontier;
use crate::note::Checkpoint;
use crate::payload::{ENTRY_BYTES_MAX, PayloadSealer};
use crate::pending::{Appended, Promise};
use crate::tile::JOURNAL;

/// The most entries in one append.
pub const APPEND_ENTRIES_MAX: usize = 4096;
/// The most bytes of JSON in one append.
pub const APPEND_BYTES_MAX: usize = 4 * 1024 * 1024;
/// A group takes no further append once it has this many entries.
const GROUP_ENTRIES: usize = 1024;
/// ... or this many sealed bytes.
const GROUP_BYTES: usize = 1024 * 1024;
/// The most journal files that wait for their tiles before appends are refused.
const JOURNAL_FILES_MAX: usize = 64;

/// Called for every durable entry, in the ledger's order, before the append that made it is answered. It runs on the
/// sequencer's thread: it must be quick and must not append.
pub type Observer = Box<dyn FnMut(EntryNumber, &Entry) + Send>;

/// Why nothing was recorded.
#[derive(Clone, Debug, Error)]
pub enum AppendError {
    /// The ledger is closing and gave no answer.
    #[error("the ledger closed without an answer; try again when the warden answers")]
    Closed,
    /// One entry is longer than [`ENTRY_BYTES_MAX`], or all together than [`APPEND_BYTES_MAX`].
    #[error("an append of {bytes} bytes is longer than what the ledger takes; split it")]
    TooLong {
        /// Its JSON.
        bytes: usize,
    },
    /// More than [`APPEND_ENTRIES_MAX`] entries, or none.
    #[error("an append of {entries} entries is not taken; append 1 to {APPEND_ENTRIES_MAX} at a time")]
    Count {
        /// How many.
        entries: usize,
    },
    /// The journal cannot grow. Nothing was recorded, and later appends try again.
    #[error("the ledger's disk takes no more; nothing was recorded, free some space")]
    NoSpace(#[source] Arc<std::io::Error>),
    /// Tiles have not been written for too long. Later appends try again.
    #[error("the ledger's tiles cannot be written and its journal is full; nothing was recorded, free some space")]
    Backlog,
    /// Writing or syncing the journal failed, so it is not known what the disk holds. Only opening again helps.
    #[error("the ledger's disk failed while recording; restart the warden once the disk is sound")]
    Stopped(#[source] Arc<std::io::Error>),
}

/// One append on its way.
pub(crate) struct Request {
    pub entries: Vec<(Actor, EntryBody)>,
    pub now: Instant,
    pub promise: Promise,
}

/// What the sequencer, the publisher and readers share.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Wakes the publisher.
    pub wake: Condvar,
    /// Held by whoever makes a journal file; taken before `state`.
    pub files: Mutex<()>,
    pub observer: Mutex<Option<Observer>>,
}

pub(crate) struct State {
    /// Number of the first entry in `recent`, a multiple of 256: nothing before it is needed from memory.
    pub recent_from: u64,
    /// Entries of the bundle that is not full on disk, and what is not published yet.
    pub recent: VecDeque<Arc<SealedEntry>>,
    /// Entries that tiles and checkpoint file hold.
    pub published: u64,
    /// The signed checkpoint over every durable entry.
    pub note: String,
    /// Entries that are durable.
    pub size: u64,
    /// An empty journal file for when the current one is full.
    pub spare: Option<JournalFile>,
    /// A journal file was begun, so the publisher should prepare the next.
    pub spare_wanted: bool,
    /// Full journal files, each with the number of the entry behind its last one.
    pub full: Vec<(PathBuf, u64)>,
    /// Number of the next journal file.
    pub next_file: u64,
    /// Writing the journal failed: what it holds may be more than was answered, so it stays for the next start.
    pub stopped: bool,
    /// The ledger is closing; the sequencer has ended.
    pub closing: bool,
}

impl Shared {
    pub fn new(state: State) -> Self {
        Self { state: Mutex::new(state), wake: Condvar::new(), files: Mutex::new(()), observer: Mutex::new(None) }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A journal file that is written to.
pub(crate) struct JournalFile {
    pub path: PathBuf,
    pub file: File,
    pub bytes: u64,
}

impl JournalFile {
    /// Makes the journal file of a number.
    pub fn create(io: &dyn LedgerIo, dir: &std::path::Path, number: u64, bytes: u64) -> std::io::Result<Self> {
        let path = journal::file_path(dir, number);
        let file = io.create_journal(&path, bytes)?;
        // crash here: an empty journal file, which a start removes
        io.sync_directory(&dir.join(JOURNAL))?;
        Ok(Self { path, file, bytes })
    }
}

/// The thread's own things.
pub(crate) struct Sequencer {
    pub io: Arc<dyn LedgerIo>,
    pub shared: Arc<Shared>,
    pub dir: PathBuf,
    pub origin: String,
    pub signing: SigningKey,
    pub sealer: PayloadSealer,
    pub frontier: Frontier,
    pub recorded: Instant,
    pub current: Option<JournalFile>,
    pub offset: u64,
    /// Bytes of a new journal file.
    pub journal_bytes: u64,
    /// Unpublished entries that wake the publisher.
    pub publish_entries: u64,
    pub stopped: Option<Arc<std::io::Error>>,
}

/// Appends that become durable together.
#[derive(Default)]
struct Group {
    sealed: Vec<Arc<SealedEntry>>,
    bytes: usize,
    answers: Vec<(Promise, Appended)>,
}

impl Sequencer {
    /// Runs until every sender is gone.
    pub fn run(mut self, requests: &Receiver<Request>) {
        while let Ok(first) = requests.recv() {
            let mut group = Group::default();
            let (mut frontier, mut recorded) = (self.frontier.clone(), self.recorded);
            self.add(first, &mut group, &mut frontier, &mut recorded);
            while group.sealed.len() < GROUP_ENTRIES
                && group.bytes < GROUP_BYTES
                && let Ok(request) = requests.try_recv()
            {
                self.add(request, &mut group, &mut frontier, &mut recorded);
            }
            if group.sealed.is_empty() {
                continue;
            }
            match self.commit(&group, &frontier) {
                Ok(()) => {
                    self.frontier = frontier;
                    self.recorded = recorded;
                    self.observe(&group);
                    group.answers.into_iter().for_each(|(promise, appended)| promise.answer(Ok(appended)));
                }
                Err(error) => {
                    tracing::error!(%error, "the ledger cannot record");
                    group.answers.into_iter().for_each(|(promise, _)| promise.answer(Err(error.clone())));
                }
            }
        }
    }

    /// Numbers, times and seals one append, or refuses it whole.
    fn add(&mut self, request: Request, group: &mut Group, frontier: &mut Frontier, recorded: &mut Instant) {
        let Request { entries, now, promise } = request;
        if let Some(error) = &self.stopped {
            return promise.answer(Err(AppendError::Stopped(Arc::clone(error))));
        }
        if entries.is_empty() || entries.len() > APPEND_ENTRIES_MAX {
            return promise.answer(Err(AppendError::Count { entries: entries.len() }));
        }
        let time = now.max(*recorded);
        let mut appended = Vec::with_capacity(entries.len());
        let mut plain: Vec<Zeroizing<Vec<u8>>> = Vec::with_capacity(entries.len());
        let mut bytes = 0;
        for (number, (actor, mut body)) in (frontier.size()..).map(EntryNumber).zip(entries) {
            if let EntryBody::Related { relationship } = &mut body {
                relationship.entry = number;
            }
            let entry = Entry { version: Entry::VERSION, recorded: time, actor, body };
            let json = Zeroizing::new(serde_json::to_vec(&entry).expect("an entry is made of text, numbers and lists"));
            bytes += json.len();
            if json.len() > ENTRY_BYTES_MAX || bytes > APPEND_BYTES_MAX {
                return promise.answer(Err(AppendError::TooLong { bytes }));
            }
            plain.push(json);
            appended.push((number, entry));
        }
        for ((number, entry), json) in appended.iter().zip(&plain) {
            let sealed = self.sealer.seal(*number, entry.recorded, json);
            frontier.push(sealed.leaf.hash());
            group.bytes += sealed.sealed.len();
            group.sealed.push(Arc::new(sealed));
        }
        *recorded = time;
        group.answers.push((promise, appended));
    }

    /// Makes a group durable. Nothing of it was answered before this returns.
    fn commit(&mut self, group: &Group, frontier: &Frontier) -> Result<(), AppendError> {
        let checkpoint = Checkpoint { origin: self.origin.clone(), size: frontier.size(), root: frontier.root() };
        let note = checkpoint.sign(&self.signing);
        let first = self.frontier.size();
        let record = journal::encode(first, group.sealed.iter().map(Arc::as_ref), &note);
        self.make_room(record.len() as u64)?;
        let current = self.current.as_ref().expect("there is room in it");
        // crash before the sync ends: none, some or all sectors of the record are there; a start keeps it when it is
        // whole and cuts it back when it is not. It was not answered, so both are right.
        let written = self
            .io
            .write_journal(&current.file, self.offset, &record)
            .and_then(|()| self.io.sync_journal(&current.file));
        if let Err(error) = written {
            let error = Arc::new(error);
            self.stopped = Some(Arc::clone(&error));
            self.shared.lock().stopped = true;
            return Err(AppendError::Stopped(error));
        }
        // crash here: the record is whole, a start publishes it; nobody was answered, and nothing is lost
        self.offset += record.len() as u64;
        let mut state = self.shared.lock();
        let was_idle = state.size == state.published;
        state.recent.extend(group.sealed.iter().map(Arc::clone));
        state.size = frontier.size();
        state.note = note;
        if was_idle || state.size - state.published >= self.publish_entries {
            self.shared.wake.notify_all();
        }
        Ok(())
    }

    /// Goes to the next journal file when the current one cannot hold a record of `bytes`.
    fn make_room(&mut self, bytes: u64) -> Result<(), AppendError> {
        if self.current.as_ref().is_some_and(|current| self.offset + bytes <= current.bytes) {
            return Ok(());
        }
        // one maker of journal files at a time, so that their numbers have no gap
        let files = self.shared.files.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.shared.lock();
        if state.full.len() >= JOURNAL_FILES_MAX {
            return Err(AppendError::Backlog);
        }
        let end = state.size;
        let next = match state.spare.take_if(|spare| bytes <= spare.bytes) {
            Some(spare) => spare,
            None => {
                let length = self.journal_bytes.max(bytes.next_multiple_of(4096));
                let made = JournalFile::create(self.io.as_ref(), &self.dir, state.next_file, length);
                let made = made.map_err(|error| AppendError::NoSpace(Arc::new(error)))?;
                state.next_file += 1;
                // a spare that is too small stays empty
                let small = state.spare.take();
                state.full.extend(small.map(|small| (small.path, end)));
                made
            }
        };
        let full = self.current.replace(next);
        state.spare_wanted = true;
        state.full.extend(full.map(|full| (full.path, end)));
        drop((state, files));
        self.offset = 0;
        self.shared.wake.notify_all();
        Ok(())
    }

    fn observe(&self, group: &Group) {
        let mut observer = self.shared.observer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(observer) = observer.as_mut() {
            for (number, entry) in group.answers.iter().flat_map(|(_, appended)| appended) {
                observer(*number, entry);
            }
        }
    }
}
