//! The header, the keys that follow from it, and what each segment is bound to.

use aws_lc_rs::aead::{LessSafeKey, Nonce};
use model::{KeyId, ObjectId};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{ObjectContext, OpenError};
use crate::SealKey;
use crate::derive::{aes_256_gcm, hkdf};

/// Bytes of the header.
pub const HEADER_BYTES: usize = COMMITMENT_AT + 32;

pub(super) const VERSION: u8 = 1;
const MAGIC: [u8; 4] = *b"LGSO";
const VERSION_AT: usize = 4;
const KIND_AT: usize = 5;
const KEY_AT: usize = 6;
const OBJECT_AT: usize = 22;
const SALT_AT: usize = 38;
const COMMITMENT_AT: usize = 70;
pub(super) const SALT_BYTES: usize = COMMITMENT_AT - SALT_AT;

/// The key of one object and what its segments are bound to.
pub(super) struct ObjectKey {
    aead: LessSafeKey,
    bound: [u8; BOUND_BYTES],
}

/// site 16, key 16, object 16, kind 1, version 1, segment number 8, final flag 1
const BOUND_BYTES: usize = 59;

impl ObjectKey {
    /// Makes the header of a new object and its key.
    pub(super) fn make(key: &SealKey, context: &ObjectContext, salt: [u8; SALT_BYTES]) -> ([u8; HEADER_BYTES], Self) {
        let (commitment, object_key) = derive(key, context, &salt);
        let mut header = [0; HEADER_BYTES];
        header[..VERSION_AT].copy_from_slice(&MAGIC);
        header[VERSION_AT] = VERSION;
        header[KIND_AT] = context.kind as u8;
        header[KEY_AT..OBJECT_AT].copy_from_slice(&context.key.0);
        header[OBJECT_AT..SALT_AT].copy_from_slice(&context.object.0);
        header[SALT_AT..COMMITMENT_AT].copy_from_slice(&salt);
        header[COMMITMENT_AT..].copy_from_slice(&commitment);
        (header, object_key)
    }

    /// Reads a header and checks that it is the one of `context` under `key`.
    pub(super) fn read(key: &SealKey, context: &ObjectContext, header: &[u8]) -> Result<Self, OpenError> {
        if header.get(..VERSION_AT).is_some_and(|magic| magic != MAGIC) {
            return Err(OpenError::NotSealed);
        }
        match header.get(VERSION_AT) {
            Some(&VERSION) | None => {}
            Some(&found) => return Err(OpenError::Version { found }),
        }
        let header: &[u8; HEADER_BYTES] =
            header.try_into().map_err(|_| OpenError::HeaderLength { bytes: header.len() })?;
        if header[KIND_AT] != context.kind as u8 {
            return Err(OpenError::OtherKind { expected: context.kind, found: header[KIND_AT] });
        }
        let found = KeyId(header[KEY_AT..OBJECT_AT].try_into().expect("a key id has 16 bytes"));
        if found != context.key {
            return Err(OpenError::OtherKey { expected: context.key, found });
        }
        let found = ObjectId(header[OBJECT_AT..SALT_AT].try_into().expect("an object id has 16 bytes"));
        if found != context.object {
            return Err(OpenError::OtherObject { expected: context.object, found });
        }
        let (commitment, object_key) = derive(key, context, &header[SALT_AT..COMMITMENT_AT]);
        if commitment.ct_eq(&header[COMMITMENT_AT..]).into() { Ok(object_key) } else { Err(OpenError::KeyDoesNotFit) }
    }

    /// Seals one segment in place and returns its tag.
    pub(super) fn seal(&self, segment: u64, last: bool, in_out: &mut [u8]) -> aws_lc_rs::aead::Tag {
        let bound = self.bound(segment, last);
        self.aead
            .seal_in_place_separate_tag(nonce(segment, last), aws_lc_rs::aead::Aad::from(bound), in_out)
            .expect("a segment is far below the limit of AES-GCM")
    }

    /// Opens one segment into `plaintext`, which has the length of `sealed` less the tag.
    pub(super) fn open(&self, segment: u64, last: bool, sealed: &[u8], plaintext: &mut [u8]) -> Result<(), OpenError> {
        let bound = self.bound(segment, last);
        let (sealed, tag) = sealed.split_at(plaintext.len());
        self.aead
            .open_separate_gather(nonce(segment, last), aws_lc_rs::aead::Aad::from(bound), sealed, tag, plaintext)
            .map_err(|_| OpenError::Damaged { segment })
    }

    fn bound(&self, segment: u64, last: bool) -> [u8; BOUND_BYTES] {
        let mut bound = self.bound;
        bound[50..58].copy_from_slice(&segment.to_be_bytes());
        bound[58] = u8::from(last);
        bound
    }
}

/// STREAM's nonce: the segment number in 11 bytes, big-endian, then the final flag. The key is the object's own.
fn nonce(segment: u64, last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&segment.to_be_bytes());
    nonce[11] = u8::from(last);
    Nonce::assume_unique_for_key(nonce)
}

fn derive(key: &SealKey, context: &ObjectContext, salt: &[u8]) -> ([u8; 32], ObjectKey) {
    let mut bound = [0; BOUND_BYTES];
    bound[..16].copy_from_slice(&context.site.0);
    bound[16..32].copy_from_slice(&context.key.0);
    bound[32..48].copy_from_slice(&context.object.0);
    bound[48] = context.kind as u8;
    bound[49] = VERSION;
    let mut derived = Zeroizing::new([0; 64]);
    hkdf(salt, key.expose(), &[b"leadglass object v1", &bound[..50]], derived.as_mut_slice());
    let commitment = derived[32..].try_into().expect("half of 64 bytes is 32 bytes");
    (commitment, ObjectKey { aead: aes_256_gcm(&derived[..32]), bound })
}
