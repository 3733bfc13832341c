//! Another root in the place of one: every method that stays is opened, and the new root sealed to the same thing.

use super::method::{MethodId, SealedMethod, UnsealMethod};
use super::share::Share;
use super::share_set::NewShares;
use super::{MethodKind, RecoveryKit, RootEnvelope, UnsealError};
use crate::{CryptoRng, RootSecret, Secret32};

/// What opens one method.
pub enum MethodSecret {
    /// The words.
    Passphrase(zeroize::Zeroizing<String>),
    /// The kit.
    RecoveryKit(RecoveryKit),
    /// Shares of enough holders.
    Shares(Vec<Share>),
    /// The key that a program gave back: `age` or `command`.
    Key(Secret32),
}

impl RootEnvelope {
    /// Unseals with one method and no other.
    pub fn unseal_with(&self, id: MethodId, secret: &MethodSecret) -> Result<RootSecret, UnsealError> {
        let (site, method) = (self.site()?, self.find(id)?);
        match secret {
            MethodSecret::Passphrase(passphrase) => {
                method.open_with_passphrase(site, passphrase).unwrap_or(Err(UnsealError::NoSuchMethod))
            }
            MethodSecret::RecoveryKit(kit) => method.open_with_kit(site, kit).unwrap_or(Err(UnsealError::NoSuchMethod)),
            MethodSecret::Shares(shares) => match method.shown()?.kind {
                MethodKind::Shares(set) => method.open_with_set(site, &set, &set.combine(shares)?),
                _ => Err(UnsealError::NoSuchMethod),
            },
            MethodSecret::Key(key) => method.open_with_key(site, key),
        }
    }

    /// The envelope of `new`, which takes the place of the root `old`: sealed to the methods that stay, each by the same passphrase,
    /// paper or key as before. Those that are not named stay out. Says how each one is called now.
    ///
    /// Every secret is tried on the method that it is for, and every new method is opened again.
    pub fn renewed(
        &self,
        old: &RootSecret,
        new: &RootSecret,
        stay: &[(MethodId, MethodSecret)],
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, Vec<(MethodId, MethodId)>), UnsealError> {
        let mut methods = Vec::new();
        for (id, secret) in stay {
            // a method that gives another root would be sealed to the new one for whoever put it there
            if self.unseal_with(*id, secret)? != *old {
                return Err(UnsealError::Envelope(super::EnvelopeError::Damaged));
            }
            methods.push(self.find(*id)?.around(new, self.site()?, secret, rng)?);
        }
        let renamed: Vec<_> = stay.iter().map(|(id, _)| *id).zip(methods.iter().map(SealedMethod::id)).collect();
        let envelope = Self::of(self.site()?, methods)?;
        for ((_, id), (_, secret)) in renamed.iter().zip(stay) {
            if envelope.unseal_with(*id, secret)? != *new {
                return Err(UnsealError::Envelope(super::EnvelopeError::Damaged));
            }
        }
        Ok((envelope, renamed))
    }
}

impl SealedMethod {
    /// The same method with another root in it.
    fn around(
        &self,
        root: &RootSecret,
        site: model::SiteId,
        secret: &MethodSecret,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, UnsealError> {
        let shown = self.shown()?;
        let ciphertext = self.ciphertext()?.unwrap_or_default();
        let label = shown.label.as_deref();
        let mut seal = |method: &UnsealMethod<'_>| Ok(Self::seal(root, site, method, label, rng)?);
        match (shown.kind, secret) {
            (MethodKind::Passphrase, MethodSecret::Passphrase(passphrase)) => {
                let cost = self.cost().unwrap_or_default();
                seal(&UnsealMethod::Passphrase { passphrase, cost })
            }
            (MethodKind::RecoveryKit, MethodSecret::RecoveryKit(kit)) => seal(&UnsealMethod::RecoveryKit(kit)),
            (MethodKind::Shares(set), MethodSecret::Shares(shares)) => {
                // the papers stay: they give the key, and the key opens another root
                let secret = set.combine(shares)?;
                seal(&UnsealMethod::Shares(&NewShares { set, shares: Vec::new(), secret }))
            }
            (MethodKind::Age(keeper), MethodSecret::Key(key)) => {
                seal(&UnsealMethod::Age { key, ciphertext: &ciphertext, keeper })
            }
            (MethodKind::Command(keeper), MethodSecret::Key(key)) => {
                seal(&UnsealMethod::Command { key, ciphertext: &ciphertext, keeper })
            }
            _ => Err(UnsealError::NoSuchMethod),
        }
    }
}
