//! Cold keys: what opens a study that went cold is split between the warden and holders, so that neither opens it alone.
//!
//! For each study a fresh secret is drawn and split (Shamir). Each share is wrapped to its holder's public key, the batch keys
//! under a key that needs the combined secret **and** a lock that the warden keeps under its epoch key:
//!
//! ```text
//! secret ──Shamir──► shares ──X-Wing──► one wrap for each holder      ColdBox, never rewritten
//!    └──┐                                                            │
//! lock ─┴─HKDF──► EpochKey ──► batch keys ───────────────────────────┘
//!    └──── wrapped under the warden's epoch key: destroying it destroys the study, whatever the holders still have
//! ```
//! No secret is common to two studies: warming one teaches nobody anything about another.

mod holder;
mod shares;

use model::{KeyId, SiteId};
use thiserror::Error;

use crate::derive::hkdf;
use crate::{BatchKeys, CryptoRng, EpochKey, Secret32, UnwrapError};

pub use holder::{HolderPublicKey, HolderSecret, InvalidHolderKey, holder_set_digest};
pub use shares::{CombineError, Share, combine};

use holder::WRAPPED_SHARE_BYTES;

/// The most holders of one study.
pub const HOLDERS_MAX: usize = 16;

const MAGIC: [u8; 4] = *b"LGCB";
const VERSION: u8 = 1;
/// magic, version, threshold, holders, then the number of keys
const HEAD_BYTES: usize = 7;
const HOLDER_BYTES: usize = 16 + 32 + WRAPPED_SHARE_BYTES;
const KEY_BYTES: usize = 16 + EpochKey::WRAP_BYTES;

/// Who is needed to open again what goes cold now.
#[derive(Clone, Debug)]
pub struct Holders {
    /// How many of `sharing` are needed.
    pub threshold: u8,
    /// Each has one share.
    pub sharing: Vec<HolderPublicKey>,
    /// Each is enough alone.
    pub alone: Vec<HolderPublicKey>,
}

impl Holders {
    /// Whether the numbers fit: 1 ≤ threshold ≤ sharing, and not more holders than a box takes.
    #[must_use]
    pub fn fit(&self) -> bool {
        let (sharing, all) = (self.sharing.len(), self.sharing.len() + self.alone.len());
        self.threshold >= 1 && usize::from(self.threshold) <= sharing && all <= HOLDERS_MAX
    }
}

/// The warden's half of a cold study. Without it the holders together open nothing.
pub struct ColdLock(BatchKeys);

impl ColdLock {
    /// Its name, which is the box's.
    #[must_use]
    pub fn name(&self) -> KeyId {
        self.0.key
    }

    /// Wraps it for the keyring.
    pub fn wrap(&self, epoch: &EpochKey, site: SiteId, rng: &mut impl CryptoRng) -> Vec<u8> {
        epoch.wrap(&self.0, site, rng)
    }

    /// Takes it out of the keyring.
    pub fn unwrap(epoch: &EpochKey, site: SiteId, name: KeyId, wrapped: &[u8]) -> Result<Self, UnwrapError> {
        epoch.unwrap(site, name, wrapped).map(Self)
    }

    fn key(&self, secret: &Secret32) -> EpochKey {
        let salt = self.0.joined();
        EpochKey::from(Secret32::fill(|out| hkdf(salt.as_slice(), secret.expose(), &[b"leadglass cold keys v1"], out)))
    }
}

/// The batch keys of one study, closed to everybody who has not enough shares and the lock.
#[derive(Clone, PartialEq, Eq)]
pub struct ColdBox(Vec<u8>);

impl ColdBox {
    /// Closes keys. The lock goes to the keyring; the box may lie anywhere.
    ///
    /// `holders` must fit ([`Holders::fit`]).
    pub fn close(keys: &[BatchKeys], site: SiteId, holders: &Holders, rng: &mut impl CryptoRng) -> (ColdLock, Self) {
        assert!(holders.fit() && keys.len() <= usize::from(u16::MAX), "the caller checks the numbers");
        let lock = ColdLock(BatchKeys::generate(rng));
        let secret = Secret32::generate(rng);
        let shares = shares::split(&secret, holders.threshold, holders.sharing.len(), rng);
        let alone = holders.alone.iter().map(|_| Share::whole(&secret));
        let everybody = holders.sharing.iter().chain(&holders.alone);

        let mut bytes = Vec::with_capacity(
            HEAD_BYTES + (holders.sharing.len() + holders.alone.len()) * HOLDER_BYTES + 2 + keys.len() * KEY_BYTES,
        );
        bytes.extend_from_slice(&MAGIC);
        bytes.extend([VERSION, holders.threshold, (holders.sharing.len() + holders.alone.len()) as u8]);
        for (holder, share) in everybody.zip(shares.into_iter().chain(alone)) {
            bytes.extend_from_slice(&holder.id().0);
            bytes.extend_from_slice(&share.commitment(lock.name()));
            bytes.extend_from_slice(&holder.wrap(&share, site, lock.name(), rng));
        }
        bytes.extend_from_slice(&(keys.len() as u16).to_be_bytes());
        let wrapping = lock.key(&secret);
        for keys in keys {
            bytes.extend_from_slice(&keys.key.0);
            bytes.extend_from_slice(&wrapping.wrap(keys, site, rng));
        }
        (lock, Self(bytes))
    }

    /// Reads a box; lengths are checked, nothing is opened.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, ColdError> {
        let head = bytes.get(..HEAD_BYTES).ok_or(ColdError::NotABox)?;
        if head[..4] != MAGIC {
            return Err(ColdError::NotABox);
        }
        if head[4] != VERSION {
            return Err(ColdError::Version { found: head[4] });
        }
        let holders = usize::from(head[6]);
        let at = HEAD_BYTES + holders * HOLDER_BYTES;
        let keys = bytes.get(at..at + 2).ok_or(ColdError::NotABox)?;
        let keys = usize::from(u16::from_be_bytes([keys[0], keys[1]]));
        if holders > HOLDERS_MAX || bytes.len() != at + 2 + keys * KEY_BYTES {
            return Err(ColdError::NotABox);
        }
        Ok(Self(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many sharing holders are needed.
    #[must_use]
    pub fn threshold(&self) -> u8 {
        self.0[5]
    }

    /// The names of the keys in it.
    pub fn keys(&self) -> impl Iterator<Item = KeyId> {
        self.wrapped_keys().map(|(key, _)| key)
    }

    /// The share of a holder, wrapped to the holder.
    #[must_use]
    pub fn wrapped_share(&self, holder: KeyId) -> Option<&[u8]> {
        self.holders().find(|(id, ..)| *id == holder).map(|(.., wrapped)| wrapped)
    }

    /// Whether this is the share that the holder was given: a wrong one is told apart before anything is combined.
    #[must_use]
    pub fn is_share_of(&self, holder: KeyId, name: KeyId, share: &Share) -> bool {
        self.holders().any(|(id, commitment, _)| id == holder && *commitment == share.commitment(name))
    }

    /// Opens with the combined secret and the lock.
    pub fn open(&self, secret: &Secret32, lock: &ColdLock, site: SiteId) -> Result<Vec<BatchKeys>, UnwrapError> {
        let wrapping = lock.key(secret);
        self.wrapped_keys().map(|(key, wrapped)| wrapping.unwrap(site, key, wrapped)).collect()
    }

    fn holders(&self) -> impl Iterator<Item = (KeyId, &[u8], &[u8])> {
        let holders = &self.0[HEAD_BYTES..HEAD_BYTES + usize::from(self.0[6]) * HOLDER_BYTES];
        holders.chunks_exact(HOLDER_BYTES).map(|holder| {
            let id = KeyId(holder[..16].try_into().expect("16 bytes are 16 bytes"));
            (id, &holder[16..48], &holder[48..])
        })
    }

    fn wrapped_keys(&self) -> impl Iterator<Item = (KeyId, &[u8])> {
        let at = HEAD_BYTES + usize::from(self.0[6]) * HOLDER_BYTES + 2;
        self.0[at..]
            .chunks_exact(KEY_BYTES)
            .map(|key| (KeyId(key[..16].try_into().expect("16 bytes are 16 bytes")), &key[16..]))
    }
}

impl std::fmt::Debug for ColdBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ColdBox({} bytes)", self.0.len())
    }
}

/// Why bytes are no box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ColdError {
    /// Not a box, or cut short, or longer.
    #[error("these bytes are not a cold study's keys; restore warden.db from the second copy")]
    NotABox,
    /// Written by a later version.
    #[error("cold keys of format version {found} are newer than this program; update leadglass")]
    Version {
        /// The version found.
        found: u8,
    },
}
