//! The outbox: which records wait for the warden, where they lie, and their erasure.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::io::{Step, StoreFile, StoreIo};
use crate::journal::{self, FILE_HEADER_BYTES, HEADER_BYTES, Header};
use crate::{OutboxRecord, OutboxState, ReadError};

/// Where a journal lies.
pub(crate) fn journal_path(dir: &Path, journal: u32) -> PathBuf {
    dir.join("outbox").join(format!("{journal:06}.journal"))
}

/// One journal that may still hold wraps.
#[derive(Clone)]
pub(crate) struct Journal {
    pub number: u32,
    pub file: Arc<dyn StoreFile>,
    /// The last record in it; 0 when there is none yet.
    pub last: u64,
    /// Whether nothing more will be written to it.
    pub finished: bool,
}

/// One record that waits.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub journal: u32,
    pub offset: u64,
    pub body_length: u32,
}

/// The outbox, shared between the committer, the keeper and readers.
pub(crate) struct Outbox {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    last: u64,
    chain: [u8; 32],
    acknowledged: u64,
    /// The chain value at `acknowledged`.
    acknowledged_chain: [u8; 32],
    /// Records from `acknowledged + 1` to `last`.
    waiting: VecDeque<Entry>,
    journals: VecDeque<Journal>,
    /// Acknowledged records that are not overwritten yet.
    to_erase: VecDeque<Entry>,
    wakers: Vec<Waker>,
    /// How many snapshots read the journals: nothing is erased meanwhile.
    held: usize,
    closed: bool,
}

/// Records that stay as they are until this is dropped.
pub(crate) struct Held {
    outbox: Arc<Outbox>,
    records: Vec<(Journal, Entry)>,
    /// The chain value in front of the first.
    pub previous: [u8; 32],
}

impl Held {
    /// How many.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Header and body of one.
    pub fn read(&self, index: usize) -> Result<(Header, Vec<u8>), ReadError> {
        let (journal, entry) = &self.records[index];
        read_record(journal, *entry)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.outbox.lock().held -= 1;
    }
}

impl Outbox {
    pub fn new(
        found: OutboxState,
        acknowledged_chain: [u8; 32],
        waiting: VecDeque<Entry>,
        journals: VecDeque<Journal>,
        acknowledged: &[Entry],
    ) -> Self {
        assert_eq!(found.last - found.acknowledged, waiting.len() as u64, "every record that waits has a place");
        let state = State {
            last: found.last,
            chain: found.chain,
            acknowledged: found.acknowledged,
            acknowledged_chain,
            waiting,
            journals,
            to_erase: acknowledged.iter().copied().collect(),
            wakers: Vec::new(),
            held: 0,
            closed: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    pub fn state(&self) -> OutboxState {
        let state = self.lock();
        OutboxState { last: state.last, chain: state.chain, acknowledged: state.acknowledged }
    }

    /// A new journal that records will be written to; the one before is finished.
    pub fn begin_journal(&self, journal: Journal) {
        let mut state = self.lock();
        state.journals.iter_mut().for_each(|journal| journal.finished = true);
        state.journals.push_back(journal);
    }

    /// Records that are durable from now on.
    pub fn push(&self, entries: &[Entry], last: u64, chain: [u8; 32]) {
        let mut state = self.lock();
        state.waiting.extend(entries);
        state.last = last;
        state.chain = chain;
        if let Some(journal) = state.journals.back_mut() {
            journal.last = last;
        }
        self.notify(state);
    }

    /// Takes records up to `up_to`, whose chain value is `chain`, off; their wraps are erased by [`Outbox::erase`].
    pub fn acknowledge(&self, up_to: u64, chain: [u8; 32]) {
        let mut state = self.lock();
        state.acknowledged_chain = chain;
        while state.acknowledged < up_to
            && let Some(entry) = state.waiting.pop_front()
        {
            state.to_erase.push_back(entry);
            state.acknowledged += 1;
        }
    }

    /// Jumps to `last`: nothing waits.
    pub fn jump(&self, last: u64, chain: [u8; 32]) {
        let mut state = self.lock();
        assert!(state.waiting.is_empty(), "only an outbox in which nothing waits is continued elsewhere");
        state.last = last;
        state.acknowledged = last;
        state.chain = chain;
        state.acknowledged_chain = chain;
        state.journals.iter_mut().for_each(|journal| journal.finished = true);
    }

    /// The chain value of a record that waits.
    pub fn chain_of(&self, sequence: u64) -> Result<[u8; 32], ReadError> {
        let state = self.lock();
        if sequence == state.last {
            return Ok(state.chain);
        }
        let (journal, entry) = state.find(sequence).ok_or(ReadError::OutboxDamaged { sequence })?;
        drop(state);
        let mut bytes = [0; HEADER_BYTES];
        journal.file.read_at(&mut bytes, entry.offset)?;
        let header = Header::decode(&bytes, journal.number, entry.offset);
        let header = header.filter(|header| header.sequence == sequence);
        Ok(header.ok_or(ReadError::OutboxDamaged { sequence })?.chain)
    }

    /// Records after `after`, see [`crate::Store::pending`].
    pub fn pending(&self, after: u64, records: usize, bytes: usize) -> Result<Vec<OutboxRecord>, ReadError> {
        let mut taken = Vec::new();
        let mut length = 0;
        let mut sequence = self.lock().acknowledged.max(after) + 1;
        while taken.len() < records {
            let Some((journal, entry)) = self.lock().find(sequence) else { break };
            length += entry.body_length as usize;
            if !taken.is_empty() && length > bytes {
                break;
            }
            let (header, body) = read_record(&journal, entry)?;
            if header.sequence != sequence {
                return Err(ReadError::OutboxDamaged { sequence });
            }
            taken.push(OutboxRecord { sequence, chain: header.chain, body });
            sequence += 1;
        }
        Ok(taken)
    }

    pub fn wait_for_pending(&self, after: u64, timeout: Duration) -> bool {
        let until = Instant::now() + timeout;
        let mut state = self.lock();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if state.last > after || left.is_zero() || state.closed {
                return state.last > after;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Lets everybody who waits go.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.notify(state);
    }

    /// Holds the records that wait: they are neither erased nor removed.
    pub fn hold(outbox: &Arc<Self>) -> Held {
        let mut state = outbox.lock();
        state.held += 1;
        let first = state.acknowledged + 1;
        let records = (first..=state.last).filter_map(|sequence| state.find(sequence)).collect();
        let previous = state.acknowledged_chain;
        drop(state);
        Held { outbox: Arc::clone(outbox), records, previous }
    }

    /// Whether acknowledged wraps are still on disk.
    pub fn has_to_erase(&self) -> bool {
        let state = self.lock();
        let erasable = |journal: &Journal| journal.finished && journal.last <= state.acknowledged;
        !state.to_erase.is_empty() || state.journals.iter().any(erasable)
    }

    /// Overwrites every acknowledged record and removes journals in which nothing waits any more.
    ///
    /// A crash before the sync leaves wraps that the next start overwrites; a crash before the removal leaves zeros.
    pub fn erase(&self, io: &dyn StoreIo, dir: &Path) -> io::Result<()> {
        let (records, done, journals) = {
            let state = self.lock();
            if state.held > 0 {
                return Ok(());
            }
            let done = |journal: &&Journal| journal.finished && journal.last <= state.acknowledged;
            let done: Vec<Journal> = state.journals.iter().filter(done).cloned().collect();
            (state.to_erase.clone(), done, state.journals.clone())
        };
        if records.is_empty() && done.is_empty() {
            return Ok(());
        }
        io.before(Step::Erase)?;
        let is_done = |number: u32| done.iter().any(|journal| journal.number == number);
        for journal in &done {
            let length = journal.file.length()?;
            overwrite(&*journal.file, FILE_HEADER_BYTES, length.saturating_sub(FILE_HEADER_BYTES))?;
            journal.file.sync()?;
        }
        for journal in journals.iter().filter(|journal| !is_done(journal.number)) {
            let mut touched = false;
            for record in records.iter().filter(|record| record.journal == journal.number) {
                let body = record.offset + HEADER_BYTES as u64;
                overwrite(&*journal.file, body, u64::from(record.body_length))?;
                touched = true;
            }
            if touched {
                journal.file.sync()?;
            }
        }
        self.lock().to_erase.drain(..records.len());
        for journal in &done {
            io.before(Step::JournalRemove)?;
            io.remove(&journal_path(dir, journal.number))?;
            self.lock().journals.retain(|kept| kept.number != journal.number);
        }
        Ok(())
    }

    fn notify(&self, mut state: MutexGuard<'_, State>) {
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn find(&self, sequence: u64) -> Option<(Journal, Entry)> {
        let index = sequence.checked_sub(self.acknowledged + 1)?;
        let entry = *self.waiting.get(usize::try_from(index).ok()?)?;
        let journal = self.journals.iter().find(|journal| journal.number == entry.journal);
        Some((journal.expect("a journal stays as long as a record in it waits").clone(), entry))
    }
}

fn read_record(journal: &Journal, entry: Entry) -> Result<(Header, Vec<u8>), ReadError> {
    let mut bytes = vec![0; HEADER_BYTES + entry.body_length as usize];
    journal.file.read_at(&mut bytes, entry.offset)?;
    let header = Header::decode(&bytes, journal.number, entry.offset);
    let header = header.filter(|header| header.body_length == entry.body_length);
    let header = header.ok_or(ReadError::OutboxRecordDamaged { journal: journal.number, offset: entry.offset })?;
    Ok((header, bytes.split_off(HEADER_BYTES)))
}

fn overwrite(file: &dyn StoreFile, mut offset: u64, mut length: u64) -> io::Result<()> {
    static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
    while length > 0 {
        let step = length.min(ZEROS.len() as u64);
        file.write_at(&[&ZEROS[..step as usize]], offset)?;
        offset += step;
        length -= step;
    }
    Ok(())
}

/// Makes a journal and writes it with zeros ahead, so that records become durable without a change of its length.
pub(crate) fn create_journal(
    io: &dyn StoreIo,
    dir: &Path,
    number: u32,
    outbox: OutboxState,
    bytes: u64,
) -> io::Result<Journal> {
    io.before(Step::JournalCreate)?;
    let path = journal_path(dir, number);
    let file = io.create(&path)?;
    let header = journal::file_header(number, outbox.last + 1, &outbox.chain);
    let written = file.write_at(&[&header], 0);
    let written = written.and_then(|()| overwrite(&*file, FILE_HEADER_BYTES, bytes.saturating_sub(FILE_HEADER_BYTES)));
    if let Err(error) = written.and_then(|()| file.sync()) {
        // half a journal in which nothing was written: it must not be there when the next number is taken
        let _ = io.remove(&path);
        return Err(error);
    }
    Ok(Journal { number, file, last: 0, finished: false })
}

/// Completes when a record after a number is durable, or the store closes.
pub(crate) struct PendingAfter {
    pub outbox: Arc<Outbox>,
    pub after: u64,
}

impl Future for PendingAfter {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.outbox.lock();
        if state.last > self.after || state.closed {
            return Poll::Ready(());
        }
        if !state.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            state.wakers.push(context.waker().clone());
        }
        Poll::Pending
    }
}
