//! What the store needs of a disk.
//!
//! Two backends exist: [`files`] and [`crate::MemoryDisk`]. `tests/it/conformance.rs` runs over both.

use std::io;
use std::path::Path;
use std::sync::Arc;

pub use crate::files::files;

/// Where volumes and journals lie, and what may fail on the way.
///
/// Durability: what [`StoreFile::sync`] has answered for is there after a power loss; what was written since may be
/// there wholly, partly or not at all. [`StoreIo::create`] and [`StoreIo::remove`] are durable when they return.
/// Concurrency: files are read from any thread while one thread appends behind what is read.
pub trait StoreIo: Send + Sync {
    /// Makes an empty file for reading and writing; an error when it is there. Makes its folder when that is missing.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoreFile>>;
    /// Opens a file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn StoreFile>>;
    /// Names of the files in a folder, in no order; none when the folder is missing.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Called before each durable step; an error fails that step. Only tests do anything here.
    fn before(&self, step: Step) -> io::Result<()> {
        let _ = step;
        Ok(())
    }
}

/// One open file.
pub trait StoreFile: Send + Sync {
    /// Writes all pieces one behind the other from `offset` on.
    fn write_at(&self, pieces: &[&[u8]], offset: u64) -> io::Result<()>;
    /// Fills `buffer` from `offset` on; `UnexpectedEof` when the file is shorter.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// Makes everything that was written durable.
    fn sync(&self) -> io::Result<()>;
    /// How many bytes.
    fn length(&self) -> io::Result<u64>;
    /// Cuts the file off.
    fn truncate(&self, length: u64) -> io::Result<()>;
}

/// The durable steps, in the order in which a group takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// A file for a large object is made.
    LargeCreate,
    /// Bytes of a large object are written.
    LargeWrite,
    /// A large object is synced.
    LargeSync,
    /// A new volume is made and its header synced.
    VolumeCreate,
    /// A new journal is made, written with zeros and synced.
    JournalCreate,
    /// Journal records are written.
    JournalWrite,
    /// The journal is synced.
    JournalSync,
    /// Volume records are written.
    VolumeWrite,
    /// The volume is synced.
    VolumeSync,
    /// Both are synced; senders are about to be answered.
    Answer,
    /// Rows are inserted.
    Rows,
    /// What an unsuccessful batch wrote is cut off.
    Rollback,
    /// Acknowledged wraps are overwritten.
    Erase,
    /// An erased journal is removed.
    JournalRemove,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 14] = [
        Self::LargeCreate,
        Self::LargeWrite,
        Self::LargeSync,
        Self::VolumeCreate,
        Self::JournalCreate,
        Self::JournalWrite,
        Self::JournalSync,
        Self::VolumeWrite,
        Self::VolumeSync,
        Self::Answer,
        Self::Rows,
        Self::Rollback,
        Self::Erase,
        Self::JournalRemove,
    ];
}
