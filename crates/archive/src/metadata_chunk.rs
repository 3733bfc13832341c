//! A metadata chunk: the DICOM JSON of all instances of one series in one batch, so that series metadata is served from
//! few large objects. `docs/formats/metadata-chunk.md`.
//!
//! Trust: who holds the listing key reads the attributes in it, never a pixel. Losing it costs time only: the metadata
//! object of each instance holds the same.

use std::ops::Range;

use model::{ObjectId, Uid};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a chunk is about, sealed beside it so that chunks of other series need not be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkRow {
    /// (0020,000E)
    pub series: Uid,
}

/// An opened chunk.
pub struct MetadataChunk {
    bytes: Vec<u8>,
    instances: Vec<(ObjectId, Range<usize>)>,
    text: Range<usize>,
}

/// A chunk or its row cannot be read; the metadata of each instance is used in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ChunkError {
    /// Not what was written.
    #[error("a metadata chunk is damaged; the metadata of each instance is used in its place")]
    Damaged,
    /// A later version wrote it.
    #[error("a metadata chunk of version {0} was written by a later leadglass; each instance is read in its place")]
    FromTheFuture(u8),
}

#[derive(Serialize, Deserialize)]
struct Head {
    series: Uid,
    instances: Vec<(ObjectId, u32)>,
}

const VERSION: u8 = 1;

impl ChunkRow {
    /// The version byte and the fields as postcard.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION]).expect("a row has only strings")
    }

    /// Reads what [`ChunkRow::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ChunkError> {
        match postcard::take_from_bytes(versioned(bytes)?) {
            Ok((row, [])) => Ok(row),
            _ => Err(ChunkError::Damaged),
        }
    }
}

impl MetadataChunk {
    /// The bytes to be sealed: version, length of the head as 4 bytes little endian, head as postcard, then the JSON
    /// objects with a comma between them.
    #[must_use]
    pub fn to_bytes(series: &Uid, instances: &[(ObjectId, Vec<u8>)]) -> Vec<u8> {
        let length = |json: &[u8]| u32::try_from(json.len()).expect("limits keep the JSON of an instance below 4 GiB");
        let head = Head {
            series: series.clone(),
            instances: instances.iter().map(|(object, json)| (*object, length(json))).collect(),
        };
        let head = postcard::to_stdvec(&head).expect("a head has only strings and numbers");
        let json_bytes: usize = instances.iter().map(|(_, json)| json.len() + 1).sum();
        let mut bytes = Vec::with_capacity(5 + head.len() + json_bytes);
        bytes.push(VERSION);
        bytes.extend_from_slice(&u32::try_from(head.len()).expect("a head is far below 4 GiB").to_le_bytes());
        bytes.extend_from_slice(&head);
        for (index, (_, json)) in instances.iter().enumerate() {
            if index > 0 {
                bytes.push(b',');
            }
            bytes.extend_from_slice(json);
        }
        bytes
    }

    /// Reads what [`MetadataChunk::to_bytes`] wrote for this series.
    pub fn from_bytes(bytes: Vec<u8>, series: &Uid) -> Result<Self, ChunkError> {
        let rest = versioned(&bytes)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(ChunkError::Damaged)?;
        let (head, text) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or(ChunkError::Damaged)?;
        let head: Head = match postcard::take_from_bytes(head) {
            Ok((head, [])) => head,
            _ => return Err(ChunkError::Damaged),
        };
        if head.series != *series {
            return Err(ChunkError::Damaged);
        }
        let text = bytes.len() - text.len()..bytes.len();
        let mut at = text.start;
        let mut instances = Vec::with_capacity(head.instances.len());
        for (object, length) in head.instances {
            let end = at.checked_add(length as usize).filter(|end| *end <= text.end).ok_or(ChunkError::Damaged)?;
            instances.push((object, at..end));
            at = end + 1;
        }
        if at != text.end + 1 {
            return Err(ChunkError::Damaged);
        }
        Ok(Self { bytes, instances, text })
    }

    /// The instances, each with its JSON object, in the order they came in.
    pub fn instances(&self) -> impl Iterator<Item = (ObjectId, &[u8])> {
        self.instances.iter().map(|(object, json)| (*object, &self.bytes[json.clone()]))
    }

    /// The JSON objects of all instances with a comma between them.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.bytes[self.text.clone()]
    }

    /// How many instances.
    #[must_use]
    pub fn count(&self) -> usize {
        self.instances.len()
    }
}

fn versioned(bytes: &[u8]) -> Result<&[u8], ChunkError> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => Ok(rest),
        Some((&version, _)) if version > VERSION => Err(ChunkError::FromTheFuture(version)),
        _ => Err(ChunkError::Damaged),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn series() -> Uid {
        Uid::parse("1.2.3").unwrap()
    }

    fn written() -> Vec<u8> {
        let instances = [(ObjectId([1; 16]), b"{\"a\":1}".to_vec()), (ObjectId([2; 16]), b"{}".to_vec())];
        MetadataChunk::to_bytes(&series(), &instances)
    }

    #[test]
    fn a_chunk_comes_back_as_it_was_written() {
        let chunk = MetadataChunk::from_bytes(written(), &series()).unwrap();
        assert_eq!(chunk.text(), b"{\"a\":1},{}");
        let instances: Vec<_> = chunk.instances().collect();
        assert_eq!(instances, [(ObjectId([1; 16]), b"{\"a\":1}".as_slice()), (ObjectId([2; 16]), b"{}")]);
        assert_eq!(chunk.count(), 2);
    }

    #[test]
    fn damaged_chunks_are_refused() {
        let check = |defect: &str, change: &dyn Fn(&mut Vec<u8>), expected: ChunkError| {
            let mut bytes = written();
            change(&mut bytes);
            assert_eq!(MetadataChunk::from_bytes(bytes, &series()).err(), Some(expected), "{defect}");
        };
        check("empty", &|b| b.clear(), ChunkError::Damaged);
        check("version 0", &|b| b[0] = 0, ChunkError::Damaged);
        check("version from the future", &|b| b[0] = 2, ChunkError::FromTheFuture(2));
        check("cut in the head's length", &|b| b.truncate(3), ChunkError::Damaged);
        check("head longer than the chunk", &|b| b[3] = 1, ChunkError::Damaged);
        check("head one byte short", &|b| b[1] -= 1, ChunkError::Damaged);
        check("last byte missing", &|b| b.truncate(b.len() - 1), ChunkError::Damaged);
        check("a byte too many", &|b| b.push(b' '), ChunkError::Damaged);
        check("another series", &|b| b[6] = b'9', ChunkError::Damaged);
    }

    #[test]
    fn a_row_comes_back_and_a_damaged_one_is_refused() {
        let row = ChunkRow { series: series() };
        assert_eq!(ChunkRow::from_bytes(&row.to_bytes()), Ok(row.clone()));
        assert_eq!(ChunkRow::from_bytes(&[]), Err(ChunkError::Damaged));
        assert_eq!(ChunkRow::from_bytes(&[9, 0]), Err(ChunkError::FromTheFuture(9)));
        assert_eq!(ChunkRow::from_bytes(&[&row.to_bytes()[..], &[0]].concat()), Err(ChunkError::Damaged));
    }
}
