//! The object format once more, written from `docs/formats/sealed-object.md` alone, so that vectors can break any rule
//! and the crate is not its own witness.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};

/// What an object is made of; every field can be a lie.
#[derive(Clone)]
pub(super) struct Craft {
    pub(super) magic: [u8; 4],
    pub(super) version: u8,
    pub(super) kind: u8,
    pub(super) site: [u8; 16],
    pub(super) key_id: [u8; 16],
    pub(super) object: [u8; 16],
    pub(super) key: [u8; 32],
    pub(super) salt: [u8; 32],
    /// In place of the derived one.
    pub(super) commitment: Option<[u8; 32]>,
    /// Plaintext, number and final flag of each segment.
    pub(super) segments: Vec<(Vec<u8>, u64, u8)>,
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl Craft {
    /// An honest object.
    pub(super) fn new(plaintext: &[u8], kind: u8) -> Self {
        let mut segments: Vec<_> =
            (0..).zip(plaintext.chunks(65_536)).map(|(number, piece)| (piece.to_vec(), number, 0)).collect();
        if segments.is_empty() {
            segments.push((Vec::new(), 0, 0));
        }
        segments.last_mut().unwrap().2 = 1;
        Self {
            magic: *b"LGSO",
            version: 1,
            kind,
            site: [0x11; 16],
            key_id: [0x22; 16],
            object: [0x33; 16],
            key: [0x44; 32],
            salt: [0x55; 32],
            commitment: None,
            segments,
        }
    }

    pub(super) fn header(&self) -> Vec<u8> {
        let commitment = self.commitment.unwrap_or_else(|| self.derive()[32..].try_into().unwrap());
        let mut header = self.magic.to_vec();
        header.extend([self.version, self.kind]);
        header.extend(self.key_id);
        header.extend(self.object);
        header.extend(self.salt);
        header.extend(commitment);
        header
    }

    pub(super) fn segment(&self, place: usize) -> Vec<u8> {
        let (plaintext, number, last) = &self.segments[place];
        let mut bound = self.bound();
        bound.extend(number.to_be_bytes());
        bound.push(*last);
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&number.to_be_bytes());
        nonce[11] = *last;
        let mut sealed = plaintext.clone();
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.derive()[..32]).unwrap())
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound), &mut sealed)
            .unwrap();
        sealed
    }

    pub(super) fn sealed(&self) -> Vec<u8> {
        let mut sealed = self.header();
        (0..self.segments.len()).for_each(|place| sealed.extend(self.segment(place)));
        sealed
    }

    fn bound(&self) -> Vec<u8> {
        [&self.site[..], &self.key_id, &self.object, &[self.kind, self.version]].concat()
    }

    fn derive(&self) -> Vec<u8> {
        let mut derived = vec![0; 64];
        Salt::new(HKDF_SHA256, &self.salt)
            .extract(&self.key)
            .expand(&[b"leadglass object v1", &self.bound()], Length(64))
            .unwrap()
            .fill(&mut derived)
            .unwrap();
        derived
    }
}
