//! Login names as a keyed digest, for whoever looks for them in a dump and needs no list of the people.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// A key that is made for one look and forgotten afterwards.
#[derive(Clone)]
pub struct LoginKey([u8; 32]);

/// What a login name is under a key.
pub type LoginDigest = [u8; 16];

/// Digests of many names, in which one is looked up.
pub type LoginDigests = HashSet<LoginDigest, BuildHasherDefault<OfDigest>>;

/// Eight bytes of a digest as they are: under a key that nobody outside knows, they are as even as any hash.
#[derive(Clone, Copy, Debug, Default)]
pub struct OfDigest(u64);

impl Hasher for OfDigest {
    fn write(&mut self, digest: &[u8]) {
        self.0 = digest.first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight));
    }

    /// The length, which is the same of all.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

impl LoginKey {
    /// From 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes, for whoever looks in another process.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest of a folded login name: the first 16 bytes of BLAKE3 with this key.
    #[must_use]
    pub fn digest(&self, folded: &str) -> LoginDigest {
        let hash = blake3::keyed_hash(&self.0, folded.as_bytes());
        hash.as_bytes()[..16].try_into().expect("a BLAKE3 hash has 32 bytes")
    }
}

impl std::fmt::Debug for LoginKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LoginKey(..)")
    }
}
