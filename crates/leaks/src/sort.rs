//! The first pass: every hash into the file of its shard.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use crate::shape::SHARDS;

/// What is kept of a hash beside its first byte, which names the file.
const RECORD_BYTES: usize = 6;
/// What waits for one file before it is written, in bytes.
const WAITING_BYTES: usize = 96 * 1024;

/// The files of the shards, open for writing.
pub(crate) struct Sorter {
    files: Vec<File>,
    waiting: Vec<Vec<u8>>,
    counts: Vec<u64>,
}

impl Sorter {
    /// Opens the files and cuts off what lies behind the counts: a kill may have left more.
    pub(crate) fn open(work: &Path, counts: &[u64]) -> io::Result<Self> {
        let open = |shard: usize| {
            let file = OpenOptions::new().create(true).append(true).open(path(work, shard))?;
            file.set_len(counts[shard] * RECORD_BYTES as u64)?;
            Ok(file)
        };
        let files = (0..SHARDS).map(open).collect::<io::Result<Vec<File>>>()?;
        Ok(Self { files, waiting: vec![Vec::new(); SHARDS], counts: counts.to_vec() })
    }

    /// Takes the first 64 bits of a hash.
    pub(crate) fn take(&mut self, hash: u64) -> io::Result<()> {
        let bytes = hash.to_be_bytes();
        let shard = usize::from(bytes[0]);
        let waiting = &mut self.waiting[shard];
        waiting.extend(&bytes[1..=RECORD_BYTES]);
        self.counts[shard] += 1;
        if waiting.len() >= WAITING_BYTES {
            self.files[shard].write_all(waiting)?;
            waiting.clear();
        }
        Ok(())
    }

    /// Makes everything durable that was taken. Says how many hashes each shard has.
    pub(crate) fn sync(&mut self) -> io::Result<&[u64]> {
        for (file, waiting) in self.files.iter_mut().zip(&mut self.waiting) {
            if !waiting.is_empty() {
                file.write_all(waiting)?;
                waiting.clear();
            }
            file.sync_data()?;
        }
        Ok(&self.counts)
    }
}

/// The hashes of a shard, shifted so that so many bits are left, ascending and each once.
pub(crate) fn sorted(work: &Path, shard: usize, count: u64, kept_bits: u32) -> io::Result<Vec<u64>> {
    let mut file = BufReader::with_capacity(1 << 18, File::open(path(work, shard))?);
    let mut hashes = Vec::with_capacity(usize::try_from(count).map_err(io::Error::other)?);
    let mut bytes = [0; 8];
    bytes[0] = shard as u8;
    for _ in 0..count {
        file.read_exact(&mut bytes[1..=RECORD_BYTES])?;
        hashes.push(u64::from_be_bytes(bytes) >> (64 - kept_bits));
    }
    hashes.sort_unstable();
    hashes.dedup();
    Ok(hashes)
}

/// Removes the file of a shard that is written.
pub(crate) fn forget(work: &Path, shard: usize) {
    // what is left is removed with the folder
    let _ = std::fs::remove_file(path(work, shard));
}

fn path(work: &Path, shard: usize) -> PathBuf {
    work.join(format!("shard-{shard:02x}"))
}
