//! What waits for the committer, bounded by bytes.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use model::ObjectId;

use crate::large::LargeObject;
use crate::outbox::Held;
use crate::record::Header;
use crate::ticket::{Answer, Durable};
use crate::{OutboxState, Placement, StoreError};

/// Bytes of one batch after which no further group is taken into it.
const BATCH_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// How long a chunk waits for a group whose sync it can share.
const CHUNK_PAUSE: Duration = Duration::from_millis(50);

/// What waits for the committer.
pub(crate) enum Job {
    Group { records: Vec<Record>, body: Vec<u8>, bytes: u64, answer: Answer<Durable> },
    Chunk { record: Box<Record>, bytes: u64 },
    Acknowledge { up_to: u64, placements: Vec<(ObjectId, Placement)>, answer: Answer<()> },
    Jump { last: u64, chain: [u8; 32], answer: Answer<()> },
    Snapshot { rows: Answer<()>, answer: Answer<Point> },
}

/// A moment between two batches.
pub(crate) struct Point {
    /// The volume that is written to, and its end; 0 when there is none yet.
    pub volume: u32,
    pub end: u64,
    pub outbox: OutboxState,
    /// The records that wait. They are not erased while this is held.
    pub held: Held,
}

/// One volume record with its bytes.
pub(crate) struct Record {
    /// Sequence and `synced` are filled in when it is written.
    pub header: Header,
    pub row: Vec<u8>,
    pub detail: Vec<u8>,
    pub body: Body,
}

/// The body of a record.
pub(crate) enum Body {
    Here(Vec<Vec<u8>>),
    Large(LargeObject),
}

/// The committer's inbox.
#[derive(Default)]
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    work: Condvar,
    room: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Bytes that wait or are being written.
    bytes: u64,
    /// Since when a chunk waits alone.
    chunk_since: Option<Instant>,
    wakers: Vec<Waker>,
    stopping: bool,
}

impl Inbox {
    /// Puts a job in when there is room; gives it back otherwise.
    pub fn try_put(&self, job: Job, limit: u64, waker: Option<&Waker>) -> Result<(), Job> {
        let mut queue = self.lock();
        if !queue.stopping && !queue.has_room(job.bytes(), limit) {
            if let Some(waker) = waker
                && !queue.wakers.iter().any(|waiting| waiting.will_wake(waker))
            {
                queue.wakers.push(waker.clone());
            }
            return Err(job);
        }
        self.put_into(queue, job);
        Ok(())
    }

    /// Puts a job in, waiting for room.
    pub fn put(&self, job: Job, limit: u64) {
        let mut queue = self.lock();
        while !queue.stopping && !queue.has_room(job.bytes(), limit) {
            queue = self.room.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        self.put_into(queue, job);
    }

    /// A job that comes after the end is dropped, which answers that the store has stopped.
    fn put_into(&self, mut queue: MutexGuard<'_, Queue>, job: Job) {
        if queue.stopping {
            return;
        }
        queue.bytes += job.bytes();
        if matches!(job, Job::Chunk { .. }) && queue.jobs.is_empty() {
            queue.chunk_since = Some(Instant::now());
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.work.notify_one();
    }

    /// Takes no more jobs; those that wait are still done.
    pub fn stop(&self) {
        let mut queue = self.lock();
        queue.stopping = true;
        let wakers = std::mem::take(&mut queue.wakers);
        drop(queue);
        self.work.notify_all();
        self.room.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The next batch; empty at the end.
    pub fn take(&self) -> Vec<Job> {
        let mut queue = self.lock();
        loop {
            let chunks_only = queue.jobs.iter().all(|job| matches!(job, Job::Chunk { .. }));
            if queue.jobs.is_empty() && queue.stopping {
                return Vec::new();
            }
            if queue.jobs.is_empty() {
                queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let waited = queue.chunk_since.map_or(CHUNK_PAUSE, |since| since.elapsed());
            if chunks_only && !queue.stopping && waited < CHUNK_PAUSE && queue.bytes < BATCH_BYTES_MAX {
                let left = CHUNK_PAUSE - waited;
                queue = self.work.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            return queue.take_batch();
        }
    }

    /// Gives the room of `bytes` back.
    pub fn release(&self, bytes: u64) {
        let mut queue = self.lock();
        queue.bytes -= bytes;
        let wakers = std::mem::take(&mut queue.wakers);
        drop(queue);
        self.room.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// What is larger than all the room there is goes in alone.
    fn has_room(&self, bytes: u64, limit: u64) -> bool {
        self.bytes == 0 || self.bytes + bytes <= limit
    }

    fn take_batch(&mut self) -> Vec<Job> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(job) = self.jobs.front() {
            let alone = matches!(job, Job::Jump { .. } | Job::Snapshot { .. });
            if !batch.is_empty() && (alone || bytes + job.bytes() > BATCH_BYTES_MAX) {
                break;
            }
            bytes += job.bytes();
            batch.extend(self.jobs.pop_front());
            if alone {
                break;
            }
        }
        self.chunk_since = None;
        batch
    }
}

impl Job {
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Group { bytes, .. } | Self::Chunk { bytes, .. } => *bytes,
            Self::Acknowledge { .. } | Self::Jump { .. } | Self::Snapshot { .. } => 0,
        }
    }

    pub fn refuse(self, error: StoreError) {
        match self {
            Self::Group { answer, .. } => answer.give(Err(error)),
            Self::Chunk { .. } => {
                tracing::warn!(%error, "a metadata chunk was not written; instances are read one by one")
            }
            Self::Acknowledge { answer, .. } | Self::Jump { answer, .. } => answer.give(Err(error)),
            Self::Snapshot { answer, .. } => answer.give(Err(error)),
        }
    }
}
