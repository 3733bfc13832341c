//! The sealed format: how bytes are kept so that a disk, a backup or a whole machine carried away yields nothing.
//!
//! Everything here is pure: no file, no clock, no socket, and randomness is an argument. Primitives come from
//! aws-lc-rs, hpke and argon2; this crate only composes them. `docs/formats/sealed-object.md` and
//! `docs/formats/root.md` describe every byte, `testdata/vectors/` holds what must open and what must be refused.
//!
//! ```text
//! RootSecret ──HKDF──► SiteSecretKey ──► SitePublicKey      sealed to unseal methods by RootEnvelope
//!                                            │ X-Wing
//!                        BatchKeys ◄──wrap───┘              re-wrapped by the warden under an EpochKey
//!                       data │ listing                          and into a ColdBox when the study goes cold
//!                            ▼ HKDF with a random salt
//!                     one key per object ──► 64 KiB segments
//! ```
//! Who holds the root secret reads everything; losing every unseal method loses everything.

mod batch;
mod cold;
mod derive;
mod epoch;
mod object;
mod random;
mod root;
mod secret;
mod signing;

pub use batch::{BatchKeys, InvalidSiteKey, SitePublicKey, SiteSecretKey, UnwrapError, WrappedBatchKeys};
pub use cold::{
    ColdBox, ColdError, ColdLock, CombineError, HOLDERS_MAX, HolderPublicKey, HolderSecret, Holders, InvalidHolderKey,
    Share, combine, holder_set_digest,
};
pub use derive::sha256;
pub use epoch::EpochKey;
pub use object::{
    HEADER_BYTES, ObjectContext, ObjectKind, OpenError, Opener, SEGMENT_BYTES, Sealer, TAG_BYTES, open_blob, seal_blob,
    sealed_length,
};
pub use random::{CryptoRng, SystemRandom};
pub use root::{
    CIPHERTEXT_BYTES_MAX, EnvelopeError, Keeper, KitError, Method, MethodId, MethodKind, MethodSecret, NewShares,
    PassphraseCost, RecoveryKit, RootEnvelope, SHARE_WORDS, SetId, Share as RootShare, ShareError, ShareSet,
    UnsealError, UnsealMethod,
};
pub use secret::{RootSecret, SealKey, Secret32};
pub use signing::{InvalidSignature, SigningKey, VerifyingKey};
