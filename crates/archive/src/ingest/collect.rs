//! Where the bytes of one stream go while it is scanned: memory at first, a sealed file once they are many.

use std::{io, sync::atomic::Ordering};

use dataset::Region;
use model::ObjectId;
use seal::{ObjectKind, Sealer, SystemRandom};
use store::{LargeObject, LargeWriter, StoreError};

use super::{IngestError, Inner, StudyKeys, context};

/// Memory is reserved from [`super::IN_MEMORY_BYTES_MAX`] in steps of this many bytes.
const RESERVE_STEP_BYTES: u64 = 1024 * 1024;

/// Sealed bytes are written to a large object's file in runs of about this many bytes.
const WRITE_BYTES: usize = 1024 * 1024;

/// What came of a whole stream.
pub(super) struct Collected {
    /// Where its bytes are.
    pub(super) place: Result<Place, IngestError>,
    /// BLAKE3 over the data set.
    pub(super) content: [u8; 32],
    /// The memory that was lent; holds the stream when `place` says so.
    pub(super) scratch: Vec<u8>,
}

/// What came of a stream that was given up.
pub(super) struct Abandoned {
    /// The store's error, when it was at fault.
    pub(super) error: Option<IngestError>,
    /// The memory that was lent.
    pub(super) scratch: Vec<u8>,
}

/// Where the bytes of a stream are.
pub(super) enum Place {
    /// They are in the scratch memory, in the clear.
    InMemory,
    /// They are sealed in a file of their own, under keys of their own: the study was not known when they began.
    InFile { keys: StudyKeys, large: LargeObject },
}

/// Takes every byte of one stream.
pub(super) struct Collector<'a> {
    inner: &'a Inner,
    object: ObjectId,
    content: blake3::Hasher,
    scratch: Vec<u8>,
    reserved: u64,
    file: Option<File>,
    failed: Option<StoreError>,
}

struct File {
    keys: StudyKeys,
    sealer: Sealer,
    sealed: Vec<u8>,
    writer: LargeWriter,
}

impl<'a> Collector<'a> {
    /// `scratch` is empty memory to use again.
    pub(super) fn new(inner: &'a Inner, object: ObjectId, scratch: Vec<u8>) -> Self {
        debug_assert!(scratch.is_empty());
        Self { inner, object, content: blake3::Hasher::new(), scratch, reserved: 0, file: None, failed: None }
    }

    pub(super) fn take(&mut self, bytes: &[u8], region: Region) -> io::Result<()> {
        if region == Region::DataSet {
            self.content.update(bytes);
        }
        if self.file.is_none() && !self.fits_in_memory(bytes.len()) {
            self.begin_file()?;
        }
        match &mut self.file {
            None => {
                self.scratch.extend_from_slice(bytes);
                Ok(())
            }
            Some(file) => file.take(bytes).map_err(|error| refuse(&mut self.failed, error)),
        }
    }

    /// The stream came to its end.
    pub(super) fn finish(mut self) -> Collected {
        let place = match self.file.take() {
            None => Ok(Place::InMemory),
            Some(file) => file.finish().map_err(|error| IngestError::store(error, None)),
        };
        let content = *self.content.finalize().as_bytes();
        Collected { place, content, scratch: std::mem::take(&mut self.scratch) }
    }

    /// The stream is refused or broke off. A file that was begun is removed.
    pub(super) fn abandon(mut self) -> Abandoned {
        let error = self.failed.take().map(|error| IngestError::store(error, None));
        Abandoned { error, scratch: std::mem::take(&mut self.scratch) }
    }

    fn fits_in_memory(&mut self, more: usize) -> bool {
        let wanted = self.scratch.len() + more;
        if wanted > self.inner.settings.in_memory_object_bytes {
            return false;
        }
        while self.reserved < wanted as u64 {
            let all = self.inner.in_memory.fetch_add(RESERVE_STEP_BYTES, Ordering::Relaxed) + RESERVE_STEP_BYTES;
            self.reserved += RESERVE_STEP_BYTES;
            if all > self.inner.settings.in_memory_bytes {
                return false;
            }
        }
        true
    }

    fn begin_file(&mut self) -> io::Result<()> {
        let keys = StudyKeys::fresh(self.inner, &mut SystemRandom);
        let writer = self.inner.store.begin_large(self.object).map_err(|error| refuse(&mut self.failed, error))?;
        let mut sealed = Vec::with_capacity(WRITE_BYTES + WRITE_BYTES / 8);
        let context = context(self.inner, &keys, self.object, ObjectKind::Instance);
        let sealer = Sealer::new(&keys.keys.data, context, &mut SystemRandom, &mut sealed);
        let mut file = File { keys, sealer, sealed, writer };
        // a piece at a time, so that the sealed copy of what waited is not in memory at once
        for piece in self.scratch.chunks(WRITE_BYTES) {
            file.take(piece).map_err(|error| refuse(&mut self.failed, error))?;
        }
        self.file = Some(file);
        self.scratch = Vec::new();
        self.release();
        Ok(())
    }

    fn release(&mut self) {
        self.inner.in_memory.fetch_sub(std::mem::take(&mut self.reserved), Ordering::Relaxed);
    }
}

impl Drop for Collector<'_> {
    fn drop(&mut self) {
        self.release();
    }
}

impl File {
    fn take(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.sealer.push(bytes, &mut self.sealed);
        if self.sealed.len() >= WRITE_BYTES { self.write() } else { Ok(()) }
    }

    fn finish(mut self) -> Result<Place, StoreError> {
        self.sealer.finish(&mut self.sealed);
        self.writer.append(&self.sealed)?;
        // a crash from here to the group's own sync leaves a file that no row names; the next start removes it
        Ok(Place::InFile { keys: self.keys, large: self.writer.finish()? })
    }

    fn write(&mut self) -> Result<(), StoreError> {
        self.writer.append(&self.sealed)?;
        self.sealed.clear();
        Ok(())
    }
}

/// Keeps the store's own error; the scan is ended by an I/O error in its place.
fn refuse(failed: &mut Option<StoreError>, error: StoreError) -> io::Error {
    *failed = Some(error);
    io::Error::other("the store refused")
}
