//! The root secret sealed to unseal methods.

use argon2::{Algorithm, Argon2, Params, Version};
use model::{KeyId, ObjectId, SiteId};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::RecoveryKit;
use crate::{CryptoRng, ObjectContext, ObjectKind, OpenError, RootSecret, SealKey, Secret32, open_blob, seal_blob};

/// The longest envelope that is read, in bytes.
const JSON_BYTES_MAX: usize = 64 * 1024;
/// The most unseal methods in one envelope.
const METHODS_MAX: usize = 16;
/// The longest passphrase, in bytes after normalisation.
const PASSPHRASE_BYTES_MAX: usize = 1024;
const FORMAT: &str = "leadglass root envelope";
const VERSION: u32 = 1;
const SALT_BYTES: usize = 32;

/// What `DIR/warden/root.json` holds: the root secret, sealed once to each unseal method.
///
/// Who may replace it can lock the owner out, not in: an envelope of another root opens none of the site's keys.
/// Losing it (and its copy in the vault) loses the archive, passphrase or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootEnvelope {
    format: String,
    version: u32,
    site: String,
    methods: Vec<SealedMethod>,
}

/// One way to unseal the root.
pub enum UnsealMethod<'a> {
    /// Something that somebody remembers.
    Passphrase {
        /// The words.
        passphrase: &'a str,
        /// How hard guessing is made.
        cost: PassphraseCost,
    },
    /// Something on paper.
    RecoveryKit(&'a RecoveryKit),
}

/// The cost of Argon2id (RFC 9106). Stored with each passphrase, so it can rise later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassphraseCost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "kebab-case", deny_unknown_fields)]
enum SealedMethod {
    Passphrase { kdf: String, memory_kib: u32, passes: u32, lanes: u32, salt: String, sealed: String },
    RecoveryKit { sealed: String },
}

impl RootEnvelope {
    /// Seals `root` to every method given. At least one is needed.
    pub fn seal(
        root: &RootSecret,
        site: SiteId,
        methods: &[UnsealMethod<'_>],
        rng: &mut impl CryptoRng,
    ) -> Result<Self, EnvelopeError> {
        if methods.is_empty() || methods.len() > METHODS_MAX {
            return Err(EnvelopeError::Methods { found: methods.len() });
        }
        let mut sealed_methods = Vec::with_capacity(methods.len());
        for method in methods {
            sealed_methods.push(match method {
                UnsealMethod::Passphrase { passphrase, cost } => {
                    let mut salt = [0; SALT_BYTES];
                    rng.fill_bytes(&mut salt);
                    let key = passphrase_key(passphrase, &salt, *cost)?;
                    SealedMethod::Passphrase {
                        kdf: "argon2id".to_owned(),
                        memory_kib: cost.memory_kib,
                        passes: cost.passes,
                        lanes: cost.lanes,
                        salt: hex::encode(salt),
                        sealed: hex::encode(seal_blob(&key, context(site, PASSPHRASE), root.expose(), rng)),
                    }
                }
                UnsealMethod::RecoveryKit(kit) => SealedMethod::RecoveryKit {
                    sealed: hex::encode(seal_blob(&kit.seal_key(), context(site, KIT), root.expose(), rng)),
                },
            });
        }
        Ok(Self { format: FORMAT.to_owned(), version: VERSION, site: site.to_string(), methods: sealed_methods })
    }

    /// Unseals with a passphrase; surrounding white space, which a file or a paste may add, does not count.
    pub fn unseal_with_passphrase(&self, passphrase: &str) -> Result<RootSecret, UnsealError> {
        let site = self.site()?;
        let mut outcome = Err(UnsealError::NoSuchMethod);
        for method in &self.methods {
            if let SealedMethod::Passphrase { memory_kib, passes, lanes, salt, sealed, .. } = method {
                let cost = PassphraseCost::new(*memory_kib, *passes, *lanes)?;
                let salt = bytes(salt)?;
                let key = passphrase_key(passphrase, &salt, cost)?;
                outcome = open(&key, context(site, PASSPHRASE), sealed, UnsealError::Passphrase);
                if outcome.is_ok() {
                    break;
                }
            }
        }
        outcome
    }

    /// Unseals with the recovery kit.
    pub fn unseal_with_kit(&self, kit: &RecoveryKit) -> Result<RootSecret, UnsealError> {
        let site = self.site()?;
        let mut outcome = Err(UnsealError::NoSuchMethod);
        for method in &self.methods {
            if let SealedMethod::RecoveryKit { sealed } = method {
                outcome = open(&kit.seal_key(), context(site, KIT), sealed, UnsealError::Kit);
                if outcome.is_ok() {
                    break;
                }
            }
        }
        outcome
    }

    /// The site that this is the root of. Not secret; proved only by unsealing.
    pub fn site(&self) -> Result<SiteId, EnvelopeError> {
        self.site.parse().map_err(|_| EnvelopeError::Damaged)
    }

    /// The file's content.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("strings and numbers are JSON");
        json.push('\n');
        json
    }

    /// Reads the file's content. Versions, costs and sizes out of bounds are refused before anything is computed.
    pub fn from_json(json: &[u8]) -> Result<Self, EnvelopeError> {
        if json.len() > JSON_BYTES_MAX {
            return Err(EnvelopeError::Damaged);
        }
        // first only what says which format this is: a later version may have other fields
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u32,
        }
        let head: Head = serde_json::from_slice(json).map_err(|_| EnvelopeError::Damaged)?;
        if head.format != FORMAT {
            return Err(EnvelopeError::Damaged);
        }
        if head.version != VERSION {
            return Err(EnvelopeError::Version { found: head.version });
        }
        let envelope: Self = serde_json::from_slice(json).map_err(|_| EnvelopeError::Damaged)?;
        envelope.site()?;
        if envelope.methods.is_empty() || envelope.methods.len() > METHODS_MAX {
            return Err(EnvelopeError::Methods { found: envelope.methods.len() });
        }
        for method in &envelope.methods {
            match method {
                SealedMethod::Passphrase { kdf, memory_kib, passes, lanes, salt, sealed } => {
                    if kdf != "argon2id" || bytes(salt)?.len() != SALT_BYTES {
                        return Err(EnvelopeError::Damaged);
                    }
                    PassphraseCost::new(*memory_kib, *passes, *lanes)?;
                    bytes(sealed)?;
                }
                SealedMethod::RecoveryKit { sealed } => {
                    bytes(sealed)?;
                }
            }
        }
        Ok(envelope)
    }
}

const PASSPHRASE: &[u8; 16] = b"passphrase v1\0\0\0";
const KIT: &[u8; 16] = b"recovery kit v1\0";

fn context(site: SiteId, method: &[u8; 16]) -> ObjectContext {
    ObjectContext { site, key: KeyId(*method), object: ObjectId(*b"leadglass root\0\0"), kind: ObjectKind::Secret }
}

fn passphrase_key(passphrase: &str, salt: &[u8], cost: PassphraseCost) -> Result<SealKey, EnvelopeError> {
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

fn open(key: &SealKey, context: ObjectContext, sealed: &str, no_fit: UnsealError) -> Result<RootSecret, UnsealError> {
    let plaintext = match open_blob(key, context, &bytes(sealed)?) {
        Ok(plaintext) => Zeroizing::new(plaintext),
        Err(OpenError::KeyDoesNotFit) => return Err(no_fit),
        Err(_) => return Err(EnvelopeError::Damaged.into()),
    };
    let root: &[u8; 32] = plaintext.as_slice().try_into().map_err(|_| EnvelopeError::Damaged)?;
    Ok(RootSecret::from_bytes(root))
}

fn bytes(digits: &str) -> Result<Vec<u8>, EnvelopeError> {
    hex::decode(digits).map_err(|_| EnvelopeError::Damaged)
}

/// What is wrong with an envelope, or with what is to be put into one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// Not an envelope.
    #[error("the root file is damaged or another file; restore root.json from the second copy")]
    Damaged,
    /// Written by a later version.
    #[error("the root file has format version {found}, this program reads version {VERSION}; update leadglass")]
    Version {
        /// The version found.
        found: u32,
    },
    /// None, or too many.
    #[error("a root file has 1 to {METHODS_MAX} unseal methods, not {found}; give a passphrase or a recovery kit")]
    Methods {
        /// How many.
        found: usize,
    },
    /// Argon2id parameters out of bounds.
    #[error(
        "the cost of the passphrase is out of bounds (64 MiB to 4 GiB, 1 to 64 passes, 1 to 16 lanes); restore root.json from the second copy"
    )]
    Cost,
    /// Not enough memory to compute it.
    #[error("{memory_kib} KiB of memory are needed to unseal with the passphrase; free memory and start again")]
    Memory {
        /// How much is needed.
        memory_kib: u32,
    },
    /// Empty or far too long.
    #[error("a passphrase has 1 to {PASSPHRASE_BYTES_MAX} bytes; choose another one")]
    PassphraseLength,
}

/// Why the root stays sealed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnsealError {
    /// The passphrase does not fit.
    #[error("the passphrase does not fit; type it again, or use the recovery kit")]
    Passphrase,
    /// The kit is well typed and does not fit.
    #[error("this recovery kit is of another site or was replaced by a newer one; use that one, or the passphrase")]
    Kit,
    /// The envelope has no such method.
    #[error("the root is not sealed to this method; use the other one")]
    NoSuchMethod,
    /// The envelope itself.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
}
