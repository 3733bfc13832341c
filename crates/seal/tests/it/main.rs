//! The sealed format from outside: what opens, and above all what does not.
#![allow(clippy::unwrap_used)]

mod cold;
mod envelope;
mod keys;
mod objects;
mod renewing;
mod shares;
mod vectors;

use model::{KeyId, ObjectId, SiteId};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use seal::{ObjectContext, ObjectKind};

pub(crate) const SITE: SiteId = SiteId([0x51; 16]);

pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub(crate) fn context(kind: ObjectKind) -> ObjectContext {
    ObjectContext { site: SITE, key: KeyId([0x4b; 16]), object: ObjectId([0x0b; 16]), kind }
}

/// Bytes that differ from place to place, so that a shifted or swapped piece shows.
pub(crate) fn plaintext(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at as u32).wrapping_mul(2_654_435_761).to_be_bytes()[at % 3]).collect()
}
