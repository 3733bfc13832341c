//! Login names as a keyed digest, for whoever looks for them in a dump and needs no list of the people.

/// A key that is made for one look and forgotten afterwards.
#[derive(Clone)]
pub struct LoginKey([u8; 32]);

/// What a login name is under a key.
pub type LoginDigest = [u8; 16];

impl LoginKey {
    /// From 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
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
