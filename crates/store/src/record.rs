//! The records of a volume, byte by byte as docs/formats/volume.md has them.

use model::{KeyId, ObjectId, StudyNumber};

use crate::Placement;

/// `LGVF`: the first bytes of a volume file.
const FILE_MAGIC: [u8; 4] = *b"LGVF";
/// `LGLF`: the first bytes of a large object's own file.
const LARGE_MAGIC: [u8; 4] = *b"LGLF";
/// `LGVR`: the first bytes of a record.
const MAGIC: [u8; 4] = *b"LGVR";
/// The format that this version writes.
pub(crate) const VERSION: u16 = 1;
/// Bytes before the first record.
pub(crate) const FILE_HEADER_BYTES: u64 = 64;
/// Bytes of a record's header.
pub(crate) const HEADER_BYTES: usize = 176;
/// Records begin at multiples of this.
pub(crate) const ALIGNMENT: u64 = 8;

const CHECKED_BYTES: usize = 144;
const VERDICT_BYTES: usize = 21;
/// Chain value and number of placements before an acknowledgement's verdicts.
const VERDICTS_START: usize = 36;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An instance: row, metadata, sealed bytes.
    Instance,
    /// A metadata chunk: row, the objects that it covers, sealed bytes.
    Chunk,
    /// The warden's answer: chain value and placements.
    Acknowledgement,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Self::Instance => 1,
            Self::Chunk => 2,
            Self::Acknowledgement => 3,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Instance),
            2 => Some(Self::Chunk),
            3 => Some(Self::Acknowledgement),
            _ => None,
        }
    }
}

/// A record's header, less the checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub kind: Kind,
    /// The outbox record that an instance belongs to, or up to which an acknowledgement goes; 0 for a chunk.
    pub sequence: u64,
    pub object: ObjectId,
    pub key: KeyId,
    /// The file that holds the sealed bytes when they are not here.
    pub large: Option<u32>,
    pub row_length: u32,
    /// Metadata of an instance, covered objects of a chunk.
    pub detail_length: u32,
    /// Sealed bytes of an instance or a chunk, wherever they lie; placements of an acknowledgement.
    pub body_length: u64,
    /// How far this volume was durable when the record was written.
    pub synced: u64,
    /// BLAKE3 of row and detail.
    pub details_hash: [u8; 32],
    /// BLAKE3 of the body.
    pub body_hash: [u8; 32],
}

impl Header {
    /// The bytes of this header at its place; they verify nowhere else.
    pub fn encode(&self, volume: u32, offset: u64) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&VERSION.to_be_bytes());
        bytes[6] = self.kind.code();
        bytes[8..16].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[16..32].copy_from_slice(&self.object.0);
        bytes[32..48].copy_from_slice(&self.key.0);
        bytes[48..52].copy_from_slice(&self.large.unwrap_or(0).to_be_bytes());
        bytes[52..56].copy_from_slice(&self.row_length.to_be_bytes());
        bytes[56..60].copy_from_slice(&self.detail_length.to_be_bytes());
        bytes[64..72].copy_from_slice(&self.body_length.to_be_bytes());
        bytes[72..80].copy_from_slice(&self.synced.to_be_bytes());
        bytes[80..112].copy_from_slice(&self.details_hash);
        bytes[112..144].copy_from_slice(&self.body_hash);
        let checksum = checksum(&bytes[..CHECKED_BYTES], volume, offset);
        bytes[CHECKED_BYTES..].copy_from_slice(&checksum);
        bytes
    }

    /// Reads a header; `None` when these bytes are not one, or belong to another place.
    pub fn decode(bytes: &[u8; HEADER_BYTES], volume: u32, offset: u64) -> Option<Self> {
        if bytes[0..4] != MAGIC || bytes[CHECKED_BYTES..] != checksum(&bytes[..CHECKED_BYTES], volume, offset) {
            return None;
        }
        if be16(&bytes[4..6]) != VERSION || bytes[7] != 0 || be32(&bytes[60..64]) != 0 {
            return None;
        }
        let large = be32(&bytes[48..52]);
        Some(Self {
            kind: Kind::from_code(bytes[6])?,
            sequence: be64(&bytes[8..16]),
            object: ObjectId(array(&bytes[16..32])),
            key: KeyId(array(&bytes[32..48])),
            large: (large != 0).then_some(large),
            row_length: be32(&bytes[52..56]),
            detail_length: be32(&bytes[56..60]),
            body_length: be64(&bytes[64..72]),
            synced: be64(&bytes[72..80]),
            details_hash: array(&bytes[80..112]),
            body_hash: array(&bytes[112..144]),
        })
    }

    /// Where the row begins, counted from the record.
    pub const ROW_START: u64 = HEADER_BYTES as u64;

    /// Where the detail begins, counted from the record.
    pub fn detail_start(&self) -> u64 {
        Self::ROW_START + u64::from(self.row_length)
    }

    /// Where the body begins, counted from the record, when it is here.
    pub fn body_start(&self) -> u64 {
        self.detail_start() + u64::from(self.detail_length)
    }

    /// How long the record is without padding; `None` past any length that a file can have.
    pub fn length(&self) -> Option<u64> {
        self.body_start().checked_add(if self.large.is_some() { 0 } else { self.body_length })
    }
}

/// The end of a record, padding included.
pub(crate) fn padded(end: u64) -> Option<u64> {
    end.checked_next_multiple_of(ALIGNMENT)
}

/// Zero bytes that follow a record that ends at `end`.
pub(crate) fn padding(end: u64) -> &'static [u8] {
    &[0; ALIGNMENT as usize][..(end.next_multiple_of(ALIGNMENT) - end) as usize]
}

/// A volume's first bytes.
pub(crate) fn file_header(volume: u32) -> [u8; FILE_HEADER_BYTES as usize] {
    head(FILE_MAGIC, volume, &[0; 16])
}

/// The first bytes of a large object's own file.
pub(crate) fn large_header(number: u32, object: ObjectId) -> [u8; FILE_HEADER_BYTES as usize] {
    head(LARGE_MAGIC, number, &object.0)
}

fn head(magic: [u8; 4], number: u32, object: &[u8; 16]) -> [u8; FILE_HEADER_BYTES as usize] {
    let mut bytes = [0; FILE_HEADER_BYTES as usize];
    bytes[0..4].copy_from_slice(&magic);
    bytes[4..6].copy_from_slice(&VERSION.to_be_bytes());
    bytes[8..12].copy_from_slice(&number.to_be_bytes());
    bytes[16..32].copy_from_slice(object);
    let checksum = checksum(&bytes[..32], number, 0);
    bytes[32..].copy_from_slice(&checksum);
    bytes
}

/// What the first bytes of a volume say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileHeader {
    /// A volume of this version.
    Good,
    /// A volume of a later version.
    Later(u16),
    /// Something else, or half of it.
    Bad,
}

/// Reads a volume's first bytes.
pub(crate) fn check_file_header(bytes: &[u8; FILE_HEADER_BYTES as usize], volume: u32) -> FileHeader {
    if *bytes == file_header(volume) {
        return FileHeader::Good;
    }
    match be16(&bytes[4..6]) {
        version if bytes[0..4] == FILE_MAGIC && version > VERSION => FileHeader::Later(version),
        _ => FileHeader::Bad,
    }
}

/// Looks for the next bytes that may be a header, at a multiple of [`ALIGNMENT`] from the beginning of `bytes`.
pub(crate) fn find_magic(bytes: &[u8]) -> Option<usize> {
    let mut starts = bytes.chunks(ALIGNMENT as usize).enumerate();
    starts.find(|(_, start)| start.starts_with(&MAGIC)).map(|(index, _)| index * ALIGNMENT as usize)
}

/// The body of an acknowledgement.
pub(crate) fn encode_verdicts(chain: &[u8; 32], placements: &[(ObjectId, Placement)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(VERDICTS_START + placements.len() * VERDICT_BYTES);
    bytes.extend_from_slice(chain);
    bytes.extend_from_slice(&(placements.len() as u32).to_be_bytes());
    for (object, placement) in placements {
        let (code, study) = placement_code(*placement);
        bytes.extend_from_slice(&object.0);
        bytes.push(code);
        bytes.extend_from_slice(&study.map_or(0, |study| study.0).to_be_bytes());
    }
    bytes
}

/// The chain value and the placements of an acknowledgement.
type Verdicts = ([u8; 32], Vec<(ObjectId, Placement)>);

/// Reads the body of an acknowledgement.
pub(crate) fn decode_verdicts(bytes: &[u8]) -> Option<Verdicts> {
    let chain = array(bytes.get(..32)?);
    let count = be32(bytes.get(32..VERDICTS_START)?) as usize;
    let verdicts = &bytes[VERDICTS_START..];
    if verdicts.len() != count.checked_mul(VERDICT_BYTES)? {
        return None;
    }
    let verdicts = verdicts.chunks_exact(VERDICT_BYTES).map(|verdict| {
        let study = StudyNumber(be32(&verdict[17..21]));
        Some((ObjectId(array(&verdict[..16])), placement_from_code(verdict[16], Some(study))?))
    });
    Some((chain, verdicts.collect::<Option<_>>()?))
}

/// A placement as volumes and rows write it.
pub(crate) fn placement_code(placement: Placement) -> (u8, Option<StudyNumber>) {
    match placement {
        Placement::Study(study) => (1, Some(study)),
        Placement::Duplicate => (2, None),
        Placement::Conflict(study) => (3, Some(study)),
        Placement::Unreadable => (4, None),
    }
}

/// The placement of a code.
pub(crate) fn placement_from_code(code: u8, study: Option<StudyNumber>) -> Option<Placement> {
    match code {
        1 => study.map(Placement::Study),
        2 => Some(Placement::Duplicate),
        3 => study.map(Placement::Conflict),
        4 => Some(Placement::Unreadable),
        _ => None,
    }
}

/// BLAKE3 over bytes and the place where they belong.
pub(crate) fn checksum(bytes: &[u8], file: u32, offset: u64) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(bytes);
    hasher.update(&file.to_be_bytes());
    hasher.update(&offset.to_be_bytes());
    hasher.finalize().into()
}

pub(crate) fn be16(bytes: &[u8]) -> u16 {
    u16::from_be_bytes(array(bytes))
}

pub(crate) fn be32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(array(bytes))
}

pub(crate) fn be64(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(array(bytes))
}

pub(crate) fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the caller cut these bytes to length")
}
