//! The store's handle.
#![allow(clippy::unimplemented, unused_variables, missing_debug_implementations)]

use std::future::Future;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model::{ObjectId, StudyNumber};

use crate::{
    ChunkRecord, Counts, Durable, Group, NewChunk, OpenError, OutboxRecord, OutboxState, Place, Placement, ReadError,
    RowRecord, StoreError, Ticket,
};

/// Where the files lie and what may fail. [`files`] is the real one.
pub trait StoreIo: Send + Sync {}

/// Files on the machine's disk, without failure hooks.
#[must_use]
pub fn files() -> Arc<dyn StoreIo> {
    unimplemented!()
}

/// Settings. `Options::default()` is right for a server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Bytes that may wait to become durable before [`Store::submit`] holds its caller back.
    pub in_flight_bytes_max: u64,
    /// A volume is closed when it is longer than this many bytes.
    pub volume_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { in_flight_bytes_max: 96 * 1024 * 1024, volume_bytes: 4 * 1024 * 1024 * 1024 }
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
pub struct Store {}

impl Store {
    /// Opens the store in `dir` (`DIR/front`), making it when it is empty, and puts right what a crash left behind.
    pub fn open(dir: &Path, options: Options, io: Arc<dyn StoreIo>) -> Result<(Self, Recovered), OpenError> {
        unimplemented!()
    }

    /// Hands over one group. Blocks while [`Options::in_flight_bytes_max`] bytes wait already, so call it from a
    /// thread that may block; tasks use [`Store::admit`].
    ///
    /// The ticket answers when the group is durable, or was refused as a whole.
    pub fn submit(&self, group: Group) -> Ticket<Durable> {
        unimplemented!()
    }

    /// As [`Store::submit`], for tasks: waits for room without blocking a thread.
    pub fn admit(&self, group: Group) -> impl Future<Output = Ticket<Durable>> + Send + use<> {
        std::future::ready(unimplemented!())
    }

    /// Starts an object that is written to a volume file of its own while it comes in, at a constant cost in memory.
    pub fn begin_large(&self, object: ObjectId) -> Result<LargeWriter, StoreError> {
        unimplemented!()
    }

    /// Takes a metadata chunk. Written with what becomes durable next; may be lost in a crash until then.
    /// Does not block on the disk; blocks while too many bytes wait, as [`Store::submit`] does.
    pub fn put_chunk(&self, chunk: NewChunk) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// The instances of a study (placed and conflicting ones), in the order they came in.
    pub fn rows_of_study(&self, study: StudyNumber) -> Result<Vec<RowRecord>, ReadError> {
        unimplemented!()
    }

    /// The metadata chunks of a study, in the order they came in.
    pub fn chunks_of_study(&self, study: StudyNumber) -> Result<Vec<ChunkRecord>, ReadError> {
        unimplemented!()
    }

    /// Up to `limit` instances that wait for the warden, oldest first.
    pub fn pending_rows(&self, limit: usize) -> Result<Vec<RowRecord>, ReadError> {
        unimplemented!()
    }

    /// How much is there.
    pub fn counts(&self) -> Result<Counts, ReadError> {
        unimplemented!()
    }

    /// Reads `range` of the object at `place` (0 is the object's first byte).
    pub fn read(&self, place: &Place, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
        unimplemented!()
    }

    /// As [`Store::read`], appending to `buffer`.
    pub fn read_into(&self, place: &Place, range: Range<u64>, buffer: &mut Vec<u8>) -> Result<(), ReadError> {
        unimplemented!()
    }

    /// Where the outbox stands.
    #[must_use]
    pub fn outbox(&self) -> OutboxState {
        unimplemented!()
    }

    /// Records after number `after` in order: at most `limit_records`, and at most `limit_bytes` of bodies but at
    /// least one record.
    pub fn pending(&self, after: u64, limit_records: usize, limit_bytes: usize) -> Result<Vec<OutboxRecord>, ReadError> {
        unimplemented!()
    }

    /// Blocks until a record after number `after` is durable, or `timeout` has passed; says whether there is one.
    #[must_use]
    pub fn wait_for_pending(&self, after: u64, timeout: Duration) -> bool {
        unimplemented!()
    }

    /// Completes when a record after number `after` is durable. For tasks; combine with a timeout of the runtime.
    pub fn pending_after(&self, after: u64) -> impl Future<Output = ()> + Send + use<> {
        std::future::ready(unimplemented!())
    }

    /// Takes the warden's answer: every record up to `up_to` is recorded there, and these became of the objects.
    /// Durable when it returns (so call it from a thread that may block): rows carry their study, and the
    /// acknowledged wraps are overwritten. Acknowledging again what is acknowledged already changes nothing.
    pub fn acknowledge(&self, up_to: u64, placements: &[(ObjectId, Placement)]) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// Continues the outbox behind `last` with chain value `chain`: what a front does whose files were restored from
    /// a copy that is older than the warden's (`Hello::next_outbox_sequence` is ahead of [`Store::outbox`]).
    pub fn continue_after(&self, last: u64, chain: [u8; 32]) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// Writes out everything that waits and closes. Further calls are refused with [`StoreError::Stopped`].
    pub fn close(&self) {
        unimplemented!()
    }
}

/// An object on its way into a volume file of its own. Dropping it removes the file.
pub struct LargeWriter {}

impl LargeWriter {
    /// Appends bytes.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// Syncs the file. The object counts once a group that holds it is durable.
    pub fn finish(self) -> Result<LargeObject, StoreError> {
        unimplemented!()
    }
}

/// A finished large object. Dropping it without submitting it removes the file.
pub struct LargeObject {}

impl LargeObject {
    /// How many bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        unimplemented!()
    }
}
