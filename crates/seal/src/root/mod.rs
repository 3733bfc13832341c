//! The root secret at rest: `DIR/warden/root.json`, described in `docs/formats/root.md`.

mod envelope;
mod error;
mod kit;
mod method;
mod passphrase;
mod renew;
mod share;
mod share_set;
mod words;

pub use envelope::RootEnvelope;
pub use error::{EnvelopeError, UnsealError};
pub use kit::{KitError, RecoveryKit};
pub use method::{CIPHERTEXT_BYTES_MAX, Keeper, Method, MethodId, MethodKind, UnsealMethod};
pub use passphrase::PassphraseCost;
pub use renew::MethodSecret;
pub use share::{SHARE_WORDS, SetId, Share, ShareError};
pub use share_set::{NewShares, ShareSet};
