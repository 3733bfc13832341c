//! What dumps are packed in: gzip, Zstandard, zip, and either of the first two inside a zip.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use thiserror::Error;
use zip::ZipArchive;

/// The most members of one zip archive.
const ZIP_MEMBERS_MAX: usize = 100_000;
/// What is read of the file at once, in bytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// A dump, opened.
pub struct Input {
    file: Kind,
    read: Arc<AtomicU64>,
}

enum Kind {
    File(File),
    Stream(Box<dyn Read>),
}

/// A dump cannot be unpacked.
#[derive(Debug, Error)]
pub enum PackedError {
    /// It cannot be read or unpacked to its end.
    #[error("the dump cannot be read to its end; what stands before the damage was looked at")]
    Io(#[from] io::Error),
    /// A zip archive without a usable directory.
    #[error("the zip archive cannot be read; unpack it yourself and give the files one by one")]
    Zip(#[source] zip::result::ZipError),
}

impl Input {
    /// A file. It is opened by the caller, so that reading it needs no right to open others.
    #[must_use]
    pub fn file(file: File) -> Self {
        Self { file: Kind::File(file), read: Arc::default() }
    }

    /// A stream, which may be anything but a zip archive.
    #[must_use]
    pub fn stream(stream: Box<dyn Read>) -> Self {
        Self { file: Kind::Stream(stream), read: Arc::default() }
    }

    /// How much was read of it, packed, in bytes; goes on while it is read.
    #[must_use]
    pub fn read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.read)
    }
}

/// Gives every text of a dump to `each`, unpacked. Says how many members of a zip could not be unpacked.
pub fn unpacked(input: Input, each: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>) -> Result<u64, PackedError> {
    let Input { file, read } = input;
    match file {
        Kind::Stream(stream) => {
            text(&mut BufReader::with_capacity(BUFFER_BYTES, Counted { inner: stream, read }), each)?
        }
        Kind::File(mut file) => {
            let mut magic = [0; 4];
            let length = file.read(&mut magic)?;
            file.seek(SeekFrom::Start(0))?;
            let counted = Counted { inner: file, read };
            if magic[..length].starts_with(b"PK\x03\x04") {
                return members(BufReader::with_capacity(BUFFER_BYTES, counted), each);
            }
            text(&mut BufReader::with_capacity(BUFFER_BYTES, counted), each)?;
        }
    }
    Ok(0)
}

/// One text, as it is or packed.
fn text(mut input: &mut dyn BufRead, each: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>) -> io::Result<()> {
    match packing(input.fill_buf()?) {
        Packing::Gzip => each(&mut MultiGzDecoder::new(input)),
        Packing::Zstandard => each(&mut Zstandard::new(input)),
        Packing::None => each(&mut input),
    }
}

/// Every member of a zip that can be unpacked.
fn members(input: impl Read + Seek, each: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>) -> Result<u64, PackedError> {
    let mut archive = ZipArchive::new(input).map_err(PackedError::Zip)?;
    let mut skipped = archive.len().saturating_sub(ZIP_MEMBERS_MAX) as u64;
    for number in 0..archive.len().min(ZIP_MEMBERS_MAX) {
        match archive.by_index(number) {
            Ok(member) if member.is_dir() => {}
            Ok(member) => {
                if text(&mut BufReader::with_capacity(BUFFER_BYTES, member), each).is_err() {
                    skipped += 1;
                }
            }
            // encrypted, or packed in another way
            Err(_) => skipped += 1,
        }
    }
    Ok(skipped)
}

/// A file that is no zip archive, unpacked: for lists, which are read again from any place.
pub fn unpacked_file(file: File) -> io::Result<Box<dyn Read>> {
    let mut input = BufReader::with_capacity(BUFFER_BYTES, file);
    Ok(match packing(input.fill_buf()?) {
        Packing::Gzip => Box::new(MultiGzDecoder::new(input)),
        Packing::Zstandard => Box::new(Zstandard::new(input)),
        Packing::None => Box::new(input),
    })
}

/// How a text is packed, by how it begins.
enum Packing {
    Gzip,
    Zstandard,
    None,
}

fn packing(beginning: &[u8]) -> Packing {
    match beginning {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Packing::Zstandard,
        _ => Packing::None,
    }
}

/// Frames of Zstandard one after the other.
struct Zstandard<R: BufRead> {
    input: Shared<R>,
    frame: Option<StreamingDecoder<Shared<R>, FrameDecoder>>,
}

impl<R: BufRead> Zstandard<R> {
    fn new(input: R) -> Self {
        Self { input: Shared(Rc::new(RefCell::new(input))), frame: None }
    }
}

/// What the decoder of a frame reads from, and the next one after it.
struct Shared<R>(Rc<RefCell<R>>);

impl<R> Clone for Shared<R> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<R: Read> Read for Shared<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().read(into)
    }
}

impl<R: BufRead> Read for Zstandard<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let length = frame.read(into)?;
                if length > 0 || into.is_empty() {
                    return Ok(length);
                }
                self.frame = None;
            }
            if self.input.0.borrow_mut().fill_buf()?.is_empty() {
                return Ok(0);
            }
            if !skippable(&mut *self.input.0.borrow_mut())? {
                self.frame = Some(StreamingDecoder::new(self.input.clone()).map_err(io::Error::other)?);
            }
        }
    }
}

/// Passes over a skippable frame (RFC 8878 section 3.1.2).
fn skippable(input: &mut impl BufRead) -> io::Result<bool> {
    let [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, ..] = *input.fill_buf()? else { return Ok(false) };
    input.consume(8);
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    io::copy(&mut input.take(length), &mut io::sink())?;
    Ok(true)
}

/// Counts what was read.
struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(into)?;
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
