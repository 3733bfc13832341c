//! Sealed objects: a header of [`HEADER_BYTES`], then segments of at most [`SEGMENT_BYTES`] plaintext, each followed
//! by its tag, in STREAM order (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption, CRYPTO 2015).
//!
//! A random salt gives each object a key of its own, so nonces are counters. The header commits to that key: no second
//! key opens the same bytes to something else. What is bound is in [`ObjectContext`]; no DICOM UID is, so that merging
//! patients changes no object.

mod header;
mod opener;
mod sealer;

use std::fmt;

use model::{KeyId, ObjectId, SiteId};

pub use header::HEADER_BYTES;
pub use opener::{OpenError, Opener, open_blob};
pub use sealer::{Sealer, seal_blob};

/// Plaintext bytes of every segment but the last, which holds 1 to this many, or none in an empty object.
pub const SEGMENT_BYTES: usize = 64 * 1024;

/// Bytes that sealing adds to each segment.
pub const TAG_BYTES: usize = 16;

/// What an object is. Bound into the object, so that none passes for another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum ObjectKind {
    /// A Part 10 stream, under the data key.
    Instance = 1,
    /// DICOM JSON and frame index of one instance, under the listing key.
    Metadata = 2,
    /// DICOM JSON of all instances of one series in one batch, under the listing key.
    MetadataChunk = 3,
    /// An instance row, under the listing key.
    Row = 4,
    /// A stored note on its way to the warden, under the listing key.
    Note = 5,
    /// A registry record of the warden.
    Registry = 6,
    /// A person's record of the warden.
    Person = 7,
    /// The payload of a ledger entry.
    LedgerPayload = 8,
    /// A secret of the installation: a root, an epoch key, a private key.
    Secret = 9,
}

/// What an object is bound to. Sealing and opening need the same context, and none of it is secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ObjectContext {
    /// The site. Not in the header: an object of another site does not open.
    pub site: SiteId,
    /// The key's name.
    pub key: KeyId,
    /// The object's own name.
    pub object: ObjectId,
    /// What it is.
    pub kind: ObjectKind,
}

/// How many bytes an object of `plaintext` bytes has when sealed.
#[must_use]
pub fn sealed_length(plaintext: u64) -> u64 {
    let segments = plaintext.div_ceil(SEGMENT_BYTES as u64).max(1);
    HEADER_BYTES as u64 + plaintext + segments * TAG_BYTES as u64
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Instance => "instance",
            Self::Metadata => "metadata",
            Self::MetadataChunk => "metadata chunk",
            Self::Row => "row",
            Self::Note => "note",
            Self::Registry => "registry record",
            Self::Person => "person record",
            Self::LedgerPayload => "ledger payload",
            Self::Secret => "secret",
        })
    }
}
