//! A share quorum: Shamir's secret sharing over GF(256), and a public key for each share.

use std::collections::BTreeSet;

use zeroize::{Zeroize, Zeroizing};

use super::share::{SetId, Share};
use super::{EnvelopeError, UnsealError};
use crate::{CryptoRng, Secret32, VerifyingKey};

/// The most holders of one set.
pub(super) const HOLDERS_MAX: usize = 16;

/// The public part of a set: what the envelope and the ledger say about it. It opens nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareSet {
    /// Its name.
    pub set: SetId,
    /// How many shares open.
    pub threshold: u8,
    /// The public half of each share's key, in the order of their numbers.
    pub keys: Vec<VerifyingKey>,
}

/// A new set while it is handed out: the key that the root is sealed under, and its shares.
pub struct NewShares {
    /// The public part.
    pub set: ShareSet,
    /// One for each holder.
    pub shares: Vec<Share>,
    pub(super) secret: Secret32,
}

impl NewShares {
    /// Draws a secret and splits it, so that any `threshold` of `holders` shares give it back and fewer say nothing of it.
    pub fn split(threshold: usize, holders: usize, rng: &mut impl CryptoRng) -> Result<Self, EnvelopeError> {
        if !(2..=HOLDERS_MAX).contains(&holders) || !(2..=holders).contains(&threshold) {
            return Err(EnvelopeError::ShareSet);
        }
        let mut set = SetId([0; 5]);
        rng.fill_bytes(&mut set.0);
        let secret = Secret32::generate(rng);
        let mut parts = vsss_rs::Gf256::split_bytes(threshold, holders, secret.expose(), &mut *rng)
            .map_err(|_| EnvelopeError::ShareSet)?;
        // a set whose shares did not give the secret back would be found only when it is needed
        let whole = (0..=holders - threshold).all(|from| {
            vsss_rs::Gf256::combine_bytes(&parts[from..from + threshold])
                .map(Zeroizing::new)
                .is_ok_and(|given| given.as_slice() == secret.expose())
        });
        let shares = (1u8..).zip(&parts).map(|(number, part)| {
            // the first byte is the place at which the polynomial was evaluated
            let bytes: Option<&[u8; 32]> = part.get(1..).and_then(|bytes| bytes.try_into().ok());
            let bytes = bytes.filter(|_| part[0] == number)?;
            Some(Share::new(set, threshold as u8, number, Secret32::from_bytes(bytes)))
        });
        let shares: Option<Vec<Share>> = shares.collect();
        parts.iter_mut().for_each(Zeroize::zeroize);
        let shares = shares.filter(|_| whole).ok_or(EnvelopeError::ShareSet)?;
        let keys = shares.iter().map(|share| share.signing_key().verifying_key()).collect();
        Ok(Self { set: ShareSet { set, threshold: threshold as u8, keys }, shares, secret })
    }
}

impl ShareSet {
    /// Whether a share is the one that was handed out: its own key says so, nothing is put together.
    pub fn check(&self, share: &Share) -> Result<(), UnsealError> {
        if share.set() != self.set {
            return Err(UnsealError::ShareOfAnotherSet { index: share.index(), theirs: share.set(), ours: self.set });
        }
        let key = self.keys.get(usize::from(share.index()) - 1);
        if share.threshold() != self.threshold || key != Some(&share.signing_key().verifying_key()) {
            return Err(UnsealError::ForeignShare { index: share.index() });
        }
        Ok(())
    }

    /// Puts enough checked shares of different holders together.
    pub(super) fn combine(&self, shares: &[Share]) -> Result<Secret32, UnsealError> {
        let mut seen = BTreeSet::new();
        for share in shares {
            self.check(share)?;
            if !seen.insert(share.index()) {
                return Err(UnsealError::DuplicateShare { index: share.index() });
            }
        }
        let needed = usize::from(self.threshold);
        if shares.len() < needed {
            return Err(UnsealError::TooFewShares { given: shares.len(), needed });
        }
        let mut parts: Vec<Vec<u8>> = shares[..needed]
            .iter()
            .map(|share| [&[share.index()], share.secret().expose().as_slice()].concat())
            .collect();
        let combined = vsss_rs::Gf256::combine_bytes(&parts).map(Zeroizing::new);
        parts.iter_mut().for_each(Zeroize::zeroize);
        let combined = combined.map_err(|_| EnvelopeError::Damaged)?;
        let secret: &[u8; 32] = combined.as_slice().try_into().map_err(|_| EnvelopeError::Damaged)?;
        Ok(Secret32::from_bytes(secret))
    }
}
