//! The thread that keeps the rows: it writes what became durable into `front.db`, and erases acknowledged wraps.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::StoreError;
use crate::io::{Step, StoreIo};
use crate::outbox::Outbox;
use crate::rows::{Change, Rows, is_full};
use crate::ticket::Answer;

/// Rows that may wait for `front.db`; past it, ingest waits or is refused.
const BACKLOG_ROWS_MAX: usize = 50_000;
/// Pause before a failed write is tried again.
const RETRY: Duration = Duration::from_millis(250);
/// How long rows that nobody waits for are gathered into one transaction: each one costs whole pages of the log.
const GATHER: Duration = Duration::from_millis(20);
/// Acknowledged wraps are overwritten at most this often.
const ERASE_PAUSE: Duration = Duration::from_millis(500);

/// What a batch of the committer means for the rows.
pub(crate) struct Kept {
    pub changes: Vec<Change>,
    /// Up to where the volumes are in the rows then.
    pub volume: u32,
    pub offset: u64,
    pub last: u64,
    /// Who waits for the rows.
    pub answers: Vec<Answer<()>>,
}

/// The keeper's inbox.
pub(crate) struct Keeper {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Kept>,
    rows: usize,
    /// Since when the oldest of them waits.
    since: Option<Instant>,
    failing: Option<StoreError>,
    stopping: bool,
}

impl Keeper {
    pub fn new() -> Self {
        Self { state: Mutex::default(), changed: Condvar::new() }
    }

    pub fn put(&self, kept: Kept) {
        let mut state = self.lock();
        state.rows += kept.changes.len();
        state.since.get_or_insert_with(Instant::now);
        state.waiting.push_back(kept);
        self.changed.notify_all();
    }

    /// Waits until there is room for more rows; refuses when there is none because `front.db` cannot be written.
    pub fn room(&self) -> Result<(), StoreError> {
        let mut state = self.lock();
        while state.rows >= BACKLOG_ROWS_MAX {
            if let Some(error) = &state.failing {
                return Err(error.clone());
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// Lets the thread finish what waits and end.
    pub fn stop(&self) {
        self.lock().stopping = true;
        self.changed.notify_all();
    }

    /// The thread.
    pub fn run(&self, io: &Arc<dyn StoreIo>, dir: PathBuf, rows: &Rows, outbox: &Outbox) {
        let mut erased = Instant::now();
        loop {
            let (mut taken, stopping) = self.take(outbox);
            if !taken.is_empty() {
                match write(&**io, rows, &mut taken) {
                    Ok(()) => self.written(taken),
                    Err(error) => self.failed(taken, error),
                }
            }
            if outbox.has_to_erase() && (stopping || erased.elapsed() >= ERASE_PAUSE) {
                erased = Instant::now();
                if let Err(error) = outbox.erase(&**io, &dir) {
                    tracing::warn!(%error, "acknowledged wraps could not be overwritten yet; it is tried again");
                }
            }
            let state = self.lock();
            if stopping && (state.waiting.is_empty() || state.failing.is_some()) {
                break;
            }
        }
        if let Err(error) = rows.checkpoint() {
            tracing::warn!(%error, "front.db could not be written out; the next start reads the volumes again");
        }
    }

    /// Waits for something to do; takes everything that waits.
    fn take(&self, outbox: &Outbox) -> (Vec<Kept>, bool) {
        let mut state = self.lock();
        let entered = Instant::now();
        loop {
            let due = match (state.stopping, state.since) {
                (true, _) => break,
                (false, _) if state.failing.is_some() => Some(entered + RETRY),
                (false, Some(since)) if state.nobody_waits() => Some(since + GATHER),
                (false, Some(_)) => break,
                (false, None) => outbox.has_to_erase().then_some(entered + ERASE_PAUSE),
            };
            state = match due.map(|due| due.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => break,
                Some(left) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        state.since = None;
        (state.waiting.drain(..).collect(), state.stopping)
    }

    fn written(&self, taken: Vec<Kept>) {
        let mut state = self.lock();
        state.rows -= taken.iter().map(|kept| kept.changes.len()).sum::<usize>();
        state.failing = None;
        drop(state);
        self.changed.notify_all();
        taken.into_iter().flat_map(|kept| kept.answers).for_each(|answer| answer.give(Ok(())));
    }

    /// Keeps the changes for the next try. Who waits is told now: the acknowledgement itself is durable.
    fn failed(&self, mut taken: Vec<Kept>, error: StoreError) {
        tracing::warn!(%error, "front.db cannot be written; rows wait in memory and it is tried again");
        for kept in &mut taken {
            kept.answers.drain(..).for_each(|answer| answer.give(Err(error.clone())));
        }
        let mut state = self.lock();
        taken.into_iter().rev().for_each(|kept| state.waiting.push_front(kept));
        state.since = Some(Instant::now());
        state.failing = Some(error);
        drop(state);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn nobody_waits(&self) -> bool {
        self.rows < BACKLOG_ROWS_MAX / 2 && self.waiting.iter().all(|kept| kept.answers.is_empty())
    }
}

fn write(io: &dyn StoreIo, rows: &Rows, taken: &mut [Kept]) -> Result<(), StoreError> {
    io.before(Step::Rows).map_err(StoreError::from_io)?;
    let last = taken.last().expect("the caller has something to write");
    let (volume, offset, sequence) = (last.volume, last.offset, last.last);
    let mut changes = Vec::new();
    let mut lengths = Vec::new();
    for kept in &mut *taken {
        lengths.push(kept.changes.len());
        changes.append(&mut kept.changes);
    }
    let done = rows.apply(&changes, volume, offset, sequence);
    // back to where they came from: they are counted, and needed again when this failed
    let mut changes = changes.into_iter();
    for (kept, length) in taken.iter_mut().zip(lengths) {
        kept.changes.extend(changes.by_ref().take(length));
    }
    done.map_err(|error| {
        let kind = if is_full(&error) { io::ErrorKind::StorageFull } else { io::ErrorKind::Other };
        StoreError::from_io(io::Error::new(kind, error))
    })
}
