//! Asking a filter. Two reads of the file a question: where the bucket lies, and the bucket.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use thiserror::Error;

use crate::bits::{BUCKET_BYTES_MAX, count, holds};
use crate::shape::SHARDS;
use crate::{HashKind, KnownHash, Shape};

/// How every filter begins; the digits are the version.
pub(crate) const MAGIC: [u8; 8] = *b"LGLEAK01";
/// The numbers in the header, in bytes.
pub(crate) const NUMBERS_BYTES: usize = 64;
/// The checksum of a shard, in bytes.
pub(crate) const SHARD_SUM_BYTES: usize = 32;
/// The header: numbers, a checksum for each shard, and one for all of that before it.
pub(crate) const HEADER_BYTES: usize = NUMBERS_BYTES + SHARDS * SHARD_SUM_BYTES + 32;
/// Where a bucket begins, in bytes from the beginning of the data.
pub(crate) const INDEX_BYTES: u64 = 8;

/// A list of hashes, opened.
#[derive(Debug)]
pub struct Filter {
    file: File,
    shape: Shape,
    hashes: u64,
    data_bytes: u64,
    shard_sums: Vec<u8>,
    digest: [u8; 32],
}

/// A filter cannot be used.
#[derive(Debug, Error)]
pub enum FilterError {
    /// The file cannot be read.
    #[error("the leak list cannot be read; check the rights, or load it again")]
    Io(#[from] io::Error),
    /// It is something else, or of a later version.
    #[error("this is no leak list that this version reads; load it again with `leadglass leaks load`")]
    Version,
    /// It is damaged.
    #[error("the leak list is damaged; load it again with `leadglass leaks load`")]
    Damaged(Damaged),
}

/// What of a filter is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damaged {
    /// The header does not have its checksum.
    Header,
    /// The file is not as long as its header says.
    Length,
    /// A shard, by its number.
    Shard(usize),
    /// A bucket, by its number.
    Bucket(u64),
}

/// What a header says.
pub(crate) struct Header {
    pub shape: Shape,
    pub hashes: u64,
    pub data_bytes: u64,
    pub shard_sums: Vec<u8>,
}

impl Header {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let Shape { kind, kept_bits, bucket_bits, rice_bits } = self.shape;
        let mut bytes = MAGIC.to_vec();
        bytes.extend([kind.number(), kept_bits as u8, bucket_bits as u8, rice_bits as u8, 0, 0, 0, 0]);
        bytes.extend(self.hashes.to_le_bytes());
        bytes.extend(self.data_bytes.to_le_bytes());
        bytes.resize(NUMBERS_BYTES, 0);
        bytes.extend(&self.shard_sums);
        let sum = blake3::hash(&bytes);
        bytes.extend(sum.as_bytes());
        bytes
    }

    pub(crate) fn of_bytes(bytes: &[u8; HEADER_BYTES]) -> Result<Self, FilterError> {
        if bytes[..MAGIC.len()] != MAGIC {
            return Err(FilterError::Version);
        }
        let (said, sum) = bytes.split_at(HEADER_BYTES - 32);
        if blake3::hash(said).as_bytes() != sum {
            return Err(FilterError::Damaged(Damaged::Header));
        }
        let shape = Shape::read(said[8], said[9], said[10], said[11]).map_err(|_| FilterError::Version)?;
        let number = |at: usize| u64::from_le_bytes(*said[at..].first_chunk().expect("the numbers are 64 bytes"));
        let shard_sums = said[NUMBERS_BYTES..].to_vec();
        Ok(Self { shape, hashes: number(16), data_bytes: number(24), shard_sums })
    }
}

/// Where the index lies, in bytes.
pub(crate) fn index_at(bucket: u64) -> u64 {
    HEADER_BYTES as u64 + bucket * INDEX_BYTES
}

/// Where the buckets begin, in bytes.
pub(crate) fn data_at(shape: &Shape) -> u64 {
    index_at(shape.buckets() + 1)
}

impl Filter {
    /// Opens a filter: its header is checked now, each bucket whenever it is read, every shard by [`verify`](Self::verify).
    pub fn open(path: &Path) -> Result<Self, FilterError> {
        let file = File::open(path)?;
        let mut bytes = [0; HEADER_BYTES];
        file.read_exact_at(&mut bytes, 0).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => FilterError::Version,
            _ => FilterError::Io(error),
        })?;
        let Header { shape, hashes, data_bytes, shard_sums } = Header::of_bytes(&bytes)?;
        let length = file.metadata()?.len();
        if data_at(&shape).checked_add(data_bytes) != Some(length) {
            return Err(FilterError::Damaged(Damaged::Length));
        }
        let digest = *bytes.last_chunk().expect("a header is longer");
        Ok(Self { file, shape, hashes, data_bytes, shard_sums, digest })
    }

    /// Whether the list has this hash. Right for each that it has; of others, at most one in
    /// [`FALSE_POSITIVES_ONE_IN`](crate::FALSE_POSITIVES_ONE_IN) is called known.
    pub fn contains(&self, hash: KnownHash) -> Result<bool, FilterError> {
        let (bucket, rest) = self.shape.place(hash.0);
        let mut buffer = [0; 1024];
        let (from, length) = self.bucket(bucket)?;
        let found = match buffer.get_mut(..length) {
            Some(bytes) => {
                self.file.read_exact_at(bytes, from)?;
                holds(&self.shape, bucket, bytes, rest)
            }
            None => {
                let mut bytes = vec![0; length];
                self.file.read_exact_at(&mut bytes, from)?;
                holds(&self.shape, bucket, &bytes, rest)
            }
        };
        found.map_err(|_| FilterError::Damaged(Damaged::Bucket(bucket)))
    }

    /// Whether the list has the hash of a password, as it was typed or as it is kept here (NFKC).
    pub fn contains_password(&self, password: &str) -> Result<bool, FilterError> {
        for hash in self.shape.kind.of_readings(password) {
            if self.contains(hash)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads all of it and compares every checksum, every order and the number of hashes.
    pub fn verify(&self) -> Result<(), FilterError> {
        let mut hashes = 0;
        for shard in 0..SHARDS {
            let damaged = || FilterError::Damaged(Damaged::Shard(shard));
            let first = shard as u64 * self.shape.shard_buckets();
            let buckets = self.shape.shard_buckets() as usize;
            let mut index = vec![0; (buckets + 1) * INDEX_BYTES as usize];
            self.file.read_exact_at(&mut index, index_at(first))?;
            let places: Vec<u64> =
                index.chunks_exact(8).map(|place| u64::from_le_bytes(place.try_into().expect("of eight"))).collect();
            let (from, to) = (places[0], places[buckets]);
            if !places.is_sorted() || to > self.data_bytes || (shard == 0 && from != 0) {
                return Err(damaged());
            }
            let mut data = vec![0; usize::try_from(to - from).map_err(|_| damaged())?];
            self.file.read_exact_at(&mut data, data_at(&self.shape) + from)?;
            let sum = shard_sum(&index[..buckets * INDEX_BYTES as usize], &data);
            if self.shard_sums[shard * SHARD_SUM_BYTES..][..SHARD_SUM_BYTES] != sum {
                return Err(damaged());
            }
            for (bucket, range) in places.windows(2).enumerate() {
                let bytes = &data[(range[0] - from) as usize..(range[1] - from) as usize];
                let bucket = first + bucket as u64;
                hashes +=
                    count(&self.shape, bucket, bytes).map_err(|_| FilterError::Damaged(Damaged::Bucket(bucket)))?;
            }
            if shard == SHARDS - 1 && to != self.data_bytes {
                return Err(FilterError::Damaged(Damaged::Length));
            }
        }
        if hashes == self.hashes { Ok(()) } else { Err(FilterError::Damaged(Damaged::Header)) }
    }

    /// Which hash it holds.
    #[must_use]
    pub fn kind(&self) -> HashKind {
        self.shape.kind
    }

    /// How it is laid out.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// How many different hashes it holds, as far as its bits tell them apart.
    #[must_use]
    pub fn hashes(&self) -> u64 {
        self.hashes
    }

    /// The whole file, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        data_at(&self.shape) + self.data_bytes
    }

    /// The checksum of its header, which holds those of all shards: two filters with the same one are the same.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Where a bucket lies in the file, and its length.
    fn bucket(&self, bucket: u64) -> Result<(u64, usize), FilterError> {
        let mut places = [0; 16];
        self.file.read_exact_at(&mut places, index_at(bucket))?;
        let (from, to) = (
            u64::from_le_bytes(*places.first_chunk().expect("of sixteen")),
            u64::from_le_bytes(*places.last_chunk().expect("of sixteen")),
        );
        let length = to.checked_sub(from).filter(|length| *length <= BUCKET_BYTES_MAX as u64 && to <= self.data_bytes);
        let length = length.ok_or(FilterError::Damaged(Damaged::Bucket(bucket)))?;
        Ok((data_at(&self.shape) + from, length as usize))
    }
}

/// The checksum of a shard: its part of the index, then its buckets.
pub(crate) fn shard_sum(index: &[u8], data: &[u8]) -> [u8; SHARD_SUM_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(index);
    hasher.update(data);
    *hasher.finalize().as_bytes()
}
