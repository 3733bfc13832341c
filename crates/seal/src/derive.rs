//! HKDF-SHA256 (RFC 5869) and AES-256-GCM (NIST SP 800-38D) as aws-lc-rs has them.

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// Extract with `salt`, then expand with the joined `info` to fill `out`, at most 255 × 32 bytes.
pub(crate) fn hkdf(salt: &[u8], secret: &[u8], info: &[&[u8]], out: &mut [u8]) {
    Salt::new(HKDF_SHA256, salt)
        .extract(secret)
        .expand(info, Length(out.len()))
        .and_then(|okm| okm.fill(out))
        .expect("fewer than 8,160 bytes are derived at a time");
}

/// The key schedule. aws-lc wipes it when dropped.
pub(crate) fn aes_256_gcm(key: &[u8]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("the key has 32 bytes"))
}

/// SHA-256 (FIPS 180-4).
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}
