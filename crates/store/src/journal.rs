//! The records of a journal, byte by byte as docs/formats/outbox.md has them.

use crate::record::{array, be16, be32, be64, checksum};

/// `LGJF`: the first bytes of a journal.
const FILE_MAGIC: [u8; 4] = *b"LGJF";
/// `LGJR`: the first bytes of a record.
const MAGIC: [u8; 4] = *b"LGJR";
/// The format that this version writes.
const VERSION: u16 = 1;
/// Bytes before the first record.
pub(crate) const FILE_HEADER_BYTES: u64 = 128;
/// Bytes of a record's header.
pub(crate) const HEADER_BYTES: usize = 144;
/// Records begin at multiples of this.
pub(crate) const ALIGNMENT: u64 = 64;

const CHECKED_BYTES: usize = 112;
const FILE_CHECKED_BYTES: usize = 64;

/// A record's header, less the checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub sequence: u64,
    pub body_length: u32,
    /// The volume, and the run of it, that holds the group's instances.
    pub volume: u32,
    pub offset: u64,
    pub length: u64,
    /// The last record that was durable when this one was written.
    pub durable: u64,
    /// BLAKE3 of the headers of the group's volume records.
    pub group: [u8; 32],
    pub chain: [u8; 32],
}

impl Header {
    /// The bytes of this header at its place; they verify nowhere else.
    pub fn encode(&self, journal: u32, offset: u64) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&VERSION.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[16..20].copy_from_slice(&self.body_length.to_be_bytes());
        bytes[20..24].copy_from_slice(&self.volume.to_be_bytes());
        bytes[24..32].copy_from_slice(&self.offset.to_be_bytes());
        bytes[32..40].copy_from_slice(&self.length.to_be_bytes());
        bytes[40..48].copy_from_slice(&self.durable.to_be_bytes());
        bytes[48..80].copy_from_slice(&self.group);
        bytes[80..112].copy_from_slice(&self.chain);
        let checksum = checksum(&bytes[..CHECKED_BYTES], journal, offset);
        bytes[CHECKED_BYTES..].copy_from_slice(&checksum);
        bytes
    }

    /// Reads a header; `None` when these bytes are not one, or belong to another place.
    pub fn decode(bytes: &[u8], journal: u32, offset: u64) -> Option<Self> {
        let bytes = bytes.get(..HEADER_BYTES)?;
        if bytes[0..4] != MAGIC || bytes[CHECKED_BYTES..] != checksum(&bytes[..CHECKED_BYTES], journal, offset) {
            return None;
        }
        if be16(&bytes[4..6]) != VERSION || be16(&bytes[6..8]) != 0 {
            return None;
        }
        Some(Self {
            sequence: be64(&bytes[8..16]),
            body_length: be32(&bytes[16..20]),
            volume: be32(&bytes[20..24]),
            offset: be64(&bytes[24..32]),
            length: be64(&bytes[32..40]),
            durable: be64(&bytes[40..48]),
            group: array(&bytes[48..80]),
            chain: array(&bytes[80..112]),
        })
    }

    /// Where the record that begins at `offset` ends, padding included.
    pub fn end(&self, offset: u64) -> u64 {
        (offset + HEADER_BYTES as u64 + u64::from(self.body_length)).next_multiple_of(ALIGNMENT)
    }
}

/// The chain value of a record.
pub(crate) fn chain(previous: &[u8; 32], sequence: u64, body: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(previous);
    hasher.update(&sequence.to_be_bytes());
    hasher.update(body);
    hasher.finalize().into()
}

/// A journal's first bytes.
pub(crate) fn file_header(journal: u32, first: u64, previous: &[u8; 32]) -> [u8; FILE_HEADER_BYTES as usize] {
    let mut bytes = [0; FILE_HEADER_BYTES as usize];
    bytes[0..4].copy_from_slice(&FILE_MAGIC);
    bytes[4..6].copy_from_slice(&VERSION.to_be_bytes());
    bytes[8..12].copy_from_slice(&journal.to_be_bytes());
    bytes[16..24].copy_from_slice(&first.to_be_bytes());
    bytes[32..64].copy_from_slice(previous);
    let checksum = checksum(&bytes[..FILE_CHECKED_BYTES], journal, 0);
    bytes[FILE_CHECKED_BYTES..FILE_CHECKED_BYTES + 32].copy_from_slice(&checksum);
    bytes
}

/// What the first bytes of a journal say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileHeader {
    /// A journal of this version.
    Good,
    /// A journal of a later version.
    Later(u16),
    /// Something else, or half of it.
    Bad,
}

/// Reads a journal's first bytes.
pub(crate) fn check_file_header(bytes: &[u8], journal: u32) -> FileHeader {
    let Some(bytes) = bytes.get(..FILE_HEADER_BYTES as usize) else { return FileHeader::Bad };
    if bytes[0..4] != FILE_MAGIC {
        return FileHeader::Bad;
    }
    match be16(&bytes[4..6]) {
        VERSION => {}
        version if version > VERSION => return FileHeader::Later(version),
        _ => return FileHeader::Bad,
    }
    let verifies = bytes[FILE_CHECKED_BYTES..FILE_CHECKED_BYTES + 32]
        == checksum(&bytes[..FILE_CHECKED_BYTES], journal, 0)
        && be32(&bytes[8..12]) == journal;
    if verifies { FileHeader::Good } else { FileHeader::Bad }
}

/// One record of a journal that was read as a whole.
pub(crate) struct Found {
    pub header: Header,
    /// Where the body lies in the bytes that were read.
    pub body: std::ops::Range<usize>,
}

/// The record at `offset` of a journal whose bytes are `bytes`.
pub(crate) fn record_at(bytes: &[u8], journal: u32, offset: u64) -> Option<Found> {
    let start = usize::try_from(offset).ok()?;
    let header = Header::decode(bytes.get(start..)?, journal, offset)?;
    let body = start + HEADER_BYTES..(start + HEADER_BYTES).checked_add(header.body_length as usize)?;
    (body.end <= bytes.len()).then_some(Found { header, body })
}

/// Every header that verifies behind `from`.
pub(crate) fn headers_behind(bytes: &[u8], journal: u32, from: u64) -> impl Iterator<Item = Header> + '_ {
    let starts = (from..bytes.len() as u64).step_by(ALIGNMENT as usize);
    starts.filter_map(move |start| Header::decode(&bytes[start as usize..], journal, start))
}
