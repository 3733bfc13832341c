//! Building a filter from a list: sort every hash into one of 256 files, then write shard after shard.
//!
//! Memory: the buffers of 256 files, then one shard at a time. Disk while it runs: six bytes a hash beside the filter itself.
//! A kill at any moment costs what was read since the last checkpoint, or the shard that was being written; the next load of the
//! same source goes on from there and comes to the same bytes.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::Path;

use thiserror::Error;

use crate::bits::encode;
use crate::filter::{HEADER_BYTES, Header, data_at, index_at, shard_sum};
use crate::line::{Line, read};
use crate::shape::{HASHES_MAX, SHARDS};
use crate::sort::{Sorter, forget, sorted};
use crate::state::{State, sync_folder};
use crate::{Filter, FilterError, HashKind, Shape, Source};

/// How much text is read between two checkpoints of the first pass, in bytes.
pub const CHECKPOINT_BYTES: u64 = 512 << 20;
/// What is read at once, in bytes.
const READ_BYTES: usize = 1 << 20;
/// The longest line, in bytes.
const LINE_BYTES_MAX: usize = 256;
/// The most hashes of one shard, which is held in memory: 16 times the share of a list of a thousand million.
const SHARD_HASHES_MAX: u64 = 1 << 26;
/// How many shards are written between two syncs; a kill costs as many.
const SHARDS_PER_STEP: usize = 16;
/// The filter while it is written.
const UNFINISHED: &str = "filter";

/// How far a load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// An earlier load was interrupted here, and this one goes on.
    GoesOn,
    /// So much text was read, in bytes, of so many parts.
    Read {
        /// Bytes in all.
        bytes: u64,
        /// Parts that are read.
        parts: u32,
    },
    /// So many of 256 shards are written.
    Written {
        /// Shards in all.
        shards: usize,
    },
}

/// A filter that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Which hash.
    pub kind: HashKind,
    /// Different hashes.
    pub hashes: u64,
    /// The file, in bytes.
    pub bytes: u64,
    /// Ranges of a folder that were not there.
    pub missing: u32,
}

/// A list cannot be loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The list itself.
    #[error("the list cannot be read; check the path, the rights and whether the file is whole")]
    Source(#[source] io::Error),
    /// Where it is built.
    #[error("the leak list cannot be written; see whether the disk is full, then run the command again: it goes on")]
    Work(#[source] io::Error),
    /// Another load runs.
    #[error("another `leadglass leaks load` is building this list; wait until it ends")]
    Busy,
    /// A line that is none of a list. What it says may be a password, so it is not shown.
    #[error(
        "line {line}{} is not HASH:COUNT with a SHA-1 or NTLM hash in hexadecimal digits; load a list in the Pwned Passwords format, \
         and look through a raw dump with `leadglass leaks check`", if *.parts > 1 { format!(" of range {part:05X}") } else { String::new() }
    )]
    Line {
        /// Which.
        line: u64,
        /// Of which part.
        part: u32,
        /// Of how many.
        parts: u32,
    },
    /// Both hashes in one list.
    #[error("line {line} has another kind of hash than the lines before; load SHA-1 and NTLM lists one by one")]
    Kinds {
        /// Which.
        line: u64,
    },
    /// Nothing in it.
    #[error(
        "there is no hash in this list; name a file in the Pwned Passwords format, or a folder with its range files"
    )]
    Empty,
    /// More than a filter holds.
    #[error("this list has more hashes than a filter holds (17,179,869,184)")]
    TooMany,
    /// They are not hashes of passwords.
    #[error(
        "these hashes are not spread as those of a whole list are; is the file what it should be, are the folder's ranges complete?"
    )]
    Skewed,
    /// What was written is not what was meant.
    #[error("the leak list that was written does not read back: {0}; is the disk failing?")]
    Check(#[from] FilterError),
    /// The caller stopped it.
    #[error("the load was stopped; run the command again and it goes on")]
    Stopped,
}

/// Loads a list into `target`, which it replaces at once and as a whole. `work` is a folder of its own beside it.
pub fn load(
    source: &mut dyn Source,
    work: &Path,
    target: &Path,
    checkpoint_bytes: u64,
    tell: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Loaded, LoadError> {
    let identity = source.identity().map_err(LoadError::Source)?;
    std::fs::create_dir_all(work).map_err(LoadError::Work)?;
    let lock = File::create(work.join("lock")).map_err(LoadError::Work)?;
    lock.try_lock().map_err(|_| LoadError::Busy)?;
    // shards without their file: the filter was finished and renamed, and a crash left its folder
    let earlier =
        State::load(work, &identity).filter(|state| state.shards.is_empty() || work.join(UNFINISHED).exists());
    let state = match earlier {
        Some(state) => {
            told(tell, Progress::GoesOn)?;
            state
        }
        None => State::of(identity),
    };
    let mut load = Load { work, state, tell };
    if !load.state.complete {
        load.read(source, checkpoint_bytes)?;
    }
    let loaded = load.write(target)?;
    drop(lock);
    // crash before this: the next load finds shards without their file and begins anew
    std::fs::remove_dir_all(work).map_err(LoadError::Work)?;
    Ok(loaded)
}

struct Load<'a> {
    work: &'a Path,
    state: State,
    tell: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
}

impl Load<'_> {
    /// The first pass.
    fn read(&mut self, source: &mut dyn Source, checkpoint_bytes: u64) -> Result<(), LoadError> {
        let mut sorter = Sorter::open(self.work, &self.state.sorted).map_err(LoadError::Work)?;
        let mut since = 0;
        while self.state.part < source.parts() {
            match source.open(self.state.part, self.state.offset).map_err(LoadError::Source)? {
                None => self.state.missing += 1,
                Some(part) => {
                    let parts = source.parts();
                    let prefix = part.prefix.into_bytes();
                    let mut lines = Lines { text: part.text, buffer: Vec::new(), from: 0, ended: false };
                    loop {
                        let before = self.state.offset;
                        let more = lines.fill().map_err(LoadError::Source)?;
                        self.state.offset += self.take_lines(&prefix, &mut lines, &mut sorter, parts)?;
                        since += self.state.offset - before;
                        self.state.read += self.state.offset - before;
                        self.say_read()?;
                        if since >= checkpoint_bytes {
                            self.checkpoint(&mut sorter)?;
                            since = 0;
                        }
                        if !more {
                            break;
                        }
                    }
                }
            }
            (self.state.part, self.state.offset, self.state.line) = (self.state.part + 1, 0, 0);
        }
        self.state.complete = true;
        self.checkpoint(&mut sorter)?;
        self.say_read()
    }

    fn say_read(&mut self) -> Result<(), LoadError> {
        told(self.tell, Progress::Read { bytes: self.state.read, parts: self.state.part })
    }

    /// The hashes are durable before the state says that they are.
    fn checkpoint(&mut self, sorter: &mut Sorter) -> Result<(), LoadError> {
        self.state.sorted = sorter.sync().map_err(LoadError::Work)?.to_vec();
        if self.state.sorted.iter().any(|count| *count > SHARD_HASHES_MAX) {
            return Err(LoadError::Skewed);
        }
        if self.state.sorted.iter().sum::<u64>() > HASHES_MAX {
            return Err(LoadError::TooMany);
        }
        self.state.save(self.work).map_err(LoadError::Work)
    }

    /// Takes the whole lines that were read; says how many bytes they are.
    fn take_lines(
        &mut self,
        prefix: &[u8],
        lines: &mut Lines,
        sorter: &mut Sorter,
        parts: u32,
    ) -> Result<u64, LoadError> {
        let mut taken = 0;
        while let Some((line, bytes)) = lines.next() {
            let mut line = line;
            if self.state.line == 0 && self.state.part == 0 {
                line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
            }
            self.state.line += 1;
            taken += bytes as u64;
            match read(prefix, line) {
                Line::Nothing => {}
                Line::Other => {
                    let (line, part) = (self.state.line, self.state.part);
                    return Err(LoadError::Line { line, part, parts });
                }
                Line::Hash(kind, hash) => {
                    if self.state.kind.is_none() {
                        self.state.kind = Some(kind.word().to_owned());
                    } else if self.state.kind.as_deref() != Some(kind.word()) {
                        return Err(LoadError::Kinds { line: self.state.line });
                    }
                    sorter.take(hash).map_err(LoadError::Work)?;
                }
            }
        }
        if lines.unread() > LINE_BYTES_MAX {
            return Err(LoadError::Line { line: self.state.line + 1, part: self.state.part, parts });
        }
        Ok(taken)
    }

    /// The second pass, and the header that makes it a filter.
    fn write(&mut self, target: &Path) -> Result<Loaded, LoadError> {
        let kind = self.state.kind().ok_or(LoadError::Empty)?;
        let shape = Shape::for_hashes(kind, self.state.sorted.iter().sum());
        let path = self.work.join(UNFINISHED);
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        let file = file.map_err(LoadError::Work)?;
        for shard in self.state.shards.len()..SHARDS {
            self.write_shard(&file, shape, shard)?;
            told(self.tell, Progress::Written { shards: shard + 1 })?;
        }
        let sums = self.state.shards.iter().filter_map(|sum| hex::decode(sum).ok());
        let header = Header {
            shape,
            hashes: self.state.hashes,
            data_bytes: self.state.data_bytes,
            shard_sums: sums.flatten().collect(),
        };
        let last = self.state.data_bytes.to_le_bytes();
        file.write_all_at(&last, index_at(shape.buckets())).map_err(LoadError::Work)?;
        file.write_all_at(&header.to_bytes(), 0).map_err(LoadError::Work)?;
        file.set_len(data_at(&shape) + self.state.data_bytes).map_err(LoadError::Work)?;
        file.sync_all().map_err(LoadError::Work)?;
        let filter = Filter::open(&path)?;
        filter.verify()?;
        std::fs::rename(&path, target).map_err(LoadError::Work)?;
        sync_folder(target.parent().unwrap_or(Path::new("."))).map_err(LoadError::Work)?;
        Ok(Loaded { kind, hashes: filter.hashes(), bytes: filter.bytes(), missing: self.state.missing })
    }

    /// One shard: what a kill leaves of it is written again.
    fn write_shard(&mut self, file: &File, shape: Shape, shard: usize) -> Result<(), LoadError> {
        let hashes = sorted(self.work, shard, self.state.sorted[shard], shape.kept_bits).map_err(LoadError::Work)?;
        let rest_bits = shape.rest_bits();
        let first = shard as u64 * shape.shard_buckets();
        let (mut index, mut data, mut rests) = (Vec::new(), Vec::new(), Vec::new());
        let mut hashes = hashes.iter().peekable();
        for bucket in first..first + shape.shard_buckets() {
            index.extend((self.state.data_bytes + data.len() as u64).to_le_bytes());
            rests.clear();
            while let Some(hash) = hashes.next_if(|hash| *hash >> rest_bits == bucket) {
                rests.push(hash & ((1 << rest_bits) - 1));
            }
            self.state.hashes += rests.len() as u64;
            encode(&shape, bucket, &rests, &mut data).ok_or(LoadError::Skewed)?;
        }
        let write = || {
            file.write_all_at(&index, index_at(first))?;
            file.write_all_at(&data, data_at(&shape) + self.state.data_bytes)
        };
        write().map_err(LoadError::Work)?;
        self.state.shards.push(hex::encode(shard_sum(&index, &data)));
        self.state.data_bytes += data.len() as u64;
        if (shard + 1).is_multiple_of(SHARDS_PER_STEP) { self.keep(file).map_err(LoadError::Work) } else { Ok(()) }
    }

    /// The shards that were written are durable before the state says so, and their sorted hashes are removed after that.
    fn keep(&mut self, file: &File) -> io::Result<()> {
        file.sync_data()?;
        self.state.save(self.work)?;
        let done = self.state.shards.len();
        (done - SHARDS_PER_STEP..done).for_each(|shard| forget(self.work, shard));
        Ok(())
    }
}

fn told(tell: &mut dyn FnMut(Progress) -> ControlFlow<()>, progress: Progress) -> Result<(), LoadError> {
    match tell(progress) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(LoadError::Stopped),
    }
}

/// Text cut into lines.
struct Lines {
    text: Box<dyn Read>,
    buffer: Vec<u8>,
    from: usize,
    ended: bool,
}

impl Lines {
    /// Reads on; false at the end of the text.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.from);
        self.from = 0;
        let held = self.buffer.len();
        let read = self.text.by_ref().take(READ_BYTES as u64).read_to_end(&mut self.buffer)?;
        debug_assert_eq!(held + read, self.buffer.len());
        self.ended = read == 0;
        Ok(!self.ended)
    }

    /// The next whole line, and how many bytes it took with its end. The last one needs no end.
    fn next(&mut self) -> Option<(&[u8], usize)> {
        let unread = &self.buffer[self.from..];
        let (line, bytes) = match unread.iter().position(|byte| *byte == b'\n') {
            Some(end) => (&unread[..end], end + 1),
            None if self.ended && !unread.is_empty() => (unread, unread.len()),
            None => return None,
        };
        self.from += bytes;
        Some((line, bytes))
    }

    fn unread(&self) -> usize {
        self.buffer.len() - self.from
    }
}

const _: () = assert!(HEADER_BYTES == 8288, "docs/formats/leak-filter.md says where the index begins");
