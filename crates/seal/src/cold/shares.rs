//! Shares of a secret: Shamir over GF(2^8), one polynomial for each byte, as `vsss-rs` has it.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use model::KeyId;
use thiserror::Error;
use vsss_rs::Gf256;
use zeroize::Zeroizing;

use crate::{CryptoRng, Secret32};

/// The place of a share that is the whole secret. A polynomial's value at zero is what it hides.
const WHOLE: u8 = 0;

/// One share: its place and 32 bytes. At place zero it is the secret itself. It lies in one place however often it is moved, so that no
/// copy of it is left behind where it was.
pub struct Share(Box<Zeroizing<[u8; Self::BYTES]>>);

impl Share {
    /// The length.
    pub const BYTES: usize = 33;

    /// A share that is enough alone.
    pub(crate) fn whole(secret: &Secret32) -> Self {
        let mut share = Box::new(Zeroizing::new([WHOLE; Self::BYTES]));
        share[1..].copy_from_slice(secret.expose());
        Self(share)
    }

    /// Takes the bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let mut share = Box::new(Zeroizing::new([0; Self::BYTES]));
        share.copy_from_slice(bytes);
        Self(share)
    }

    /// The bytes. Each use of this is a place to look at.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Whether it is the secret itself: enough alone.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.0[0] == WHOLE
    }

    /// What tells this share from every other without saying anything of it: 32 of its bytes are uniformly random.
    #[must_use]
    pub fn commitment(&self, name: KeyId) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        context.update(b"leadglass cold share v1\0");
        context.update(&name.0);
        context.update(self.0.as_slice());
        context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
    }
}

impl Clone for Share {
    fn clone(&self) -> Self {
        Self::from_bytes(self.expose())
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Share(..)")
    }
}

/// Splits a secret. With a threshold of one every share is the secret.
pub(crate) fn split(secret: &Secret32, threshold: u8, holders: usize, rng: &mut impl CryptoRng) -> Vec<Share> {
    if threshold == 1 {
        return (0..holders).map(|_| Share::whole(secret)).collect();
    }
    let shares = Gf256::split_bytes(usize::from(threshold), holders, secret.expose(), rng)
        .expect("2 to 16 holders and a threshold within are what the field splits");
    let share = |bytes: Vec<u8>| {
        let bytes = Zeroizing::new(bytes);
        Share::from_bytes(bytes.as_slice().try_into().expect("a share is its place and one byte for each byte"))
    };
    shares.into_iter().map(share).collect()
}

/// Combines shares. One that is the whole secret is enough; otherwise the first `threshold` are used.
pub fn combine(shares: &[Share], threshold: u8) -> Result<Secret32, CombineError> {
    if let Some(whole) = shares.iter().find(|share| share.0[0] == WHOLE) {
        return Ok(Secret32::from_bytes(whole.0[1..].try_into().expect("33 bytes less one are 32")));
    }
    let needed = usize::from(threshold);
    if shares.len() < needed || needed < 2 {
        return Err(CombineError::TooFew { found: shares.len(), needed });
    }
    let mut bytes: Vec<Vec<u8>> = shares[..needed].iter().map(|share| share.0.to_vec()).collect();
    let secret = Gf256::combine_bytes(&bytes).map(Zeroizing::new);
    zeroize::Zeroize::zeroize(&mut bytes);
    let secret = secret.map_err(|_| CombineError::Unfit)?;
    secret.as_slice().try_into().map(Secret32::from_bytes).map_err(|_| CombineError::Unfit)
}

/// Why shares give no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CombineError {
    /// Not enough.
    #[error("{found} shares are there, {needed} are needed; ask another holder")]
    TooFew {
        /// How many there are.
        found: usize,
        /// How many are needed.
        needed: usize,
    },
    /// Two of one place.
    #[error("two of these shares are the same; ask another holder")]
    Unfit,
}
