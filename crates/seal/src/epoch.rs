//! Batch keys in the keyring: wrapped under the symmetric key of an epoch. Destroying an epoch key destroys every
//! wrap made under it, wherever copies of the wraps lie.

use aws_lc_rs::aead::{Aad, Nonce};
use model::{KeyId, SiteId};
use zeroize::Zeroizing;

use crate::batch::wrap_prefix;
use crate::derive::{aes_256_gcm, hkdf};
use crate::secret::named_secret;
use crate::{BatchKeys, CryptoRng, Secret32, UnwrapError};

const MAGIC: [u8; 4] = *b"LGWE";
const VERSION: u8 = 1;
const PREFIX_BYTES: usize = 5;
const SALT_BYTES: usize = 32;
const KEYS_BYTES: usize = 64;

/// The key of one epoch of the keyring.
#[derive(Clone, PartialEq, Eq)]
pub struct EpochKey(Secret32);

named_secret!(EpochKey);

impl EpochKey {
    /// The length of every wrap.
    pub const WRAP_BYTES: usize = PREFIX_BYTES + SALT_BYTES + KEYS_BYTES + 16;

    /// Wraps `keys` for `site`. A fresh salt gives each wrap an AES key of its own, so the nonce is zero.
    pub fn wrap(&self, keys: &BatchKeys, site: SiteId, rng: &mut impl CryptoRng) -> Vec<u8> {
        let mut salt = [0; SALT_BYTES];
        rng.fill_bytes(&mut salt);
        let mut joined = keys.joined();
        let mut bytes = Vec::with_capacity(Self::WRAP_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.push(VERSION);
        let tag = self
            .aead(&salt, site, keys.key)
            .seal_in_place_separate_tag(nonce(), Aad::from(bytes.as_slice()), joined.as_mut_slice())
            .expect("64 bytes fit one message");
        bytes.extend_from_slice(&salt);
        bytes.extend_from_slice(joined.as_slice());
        bytes.extend_from_slice(tag.as_ref());
        debug_assert_eq!(bytes.len(), Self::WRAP_BYTES);
        bytes
    }

    /// Unwraps what [`EpochKey::wrap`] made for this site and this key identifier.
    pub fn unwrap(&self, site: SiteId, key: KeyId, wrapped: &[u8]) -> Result<BatchKeys, UnwrapError> {
        let prefix = wrap_prefix(wrapped, MAGIC, Self::WRAP_BYTES)?;
        let (salt, sealed) = wrapped[PREFIX_BYTES..].split_at(SALT_BYTES);
        let mut joined = Zeroizing::new([0; KEYS_BYTES]);
        let (sealed, tag) = sealed.split_at(KEYS_BYTES);
        self.aead(salt, site, key)
            .open_separate_gather(nonce(), Aad::from(prefix), sealed, tag, joined.as_mut_slice())
            .map_err(|_| UnwrapError::DoesNotFit { key })?;
        Ok(BatchKeys::from_joined(key, &joined))
    }

    fn aead(&self, salt: &[u8], site: SiteId, key: KeyId) -> aws_lc_rs::aead::LessSafeKey {
        let mut derived = Zeroizing::new([0; 32]);
        hkdf(salt, self.0.expose(), &[b"leadglass epoch wrap v1", &site.0, &key.0], derived.as_mut_slice());
        aes_256_gcm(derived.as_slice())
    }
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

impl From<Secret32> for EpochKey {
    fn from(secret: Secret32) -> Self {
        Self(secret)
    }
}
