//! Sealing, in one pass and without knowing the length beforehand.

use zeroize::Zeroize;

use super::header::{HEADER_BYTES, ObjectKey, SALT_BYTES};
use super::{ObjectContext, SEGMENT_BYTES, TAG_BYTES, sealed_length};
use crate::{CryptoRng, SealKey};

/// Seals one object as its bytes arrive.
///
/// `out` receives sealed bytes only, never plaintext that waits, so a caller may write it away and clear it between
/// calls. At most [`SEGMENT_BYTES`] are held back, because the last segment is marked and only `finish` knows it.
pub struct Sealer {
    object_key: ObjectKey,
    segment: u64,
    waiting: Vec<u8>,
}

impl Sealer {
    /// Writes the header of a new object to `out`.
    pub fn new(key: &SealKey, context: ObjectContext, rng: &mut impl CryptoRng, out: &mut Vec<u8>) -> Self {
        let mut salt = [0; SALT_BYTES];
        rng.fill_bytes(&mut salt);
        let (header, object_key) = ObjectKey::make(key, &context, salt);
        out.extend_from_slice(&header);
        Self { object_key, segment: 0, waiting: Vec::new() }
    }

    /// Seals the next bytes of plaintext.
    pub fn push(&mut self, mut plaintext: &[u8], out: &mut Vec<u8>) {
        out.reserve(plaintext.len() + (plaintext.len() / SEGMENT_BYTES + 1) * TAG_BYTES);
        if !self.waiting.is_empty() {
            let (fill, rest) = plaintext.split_at(plaintext.len().min(SEGMENT_BYTES - self.waiting.len()));
            self.wait_for_more(fill);
            plaintext = rest;
            if plaintext.is_empty() {
                return;
            }
            // more follows, so what waits is a full segment and not the last one
            self.seal_waiting(false, out);
        }
        while plaintext.len() > SEGMENT_BYTES {
            let (segment, rest) = plaintext.split_at(SEGMENT_BYTES);
            self.seal(segment, false, out);
            plaintext = rest;
        }
        self.wait_for_more(plaintext);
    }

    /// Seals what waits as the last segment. An object that is not finished does not open.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.seal_waiting(true, out);
    }

    fn wait_for_more(&mut self, plaintext: &[u8]) {
        // the full capacity at once: growing would leave copies of plaintext behind on the heap
        if self.waiting.capacity() == 0 && !plaintext.is_empty() {
            self.waiting.reserve_exact(SEGMENT_BYTES);
        }
        self.waiting.extend_from_slice(plaintext);
    }

    /// Seals in place what waits, so that its plaintext is gone, and copies it out.
    fn seal_waiting(&mut self, last: bool, out: &mut Vec<u8>) {
        let tag = self.object_key.seal(self.segment, last, &mut self.waiting);
        self.segment += 1;
        out.reserve(self.waiting.len() + TAG_BYTES);
        out.extend_from_slice(&self.waiting);
        out.extend_from_slice(tag.as_ref());
        self.waiting.clear();
    }

    fn seal(&mut self, plaintext: &[u8], last: bool, out: &mut Vec<u8>) {
        let start = out.len();
        out.reserve(plaintext.len() + TAG_BYTES);
        out.extend_from_slice(plaintext);
        let tag = self.object_key.seal(self.segment, last, &mut out[start..]);
        out.extend_from_slice(tag.as_ref());
        self.segment += 1;
    }
}

impl Drop for Sealer {
    /// Wipes what waited when the object is given up.
    fn drop(&mut self) {
        self.waiting.as_mut_slice().zeroize();
    }
}

/// Seals something small in one call.
pub fn seal_blob(key: &SealKey, context: ObjectContext, plaintext: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
    let length = usize::try_from(sealed_length(plaintext.len() as u64)).expect("plaintext and tags fit in memory");
    let mut out = Vec::with_capacity(length);
    let mut salt = [0; SALT_BYTES];
    rng.fill_bytes(&mut salt);
    let (header, object_key) = ObjectKey::make(key, &context, salt);
    out.extend_from_slice(&header);
    debug_assert_eq!(out.len(), HEADER_BYTES);
    let mut sealer = Sealer { object_key, segment: 0, waiting: Vec::new() };
    let whole = plaintext.len().saturating_sub(1) / SEGMENT_BYTES * SEGMENT_BYTES;
    for segment in plaintext[..whole].chunks(SEGMENT_BYTES) {
        sealer.seal(segment, false, &mut out);
    }
    sealer.seal(&plaintext[whole..], true, &mut out);
    debug_assert_eq!(out.len(), length);
    out
}
