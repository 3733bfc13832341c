//! The root secret sealed to unseal methods: the file as a whole.

use model::SiteId;
use serde::{Deserialize, Serialize};

use super::method::{Method, MethodId, MethodKind, SealedMethod, UnsealMethod};
use super::share::Share;
use super::{EnvelopeError, RecoveryKit, UnsealError};
use crate::{CryptoRng, RootSecret, Secret32};

/// The longest envelope that is read, in bytes.
pub(super) const JSON_BYTES_MAX: usize = 64 * 1024;
/// The most unseal methods in one envelope.
pub(super) const METHODS_MAX: usize = 16;
const FORMAT: &str = "leadglass root envelope";
/// The latest version; a file is written with the first version that can say what is in it.
pub(super) const VERSION: u32 = 2;

/// What `DIR/warden/root.json` holds: the root secret, sealed once to each unseal method.
///
/// Who may replace it can lock the owner out, not in: an envelope of another root opens none of the site's keys, and nothing
/// that stands in it is ever run. Losing it (and its copy in the vault) loses the archive, passphrase or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootEnvelope {
    format: String,
    version: u32,
    site: String,
    methods: Vec<SealedMethod>,
}

impl RootEnvelope {
    /// Seals `root` to every method given. At least one is needed.
    pub fn seal(
        root: &RootSecret,
        site: SiteId,
        methods: &[UnsealMethod<'_>],
        rng: &mut impl CryptoRng,
    ) -> Result<Self, EnvelopeError> {
        let methods = methods
            .iter()
            .map(|method| SealedMethod::seal(root, site, method, None, rng))
            .collect::<Result<Vec<_>, _>>()?;
        Self::of(site, methods)
    }

    /// The same envelope with one method more. `root` is what another method of it gave.
    pub fn with(
        &self,
        root: &RootSecret,
        method: &UnsealMethod<'_>,
        label: Option<&str>,
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, MethodId), EnvelopeError> {
        let added = SealedMethod::seal(root, self.site()?, method, label, rng)?;
        let id = added.id();
        let mut methods = self.methods.clone();
        methods.push(added);
        Ok((Self::of(self.site()?, methods)?, id))
    }

    /// The same envelope without a method. The last one stays.
    pub fn without(&self, id: MethodId) -> Result<Self, EnvelopeError> {
        let methods: Vec<_> = self.methods.iter().filter(|method| method.id() != id).cloned().collect();
        if methods.len() == self.methods.len() {
            return Err(EnvelopeError::NoSuchMethod);
        }
        Self::of(self.site()?, methods)
    }

    pub(super) fn of(site: SiteId, methods: Vec<SealedMethod>) -> Result<Self, EnvelopeError> {
        if methods.is_empty() || methods.len() > METHODS_MAX {
            return Err(EnvelopeError::Methods { found: methods.len() });
        }
        let version = if methods.iter().all(SealedMethod::is_of_version_1) { 1 } else { VERSION };
        let envelope = Self { format: FORMAT.to_owned(), version, site: site.to_string(), methods };
        if envelope.to_json().len() > JSON_BYTES_MAX { Err(EnvelopeError::Full) } else { Ok(envelope) }
    }

    /// Every method, without its secrets.
    pub fn methods(&self) -> Result<Vec<Method>, EnvelopeError> {
        self.methods.iter().map(SealedMethod::shown).collect()
    }

    /// Unseals with a passphrase; surrounding white space, which a file or a paste may add, does not count.
    pub fn unseal_with_passphrase(&self, passphrase: &str) -> Result<RootSecret, UnsealError> {
        let site = self.site()?;
        self.first_that_opens(|method| method.open_with_passphrase(site, passphrase))
    }

    /// Unseals with the recovery kit.
    pub fn unseal_with_kit(&self, kit: &RecoveryKit) -> Result<RootSecret, UnsealError> {
        let site = self.site()?;
        self.first_that_opens(|method| method.open_with_kit(site, kit))
    }

    fn first_that_opens(
        &self,
        mut open: impl FnMut(&SealedMethod) -> Option<Result<RootSecret, UnsealError>>,
    ) -> Result<RootSecret, UnsealError> {
        let mut outcome = Err(UnsealError::NoSuchMethod);
        for opened in self.methods.iter().filter_map(&mut open) {
            outcome = opened;
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// Unseals with shares of different holders of one set.
    pub fn unseal_with_shares(&self, shares: &[Share]) -> Result<RootSecret, UnsealError> {
        let mut outcome = Err(UnsealError::NoSuchMethod);
        for method in &self.methods {
            if let MethodKind::Shares(set) = method.shown()?.kind {
                outcome = set.combine(shares).and_then(|secret| method.open_with_set(self.site()?, &set, &secret));
                if outcome.is_ok() {
                    break;
                }
            }
        }
        outcome
    }

    /// What a program has to open for this method: an `age` or a `command`.
    pub fn ciphertext(&self, id: MethodId) -> Result<Vec<u8>, UnsealError> {
        self.find(id)?.ciphertext()?.ok_or(UnsealError::NoSuchMethod)
    }

    /// Unseals with the key that a program gave back for this method.
    pub fn unseal_with_key(&self, id: MethodId, key: &Secret32) -> Result<RootSecret, UnsealError> {
        self.find(id)?.open_with_key(self.site()?, key)
    }

    pub(super) fn find(&self, id: MethodId) -> Result<&SealedMethod, UnsealError> {
        self.methods.iter().find(|method| method.id() == id).ok_or(UnsealError::NoSuchMethod)
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
        if !(1..=VERSION).contains(&head.version) {
            return Err(EnvelopeError::Version { found: head.version });
        }
        let envelope: Self = serde_json::from_slice(json).map_err(|_| EnvelopeError::Damaged)?;
        envelope.site()?;
        if envelope.methods.is_empty() || envelope.methods.len() > METHODS_MAX {
            return Err(EnvelopeError::Methods { found: envelope.methods.len() });
        }
        envelope.methods.iter().try_for_each(SealedMethod::check)?;
        if head.version == 1 && !envelope.methods.iter().all(SealedMethod::is_of_version_1) {
            return Err(EnvelopeError::Damaged);
        }
        Ok(envelope)
    }
}
