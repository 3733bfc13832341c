//! The volume files: where they lie, reading ranges, walking over their records.

use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::io::{StoreFile, StoreIo};
use crate::record::{self, FILE_HEADER_BYTES, FileHeader, HEADER_BYTES, Header};
use crate::{OpenError, Place, ReadError};

/// Set in [`Place::volume`] when the bytes lie in a large object's own file.
pub(crate) const LARGE_BIT: u32 = 1 << 31;

/// Open files that are kept for reading.
const HANDLES_MAX: usize = 128;
/// A read of more than this many bytes first makes sure that the file is that long.
const UNCHECKED_BYTES: u64 = 16 * 1024 * 1024;

/// The folder of volumes.
pub(crate) struct Volumes {
    io: Arc<dyn StoreIo>,
    folder: PathBuf,
    /// Least recently used first.
    handles: Mutex<Vec<(u32, Arc<dyn StoreFile>)>>,
}

impl Volumes {
    pub fn new(io: Arc<dyn StoreIo>, dir: &Path) -> Self {
        Self { io, folder: dir.join("volumes"), handles: Mutex::new(Vec::new()) }
    }

    /// Where a volume, or with [`LARGE_BIT`] a large object's file, lies.
    pub fn path(&self, volume: u32) -> PathBuf {
        match volume & LARGE_BIT {
            0 => self.folder.join(format!("{volume:06}.vol")),
            _ => self.folder.join(format!("{:06}.large", volume & !LARGE_BIT)),
        }
    }

    /// Numbers of all files, ascending: volumes, and large objects with [`LARGE_BIT`].
    pub fn list(&self) -> io::Result<(Vec<u32>, Vec<u32>)> {
        let (mut volumes, mut large) = (Vec::new(), Vec::new());
        for name in self.io.list(&self.folder)? {
            if let Some(number) = name.strip_suffix(".vol").and_then(|number| number.parse().ok()) {
                volumes.push(number);
            } else if let Some(number) = name.strip_suffix(".large").and_then(|number| number.parse::<u32>().ok()) {
                large.push(number | LARGE_BIT);
            }
        }
        volumes.sort_unstable();
        large.sort_unstable();
        Ok((volumes, large))
    }

    /// An open handle.
    pub fn file(&self, volume: u32) -> io::Result<Arc<dyn StoreFile>> {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = handles.iter().position(|(number, _)| *number == volume) {
            let handle = handles.remove(index);
            let file = Arc::clone(&handle.1);
            handles.push(handle);
            return Ok(file);
        }
        let file = self.io.open(&self.path(volume))?;
        if handles.len() >= HANDLES_MAX {
            handles.remove(0);
        }
        handles.push((volume, Arc::clone(&file)));
        Ok(file)
    }

    /// Drops the handle of a file that is to be removed.
    pub fn forget(&self, volume: u32) {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).retain(|(number, _)| *number != volume);
    }

    /// Appends `range` of the object at `place` to `buffer`.
    pub fn read_into(&self, place: &Place, range: Range<u64>, buffer: &mut Vec<u8>) -> Result<(), ReadError> {
        if range.start > range.end || range.end > place.length {
            return Err(ReadError::Range { length: place.length });
        }
        let not_there = || ReadError::NotThere {
            volume: place.volume & !LARGE_BIT,
            offset: place.offset.saturating_add(range.start),
            end: place.offset.saturating_add(range.end),
        };
        let offset = place.offset.checked_add(range.start).ok_or_else(not_there)?;
        let length = range.end - range.start;
        let file = match self.file(place.volume) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(not_there()),
            file => file?,
        };
        // a damaged row may name any length: nothing is allocated for bytes that no file has
        if length > UNCHECKED_BYTES && file.length()? < offset.saturating_add(length) {
            return Err(not_there());
        }
        let start = buffer.len();
        buffer.resize(start + usize::try_from(length).map_err(|_| not_there())?, 0);
        file.read_at(&mut buffer[start..], offset).map_err(|error| {
            buffer.truncate(start);
            match error.kind() {
                // the second one: an offset that no file can have
                ErrorKind::UnexpectedEof | ErrorKind::InvalidInput => not_there(),
                _ => ReadError::Io(error),
            }
        })
    }

    /// Walks over the records of a volume from `start` on (0: from its first record).
    pub fn walk(&self, volume: u32, start: u64) -> Result<Walk, OpenError> {
        let path = self.path(volume);
        let failed = |source| OpenError::Io { path: path.clone(), source };
        let file = self.file(volume).map_err(failed)?;
        let length = file.length().map_err(failed)?;
        let mut bytes = [0; FILE_HEADER_BYTES as usize];
        if length >= FILE_HEADER_BYTES {
            file.read_at(&mut bytes, 0).map_err(failed)?;
        }
        let headed = match record::check_file_header(&bytes, volume) {
            FileHeader::Good => true,
            FileHeader::Later(version) => return Err(OpenError::Version { path, version: version.into() }),
            FileHeader::Bad => false,
        };
        Ok(Walk { file, path, volume, length, headed, at: start.max(FILE_HEADER_BYTES) })
    }
}

/// A record that was found in a volume.
pub(crate) struct Found {
    /// Where it begins.
    pub offset: u64,
    pub header: Header,
    /// Its header as it lies there.
    pub raw: [u8; HEADER_BYTES],
}

impl Found {
    /// Where the next record begins.
    pub fn end(&self) -> u64 {
        let end = self.header.length().and_then(|length| record::padded(self.offset + length));
        end.expect("a found record lies inside its file")
    }
}

/// A walk over one volume.
pub(crate) struct Walk {
    file: Arc<dyn StoreFile>,
    path: PathBuf,
    pub volume: u32,
    /// Length of the file.
    pub length: u64,
    /// Whether the file begins as a volume does.
    pub headed: bool,
    /// Where the next record is expected.
    pub at: u64,
}

impl Walk {
    /// The next record; `None` at the end of the file and before whatever is not a whole record.
    pub fn next(&mut self) -> Result<Option<Found>, OpenError> {
        if !self.headed {
            return Ok(None);
        }
        let found = self.header_at(self.at)?;
        if let Some(found) = &found {
            self.at = found.end();
        }
        Ok(found)
    }

    fn header_at(&self, offset: u64) -> Result<Option<Found>, OpenError> {
        if offset.checked_add(HEADER_BYTES as u64).is_none_or(|end| end > self.length) {
            return Ok(None);
        }
        let mut raw = [0; HEADER_BYTES];
        self.read(&mut raw, offset)?;
        let Some(header) = Header::decode(&raw, self.volume, offset) else { return Ok(None) };
        let end = header.length().and_then(|length| offset.checked_add(length)).and_then(record::padded);
        let whole = end.is_some_and(|end| end <= self.length);
        Ok(whole.then_some(Found { offset, header, raw }))
    }

    /// Whether a record behind `at` says that the volume was durable past `at`: then no crash explains what is
    /// at `at`.
    pub fn damaged(&self, at: u64) -> Result<bool, OpenError> {
        /// Looked through at once.
        const WINDOW: usize = 1024 * 1024;
        let mut start = at;
        let mut window = Vec::new();
        while start < self.length {
            window.resize(WINDOW.min((self.length - start) as usize), 0);
            self.read(&mut window, start)?;
            let mut from = 0;
            while let Some(index) = record::find_magic(&window[from..]) {
                from += index;
                if let Some(found) = self.header_at(start + from as u64)?
                    && found.header.synced > at
                {
                    return Ok(true);
                }
                from += record::ALIGNMENT as usize;
                if from >= window.len() {
                    break;
                }
            }
            start += window.len() as u64;
        }
        Ok(false)
    }

    /// The row of a record.
    pub fn row(&self, found: &Found) -> Result<Vec<u8>, OpenError> {
        self.bytes(found.offset + Header::ROW_START, u64::from(found.header.row_length))
    }

    /// The detail of a record.
    pub fn detail(&self, found: &Found) -> Result<Vec<u8>, OpenError> {
        self.bytes(found.offset + found.header.detail_start(), u64::from(found.header.detail_length))
    }

    /// The body of a record.
    pub fn body(&self, found: &Found) -> Result<Vec<u8>, OpenError> {
        self.bytes(found.offset + found.header.body_start(), found.header.body_length)
    }

    /// Whether row, detail and body are what the header says. The body of a large object is not read.
    pub fn verifies(&self, found: &Found) -> Result<bool, OpenError> {
        let header = &found.header;
        let details = u64::from(header.row_length) + u64::from(header.detail_length);
        let body = if header.large.is_some() { 0 } else { header.body_length };
        let start = found.offset + Header::ROW_START;
        Ok(self.hash(start, details)? == header.details_hash
            && (header.large.is_some() || self.hash(start + details, body)? == header.body_hash))
    }

    fn hash(&self, mut offset: u64, mut length: u64) -> Result<[u8; 32], OpenError> {
        let mut hasher = blake3::Hasher::new();
        let mut piece = vec![0; length.min(256 * 1024) as usize];
        while length > 0 {
            let step = piece.len().min(usize::try_from(length).unwrap_or(usize::MAX));
            self.read(&mut piece[..step], offset)?;
            hasher.update(&piece[..step]);
            offset += step as u64;
            length -= step as u64;
        }
        Ok(hasher.finalize().into())
    }

    /// Cuts the volume off at `at`, durably.
    pub fn cut(&mut self, at: u64) -> Result<u64, OpenError> {
        let cut = self.length - at;
        let done = if cut > 0 { self.file.truncate(at) } else { Ok(()) };
        done.and_then(|()| self.file.sync()).map_err(|source| self.failed(source))?;
        self.length = at;
        Ok(cut)
    }

    fn bytes(&self, offset: u64, length: u64) -> Result<Vec<u8>, OpenError> {
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| self.damage(offset))?];
        self.read(&mut bytes, offset)?;
        Ok(bytes)
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), OpenError> {
        self.file.read_at(buffer, offset).map_err(|source| self.failed(source))
    }

    /// The error for damage at `offset`.
    pub fn damage(&self, offset: u64) -> OpenError {
        OpenError::Damaged { path: self.path.clone(), offset }
    }

    fn failed(&self, source: io::Error) -> OpenError {
        OpenError::Io { path: self.path.clone(), source }
    }
}
