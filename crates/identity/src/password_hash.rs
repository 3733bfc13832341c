//! Argon2id (RFC 9106). Every hash carries its own parameters.

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::secret::SecretBytes;

/// The length of a salt, in bytes (RFC 9106 section 3.1 recommends 16).
pub(crate) const SALT_BYTES: usize = 16;
/// The length of a hash, in bytes.
const HASH_BYTES: usize = 32;

/// What hashing a password costs whoever does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordCost {
    memory_kib: u32,
    passes: u32,
}

impl PasswordCost {
    /// 64 MiB and three passes, the second recommendation of RFC 9106 section 4, with one lane instead of four: lanes
    /// are computed in turn here, so they would help only who guesses on a bigger machine. About a fifth of a second
    /// on a small server, and two at once are 128 MiB; 2 GiB, the first recommendation, would let a handful of
    /// strangers' attempts exhaust such a machine.
    pub const RECOMMENDED: Self = Self { memory_kib: 64 * 1024, passes: 3 };

    /// Another cost: memory in KiB (at least 8) and passes (at least 1).
    #[must_use]
    pub fn new(memory_kib: u32, passes: u32) -> Option<Self> {
        let cost = Self { memory_kib, passes };
        cost.params().map(|_| cost)
    }

    fn params(self) -> Option<Params> {
        Params::new(self.memory_kib, self.passes, 1, Some(HASH_BYTES)).ok()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PasswordHash {
    cost: PasswordCost,
    #[serde(with = "crate::secret::base64url")]
    salt: Vec<u8>,
    hash: SecretBytes,
}

impl PasswordHash {
    /// Hashes a normalised password. Slow.
    pub(crate) fn of(normalised: &str, cost: PasswordCost, salt: [u8; SALT_BYTES]) -> Self {
        let hash = argon2id(normalised, cost, &salt).expect("a PasswordCost and 16 bytes of salt are usable");
        Self { cost, salt: salt.to_vec(), hash: SecretBytes(hash.to_vec()) }
    }

    /// A hash that no password has, for login names that are not ours: checking it takes as long as any.
    pub(crate) fn of_nobody(cost: PasswordCost) -> Self {
        Self { cost, salt: vec![0; SALT_BYTES], hash: SecretBytes(Vec::new()) }
    }

    /// Whether a normalised password has this hash. Slow.
    pub(crate) fn matches(&self, normalised: &str) -> bool {
        let hash = argon2id(normalised, self.cost, &self.salt);
        hash.is_some_and(|hash| verify_slices_are_equal(&*hash, &self.hash.0).is_ok())
    }

    /// Whether this is the very hash that `other` is: salts are never used twice.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.salt == other.salt
    }
}

pub(crate) fn new_salt(random: &mut dyn CryptoRng) -> [u8; SALT_BYTES] {
    let mut salt = [0; SALT_BYTES];
    random.fill_bytes(&mut salt);
    salt
}

fn argon2id(normalised: &str, cost: PasswordCost, salt: &[u8]) -> Option<Zeroizing<[u8; HASH_BYTES]>> {
    let mut hash = Zeroizing::new([0; HASH_BYTES]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.params()?);
    argon2.hash_password_into(normalised.as_bytes(), salt, &mut *hash).ok()?;
    Some(hash)
}
