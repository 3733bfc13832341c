//! What is handed to the store, and what it gives back. All bytes are opaque here: they were sealed by the caller.

use model::{KeyId, ObjectId, StudyNumber};

use crate::LargeObject;

/// What becomes durable together: all of it or none of it. One group is one outbox record.
pub struct Group {
    /// The instances, at most [`crate::GROUP_INSTANCES_MAX`].
    pub instances: Vec<NewInstance>,
    /// The outbox record's body (`protocol::HandoverBody` as postcard), at most [`crate::BODY_BYTES_MAX`] bytes.
    pub body: Vec<u8>,
}

/// One instance on its way in.
pub struct NewInstance {
    /// Its name.
    pub object: ObjectId,
    /// The batch keys that it is sealed under.
    pub key: KeyId,
    /// The sealed Part 10 stream.
    pub sealed_instance: SealedBytes,
    /// The sealed metadata, at most [`crate::DETAIL_BYTES_MAX`] bytes.
    pub sealed_metadata: Vec<u8>,
    /// The sealed row, at most [`crate::ROW_BYTES_MAX`] bytes.
    pub sealed_row: Vec<u8>,
}

/// Sealed bytes of an instance.
pub enum SealedBytes {
    /// In memory, in as many pieces as they were sealed in; written as one run without being copied together.
    Memory(Vec<Vec<u8>>),
    /// Written already to a volume file of its own, see [`crate::Store::begin_large`].
    Large(LargeObject),
}

impl SealedBytes {
    /// How many bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::Memory(pieces) => pieces.iter().map(|piece| piece.len() as u64).sum(),
            Self::Large(large) => large.length(),
        }
    }
}

impl From<Vec<u8>> for SealedBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Memory(vec![bytes])
    }
}

/// A metadata chunk: derived data that may be lost in a crash and is then missing, never wrong.
pub struct NewChunk {
    /// Its name.
    pub object: ObjectId,
    /// The batch keys that it is sealed under. The chunk belongs to the study that this batch's instances belong to.
    pub key: KeyId,
    /// The instances whose metadata it holds, at most [`crate::COVERS_MAX`].
    pub covers: Vec<ObjectId>,
    /// The sealed chunk, at most [`crate::DETAIL_BYTES_MAX`] bytes.
    pub sealed_chunk: Vec<u8>,
    /// The sealed row, at most [`crate::ROW_BYTES_MAX`] bytes.
    pub sealed_row: Vec<u8>,
}

/// What became of an instance at the warden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Filed under a study.
    Study(StudyNumber),
    /// Identical bytes are there already: not listed any more.
    Duplicate,
    /// Filed under a study as another version of an instance that is there.
    Conflict(StudyNumber),
    /// The warden could not read it: kept, not listed.
    Unreadable,
}

/// Where a run of bytes lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The volume file's number.
    pub volume: u32,
    /// First byte.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
}

/// One stored instance.
#[derive(Clone, PartialEq, Eq)]
pub struct RowRecord {
    /// Its name.
    pub object: ObjectId,
    /// The batch keys that it is sealed under.
    pub key: KeyId,
    /// What became of it; `None` until the warden's answer.
    pub placement: Option<Placement>,
    /// The sealed Part 10 stream.
    pub instance: Place,
    /// The sealed metadata.
    pub metadata: Place,
    /// The sealed row.
    pub sealed_row: Vec<u8>,
}

impl std::fmt::Debug for RowRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowRecord")
            .field("object", &self.object)
            .field("placement", &self.placement)
            .field("instance", &self.instance)
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}

/// One metadata chunk.
#[derive(Clone, PartialEq, Eq)]
pub struct ChunkRecord {
    /// Its name.
    pub object: ObjectId,
    /// The batch keys that it is sealed under.
    pub key: KeyId,
    /// The instances whose metadata it holds, in the order they were given. Some of them may have been placed as
    /// duplicates since: compare with the study's rows.
    pub covers: Vec<ObjectId>,
    /// The sealed chunk.
    pub chunk: Place,
    /// The sealed row.
    pub sealed_row: Vec<u8>,
}

impl std::fmt::Debug for ChunkRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChunkRecord")
            .field("object", &self.object)
            .field("covers", &self.covers.len())
            .field("chunk", &self.chunk)
            .finish_non_exhaustive()
    }
}

/// One outbox record that waits for the warden.
#[derive(Clone, PartialEq, Eq)]
pub struct OutboxRecord {
    /// Number, from 1, without gaps.
    pub sequence: u64,
    /// BLAKE3 (predecessor's chain ‖ sequence as 8 bytes big-endian ‖ body).
    pub chain: [u8; 32],
    /// The body, as it was given.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for OutboxRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OutboxRecord({}, {} bytes)", self.sequence, self.body.len())
    }
}

/// Where the outbox stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxState {
    /// The last record that is durable; 0 when there was none.
    pub last: u64,
    /// Its chain value.
    pub chain: [u8; 32],
    /// The last record that the warden acknowledged.
    pub acknowledged: u64,
}

/// How much is in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Instances that are filed under a study.
    pub placed: u64,
    /// Instances that wait for the warden.
    pub pending: u64,
    /// Duplicates, which are kept in their volume and not listed.
    pub duplicates: u64,
    /// Instances that the warden could not read.
    pub unreadable: u64,
    /// Metadata chunks.
    pub chunks: u64,
    /// Bytes in volumes.
    pub volume_bytes: u64,
}
