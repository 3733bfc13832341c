//! One way to unseal the root, as the envelope keeps it.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use model::{KeyId, ObjectId, SiteId};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::passphrase::{PassphraseCost, passphrase_key};
use super::share::SetId;
use super::share_set::{HOLDERS_MAX, NewShares, ShareSet};
use super::{EnvelopeError, RecoveryKit, UnsealError};
use crate::{
    CryptoRng, ObjectContext, ObjectKind, OpenError, RootSecret, SealKey, Secret32, VerifyingKey, open_blob, seal_blob,
};

/// The longest text that a program may have made of a key, in bytes.
pub const CIPHERTEXT_BYTES_MAX: usize = 6 * 1024;
/// The longest label, in characters.
const LABEL_CHARACTERS_MAX: usize = 100;
const SALT_BYTES: usize = 32;

const PASSPHRASE: &[u8; 16] = b"passphrase v1\0\0\0";
const KIT: &[u8; 16] = b"recovery kit v1\0";
const SHARES: &[u8; 16] = b"share set v1\0\0\0\0";
const AGE: &[u8; 16] = b"age v1\0\0\0\0\0\0\0\0\0\0";
const COMMAND: &[u8; 16] = b"command v1\0\0\0\0\0\0";
const ROOT: ObjectId = ObjectId(*b"leadglass root\0\0");

/// What to seal a root to.
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
    /// Something that several people have on paper, of whom some must come together.
    Shares(&'a NewShares),
    /// A key that the age program has sealed to recipients.
    Age {
        /// The key.
        key: &'a Secret32,
        /// What age made of it.
        ciphertext: &'a [u8],
        /// Where the identities are kept.
        keeper: Keeper,
    },
    /// A key that another program has sealed.
    Command {
        /// The key.
        key: &'a Secret32,
        /// What the program made of it.
        ciphertext: &'a [u8],
        /// Where what opens it is kept.
        keeper: Keeper,
    },
}

/// Where the thing is kept that a program opens a key with. Said by whoever adds the method; it decides nothing but warnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keeper {
    /// In this machine's TPM 2.0 and nowhere else.
    Tpm,
    /// On a Tang server.
    Tang,
    /// In both; one alone does not open.
    TpmAndTang,
    /// At a key management service.
    KeyService,
    /// In a hardware token that somebody carries.
    HardwareToken,
    /// In a file on this machine.
    ThisMachine,
    /// Elsewhere.
    Other,
}

impl Keeper {
    /// Whether who carries this machine away has it all.
    #[must_use]
    pub fn goes_with_the_machine(self) -> bool {
        matches!(self, Self::Tpm | Self::ThisMachine)
    }

    /// Whether the loss of one machine is the loss of the method.
    #[must_use]
    pub fn needs_one_machine(self) -> bool {
        matches!(self, Self::Tpm | Self::ThisMachine | Self::Tang | Self::TpmAndTang)
    }

    /// The word in files and in the ledger.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Tpm => "tpm",
            Self::Tang => "tang",
            Self::TpmAndTang => "tpm-and-tang",
            Self::KeyService => "key-service",
            Self::HardwareToken => "hardware-token",
            Self::ThisMachine => "this-machine",
            Self::Other => "other",
        }
    }
}

/// Names a method: the beginning of the digest of what is sealed, so it needs no field and never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MethodId(pub [u8; 4]);

impl fmt::Display for MethodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for MethodId {
    type Err = EnvelopeError;

    fn from_str(text: &str) -> Result<Self, EnvelopeError> {
        let mut id = [0; 4];
        hex::decode_to_slice(text, &mut id).map_err(|_| EnvelopeError::NoSuchMethod)?;
        Ok(Self(id))
    }
}

/// What kind of method it is, with what everybody may know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MethodKind {
    /// A passphrase.
    Passphrase,
    /// A recovery kit.
    RecoveryKit,
    /// A share quorum.
    Shares(ShareSet),
    /// A key sealed by age.
    Age(Keeper),
    /// A key sealed by another program.
    Command(Keeper),
}

impl MethodKind {
    /// The word in files and in the ledger.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            Self::RecoveryKit => "recovery-kit",
            Self::Shares(_) => "shares",
            Self::Age(_) => "age",
            Self::Command(_) => "command",
        }
    }

    /// Where what opens it is kept, for methods that a program opens. People keep the others.
    #[must_use]
    pub fn keeper(&self) -> Option<Keeper> {
        match self {
            Self::Age(keeper) | Self::Command(keeper) => Some(*keeper),
            Self::Passphrase | Self::RecoveryKit | Self::Shares(_) => None,
        }
    }

    /// Whether the loss of one machine is the loss of the method.
    #[must_use]
    pub fn needs_one_machine(&self) -> bool {
        self.keeper().is_some_and(Keeper::needs_one_machine)
    }
}

/// A method without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// Its name.
    pub id: MethodId,
    /// What it is.
    pub kind: MethodKind,
    /// What somebody called it.
    pub label: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum SealedMethod {
    Passphrase {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        kdf: String,
        memory_kib: u32,
        passes: u32,
        lanes: u32,
        salt: String,
        sealed: String,
    },
    RecoveryKit {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        sealed: String,
    },
    Shares {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        set: String,
        threshold: u8,
        keys: Vec<String>,
        sealed: String,
    },
    Age {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        keeper: Keeper,
        ciphertext: String,
        sealed: String,
    },
    Command {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        keeper: Keeper,
        ciphertext: String,
        sealed: String,
    },
}

impl SealedMethod {
    pub(super) fn seal(
        root: &RootSecret,
        site: SiteId,
        method: &UnsealMethod<'_>,
        label: Option<&str>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, EnvelopeError> {
        let label = label.map(|label| label.trim().to_owned());
        if label.as_deref().is_some_and(|label| !is_label(label)) {
            return Err(EnvelopeError::Label);
        }
        let mut salt = [0; SALT_BYTES];
        if let UnsealMethod::Passphrase { .. } = method {
            rng.fill_bytes(&mut salt);
        }
        let mut seal = |key: &SealKey, name: &[u8; 16], object: ObjectId| {
            hex::encode(seal_blob(key, context(site, name, object), root.expose(), rng))
        };
        Ok(match method {
            UnsealMethod::Passphrase { passphrase, cost } => {
                let key = passphrase_key(passphrase, &salt, *cost)?;
                Self::Passphrase {
                    label,
                    kdf: "argon2id".to_owned(),
                    memory_kib: cost.memory_kib,
                    passes: cost.passes,
                    lanes: cost.lanes,
                    salt: hex::encode(salt),
                    sealed: seal(&key, PASSPHRASE, ROOT),
                }
            }
            UnsealMethod::RecoveryKit(kit) => Self::RecoveryKit { label, sealed: seal(&kit.seal_key(), KIT, ROOT) },
            UnsealMethod::Shares(new) => {
                let ShareSet { set, threshold, keys } = &new.set;
                let keys = keys.iter().map(|key| hex::encode(key.to_bytes())).collect();
                let sealed = seal(&new.secret.clone().into(), SHARES, bound_to_set(&new.set));
                Self::Shares { label, set: set.to_string(), threshold: *threshold, keys, sealed }
            }
            UnsealMethod::Age { key, ciphertext, keeper } => {
                let object = bound_to_text(ciphertext, *keeper)?;
                let sealed = seal(&(*key).clone().into(), AGE, object);
                Self::Age { label, keeper: *keeper, ciphertext: hex::encode(ciphertext), sealed }
            }
            UnsealMethod::Command { key, ciphertext, keeper } => {
                let object = bound_to_text(ciphertext, *keeper)?;
                let sealed = seal(&(*key).clone().into(), COMMAND, object);
                Self::Command { label, keeper: *keeper, ciphertext: hex::encode(ciphertext), sealed }
            }
        })
    }

    /// Refuses what is out of bounds, before anything is computed from it.
    pub(super) fn check(&self) -> Result<(), EnvelopeError> {
        if self.label().is_some_and(|label| !is_label(label)) {
            return Err(EnvelopeError::Damaged);
        }
        bytes(self.sealed())?;
        match self {
            Self::Passphrase { kdf, memory_kib, passes, lanes, salt, .. } => {
                if kdf != "argon2id" || bytes(salt)?.len() != SALT_BYTES {
                    return Err(EnvelopeError::Damaged);
                }
                PassphraseCost::new(*memory_kib, *passes, *lanes)?;
            }
            Self::RecoveryKit { .. } => {}
            Self::Shares { set, threshold, keys, .. } => {
                share_set(set, *threshold, keys)?;
            }
            Self::Age { ciphertext, keeper, .. } | Self::Command { ciphertext, keeper, .. } => {
                bound_to_text(&bytes(ciphertext)?, *keeper).map_err(|_| EnvelopeError::Damaged)?;
            }
        }
        Ok(())
    }

    /// Whether version 1 of the file can say it.
    pub(super) fn is_of_version_1(&self) -> bool {
        self.label().is_none() && matches!(self, Self::Passphrase { .. } | Self::RecoveryKit { .. })
    }

    pub(super) fn id(&self) -> MethodId {
        let digest = digest(&SHA256, self.sealed().as_bytes());
        MethodId(digest.as_ref()[..4].try_into().expect("SHA-256 has 32 bytes"))
    }

    pub(super) fn shown(&self) -> Result<Method, EnvelopeError> {
        let kind = match self {
            Self::Passphrase { .. } => MethodKind::Passphrase,
            Self::RecoveryKit { .. } => MethodKind::RecoveryKit,
            Self::Shares { set, threshold, keys, .. } => MethodKind::Shares(share_set(set, *threshold, keys)?),
            Self::Age { keeper, .. } => MethodKind::Age(*keeper),
            Self::Command { keeper, .. } => MethodKind::Command(*keeper),
        };
        Ok(Method { id: self.id(), kind, label: self.label().map(ToOwned::to_owned) })
    }

    /// How hard guessing a passphrase is made.
    pub(super) fn cost(&self) -> Option<PassphraseCost> {
        let Self::Passphrase { memory_kib, passes, lanes, .. } = self else { return None };
        PassphraseCost::new(*memory_kib, *passes, *lanes).ok()
    }

    pub(super) fn ciphertext(&self) -> Result<Option<Vec<u8>>, EnvelopeError> {
        match self {
            Self::Age { ciphertext, .. } | Self::Command { ciphertext, .. } => bytes(ciphertext).map(Some),
            _ => Ok(None),
        }
    }

    /// Opens with a passphrase; nothing when this is another kind.
    pub(super) fn open_with_passphrase(
        &self,
        site: SiteId,
        passphrase: &str,
    ) -> Option<Result<RootSecret, UnsealError>> {
        let Self::Passphrase { memory_kib, passes, lanes, salt, sealed, .. } = self else { return None };
        let key = PassphraseCost::new(*memory_kib, *passes, *lanes)
            .and_then(|cost| passphrase_key(passphrase, &bytes(salt)?, cost));
        Some(
            key.map_err(Into::into)
                .and_then(|key| open(&key, context(site, PASSPHRASE, ROOT), sealed, UnsealError::Passphrase)),
        )
    }

    /// Opens with the kit; nothing when this is another kind.
    pub(super) fn open_with_kit(&self, site: SiteId, kit: &RecoveryKit) -> Option<Result<RootSecret, UnsealError>> {
        let Self::RecoveryKit { sealed, .. } = self else { return None };
        Some(open(&kit.seal_key(), context(site, KIT, ROOT), sealed, UnsealError::Kit))
    }

    /// Opens with the secret of a share set.
    pub(super) fn open_with_set(
        &self,
        site: SiteId,
        set: &ShareSet,
        secret: &Secret32,
    ) -> Result<RootSecret, UnsealError> {
        // every share was checked against its key: when the secret does not fit, the file was changed
        let damaged = UnsealError::Envelope(EnvelopeError::Damaged);
        open(&secret.clone().into(), context(site, SHARES, bound_to_set(set)), self.sealed(), damaged)
    }

    /// Opens with the key that a program gave back.
    pub(super) fn open_with_key(&self, site: SiteId, key: &Secret32) -> Result<RootSecret, UnsealError> {
        let (name, keeper) = match self {
            Self::Age { keeper, .. } => (AGE, *keeper),
            Self::Command { keeper, .. } => (COMMAND, *keeper),
            _ => return Err(UnsealError::NoSuchMethod),
        };
        let object = bound_to_text(&self.ciphertext()?.unwrap_or_default(), keeper)?;
        open(&key.clone().into(), context(site, name, object), self.sealed(), UnsealError::Key)
    }

    fn label(&self) -> Option<&str> {
        match self {
            Self::Passphrase { label, .. }
            | Self::RecoveryKit { label, .. }
            | Self::Shares { label, .. }
            | Self::Age { label, .. }
            | Self::Command { label, .. } => label.as_deref(),
        }
    }

    fn sealed(&self) -> &str {
        match self {
            Self::Passphrase { sealed, .. }
            | Self::RecoveryKit { sealed, .. }
            | Self::Shares { sealed, .. }
            | Self::Age { sealed, .. }
            | Self::Command { sealed, .. } => sealed,
        }
    }
}

fn is_label(label: &str) -> bool {
    !label.trim().is_empty() && label.chars().count() <= LABEL_CHARACTERS_MAX && !label.chars().any(char::is_control)
}

fn share_set(set: &str, threshold: u8, keys: &[String]) -> Result<ShareSet, EnvelopeError> {
    let mut id = SetId([0; 5]);
    hex::decode_to_slice(set, &mut id.0).map_err(|_| EnvelopeError::Damaged)?;
    if !(2..=HOLDERS_MAX).contains(&keys.len()) || !(2..=keys.len()).contains(&usize::from(threshold)) {
        return Err(EnvelopeError::Damaged);
    }
    let key = |digits: &String| {
        let mut key = [0; 32];
        hex::decode_to_slice(digits, &mut key).map_err(|_| EnvelopeError::Damaged)?;
        Ok(VerifyingKey::from_bytes(key))
    };
    Ok(ShareSet { set: id, threshold, keys: keys.iter().map(key).collect::<Result<_, EnvelopeError>>()? })
}

/// The object id of a root sealed to a set: a digest of everything public about it, so that none of it can be changed unseen.
fn bound_to_set(set: &ShareSet) -> ObjectId {
    let mut text = b"leadglass share set v1\n".to_vec();
    text.extend(set.set.0);
    text.extend([set.threshold, set.keys.len() as u8]);
    set.keys.iter().for_each(|key| text.extend(key.to_bytes()));
    bound(&text)
}

/// The object id of a root sealed to a program's text.
fn bound_to_text(ciphertext: &[u8], keeper: Keeper) -> Result<ObjectId, EnvelopeError> {
    if ciphertext.is_empty() || ciphertext.len() > CIPHERTEXT_BYTES_MAX {
        return Err(EnvelopeError::Ciphertext { bytes: ciphertext.len() });
    }
    let mut text = b"leadglass sealed key v1\n".to_vec();
    text.extend(keeper.word().as_bytes());
    text.push(b'\n');
    text.extend(ciphertext);
    Ok(bound(&text))
}

fn bound(text: &[u8]) -> ObjectId {
    ObjectId(digest(&SHA256, text).as_ref()[..16].try_into().expect("SHA-256 has 32 bytes"))
}

fn context(site: SiteId, method: &[u8; 16], object: ObjectId) -> ObjectContext {
    ObjectContext { site, key: KeyId(*method), object, kind: ObjectKind::Secret }
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
