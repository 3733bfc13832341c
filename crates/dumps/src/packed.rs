//! What dumps are packed in: gzip, Zstandard, zip, and either of the first two inside a zip.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use thiserror::Error;
use zip::ZipArchive;

use crate::text::EndlessLine;
use crate::told::CutShort;

/// The most members of one zip archive.
const ZIP_MEMBERS_MAX: usize = 100_000;
/// How much text may come out of what is packed for each byte of it. Dumps come to some ten; archives that are made to fill machines to a
/// thousand and more.
const UNPACKED_PER_BYTE_MAX: u64 = 250;
/// How much may come out of anything, in bytes.
const UNPACKED_BYTES_FREE: u64 = 64 << 20;
/// What is read of the file at once, in bytes.
const BUFFER_BYTES: usize = 256 * 1024;
/// What is unpacked at once, in bytes: so much at most is lost of what comes out right before damage.
const PIECE_BYTES: usize = 32 * 1024;

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
#[error("{}", CutShort::from(self))]
pub enum PackedError {
    /// It cannot be read or unpacked to its end.
    Io(#[source] io::Error),
    /// A zip archive without a usable directory.
    Zip(#[source] zip::result::ZipError),
    /// Far more comes out of it than out of any dump.
    Bomb,
    /// A line has no end.
    EndlessLine,
    /// It is packed in a way that is not unpacked here.
    OtherPacking,
}

impl From<io::Error> for PackedError {
    fn from(error: io::Error) -> Self {
        match error.get_ref() {
            Some(inner) if inner.is::<Bomb>() => Self::Bomb,
            Some(inner) if inner.is::<EndlessLine>() => Self::EndlessLine,
            Some(inner) if inner.is::<OtherPacking>() => Self::OtherPacking,
            _ => Self::Io(error),
        }
    }
}

/// More was unpacked than may be.
#[derive(Debug, Error)]
#[error("more than {UNPACKED_PER_BYTE_MAX} times as much comes out of it")]
struct Bomb;

/// It begins as what is not unpacked here.
#[derive(Debug, Error)]
#[error("it is packed in another way")]
struct OtherPacking;

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
            let budget = Budget { read: Arc::clone(&read), packed_bytes: u64::MAX, unpacked: Cell::default() };
            text(&mut gathered(BUFFER_BYTES, Counted { inner: stream, read }), &budget, each)?;
        }
        Kind::File(mut file) => {
            let mut magic = [0; 4];
            let length = file.read(&mut magic)?;
            let packed_bytes = file.seek(SeekFrom::End(0))?;
            file.seek(SeekFrom::Start(0))?;
            let budget = Budget { read: Arc::clone(&read), packed_bytes, unpacked: Cell::default() };
            let input = Counted { inner: file, read };
            if magic[..length] == *ZIP {
                return members(BufReader::with_capacity(BUFFER_BYTES, input), &budget, each);
            }
            text(&mut gathered(BUFFER_BYTES, input), &budget, each)?;
        }
    }
    Ok(0)
}

/// One text, as it is or packed.
fn text(
    input: &mut dyn BufRead,
    budget: &Budget,
    each: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    match packing(input.fill_buf()?) {
        Packing::Gzip => each(&mut Within { inner: MultiGzDecoder::new(input), budget }),
        Packing::Zstandard => each(&mut Within { inner: Zstandard::new(input), budget }),
        Packing::None => each(&mut Within { inner: input, budget }),
        Packing::Other => Err(io::Error::other(OtherPacking)),
    }
}

/// Every member of a zip that can be unpacked.
fn members(
    input: impl Read + Seek,
    budget: &Budget,
    each: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
) -> Result<u64, PackedError> {
    let mut archive = ZipArchive::new(input).map_err(PackedError::Zip)?;
    let mut skipped = archive.len().saturating_sub(ZIP_MEMBERS_MAX) as u64;
    for number in 0..archive.len().min(ZIP_MEMBERS_MAX) {
        match archive.by_index(number) {
            Ok(member) if member.is_dir() => {}
            Ok(member) => match text(&mut gathered(PIECE_BYTES, member), budget, each) {
                Ok(()) => {}
                Err(error) if error.get_ref().is_some_and(|inner| inner.is::<Bomb>()) => return Err(PackedError::Bomb),
                Err(_) => skipped += 1,
            },
            // encrypted, or packed in another way
            Err(_) => skipped += 1,
        }
    }
    Ok(skipped)
}

/// How much text may come out of a dump.
struct Budget {
    /// What was read of it, packed, in bytes; members of a zip may lie over each other, so no more than there is counts.
    read: Arc<AtomicU64>,
    packed_bytes: u64,
    unpacked: Cell<u64>,
}

impl Budget {
    fn take(&self, bytes: usize) -> io::Result<()> {
        self.unpacked.set(self.unpacked.get() + bytes as u64);
        let packed = self.read.load(Ordering::Relaxed).min(self.packed_bytes);
        if self.unpacked.get() > UNPACKED_BYTES_FREE.saturating_add(packed.saturating_mul(UNPACKED_PER_BYTE_MAX)) {
            return Err(io::Error::other(Bomb));
        }
        Ok(())
    }
}

/// Text that a budget is for.
struct Within<'a, R> {
    inner: R,
    budget: &'a Budget,
}

impl<R: Read> Read for Within<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let piece = into.len().min(PIECE_BYTES);
        let length = self.inner.read(&mut into[..piece])?;
        self.budget.take(length)?;
        Ok(length)
    }
}

/// A file that is no zip archive, unpacked: for lists, which are read again from any place.
pub fn unpacked_file(file: File) -> io::Result<Box<dyn Read>> {
    let mut input = BufReader::with_capacity(BUFFER_BYTES, file);
    Ok(match packing(input.fill_buf()?) {
        Packing::Gzip => Box::new(MultiGzDecoder::new(input)),
        Packing::Zstandard => Box::new(Zstandard::new(input)),
        // no line of what is packed otherwise is one of a list
        Packing::None | Packing::Other => Box::new(input),
    })
}

/// How a text is packed, by how it begins.
enum Packing {
    Gzip,
    Zstandard,
    None,
    /// In a way that is not unpacked here.
    Other,
}

/// How a zip archive begins. It is read from its end, so in a stream or in another archive it is not.
const ZIP: &[u8; 4] = b"PK\x03\x04";
/// How a zip archive, 7z, RAR and xz begin.
const OTHERS: [&[u8]; 4] = [ZIP, b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\xfd7zXZ\0"];
/// As many bytes tell how a text is packed.
const BEGINNING_BYTES: usize = 10;

fn packing(beginning: &[u8]) -> Packing {
    match beginning {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Packing::Zstandard,
        // bzip2, of any block size
        [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', b'&', b'S', b'Y', ..] => Packing::Other,
        _ if OTHERS.iter().any(|other| beginning.starts_with(other)) => Packing::Other,
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

/// Gives the beginning in one piece, so that how it is packed does not depend on how a stream is cut.
struct Gathered<R> {
    inner: R,
    begun: bool,
}

fn gathered<R: Read>(buffer_bytes: usize, inner: R) -> BufReader<Gathered<R>> {
    BufReader::with_capacity(buffer_bytes, Gathered { inner, begun: false })
}

impl<R: Read> Read for Gathered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if std::mem::replace(&mut self.begun, true) {
            return self.inner.read(into);
        }
        let mut length = 0;
        while length < BEGINNING_BYTES.min(into.len()) {
            match self.inner.read(&mut into[length..]) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if length == 0 => return Err(error),
                // it comes again
                Err(_) => break,
            }
        }
        Ok(length)
    }
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
