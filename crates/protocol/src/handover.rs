//! The outbox on its way to the warden.
//!
//! The front writes a [`HandoverBody`] as postcard into each outbox record. Attributes travel as a [`StoredNote`]
//! (postcard) sealed under the batch's listing key, so the outbox file holds no patient in the clear.

use model::{DeviceId, Instant, KeyId, ObjectId, Origin, StudyNumber, Uid};
use serde::{Deserialize, Serialize};

/// One outbox record as the store keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HandoverRecord {
    /// Number in the outbox, from 1, without gaps.
    pub sequence: u64,
    /// BLAKE3 of (previous record's chain ‖ sequence as 8 bytes big-endian ‖ body); the first record's predecessor is 32 zero bytes.
    pub chain: [u8; 32],
    /// [`HandoverBody`] as postcard.
    pub body: Vec<u8>,
}

impl HandoverRecord {
    /// The chain value of a record, given the one before it.
    #[must_use]
    pub fn chain_after(previous: &[u8; 32], sequence: u64, body: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(previous).update(&sequence.to_be_bytes()).update(body);
        *hasher.finalize().as_bytes()
    }
}

/// What one durable group of the front holds for the warden.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HandoverBody {
    /// When the front took it in.
    pub taken_in: Instant,
    /// Keys that appear for the first time, wrapped to the site's public key.
    pub keys: Vec<WrappedKey>,
    /// The objects.
    pub objects: Vec<HandoverObject>,
}

/// Batch keys wrapped to the site's public key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WrappedKey {
    /// Which keys.
    pub key: KeyId,
    /// `seal::WrappedBatchKeys` as bytes.
    pub wrapped: Vec<u8>,
}

/// One stored instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HandoverObject {
    /// The sealed object in the front's volumes.
    pub object: ObjectId,
    /// The batch keys that it is sealed under.
    pub key: KeyId,
    /// The device that sent it; `None` when the owner imported it.
    pub device: Option<DeviceId>,
    /// Where it came from.
    pub origin: Origin,
    /// [`StoredNote`] as postcard, sealed under the listing key.
    pub sealed_note: Vec<u8>,
}

/// The attributes of one stored instance, decoded to UTF-8, values joined by `\` as in DICOM, padding removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredNote {
    /// Version of this structure; 1.
    pub version: u8,
    /// BLAKE3 of the bytes as stored (the Part 10 stream without preamble and file meta information group).
    pub content: [u8; 32],
    /// Patient module.
    pub patient: PatientAttributes,
    /// General study module.
    pub study: StudyAttributes,
    /// General series module.
    pub series: SeriesAttributes,
    /// Instance.
    pub instance: InstanceAttributes,
}

/// Patient attributes (PS3.3 C.7.1.1). Empty when absent.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PatientAttributes {
    /// (0010,0020)
    pub id: String,
    /// (0010,0021); an identity is (issuer, id). When absent the site's default issuer is used: empty here.
    pub issuer: String,
    /// (0010,0010), all component groups.
    pub name: String,
    /// (0010,0030), `YYYYMMDD`.
    pub birth_date: String,
    /// (0010,0040)
    pub sex: String,
}

/// Study attributes (PS3.3 C.7.2.1).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyAttributes {
    /// (0020,000D)
    pub uid: Uid,
    /// (0008,0020), `YYYYMMDD`.
    pub date: String,
    /// (0008,0030)
    pub time: String,
    /// (0008,0050)
    pub accession_number: String,
    /// (0020,0010)
    pub id: String,
    /// (0008,1030)
    pub description: String,
    /// (0008,0090)
    pub referring_physician: String,
}

/// Series attributes (PS3.3 C.7.3.1).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesAttributes {
    /// (0020,000E)
    pub uid: Uid,
    /// (0008,0060)
    pub modality: String,
    /// (0020,0011)
    pub number: String,
    /// (0008,103E)
    pub description: String,
    /// (0018,0015)
    pub body_part: String,
    /// (0040,0244) or (0008,0021)
    pub date: String,
    /// (0040,0245) or (0008,0031)
    pub time: String,
}

/// Instance attributes (PS3.3 C.12.1).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceAttributes {
    /// (0008,0018)
    pub uid: Uid,
    /// (0008,0016)
    pub sop_class: Uid,
    /// (0020,0013)
    pub number: String,
    /// (0028,0008), 1 when absent.
    pub frames: u32,
}

/// A data set's attributes say who somebody is, so debug output does not show them.
macro_rules! debug_without_content {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

debug_without_content!(PatientAttributes, StudyAttributes, SeriesAttributes, InstanceAttributes);

/// What the warden made of records.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HandoverReply {
    /// Every record up to this number is recorded; the front may erase its wraps.
    pub acknowledged: u64,
    /// What became of each object of the acknowledged records, in order.
    pub verdicts: Vec<ObjectVerdict>,
}

/// What became of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectVerdict {
    /// The object.
    pub object: ObjectId,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Filed under a study.
    Accepted {
        /// The study.
        study: StudyNumber,
    },
    /// Identical bytes are there already; the front may drop these.
    Duplicate,
    /// Other bytes are there under the same SOP Instance UID; both are kept and shown as versions.
    Conflict {
        /// The study.
        study: StudyNumber,
    },
    /// The note cannot be read or the record is damaged; kept in the volume, not listed, for repair.
    Unreadable,
}
