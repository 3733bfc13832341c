//! The store's handle.

use std::fs::File;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use model::{ObjectId, StudyNumber};

use crate::commit::Committer;
use crate::files::make_folder;
use crate::inbox::{Body, Inbox, Job, Point, Record};
use crate::io::StoreIo;
use crate::keeper::Keeper;
use crate::outbox::{Outbox, PendingAfter};
use crate::record::{Header, Kind};
use crate::recover::{Recovery, recover};
use crate::rows::{Rows, is_full};
use crate::snapshot::{self, Snapshot};
use crate::volumes::Volumes;
use crate::{
    BODY_BYTES_MAX, COVERS_MAX, ChunkRecord, Counts, DETAIL_BYTES_MAX, Durable, GROUP_INSTANCES_MAX, Group,
    LargeWriter, NewChunk, NewInstance, OpenError, OutboxRecord, OutboxState, Place, Placement, ROW_BYTES_MAX,
    ReadError, RowRecord, SealedBytes, SnapshotError, StoreError, Ticket,
};

/// Settings. `Options::default()` is right for a server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Bytes that may wait to become durable before [`Store::submit`] holds its caller back.
    pub in_flight_bytes_max: u64,
    /// A volume is closed when it is longer than this many bytes.
    pub volume_bytes: u64,
    /// A journal is written with this many bytes of zeros ahead, and closed when it is longer.
    pub journal_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            in_flight_bytes_max: 96 * 1024 * 1024,
            volume_bytes: 4 * 1024 * 1024 * 1024,
            journal_bytes: 4 * 1024 * 1024,
        }
    }
}

/// What opening found and put right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// Instances whose rows were put back into `front.db`.
    pub rows: u64,
    /// Bytes of never acknowledged groups that were cut off.
    pub bytes_cut: u64,
    /// Unfinished large objects that were removed.
    pub large_removed: u64,
}

/// The front's durable side. Clones share it; the last one dropped closes it.
#[derive(Clone)]
pub struct Store {
    handle: Arc<Handle>,
}

/// A file that is given up when the disk is full at start, so that rows can be read and written nevertheless.
const RESERVE_BYTES: usize = 4 * 1024 * 1024;

impl Store {
    /// Opens the store in `dir` (`DIR/front`), making it when it is empty, and puts right what a crash left behind.
    pub fn open(dir: &Path, options: Options, io: Arc<dyn StoreIo>) -> Result<(Self, Recovered), OpenError> {
        let failed = |source| OpenError::Io { path: dir.to_owned(), source };
        make_folder(dir).map_err(failed)?;
        let lock = lock(dir)?;
        let volumes = Arc::new(Volumes::new(Arc::clone(&io), dir));
        let opened = open_rows(&io, dir, &volumes);
        let (rows, recovery) = match opened {
            Err(OpenError::Rows(error)) if is_full(&error) && give_up_reserve(dir) => open_rows(&io, dir, &volumes)?,
            opened => opened?,
        };
        make_reserve(dir);
        let Recovery { outbox, start, next_large, closed_bytes, report } = recovery;
        let (number, end) = start.volume.as_ref().map_or((0, 0), |last| (last.number, last.end));
        let shared = Arc::new(Shared {
            io,
            dir: dir.to_owned(),
            options,
            volumes,
            outbox: Arc::new(outbox),
            rows,
            keeper: Keeper::new(),
            inbox: Inbox::default(),
            ends: Ends { state: Mutex::new((closed_bytes, number, end)) },
            next_large: AtomicU32::new(next_large),
        });
        let committer = Committer::new(Arc::clone(&shared), start).map_err(failed)?;
        let keeping = Arc::clone(&shared);
        let keep = move || keeping.keeper.run(&keeping.io, keeping.dir.clone(), &keeping.rows, &keeping.outbox);
        let threads = vec![
            std::thread::Builder::new().name("store-commit".into()).spawn(move || committer.run()).map_err(failed)?,
            std::thread::Builder::new().name("store-rows".into()).spawn(keep).map_err(failed)?,
        ];
        let handle = Handle { shared, threads: Mutex::new(Some((threads, lock))) };
        Ok((Self { handle: Arc::new(handle) }, report))
    }

    /// Hands over one group. Blocks while [`Options::in_flight_bytes_max`] bytes wait already, so call it from a
    /// thread that may block; tasks use [`Store::admit`].
    ///
    /// The ticket answers when the group is durable, or was refused as a whole.
    pub fn submit(&self, group: Group) -> Ticket<Durable> {
        let (job, ticket) = match group_job(group) {
            Ok(made) => made,
            Err(error) => return Ticket::refused(error),
        };
        let shared = self.shared();
        shared.inbox.put(job, shared.options.in_flight_bytes_max);
        ticket
    }

    /// As [`Store::submit`], for tasks: waits for room without blocking a thread. Hashing the group (about a
    /// millisecond for 4 MiB) is done by the call itself.
    pub fn admit(&self, group: Group) -> impl Future<Output = Ticket<Durable>> + Send + use<> {
        let made = group_job(group);
        Admission { shared: Arc::clone(self.shared()), made: Some(made) }
    }

    /// Starts an object that is written to a volume file of its own while it comes in, at a constant cost in memory.
    pub fn begin_large(&self, object: ObjectId) -> Result<LargeWriter, StoreError> {
        let shared = self.shared();
        let number = shared.next_large.fetch_add(1, Ordering::Relaxed);
        LargeWriter::begin(&shared.io, &shared.volumes, number, object)
    }

    /// Takes a metadata chunk. Written with what becomes durable next; may be lost in a crash until then.
    /// Does not wait for the disk; blocks while too many bytes wait, as [`Store::submit`] does.
    pub fn put_chunk(&self, chunk: NewChunk) -> Result<(), StoreError> {
        let shared = self.shared();
        let record = Box::new(chunk_record(chunk)?);
        let bytes = record.header.length().expect("the lengths are limited");
        shared.inbox.put(Job::Chunk { record, bytes }, shared.options.in_flight_bytes_max);
        Ok(())
    }

    /// The instances of a study (placed and conflicting ones), in the order they came in.
    pub fn rows_of_study(&self, study: StudyNumber) -> Result<Vec<RowRecord>, ReadError> {
        self.shared().rows.of_study(study)
    }

    /// The metadata chunks of a study, in the order they came in.
    pub fn chunks_of_study(&self, study: StudyNumber) -> Result<Vec<ChunkRecord>, ReadError> {
        self.shared().rows.chunks_of_study(study)
    }

    /// Up to `limit` instances that wait for the warden, oldest first.
    pub fn pending_rows(&self, limit: usize) -> Result<Vec<RowRecord>, ReadError> {
        self.shared().rows.pending(limit)
    }

    /// How much is there. Instances that became durable in the last milliseconds may not be counted yet.
    pub fn counts(&self) -> Result<Counts, ReadError> {
        Ok(Counts { volume_bytes: self.shared().ends.bytes(), ..self.shared().rows.counts()? })
    }

    /// Reads `range` of the object at `place` (0 is the object's first byte).
    pub fn read(&self, place: &Place, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::new();
        self.read_into(place, range, &mut bytes)?;
        Ok(bytes)
    }

    /// As [`Store::read`], appending to `buffer`.
    pub fn read_into(&self, place: &Place, range: Range<u64>, buffer: &mut Vec<u8>) -> Result<(), ReadError> {
        self.shared().volumes.read_into(place, range, buffer)
    }

    /// Where the outbox stands.
    #[must_use]
    pub fn outbox(&self) -> OutboxState {
        self.shared().outbox.state()
    }

    /// Records after number `after` in order: at most `limit_records`, and at most `limit_bytes` of bodies but at
    /// least one record.
    pub fn pending(
        &self,
        after: u64,
        limit_records: usize,
        limit_bytes: usize,
    ) -> Result<Vec<OutboxRecord>, ReadError> {
        self.shared().outbox.pending(after, limit_records, limit_bytes)
    }

    /// Blocks until a record after number `after` is durable, or `timeout` has passed; says whether there is one.
    #[must_use]
    pub fn wait_for_pending(&self, after: u64, timeout: Duration) -> bool {
        self.shared().outbox.wait_for_pending(after, timeout)
    }

    /// Completes when a record after number `after` is durable. For tasks; combine with a timeout of the runtime.
    pub fn pending_after(&self, after: u64) -> impl Future<Output = ()> + Send + use<> {
        PendingAfter { outbox: Arc::clone(&self.shared().outbox), after }
    }

    /// Takes the warden's answer: every record up to `up_to` is recorded there, and these became of the objects.
    /// When it returns, this is durable and rows carry their study; the acknowledged wraps are overwritten within a
    /// second. Blocks, so call it from a thread that may. Acknowledging again what is acknowledged changes nothing.
    pub fn acknowledge(&self, up_to: u64, placements: &[(ObjectId, Placement)]) -> Result<(), StoreError> {
        let (ticket, answer) = Ticket::pair();
        self.put(Job::Acknowledge { up_to, placements: placements.to_vec(), answer });
        ticket.wait()
    }

    /// Continues the outbox behind `last` with chain value `chain`: what a front does whose files were restored from
    /// a copy that is older than the warden's (`Hello::next_outbox_sequence` is ahead of [`Store::outbox`]). Nothing
    /// may wait; records that wait are handed over and acknowledged first. Blocks as [`Store::acknowledge`] does.
    pub fn continue_after(&self, last: u64, chain: [u8; 32]) -> Result<(), StoreError> {
        let (ticket, answer) = Ticket::pair();
        self.put(Job::Jump { last, chain, answer });
        ticket.wait()
    }

    /// Writes a consistent copy of everything but the volumes into an empty `folder`, while ingest goes on, and says
    /// how far the volumes belong to it. What was answered for before the call is in it. Blocks.
    pub fn snapshot_into(&self, folder: &Path) -> Result<Snapshot, SnapshotError> {
        snapshot::snapshot_into(self, folder)
    }

    /// Writes out everything that waits and closes. Further calls are refused with [`StoreError::Stopped`].
    pub fn close(&self) {
        self.handle.close();
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    /// Where everything stands between two batches, once the rows have caught up with it.
    pub(crate) fn point(&self) -> Result<Point, StoreError> {
        let (ticket, answer) = Ticket::pair();
        let (rows_ticket, rows) = Ticket::pair();
        self.put(Job::Snapshot { rows, answer });
        let point = ticket.wait()?;
        rows_ticket.wait()?;
        Ok(point)
    }

    fn put(&self, job: Job) {
        self.shared().inbox.put(job, u64::MAX);
    }
}

/// What the store's threads and handles share.
pub(crate) struct Shared {
    pub io: Arc<dyn StoreIo>,
    pub dir: PathBuf,
    pub options: Options,
    pub volumes: Arc<Volumes>,
    pub outbox: Arc<Outbox>,
    pub rows: Rows,
    pub keeper: Keeper,
    pub inbox: Inbox,
    pub ends: Ends,
    next_large: AtomicU32,
}

/// How far the volumes are durable.
pub(crate) struct Ends {
    /// Bytes in closed volumes and large objects; the volume that is written to; its end.
    state: Mutex<(u64, u32, u64)>,
}

impl Ends {
    pub fn set(&self, number: u32, end: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.1 != number {
            state.0 += state.2;
        }
        (state.1, state.2) = (number, end);
    }

    pub fn add(&self, bytes: u64) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 += bytes;
    }

    fn bytes(&self) -> u64 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 + state.2
    }
}

struct Handle {
    shared: Arc<Shared>,
    threads: Mutex<Option<(Vec<JoinHandle<()>>, File)>>,
}

impl Handle {
    fn close(&self) {
        let Some((threads, lock)) = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        self.shared.inbox.stop();
        let mut threads = threads.into_iter();
        // the committer first: what it still writes, the keeper still takes
        if let Some(committer) = threads.next() {
            let _ = committer.join();
        }
        self.shared.keeper.stop();
        threads.for_each(|thread| drop(thread.join()));
        self.shared.outbox.close();
        drop(lock);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

/// A group on its way in that waits for room.
struct Admission {
    shared: Arc<Shared>,
    made: Option<Result<(Job, Ticket<Durable>), StoreError>>,
}

impl Future for Admission {
    type Output = Ticket<Durable>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ticket<Durable>> {
        match self.made.take().expect("a future is not polled after it completed") {
            Err(error) => Poll::Ready(Ticket::refused(error)),
            Ok((job, ticket)) => {
                let limit = self.shared.options.in_flight_bytes_max;
                match self.shared.inbox.try_put(job, limit, Some(context.waker())) {
                    Ok(()) => Poll::Ready(ticket),
                    Err(job) => {
                        self.made = Some(Ok((job, ticket)));
                        Poll::Pending
                    }
                }
            }
        }
    }
}

/// Checks the limits and hashes the bytes, on the caller's thread.
fn group_job(group: Group) -> Result<(Job, Ticket<Durable>), StoreError> {
    let Group { instances, body } = group;
    if instances.len() > GROUP_INSTANCES_MAX {
        return Err(StoreError::TooLarge { limit: "4096 instances in a group" });
    }
    if body.len() > BODY_BYTES_MAX {
        return Err(StoreError::TooLarge { limit: "15 MiB of outbox record" });
    }
    let records = instances.into_iter().map(instance_record).collect::<Result<Vec<_>, _>>()?;
    let length = |record: &Record| record.header.length().expect("the lengths are limited");
    let bytes = records.iter().map(length).sum::<u64>() + body.len() as u64;
    let (ticket, answer) = Ticket::pair();
    Ok((Job::Group { records, body, bytes, answer }, ticket))
}

fn instance_record(instance: NewInstance) -> Result<Record, StoreError> {
    let NewInstance { object, key, sealed_instance, sealed_metadata, sealed_row } = instance;
    let body_length = sealed_instance.length();
    let (large, body_hash, body) = match sealed_instance {
        SealedBytes::Large(large) => (Some(large.number()), large.hash(), Body::Large(large)),
        SealedBytes::Memory(pieces) => {
            let mut hasher = blake3::Hasher::new();
            for piece in &pieces {
                hasher.update(piece);
            }
            (None, hasher.finalize().into(), Body::Here(pieces))
        }
    };
    let header = Header {
        kind: Kind::Instance,
        sequence: 0,
        object,
        key,
        large,
        row_length: limited(sealed_row.len(), ROW_BYTES_MAX, "1 MiB of row")?,
        detail_length: limited(sealed_metadata.len(), DETAIL_BYTES_MAX, "256 MiB of metadata")?,
        body_length,
        synced: 0,
        details_hash: details_hash(&sealed_row, &sealed_metadata),
        body_hash,
    };
    Ok(Record { header, row: sealed_row, detail: sealed_metadata, body })
}

fn chunk_record(chunk: NewChunk) -> Result<Record, StoreError> {
    let NewChunk { object, key, covers, sealed_chunk, sealed_row } = chunk;
    limited(covers.len(), COVERS_MAX, "1,000,000 instances in a chunk")?;
    let detail: Vec<u8> = covers.iter().flat_map(|object| object.0).collect();
    let header = Header {
        kind: Kind::Chunk,
        sequence: 0,
        object,
        key,
        large: None,
        row_length: limited(sealed_row.len(), ROW_BYTES_MAX, "1 MiB of row")?,
        detail_length: detail.len() as u32,
        body_length: limited(sealed_chunk.len(), DETAIL_BYTES_MAX, "256 MiB of chunk")?.into(),
        synced: 0,
        details_hash: details_hash(&sealed_row, &detail),
        body_hash: blake3::hash(&sealed_chunk).into(),
    };
    Ok(Record { header, row: sealed_row, detail, body: Body::Here(vec![sealed_chunk]) })
}

fn limited(length: usize, max: usize, limit: &'static str) -> Result<u32, StoreError> {
    if length > max {
        return Err(StoreError::TooLarge { limit });
    }
    Ok(u32::try_from(length).expect("every limit fits"))
}

fn details_hash(row: &[u8], detail: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(row).update(detail);
    hasher.finalize().into()
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("lock");
    let failed = |source| OpenError::Io { path: path.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse { path: dir.to_owned() }),
        Err(std::fs::TryLockError::Error(source)) => Err(OpenError::Io { path, source }),
    }
}

fn open_rows(io: &Arc<dyn StoreIo>, dir: &Path, volumes: &Volumes) -> Result<(Rows, Recovery), OpenError> {
    let rows = Rows::open(&dir.join("front.db"))?;
    let recovery = recover(io, dir, volumes, &rows)?;
    Ok((rows, recovery))
}

fn give_up_reserve(dir: &Path) -> bool {
    tracing::warn!("the disk is full: the reserve is given up so that stored images stay readable");
    std::fs::remove_file(dir.join("reserve")).is_ok()
}

/// Best effort: without a reserve, a disk that is full at start is told as an error.
fn make_reserve(dir: &Path) {
    let path = dir.join("reserve");
    if path.exists() {
        return;
    }
    let made = || -> io::Result<()> {
        let file = File::create_new(&path)?;
        io::Write::write_all(&mut &file, &vec![0; RESERVE_BYTES])
    };
    if made().is_err() {
        let _ = std::fs::remove_file(&path);
    }
}
