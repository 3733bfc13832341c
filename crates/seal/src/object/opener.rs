//! Opening, whole or in ranges.

use std::ops::Range;

use model::{KeyId, ObjectId};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use super::header::{HEADER_BYTES, ObjectKey, VERSION};
use super::{ObjectContext, ObjectKind, SEGMENT_BYTES, TAG_BYTES};
use crate::SealKey;

const SEGMENT: u64 = SEGMENT_BYTES as u64;
const SEALED_SEGMENT: u64 = (SEGMENT_BYTES + TAG_BYTES) as u64;
const TAG: u64 = TAG_BYTES as u64;
const HEADER: u64 = HEADER_BYTES as u64;

/// Opens one object.
///
/// The length is what the store says. It is proved when the last segment opens, which only a whole opening or a range
/// to the end does; any other range proves its own bytes and their places.
pub struct Opener {
    object_key: ObjectKey,
    plaintext_length: u64,
}

impl Opener {
    /// Reads the header (the first [`HEADER_BYTES`] of the object), checks that it belongs to `context` and that `key`
    /// is the key it commits to. `sealed_length` is the length of the whole sealed object.
    pub fn new(key: &SealKey, context: ObjectContext, header: &[u8], sealed_length: u64) -> Result<Self, OpenError> {
        let object_key = ObjectKey::read(key, &context, header)?;
        let plaintext_length = plaintext_length(sealed_length).ok_or(OpenError::Length { sealed_length })?;
        Ok(Self { object_key, plaintext_length })
    }

    /// Bytes of plaintext.
    #[must_use]
    pub fn plaintext_length(&self) -> u64 {
        self.plaintext_length
    }

    /// Which bytes of the sealed object hold the plaintext range. Empty for an empty range; cut at the end of the
    /// object for a range beyond it.
    #[must_use]
    pub fn sealed_range(&self, plain: Range<u64>) -> Range<u64> {
        let segments = self.segments(&plain);
        if segments.is_empty() {
            return HEADER..HEADER;
        }
        let end = segments.end.saturating_mul(SEALED_SEGMENT).min(self.sealed_body_length());
        HEADER + segments.start * SEALED_SEGMENT..HEADER + end
    }

    /// Opens `plain` from the bytes of [`Opener::sealed_range`] and appends exactly those bytes to `out`.
    /// On an error `out` is as before.
    pub fn open_range(&self, plain: Range<u64>, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        if plain.start > plain.end || plain.end > self.plaintext_length {
            return Err(OpenError::Range { from: plain.start, to: plain.end, length: self.plaintext_length });
        }
        let sealed_range = self.sealed_range(plain.clone());
        if sealed.len() as u64 != sealed_range.end - sealed_range.start {
            return Err(OpenError::RangeBytes { expected: sealed_range.end - sealed_range.start, found: sealed.len() });
        }
        let before = out.len();
        let opened = self.open_segments(&plain, sealed, out);
        if opened.is_err() {
            out[before..].zeroize();
            out.truncate(before);
        }
        opened
    }

    /// Opens the whole object, header included in `sealed`.
    pub fn open_all(&self, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let expected = HEADER + self.sealed_body_length();
        if sealed.len() as u64 != expected {
            return Err(OpenError::RangeBytes { expected, found: sealed.len() });
        }
        // the bytes are in memory, so their length fits
        let mut out = Vec::with_capacity(self.plaintext_length as usize);
        if self.plaintext_length == 0 {
            self.object_key.open(0, true, &sealed[HEADER_BYTES..], &mut [])?;
        } else {
            self.open_range(0..self.plaintext_length, &sealed[HEADER_BYTES..], &mut out)?;
        }
        Ok(out)
    }

    fn open_segments(&self, plain: &Range<u64>, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        let segments = self.segments(plain);
        let last = self.plaintext_length.saturating_sub(1) / SEGMENT;
        out.reserve((plain.end - plain.start) as usize);
        let mut scratch = Zeroizing::new(Vec::new());
        for (segment, sealed) in segments.zip(sealed.chunks(SEGMENT_BYTES + TAG_BYTES)) {
            let start = segment * SEGMENT;
            let length = sealed.len() - TAG_BYTES;
            // the part of this segment that is wanted
            let from = plain.start.saturating_sub(start) as usize;
            let to = length.min((plain.end - start) as usize);
            if from == 0 && to == length {
                let at = out.len();
                out.resize(at + length, 0);
                self.object_key.open(segment, segment == last, sealed, &mut out[at..])?;
            } else {
                scratch.resize(length, 0);
                self.object_key.open(segment, segment == last, sealed, &mut scratch)?;
                out.extend_from_slice(&scratch[from..to]);
            }
        }
        Ok(())
    }

    fn segments(&self, plain: &Range<u64>) -> Range<u64> {
        let end = plain.end.min(self.plaintext_length);
        if plain.start >= end { 0..0 } else { plain.start / SEGMENT..end.div_ceil(SEGMENT) }
    }

    fn sealed_body_length(&self) -> u64 {
        self.plaintext_length + self.plaintext_length.div_ceil(SEGMENT).max(1) * TAG
    }
}

/// Opens something small in one call.
pub fn open_blob(key: &SealKey, context: ObjectContext, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let header = sealed.get(..HEADER_BYTES).unwrap_or(sealed);
    Opener::new(key, context, header, sealed.len() as u64)?.open_all(sealed)
}

/// The plaintext length of an object of this sealed length, if there can be one.
fn plaintext_length(sealed_length: u64) -> Option<u64> {
    let body = sealed_length.checked_sub(HEADER)?;
    let full = body / SEALED_SEGMENT;
    match body % SEALED_SEGMENT {
        0 if full == 0 => None,
        0 => Some(full * SEGMENT),
        // an empty last segment stands only in an empty object
        TAG if full == 0 => Some(0),
        rest if rest > TAG => Some(full * SEGMENT + rest - TAG),
        _ => None,
    }
}

/// Why an object does not open. None of it says anything about the plaintext.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The magic is not ours.
    #[error("these bytes are not a sealed object; restore the object from the second copy")]
    NotSealed,
    /// Written by a later version.
    #[error(
        "object format version {found} is not known to this program, which reads version {VERSION}; update leadglass"
    )]
    Version {
        /// The version found.
        found: u8,
    },
    /// The header was cut, or more than it was passed.
    #[error("the header has {bytes} bytes instead of {HEADER_BYTES}; restore the object from the second copy")]
    HeaderLength {
        /// How many bytes there are.
        bytes: usize,
    },
    /// The object is of another kind.
    #[error(
        "the object is of kind {found}, not the {expected} that was asked for; look for the mix-up in the row that names it"
    )]
    OtherKind {
        /// What was asked for.
        expected: ObjectKind,
        /// What the header says.
        found: u8,
    },
    /// The object is sealed under another key.
    #[error("the object is sealed under key {found}, not {expected}; ask for that key")]
    OtherKey {
        /// What was asked for.
        expected: KeyId,
        /// What the header says.
        found: KeyId,
    },
    /// The object is another one.
    #[error("this is object {found}, not {expected}; look for the mix-up in the row that names its place")]
    OtherObject {
        /// What was asked for.
        expected: ObjectId,
        /// What the header says.
        found: ObjectId,
    },
    /// The header commits to another key: another key of that name, another site, or a changed header.
    #[error("the key does not fit the object, or its header was changed; restore the object from the second copy")]
    KeyDoesNotFit,
    /// No object has this length.
    #[error("no sealed object has {sealed_length} bytes, so it was cut or extended; restore it from the second copy")]
    Length {
        /// The length.
        sealed_length: u64,
    },
    /// A segment does not open.
    #[error("segment {segment} was changed, moved, cut off or added; restore the object from the second copy")]
    Damaged {
        /// Which, from 0.
        segment: u64,
    },
    /// The range lies outside.
    #[error("bytes {from} to {to} lie outside an object of {length} bytes; ask for a range inside it")]
    Range {
        /// First byte.
        from: u64,
        /// Byte after the last.
        to: u64,
        /// Plaintext length.
        length: u64,
    },
    /// Not the bytes that `sealed_range` names.
    #[error("{found} sealed bytes were read where {expected} are needed; read the range again")]
    RangeBytes {
        /// How many are needed.
        expected: u64,
        /// How many there are.
        found: usize,
    },
}
