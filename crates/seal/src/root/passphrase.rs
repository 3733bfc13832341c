//! A passphrase becomes a key: Argon2id (RFC 9106).

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::EnvelopeError;
use crate::{SealKey, Secret32};

/// The longest passphrase, in bytes after normalisation.
pub(super) const PASSPHRASE_BYTES_MAX: usize = 1024;

/// The cost of Argon2id (RFC 9106). Stored with each passphrase, so it can rise later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassphraseCost {
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
    pub(super) lanes: u32,
}

impl PassphraseCost {
    /// Least and most memory, in KiB: 64 MiB to 4 GiB.
    pub const MEMORY_KIB: std::ops::RangeInclusive<u32> = 64 * 1024..=4 * 1024 * 1024;
    /// Least and most passes.
    pub const PASSES: std::ops::RangeInclusive<u32> = 1..=64;
    /// Least and most lanes.
    pub const LANES: std::ops::RangeInclusive<u32> = 1..=16;
    /// The least that is accepted.
    pub const MINIMUM: Self = Self { memory_kib: 64 * 1024, passes: 1, lanes: 1 };

    /// A cost inside the bounds.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, EnvelopeError> {
        let inside =
            Self::MEMORY_KIB.contains(&memory_kib) && Self::PASSES.contains(&passes) && Self::LANES.contains(&lanes);
        if inside { Ok(Self { memory_kib, passes, lanes }) } else { Err(EnvelopeError::Cost) }
    }
}

impl Default for PassphraseCost {
    /// 64 MiB, 3 passes, 4 lanes: the second recommended option of RFC 9106 section 4.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 }
    }
}

/// The key; white space around the passphrase, which a file or a paste may add, does not count.
pub(super) fn passphrase_key(passphrase: &str, salt: &[u8], cost: PassphraseCost) -> Result<SealKey, EnvelopeError> {
    // the capacity holds any normalisation of a passphrase of the longest kind, so no copy is left behind by growing
    let mut normalised = Zeroizing::new(String::with_capacity(18 * PASSPHRASE_BYTES_MAX));
    if passphrase.len() <= PASSPHRASE_BYTES_MAX {
        normalised.extend(passphrase.trim().nfkc());
    }
    if normalised.is_empty() || normalised.len() > PASSPHRASE_BYTES_MAX {
        return Err(EnvelopeError::PassphraseLength);
    }
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(|_| EnvelopeError::Cost)?;
    let mut outcome = Ok(());
    let key = Secret32::fill(|key| {
        outcome = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(normalised.as_bytes(), salt, key)
            .map_err(|_| EnvelopeError::Memory { memory_kib: cost.memory_kib });
    });
    outcome.map(|()| key.into())
}
