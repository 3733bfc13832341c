//! How the ledger writes: six steps, each of which a test can make fail.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::tile::UNFINISHED;

/// The durable steps of a ledger. Reading is not part of it.
///
/// Whoever implements this may delay or fail a step, and may leave a failed one half done; a step that returned `Ok`
/// holds. Calls come from two threads, never two for the same file at once.
pub trait LedgerIo: Send + Sync {
    /// Makes a journal file of `bytes` zeros that are written, not only allocated: syncing into written space costs
    /// a third. The content is durable on return, the name after [`Self::sync_directory`].
    fn create_journal(&self, path: &Path, bytes: u64) -> io::Result<File>;
    /// Writes into a journal file. Sectors of 512 bytes are written whole or not at all, in any order.
    fn write_journal(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was written into a journal file durable.
    fn sync_journal(&self, file: &File) -> io::Result<()>;
    /// Makes or replaces a file. It has the old content or the new one at every instant; the new content is durable
    /// on return, the name after [`Self::sync_directory`].
    fn write_file(&self, path: &Path, content: &[u8]) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
}

/// The file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

/// Zeros are written in pieces of this many bytes.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

impl LedgerIo for Disk {
    fn create_journal(&self, path: &Path, bytes: u64) -> io::Result<File> {
        let unfinished = path.with_extension(UNFINISHED);
        let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&unfinished)?;
        let mut rest = bytes;
        while rest > 0 {
            let piece = rest.min(ZEROS.len() as u64);
            file.write_all(&ZEROS[..piece as usize])?;
            rest -= piece;
        }
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        Ok(file)
    }

    fn write_journal(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    fn sync_journal(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn write_file(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let unfinished = path.with_extension(UNFINISHED);
        let mut file = File::create(&unfinished)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}
