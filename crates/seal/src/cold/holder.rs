//! A holder's two keys, derived from 32 bytes: one opens the shares that were wrapped to the holder, one signs approvals.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use model::{ColdHolder, HolderKind, KeyId, SiteId};
use thiserror::Error;
use zeroize::Zeroizing;

use super::Share;
use crate::derive::hkdf;
use crate::secret::named_secret;
use crate::{
    CryptoRng, InvalidSignature, RecoveryKit, Secret32, SigningKey, SitePublicKey, SiteSecretKey, UnwrapError,
    VerifyingKey,
};

const ENCAPSULATED_BYTES: usize = 1120;
const TAG_BYTES: usize = 16;
pub(super) const WRAPPED_SHARE_BYTES: usize = ENCAPSULATED_BYTES + Share::BYTES + TAG_BYTES;

/// What a holder keeps. Who has it can release the holder's share of every cold study, one request after the other, and only
/// together with the warden.
#[derive(Clone, PartialEq, Eq)]
pub struct HolderSecret(Secret32);

named_secret!(HolderSecret);

impl HolderSecret {
    /// The holder of a kit on paper: the same 256 bits, as words that are typed back.
    #[must_use]
    pub fn from_kit(kit: &RecoveryKit) -> Self {
        Self::from_bytes(kit.seal_key().expose())
    }

    /// The public half, which the warden is given.
    #[must_use]
    pub fn public(&self) -> HolderPublicKey {
        HolderPublicKey { wrapping: self.wrapping().public(), verifying: self.signing().verifying_key() }
    }

    /// Signs. The caller puts a context line of its own in front.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.signing().sign(message)
    }

    /// Opens the share of one box.
    pub fn open_share(&self, site: SiteId, name: KeyId, wrapped: &[u8]) -> Result<Share, UnwrapError> {
        self.share_opener().open(site, name, wrapped)
    }

    /// The same for many shares: the key is derived once.
    #[must_use]
    pub fn share_opener(&self) -> ShareOpener {
        ShareOpener { holder: self.public().id(), key: self.wrapping() }
    }

    /// Opens what [`HolderPublicKey::seal_message`] sealed.
    #[must_use]
    pub fn open_message(&self, info: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        open_from(&self.wrapping(), info, sealed)
    }

    fn wrapping(&self) -> SiteSecretKey {
        SiteSecretKey::from_seed(&self.derive(b"leadglass holder wrapping v1"))
    }

    fn signing(&self) -> SigningKey {
        SigningKey::from_seed(&self.derive(b"leadglass holder signing v1"))
    }

    fn derive(&self, label: &[u8]) -> Secret32 {
        Secret32::fill(|out| hkdf(b"leadglass cold holder v1", self.0.expose(), &[label], out))
    }
}

/// Opens shares of one holder.
pub struct ShareOpener {
    holder: KeyId,
    key: SiteSecretKey,
}

impl ShareOpener {
    /// Opens the share of one box.
    pub fn open(&self, site: SiteId, name: KeyId, wrapped: &[u8]) -> Result<Share, UnwrapError> {
        let plain = open_from(&self.key, &share_info(site, self.holder, name), wrapped)
            .ok_or(UnwrapError::DoesNotFit { key: name })?;
        let share = plain.as_slice().try_into().map_err(|_| UnwrapError::DoesNotFit { key: name })?;
        Ok(Share::from_bytes(share))
    }
}

/// What is wrapped to, and what verifies approvals.
#[derive(Clone, PartialEq, Eq)]
pub struct HolderPublicKey {
    wrapping: SitePublicKey,
    verifying: VerifyingKey,
}

/// The bytes are no holder's public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this is not a holder's public key; make one with `leadglass cold holder new`")]
pub struct InvalidHolderKey;

impl HolderPublicKey {
    /// The length: an X-Wing public key and an Ed25519 public key.
    pub const BYTES: usize = SitePublicKey::BYTES + 32;

    /// The bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.wrapping.to_bytes().as_slice(), &self.verifying.to_bytes()].concat()
    }

    /// Reads and checks the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidHolderKey> {
        let (wrapping, verifying) = bytes.split_at_checked(SitePublicKey::BYTES).ok_or(InvalidHolderKey)?;
        let verifying = verifying.try_into().map_err(|_| InvalidHolderKey)?;
        let wrapping = SitePublicKey::from_bytes(wrapping).map_err(|_| InvalidHolderKey)?;
        Ok(Self { wrapping, verifying: VerifyingKey::from_bytes(verifying) })
    }

    /// Its name: the first 16 bytes of SHA-256 over both keys.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId(digest(&SHA256, &self.to_bytes()).as_ref()[..16].try_into().expect("SHA-256 has 32 bytes"))
    }

    /// Checks an approval's signature.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.verifying.verify(message, signature)
    }

    /// Seals a message to this holder (HPKE base mode): who opens it has the secret. `info` says what for, and no share is sealed for it.
    pub fn seal_message(&self, info: &[u8], plain: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
        seal_to(&self.wrapping, info, plain, rng)
    }

    pub(super) fn wrap(&self, share: &Share, site: SiteId, name: KeyId, rng: &mut impl CryptoRng) -> Vec<u8> {
        seal_to(&self.wrapping, &share_info(site, self.id(), name), share.expose(), rng)
    }
}

impl fmt::Debug for HolderPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HolderPublicKey({})", self.id())
    }
}

impl SitePublicKey {
    /// Seals a message to this key (HPKE base mode): shares on their way back to the warden. `info` says what for.
    pub fn seal_message(&self, info: &[u8], plain: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
        seal_to(self, info, plain, rng)
    }
}

impl SiteSecretKey {
    /// Opens what [`SitePublicKey::seal_message`] sealed.
    #[must_use]
    pub fn open_message(&self, info: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        open_from(self, info, sealed)
    }
}

/// What says which set of holders this is: SHA-256 of the line `leadglass cold holders v1`, the site (16), the generation (4, most
/// significant first), the threshold (1), and for each holder in order its key id (16), its kind (1: sharing 0, emergency 1, service 2),
/// the length of its name (4) and the name.
#[must_use]
pub fn holder_set_digest(site: SiteId, generation: u32, threshold: u8, holders: &[ColdHolder]) -> [u8; 32] {
    let mut bytes = b"leadglass cold holders v1\n".to_vec();
    bytes.extend_from_slice(&site.0);
    bytes.extend_from_slice(&generation.to_be_bytes());
    bytes.push(threshold);
    for holder in holders {
        bytes.extend_from_slice(&holder.key.0);
        bytes.push(match holder.kind {
            HolderKind::Sharing => 0,
            HolderKind::Emergency => 1,
            HolderKind::Service => 2,
        });
        bytes.extend_from_slice(&(holder.name.len() as u32).to_be_bytes());
        bytes.extend_from_slice(holder.name.as_bytes());
    }
    digest(&SHA256, &bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

fn share_info(site: SiteId, holder: KeyId, name: KeyId) -> Vec<u8> {
    [b"leadglass cold share v1".as_slice(), &site.0, &holder.0, &name.0].concat()
}

fn seal_to(to: &SitePublicKey, info: &[u8], plain: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
    let (encapsulated, sealed) =
        hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, XWing>(&OpModeS::Base, &to.0, info, plain, &[], rng)
            .expect("a public key that was parsed encapsulates, and shares fit one message");
    [encapsulated.to_bytes().as_slice(), &sealed].concat()
}

fn open_from(key: &SiteSecretKey, info: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (encapsulated, sealed) = sealed.split_at_checked(ENCAPSULATED_BYTES)?;
    let encapsulated = <XWing as Kem>::EncappedKey::from_bytes(encapsulated).ok()?;
    hpke::single_shot_open::<AesGcm256, HkdfSha256, XWing>(&OpModeR::Base, &key.0, &encapsulated, info, sealed, &[])
        .map(Zeroizing::new)
        .ok()
}
