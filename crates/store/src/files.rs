//! The backend on the machine's own disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, IoSlice, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::direct::{DIRECT_BYTES_MIN, Direct};
use crate::io::{StoreFile, StoreIo};

/// Files on the machine's disk, without failure hooks.
#[must_use]
pub fn files() -> Arc<dyn StoreIo> {
    Arc::new(Files)
}

struct Files;

impl StoreIo for Files {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoreFile>> {
        let folder = path.parent().expect("every file of a store lies in a folder");
        make_folder(folder)?;
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        sync_folder(folder)?;
        Ok(Arc::new(DiskFile::new(file, path)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn StoreFile>> {
        Ok(Arc::new(DiskFile::new(OpenOptions::new().read(true).write(true).open(path)?, path)))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect()
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)?;
        sync_folder(path.parent().expect("every file of a store lies in a folder"))
    }
}

/// Makes a folder that only its owner enters, and its entry durable.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        _ => Ok(()),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

struct DiskFile {
    file: File,
    path: PathBuf,
    /// Held while several pieces are written: the file's position is used, or the memory of direct writes.
    writing: Mutex<Direct>,
}

impl DiskFile {
    fn new(file: File, path: &Path) -> Self {
        Self { file, path: path.to_owned(), writing: Mutex::default() }
    }
}

/// The most pieces that one system call takes (`IOV_MAX` of Linux).
const PIECES_MAX: usize = 1024;

impl StoreFile for DiskFile {
    fn write_at(&self, pieces: &[&[u8]], offset: u64) -> io::Result<()> {
        let length: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        if let ([piece], true) = (pieces, length < DIRECT_BYTES_MIN) {
            return self.file.write_all_at(piece, offset);
        }
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if length >= DIRECT_BYTES_MIN && writing.write((&self.path, &self.file), pieces, offset, length)? {
            return Ok(());
        }
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset))?;
        for pieces in pieces.chunks(PIECES_MAX) {
            let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
            let mut left = slices.as_mut_slice();
            // an empty slice list, or one of empty slices, writes 0 bytes without being an error
            IoSlice::advance_slices(&mut left, 0);
            while !left.is_empty() {
                match file.write_vectored(left) {
                    Ok(0) => return Err(ErrorKind::WriteZero.into()),
                    Ok(written) => IoSlice::advance_slices(&mut left, written),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }
}
