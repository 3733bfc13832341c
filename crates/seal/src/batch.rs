//! Batch keys and their wrap to the site's public key: HPKE base mode (RFC 9180) with X-Wing (X25519 + ML-KEM-768),
//! HKDF-SHA256 and AES-256-GCM. Sealing needs the public key alone, so a front or a gateway takes images in that it
//! cannot open.

use std::fmt;

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use model::{KeyId, SiteId};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{CryptoRng, SealKey, Secret32};

const MAGIC: [u8; 4] = *b"LGWB";
const VERSION: u8 = 1;
const PREFIX_BYTES: usize = 5;
const ENCAPSULATED_BYTES: usize = 1120;
const KEYS_BYTES: usize = 64;
const TAG_BYTES: usize = 16;

/// The two keys of one batch: fresh per study and association, request or import.
#[derive(Clone, PartialEq, Eq)]
pub struct BatchKeys {
    /// Their name in object headers.
    pub key: KeyId,
    /// Seals instances: opens pixels.
    pub data: SealKey,
    /// Seals rows, notes and metadata: opens names and descriptions, never pixels.
    pub listing: SealKey,
}

impl BatchKeys {
    /// Draws an identifier and two keys.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut key = [0; 16];
        rng.fill_bytes(&mut key);
        Self { key: KeyId(key), data: SealKey::generate(rng), listing: SealKey::generate(rng) }
    }

    /// Wraps both keys so that only the site's secret key opens them, and only as this key of this site.
    pub fn wrap(&self, to: &SitePublicKey, site: SiteId, rng: &mut impl CryptoRng) -> WrappedBatchKeys {
        let mut bytes = Vec::with_capacity(WrappedBatchKeys::BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.push(VERSION);
        let (encapsulated, sealed) = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, XWing>(
            &OpModeS::Base,
            &to.0,
            &info(site, self.key),
            self.joined().as_slice(),
            &bytes,
            rng,
        )
        .expect("a public key that was parsed encapsulates, and 64 bytes fit one message");
        bytes.extend_from_slice(&encapsulated.to_bytes());
        bytes.extend_from_slice(&sealed);
        debug_assert_eq!(bytes.len(), WrappedBatchKeys::BYTES);
        WrappedBatchKeys(bytes)
    }

    pub(crate) fn joined(&self) -> Zeroizing<[u8; KEYS_BYTES]> {
        let mut joined = Zeroizing::new([0; KEYS_BYTES]);
        joined[..32].copy_from_slice(self.data.expose());
        joined[32..].copy_from_slice(self.listing.expose());
        joined
    }

    pub(crate) fn from_joined(key: KeyId, joined: &[u8; KEYS_BYTES]) -> Self {
        let half = |half: &[u8]| SealKey::from_bytes(half.try_into().expect("half of 64 bytes is 32 bytes"));
        Self { key, data: half(&joined[..32]), listing: half(&joined[32..]) }
    }
}

impl fmt::Debug for BatchKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BatchKeys({}, ..)", self.key)
    }
}

/// Batch keys wrapped to a site's public key, as they travel in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedBatchKeys(Vec<u8>);

impl WrappedBatchKeys {
    /// The length of every wrap.
    pub const BYTES: usize = PREFIX_BYTES + ENCAPSULATED_BYTES + KEYS_BYTES + TAG_BYTES;

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The site's public key. Knowing it lets one seal, not open.
#[derive(Clone, PartialEq, Eq)]
pub struct SitePublicKey(pub(crate) <XWing as Kem>::PublicKey);

/// The bytes are no site public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this is not a site's public key; copy the installation's site file again")]
pub struct InvalidSiteKey;

impl SitePublicKey {
    /// The length: an ML-KEM-768 encapsulation key and an X25519 public key.
    pub const BYTES: usize = 1216;

    /// The bytes, as X-Wing encodes them.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes().to_vec()
    }

    /// Reads and checks the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidSiteKey> {
        <XWing as Kem>::PublicKey::from_bytes(bytes).map(Self).map_err(|_| InvalidSiteKey)
    }
}

impl fmt::Debug for SitePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SitePublicKey(..)")
    }
}

/// The site's secret key: unwraps every batch that was ever wrapped to the site and not yet re-wrapped.
#[derive(Clone)]
pub struct SiteSecretKey(pub(crate) <XWing as Kem>::PrivateKey);

impl SiteSecretKey {
    /// The key pair of a seed (X-Wing `DeriveKeyPair`).
    #[must_use]
    pub fn from_seed(seed: &Secret32) -> Self {
        Self(XWing::derive_keypair(seed.expose()).0)
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> SitePublicKey {
        SitePublicKey(XWing::sk_to_pk(&self.0))
    }

    /// Unwraps what [`BatchKeys::wrap`] made for this site and this key identifier.
    pub fn unwrap(&self, site: SiteId, key: KeyId, wrapped: &[u8]) -> Result<BatchKeys, UnwrapError> {
        let prefix = wrap_prefix(wrapped, MAGIC, WrappedBatchKeys::BYTES)?;
        let (encapsulated, sealed) = wrapped[PREFIX_BYTES..].split_at(ENCAPSULATED_BYTES);
        let encapsulated =
            <XWing as Kem>::EncappedKey::from_bytes(encapsulated).map_err(|_| UnwrapError::DoesNotFit { key })?;
        let joined = hpke::single_shot_open::<AesGcm256, HkdfSha256, XWing>(
            &OpModeR::Base,
            &self.0,
            &encapsulated,
            &info(site, key),
            sealed,
            prefix,
        )
        .map(Zeroizing::new)
        .map_err(|_| UnwrapError::DoesNotFit { key })?;
        let joined = joined.as_slice().try_into().map_err(|_| UnwrapError::DoesNotFit { key })?;
        Ok(BatchKeys::from_joined(key, joined))
    }
}

impl fmt::Debug for SiteSecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SiteSecretKey(..)")
    }
}

/// Why wrapped keys do not open.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnwrapError {
    /// Not a wrap at all, or cut short, or longer.
    #[error("these {bytes} bytes are not wrapped keys; restore the outbox or the keyring from the second copy")]
    NotAWrap {
        /// How many bytes there are.
        bytes: usize,
    },
    /// Written by a later version.
    #[error("wrapped keys of format version {found} are newer than this program; update leadglass")]
    Version {
        /// The version found.
        found: u8,
    },
    /// Another site, key identifier or key, or changed bytes: they cannot be told apart.
    #[error(
        "the wrap of key {key} does not open: it was changed, or belongs to another site or key; restore it from the second copy"
    )]
    DoesNotFit {
        /// The key that was asked for.
        key: KeyId,
    },
}

/// Checks magic, version and length, in this order where the bytes reach; returns magic and version as authenticated.
pub(crate) fn wrap_prefix(wrapped: &[u8], magic: [u8; 4], length: usize) -> Result<&[u8], UnwrapError> {
    let not_a_wrap = UnwrapError::NotAWrap { bytes: wrapped.len() };
    match wrapped.get(..PREFIX_BYTES) {
        Some(prefix) if prefix[..4] == magic => match prefix[4] {
            VERSION if wrapped.len() == length => Ok(prefix),
            VERSION => Err(not_a_wrap),
            found => Err(UnwrapError::Version { found }),
        },
        _ => Err(not_a_wrap),
    }
}

fn info(site: SiteId, key: KeyId) -> Vec<u8> {
    [b"leadglass batch keys v1".as_slice(), &site.0, &key.0].concat()
}
