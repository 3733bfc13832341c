//! The thread that puts entries in order and makes them durable.
//!
//! All appends that wait are one group: sealed, written as one journal record with the checkpoint over it, synced
//! once, then answered. While a group syncs, the next one gathers.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{Actor, Entry, EntryBody, EntryNumber, Instant};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::LedgerKeys;
use crate::journal;
use crate::leaf::SealedEntry;
use crate::merkle::Frontier;
use crate::note::Checkpoint;
use crate::payload::{ENTRY_BYTES_MAX, PayloadSealer};
use crate::pending::{Appended, Promise};
use crate::reconcile::{say_away, say_back};
use crate::sink::{SinkState, WriteError, Writer, entries_from};

/// The most entries in one append.
pub const APPEND_ENTRIES_MAX: usize = 4096;
/// The most bytes of JSON in one append.
pub const APPEND_BYTES_MAX: usize = 4 * 1024 * 1024;
/// A group takes no further append once it has this many entries.
const GROUP_ENTRIES: usize = 1024;
/// ... or this many sealed bytes.
const GROUP_BYTES: usize = 1024 * 1024;
/// A second folder that could not grow is given up once it lacks this many entries; then it is refilled from the other.
const LAG_ENTRIES_MAX: u64 = 100_000;
/// How often a folder that was brought back is looked for when nothing is appended.
const LOOK: Duration = Duration::from_millis(500);

/// Called for every durable entry, in the ledger's order, before the append that made it is answered. It runs on the
/// sequencer's thread: it must be quick and must not append.
pub type Observer = Box<dyn FnMut(EntryNumber, &Entry) + Send>;

/// Why nothing was recorded.
#[derive(Clone, Debug, Error)]
pub enum AppendError {
    /// The ledger is closing and gave no answer.
    #[error("the ledger closed without an answer; try again when the warden answers")]
    Closed,
    /// The ledger was found to be behind what others have seen of it; whatever were added would fork it.
    #[error("the ledger is held as it is; its witness or its second folder has seen more, see `leadglass doctor`")]
    Held,
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

/// What the sequencer, the publishers and readers share.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Wakes the publishers.
    pub wake: Condvar,
    pub observer: Mutex<Option<Observer>>,
}

pub(crate) struct State {
    /// Number of the first entry in `recent`, a multiple of 256: nothing before it is needed from memory.
    pub recent_from: u64,
    /// Entries of the bundle that is not full on disk, and what is not published yet.
    pub recent: VecDeque<Arc<SealedEntry>>,
    /// The signed checkpoint over every durable entry.
    pub note: String,
    /// Entries that are durable.
    pub size: u64,
    /// The folders; the first is the ledger's own.
    pub sinks: Vec<SinkState>,
    /// Nothing is appended: others have seen more of this ledger than it holds.
    pub held: bool,
    /// The ledger is closing; the sequencer has ended.
    pub closing: bool,
}

impl Shared {
    pub fn new(state: State) -> Self {
        Self { state: Mutex::new(state), wake: Condvar::new(), observer: Mutex::new(None) }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's own things.
pub(crate) struct Sequencer {
    pub shared: Arc<Shared>,
    pub origin: String,
    pub keys: Arc<LedgerKeys>,
    pub sealer: PayloadSealer,
    pub frontier: Frontier,
    pub recorded: Instant,
    /// How each folder is reached; nothing while it is away.
    pub writers: Vec<Option<Writer>>,
    /// Unpublished entries that wake the publisher.
    pub publish_entries: u64,
    pub stopped: Option<Arc<std::io::Error>>,
    /// A second folder says up to where the first one came.
    pub said_away: bool,
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
        loop {
            let first = match requests.recv_timeout(LOOK) {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => {
                    self.bring_up();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
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
        if self.shared.lock().held {
            return promise.answer(Err(AppendError::Held));
        }
        if entries.is_empty() || entries.len() > APPEND_ENTRIES_MAX {
            return promise.answer(Err(AppendError::Count { entries: entries.len() }));
        }
        let time = now.max(*recorded);
        let mut appended = Vec::with_capacity(entries.len());
        let mut plain: Vec<Zeroizing<Vec<u8>>> = Vec::with_capacity(entries.len());
        let mut bytes = 0;
        for (number, (actor, mut body)) in (frontier.size()..).map(EntryNumber).zip(entries) {
            match &mut body {
                EntryBody::Related { relationship } => relationship.entry = number,
                // a clock that was set back says an end that lies before the entry: in the ledger's time it lasts as long all the same
                EntryBody::Listed { lease_until, .. } | EntryBody::Opened { lease_until, .. } => {
                    lease_until.0 = lease_until.0.saturating_add(time.0.saturating_sub(now.0));
                }
                _ => {}
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

    /// Makes a group durable in at least one folder. Nothing of it was answered before this returns.
    fn commit(&mut self, group: &Group, frontier: &Frontier) -> Result<(), AppendError> {
        // it may have been held since the group was put together
        if self.shared.lock().held {
            return Err(AppendError::Held);
        }
        let checkpoint = Checkpoint { origin: self.origin.clone(), size: frontier.size(), root: frontier.root() };
        let note = checkpoint.sign(&self.keys.signing);
        let written = self.write_everywhere(&group.sealed, &note);
        let took = written.iter().any(|(_, outcome)| outcome.is_ok());
        let unknown = written.iter().find_map(|(_, outcome)| match outcome {
            Err(WriteError::Unknown(error)) => Some(Arc::clone(error)),
            _ => None,
        });
        if !took {
            if let Some(error) = unknown {
                // a folder may hold what was not answered: going on could give its numbers to other entries
                self.stopped = Some(Arc::clone(&error));
                self.shared.lock().sinks.iter_mut().for_each(|sink| sink.stopped = true);
                return Err(AppendError::Stopped(error));
            }
            return Err(match written.into_iter().next() {
                Some((_, Err(WriteError::NoSpace(error)))) => AppendError::NoSpace(error),
                Some(_) => AppendError::Backlog,
                None => AppendError::NoSpace(Arc::new(std::io::Error::other("every folder of the ledger is away"))),
            });
        }
        let mut state = self.shared.lock();
        state.recent.extend(group.sealed.iter().map(Arc::clone));
        state.size = frontier.size();
        state.note.clone_from(&note);
        drop(state);
        self.settle(written, &note);
        self.say_away();
        Ok(())
    }

    /// Brings folders that came back, and folders that lag, to the ledger's size while nothing is appended.
    fn bring_up(&mut self) {
        let (size, note) = {
            let state = self.shared.lock();
            (state.size, state.note.clone())
        };
        let waits = self.shared.lock().sinks.iter().any(|sink| sink.away.is_none() && sink.size < size);
        if waits && self.stopped.is_none() {
            let written = self.write_everywhere(&[], &note);
            self.settle(written, &note);
            self.say_away();
        }
    }

    /// Writes to every folder that is there what it lacks and then `entries`, and waits for all of them.
    fn write_everywhere(&mut self, entries: &[Arc<SealedEntry>], note: &str) -> Vec<(usize, Result<(), WriteError>)> {
        let mut records: Vec<(usize, Arc<Vec<u8>>)> = Vec::new();
        {
            let mut state = self.shared.lock();
            let (size, recent_from) = (state.size, state.recent_from);
            for sink in 0..state.sinks.len() {
                if self.writers.len() == sink {
                    self.writers.push(None);
                }
                if let Some(writer) = state.sinks[sink].rejoin.take() {
                    self.writers[sink] = state.sinks[sink].reached_by(Writer::new(writer, &self.shared));
                }
                if state.sinks[sink].away.is_some() {
                    // its publisher tries it again
                    self.shared.wake.notify_all();
                    self.writers[sink] = None;
                }
                let first = state.sinks[sink].size;
                if self.writers[sink].is_none() || (first == size && entries.is_empty()) {
                    continue;
                }
                let same = records.iter().find(|(other, _)| state.sinks[*other].size == first);
                let record = same.map(|(_, record)| Arc::clone(record)).unwrap_or_else(|| {
                    let mut all =
                        if first < size { entries_from(&state.recent, recent_from, first) } else { Vec::new() };
                    all.extend(entries.iter().cloned());
                    Arc::new(journal::encode(first, all.iter().map(Arc::as_ref), note))
                });
                records.push((sink, record));
            }
        }
        let writer = |writers: &mut Vec<Option<Writer>>, sink: usize, record: &Arc<Vec<u8>>| {
            writers[sink].as_mut().expect("it has a record").end(&self.shared, record)
        };
        // second folders write while the first does
        for (sink, record) in &records {
            self.writers[*sink].as_ref().expect("it has a record").begin(record);
        }
        records.iter().map(|(sink, record)| (*sink, writer(&mut self.writers, *sink, record))).collect()
    }

    /// Notes which folders hold everything now, and gives up those whose state is not known.
    fn settle(&mut self, written: Vec<(usize, Result<(), WriteError>)>, note: &str) {
        let mut state = self.shared.lock();
        let size = state.size;
        let mut wake = false;
        for (index, outcome) in written {
            let sink = &mut state.sinks[index];
            match outcome {
                Ok(()) => {
                    wake |= sink.size == sink.published || size - sink.published >= self.publish_entries;
                    sink.size = size;
                    sink.lags = false;
                    note.clone_into(&mut sink.note);
                }
                Err(WriteError::NoSpace(_) | WriteError::Backlog) if size - sink.size < LAG_ENTRIES_MAX => {
                    if !std::mem::replace(&mut sink.lags, true) {
                        tracing::error!(folder = %sink.dir.display(), "a folder of the ledger takes no more; entries go to the other");
                    }
                }
                Err(WriteError::NoSpace(error) | WriteError::Unknown(error)) => {
                    tracing::error!(folder = %sink.dir.display(), %error, "a folder of the ledger failed; entries go to the other");
                    sink.away = Some(error.to_string());
                    self.writers[index] = None;
                    wake = true;
                }
                Err(WriteError::Backlog) => {
                    sink.away = Some("its tiles cannot be written".to_owned());
                    self.writers[index] = None;
                    wake = true;
                }
            }
        }
        if wake {
            self.shared.wake.notify_all();
        }
    }

    /// Has a second folder and a flag beside the ledger say up to where the first one came, before anybody is answered without
    /// it: otherwise the next start could not tell a disk that failed from a folder that was rolled back, or would go on without
    /// the entries when the second folder is not there.
    fn say_away(&mut self) {
        let state = self.shared.lock();
        let behind = state.sinks[0].size < state.size;
        let said = self.said_away;
        if behind == said || state.sinks.len() < 2 {
            return;
        }
        let (dir, first) = (state.sinks[0].dir.clone(), state.sinks[0].size);
        let others: Vec<PathBuf> =
            state.sinks[1..].iter().filter(|sink| sink.away.is_none()).map(|sink| sink.dir.clone()).collect();
        drop(state);
        if let Err(error) = if behind { say_away(&dir, &others, first) } else { say_back(&dir, &others) } {
            tracing::warn!(%error, "it cannot be said whether the first folder is away; a restart will ask the owner");
        }
        self.said_away = behind;
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

#[cfg(test)]
mod tests {
    use model::SiteId;
    use seal::RootSecret;

    use super::*;
    use crate::pending::pending;

    #[test]
    fn a_group_that_was_put_together_before_the_ledger_is_held_is_not_written() {
        let keys = Arc::new(LedgerKeys::from_root(&RootSecret::from_bytes(&[7; 32])));
        let state = State {
            recent_from: 0,
            recent: VecDeque::new(),
            note: String::new(),
            size: 0,
            // no folder: a group that is written is refused for another reason
            sinks: Vec::new(),
            held: false,
            closing: false,
        };
        let mut sequencer = Sequencer {
            shared: Arc::new(Shared::new(state)),
            origin: "leadglass/a".to_owned(),
            sealer: PayloadSealer::new(keys.payload_keys(), "leadglass/a"),
            keys,
            frontier: Frontier::default(),
            recorded: Instant(0),
            writers: Vec::new(),
            publish_entries: 1,
            stopped: None,
            said_away: false,
        };
        let (promise, _pending) = pending();
        let body = EntryBody::Initialised { site: SiteId([7; 16]), name: "St. Mary".to_owned() };
        let request = Request { entries: vec![(Actor::Owner, body)], now: Instant(1), promise };
        let (mut group, mut frontier, mut recorded) = (Group::default(), Frontier::default(), Instant(0));
        sequencer.add(request, &mut group, &mut frontier, &mut recorded);
        assert_eq!(group.sealed.len(), 1);
        sequencer.shared.lock().held = true;
        assert!(matches!(sequencer.commit(&group, &frontier), Err(AppendError::Held)));
    }
}
