//! A disk in memory that can lose power. For tests.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::io::{StoreFile, StoreIo};

/// A disk in memory. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    files: Arc<Mutex<BTreeMap<PathBuf, Arc<MemoryFile>>>>,
}

impl MemoryDisk {
    /// The disk as a power loss leaves it: of what was not synced, each sector of [`SECTOR_BYTES`] is there or not,
    /// as `chance` says. Files that were opened on the old disk do not write to the new one.
    #[must_use]
    pub fn after_power_loss(&self, chance: &mut dyn FnMut() -> bool) -> Self {
        let files = lock(&self.files);
        let files = files.iter().map(|(path, file)| (path.clone(), Arc::new(file.after_power_loss(chance))));
        Self { files: Arc::new(Mutex::new(files.collect())) }
    }

    /// The disk as killing the process leaves it: everything that was written is there.
    #[must_use]
    pub fn after_kill(&self) -> Self {
        self.after_power_loss(&mut || true)
    }

    /// The content of every file.
    #[must_use]
    pub fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        lock(&self.files).iter().map(|(path, file)| (path.clone(), lock(&file.content).now.clone())).collect()
    }

    /// Changes a file behind the store's back, as damage on a disk does.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let files = lock(&self.files);
        let mut content = lock(&files.get(path).expect("the test names a file that is there").content);
        change(&mut content.now);
        content.synced = content.now.clone();
        content.since.clear();
    }
}

/// What a disk writes as a whole or not at all.
pub const SECTOR_BYTES: usize = 512;

impl StoreIo for MemoryDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoreFile>> {
        let mut files = lock(&self.files);
        if files.contains_key(path) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let file = Arc::new(MemoryFile::default());
        files.insert(path.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn StoreFile>> {
        match lock(&self.files).get(path) {
            Some(file) => Ok(Arc::clone(file) as Arc<dyn StoreFile>),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let files = lock(&self.files);
        let names = files.keys().filter(|path| path.parent() == Some(folder));
        Ok(names.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        lock(&self.files).remove(path).map(drop).ok_or_else(|| ErrorKind::NotFound.into())
    }
}

#[derive(Default)]
struct MemoryFile {
    content: Mutex<Content>,
}

#[derive(Default)]
struct Content {
    /// What a read sees.
    now: Vec<u8>,
    /// What the last sync made durable.
    synced: Vec<u8>,
    /// Changes since then, in order.
    since: Vec<Change>,
}

enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate { length: usize },
}

impl MemoryFile {
    fn after_power_loss(&self, chance: &mut dyn FnMut() -> bool) -> Self {
        let content = lock(&self.content);
        let mut kept = content.synced.clone();
        for change in &content.since {
            match change {
                Change::Truncate { length } if chance() => kept.truncate(*length),
                Change::Truncate { .. } => {}
                Change::Write { offset, bytes } => {
                    for (index, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
                        if chance() {
                            write(&mut kept, offset + index * SECTOR_BYTES, sector);
                        }
                    }
                }
            }
        }
        Self { content: Mutex::new(Content { now: kept.clone(), synced: kept, since: Vec::new() }) }
    }
}

impl StoreFile for MemoryFile {
    fn write_at(&self, pieces: &[&[u8]], offset: u64) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let bytes = pieces.concat();
        let mut content = lock(&self.content);
        write(&mut content.now, offset, &bytes);
        content.since.push(Change::Write { offset, bytes });
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let content = lock(&self.content);
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let bytes = offset.checked_add(buffer.len()).and_then(|end| content.now.get(offset..end));
        buffer.copy_from_slice(bytes.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut content = lock(&self.content);
        for change in std::mem::take(&mut content.since) {
            match change {
                Change::Write { offset, bytes } => write(&mut content.synced, offset, &bytes),
                Change::Truncate { length } => content.synced.truncate(length),
            }
        }
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(lock(&self.content).now.len() as u64)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let mut content = lock(&self.content);
        content.now.truncate(length);
        content.since.push(Change::Truncate { length });
        Ok(())
    }
}

fn write(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if content.len() < offset + bytes.len() {
        content.resize(offset + bytes.len(), 0);
    }
    content[offset..offset + bytes.len()].copy_from_slice(bytes);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
