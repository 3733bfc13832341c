//! The root secret at rest: `DIR/warden/root.json`, described in `docs/formats/root.md`.

mod envelope;
mod kit;

pub use envelope::{EnvelopeError, PassphraseCost, RootEnvelope, UnsealError, UnsealMethod};
pub use kit::{KitError, RecoveryKit};
