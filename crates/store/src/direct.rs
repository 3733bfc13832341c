//! Writing past the page cache (`O_DIRECT`): what comes in is read later or never, and copying it through the cache costs
//! more than the disk does.
//!
//! Whole blocks go straight to the disk; the parts of blocks at both ends go through the cache, where the next write
//! finds them. Both are durable after the same sync. Where the filesystem has no such writes, everything goes through
//! the cache.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// A write of fewer bytes goes through the cache.
pub(crate) const DIRECT_BYTES_MIN: u64 = 128 * 1024;

/// Offset, length and memory of a direct write are multiples of this: the largest block that disks have.
const BLOCK_BYTES: u64 = 4096;
/// Written in one call.
const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// The direct side of a file.
#[derive(Default)]
pub(crate) struct Direct {
    handle: Option<File>,
    /// This filesystem refused it.
    refused: bool,
    /// The largest chunk so far and the room to align it.
    scratch: Vec<u8>,
}

impl Direct {
    /// Writes pieces of `length` bytes one behind the other from `offset` on, into the file that `path` names and `file`
    /// is; `false` when this filesystem has no direct writes, and nothing was written.
    pub fn write(
        &mut self,
        (path, file): (&Path, &File),
        pieces: &[&[u8]],
        offset: u64,
        length: u64,
    ) -> io::Result<bool> {
        self.open(path);
        let Some(handle) = &self.handle else { return Ok(false) };
        let mut source = Pieces { pieces, used: 0 };
        let (mut at, end) = (offset, offset + length);
        let mut refused = false;
        while at < end {
            let into_block = at % BLOCK_BYTES;
            let step = if into_block != 0 || end - at < BLOCK_BYTES {
                (BLOCK_BYTES - into_block).min(end - at)
            } else {
                (end - at).min(CHUNK_BYTES as u64) / BLOCK_BYTES * BLOCK_BYTES
            };
            let chunk = aligned(&mut self.scratch, step as usize);
            source.fill(chunk);
            let whole = step >= BLOCK_BYTES && into_block == 0;
            if whole && !refused {
                match handle.write_all_at(chunk, at) {
                    // larger blocks than these, or none at all
                    Err(error) if error.kind() == ErrorKind::InvalidInput => refused = true,
                    written => written?,
                }
            }
            if !whole || refused {
                file.write_all_at(chunk, at)?;
            }
            at += step;
        }
        self.refused |= refused;
        Ok(true)
    }

    fn open(&mut self, path: &Path) {
        if self.refused {
            self.handle = None;
        } else if self.handle.is_none() {
            let flags = OFlags::DIRECT.bits() as i32;
            self.handle = OpenOptions::new().write(true).custom_flags(flags).open(path).ok();
            self.refused = self.handle.is_none();
        }
    }
}

/// `length` bytes of `scratch` that begin at a multiple of the block in memory.
fn aligned(scratch: &mut Vec<u8>, length: usize) -> &mut [u8] {
    if scratch.len() < length + BLOCK_BYTES as usize {
        scratch.resize(length + BLOCK_BYTES as usize, 0);
    }
    let start = scratch.as_ptr().align_offset(BLOCK_BYTES as usize);
    &mut scratch[start..start + length]
}

/// Slices that are taken one behind the other.
struct Pieces<'a> {
    pieces: &'a [&'a [u8]],
    /// Bytes of the first one that are taken.
    used: usize,
}

impl Pieces<'_> {
    fn fill(&mut self, mut out: &mut [u8]) {
        while !out.is_empty() {
            let (piece, rest) = self.pieces.split_first().expect("as many bytes as were counted");
            let taken = out.len().min(piece.len() - self.used);
            out[..taken].copy_from_slice(&piece[self.used..self.used + taken]);
            out = &mut out[taken..];
            self.used += taken;
            if self.used == piece.len() {
                (self.pieces, self.used) = (rest, 0);
            }
        }
    }
}
