//! Who did it, from where, and how they signed in.

use serde::{Deserialize, Serialize};

use crate::{DeviceId, LinkId, PersonId, SessionId};

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Actor {
    /// Somebody with the owner's access to the machine (the command line).
    Owner,
    /// A person in a session.
    Person {
        /// Who.
        person: PersonId,
        /// In which session.
        session: SessionId,
        /// From where.
        origin: Origin,
    },
    /// A device.
    Device {
        /// Which.
        device: DeviceId,
        /// From where.
        origin: Origin,
    },
    /// Whoever opened a share link. Who it is, nobody here knows.
    Link {
        /// Which.
        link: LinkId,
        /// In which session.
        session: SessionId,
        /// From where.
        origin: Origin,
    },
    /// Nobody who is known: a failed sign-in, a refused association.
    Stranger {
        /// From where.
        origin: Origin,
    },
    /// leadglass itself.
    Warden,
}

/// The network address that a request came from, as text without port. Empty when it came over a local socket.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Origin(pub String);

/// How somebody signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignInMethod {
    /// WebAuthn with user verification.
    Passkey,
    /// A password and a one-time code (RFC 6238).
    PasswordAndCode,
    /// A password and a recovery code.
    PasswordAndRecoveryCode,
}
