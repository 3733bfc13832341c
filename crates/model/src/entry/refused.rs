//! What the ledger records of callers that were refused before anybody knew who they are.

use serde::{Deserialize, Serialize};

use crate::{DeviceId, Instant, PersonId, SessionId};

/// A credential was tried without the proof that belongs to it: a cookie or token that is in other hands, a request that was
/// changed or sent again, or a mistake. The first of a minute has its own entry, the rest one more with a count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofRefused {
    /// Whose session, when it is one of ours.
    pub person: Option<PersonId>,
    /// Which session.
    pub session: Option<SessionId>,
    /// Which device.
    pub device: Option<DeviceId>,
    /// A fixed word: `missing`, `shape`, `signature`, `address`, `request`, `nonce`, `key`, `holder`, `replayed`, `touch`,
    /// `session` or `token` (one that nobody holds), `owner-on-front`.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// Since when.
    pub since: Instant,
}

/// A front refused associations (PS3.8 9.3.4): nothing was stored or told. The actor's origin is where they came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssociationRefused {
    /// What the caller called itself; empty for a count of many names, and where it did not come as far as a name.
    pub calling_ae_title: String,
    /// A fixed word: `unknown`, `address`, `service`, `called-ae-title`, `protocol`, `room`, `certificate`, `handshake`.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// Since when.
    pub since: Instant,
}
