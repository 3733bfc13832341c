//! Secrets of 32 bytes. They are wiped when dropped, live on the heap so that a move copies a pointer and not the
//! secret, compare in constant time, and never show their content.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::derive::hkdf;
use crate::{CryptoRng, SigningKey, SiteSecretKey};

/// 32 secret bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret32(Box<[u8; 32]>);

impl Secret32 {
    /// Draws 32 bytes.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut secret = Self(Box::new([0; 32]));
        rng.fill_bytes(secret.0.as_mut_slice());
        secret
    }

    /// Takes 32 bytes; wiping the source stays the caller's duty.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Box::new(*bytes))
    }

    /// The bytes. Each use of this is a place to look at.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn fill(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        let mut secret = Self(Box::new([0; 32]));
        fill(&mut secret.0);
        secret
    }
}

impl PartialEq for Secret32 {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for Secret32 {}

impl fmt::Debug for Secret32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret32(..)")
    }
}

/// What every secret with a name of its own can do: be drawn, be taken from bytes, and show its content to nobody who does not ask.
macro_rules! named_secret {
    ($name:ident) => {
        impl $name {
            /// Draws a new one.
            pub fn generate(rng: &mut impl $crate::CryptoRng) -> Self {
                Self($crate::Secret32::generate(rng))
            }

            /// Takes 32 bytes; wiping the source stays the caller's duty.
            #[must_use]
            pub fn from_bytes(bytes: &[u8; 32]) -> Self {
                Self($crate::Secret32::from_bytes(bytes))
            }

            /// The bytes. Each use of this is a place to look at.
            #[must_use]
            pub fn expose(&self) -> &[u8; 32] {
                self.0.expose()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}
pub(crate) use named_secret;

/// A key that objects are sealed under. Who holds it opens every object of its batch and kind of key.
#[derive(Clone, PartialEq, Eq)]
pub struct SealKey(Secret32);

named_secret!(SealKey);

impl From<Secret32> for SealKey {
    fn from(secret: Secret32) -> Self {
        Self(secret)
    }
}

/// The secret that everything at a site derives from. Only the warden holds it, and only while it runs.
#[derive(Clone, PartialEq, Eq)]
pub struct RootSecret(Secret32);

named_secret!(RootSecret);

impl RootSecret {
    /// A secret of its own for each label: HKDF-SHA256 with salt `leadglass root v1` and the label as info.
    /// Labels end in a version, `ledger payload 2026-07-30 v1`; one label is used for one thing.
    #[must_use]
    pub fn derive(&self, label: &str) -> Secret32 {
        Secret32::fill(|out| hkdf(b"leadglass root v1", self.0.expose(), &[label.as_bytes()], out))
    }

    /// The key that batch keys are unwrapped with (label `site wrapping key v1`).
    #[must_use]
    pub fn site_secret_key(&self) -> SiteSecretKey {
        SiteSecretKey::from_seed(&self.derive("site wrapping key v1"))
    }

    /// The key that signs checkpoints and the device list (label `site signing key v1`).
    #[must_use]
    pub fn site_signing_key(&self) -> SigningKey {
        SigningKey::from_seed(&self.derive("site signing key v1"))
    }

    /// The key that a change of the unseal methods is signed with (label `unseal change signing key v1`): whoever signs has the
    /// root unsealed at that moment. The running warden keeps its public half only.
    #[must_use]
    pub fn unseal_signing_key(&self) -> SigningKey {
        SigningKey::from_seed(&self.derive("unseal change signing key v1"))
    }
}
