//! Large objects: written to a volume file of their own while they come in, at a constant cost in memory.
//!
//! A crash before the group that holds the object is durable leaves a file that no row names; the next start removes it.

use std::sync::Arc;

use model::ObjectId;

use crate::StoreError;
use crate::io::{Step, StoreFile, StoreIo};
use crate::record::{self, FILE_HEADER_BYTES};
use crate::volumes::{LARGE_BIT, Volumes};

/// Bytes that are gathered before they are written.
const GATHERED_BYTES: usize = 256 * 1024;
/// Bytes that are written before they are synced: what the system holds back in memory for one object.
const UNSYNCED_BYTES: u64 = 32 * 1024 * 1024;

/// An object on its way into a volume file of its own. Dropping it removes the file.
pub struct LargeWriter {
    file: LargeFile,
    gathered: Vec<u8>,
    hasher: blake3::Hasher,
    written: u64,
    unsynced: u64,
}

impl LargeWriter {
    pub(crate) fn begin(
        io: &Arc<dyn StoreIo>,
        volumes: &Arc<Volumes>,
        number: u32,
        object: ObjectId,
    ) -> Result<Self, StoreError> {
        let number = number | LARGE_BIT;
        io.before(Step::LargeCreate).map_err(StoreError::from_io)?;
        let handle = io.create(&volumes.path(number)).map_err(StoreError::from_io)?;
        let file = LargeFile { io: Arc::clone(io), volumes: Arc::clone(volumes), handle, number, keep: false };
        file.handle.write_at(&[&record::large_header(number & !LARGE_BIT, object)], 0).map_err(StoreError::from_io)?;
        let gathered = Vec::with_capacity(GATHERED_BYTES);
        Ok(Self { file, gathered, hasher: blake3::Hasher::new(), written: 0, unsynced: 0 })
    }

    /// Appends bytes. Blocks on the disk now and then.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.hasher.update(bytes);
        if self.gathered.len() + bytes.len() > GATHERED_BYTES {
            self.flush()?;
        }
        if bytes.len() > GATHERED_BYTES {
            return self.write(bytes);
        }
        self.gathered.extend_from_slice(bytes);
        Ok(())
    }

    /// How many bytes were appended.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.written + self.gathered.len() as u64
    }

    /// Syncs the file. The object counts once a group that holds it is durable.
    pub fn finish(mut self) -> Result<LargeObject, StoreError> {
        self.flush()?;
        self.sync()?;
        let Self { file, hasher, written, .. } = self;
        Ok(LargeObject { length: written, hash: hasher.finalize().into(), file })
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let gathered = std::mem::take(&mut self.gathered);
        let done = if gathered.is_empty() { Ok(()) } else { self.write(&gathered) };
        self.gathered = gathered;
        self.gathered.clear();
        done
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.io.before(Step::LargeWrite).map_err(StoreError::from_io)?;
        self.file.handle.write_at(&[bytes], FILE_HEADER_BYTES + self.written).map_err(StoreError::from_io)?;
        self.written += bytes.len() as u64;
        self.unsynced += bytes.len() as u64;
        if self.unsynced >= UNSYNCED_BYTES { self.sync() } else { Ok(()) }
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.file.io.before(Step::LargeSync).map_err(StoreError::from_io)?;
        self.unsynced = 0;
        self.file.handle.sync().map_err(StoreError::from_io)
    }
}

/// A finished large object. Dropping it without submitting it removes the file.
pub struct LargeObject {
    file: LargeFile,
    length: u64,
    hash: [u8; 32],
}

impl LargeObject {
    /// How many bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn number(&self) -> u32 {
        self.file.number & !LARGE_BIT
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// From now on a durable row names the file.
    pub(crate) fn keep(mut self) {
        self.file.keep = true;
    }
}

struct LargeFile {
    io: Arc<dyn StoreIo>,
    volumes: Arc<Volumes>,
    handle: Arc<dyn StoreFile>,
    number: u32,
    keep: bool,
}

impl Drop for LargeFile {
    fn drop(&mut self) {
        if !self.keep {
            self.volumes.forget(self.number);
            // when this fails, the next start removes it
            let _ = self.io.remove(&self.volumes.path(self.number));
        }
    }
}
