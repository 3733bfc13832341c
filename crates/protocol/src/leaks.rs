//! Looking for the people's logins in a dump of stolen ones.
//!
//! The owner's command reads the dump and the warden verifies. The command gets no list of the people, only a digest of each login under
//! a key of the moment; the warden gets no byte of the dump but what stands beside a login that is here.

use model::{DeviceId, Instant, PersonId};
use serde::{Deserialize, Serialize};

use crate::{Count, SecretText};

/// The most logins of one message.
pub const LEAK_CANDIDATES_MAX: usize = 10_000;
/// The most passwords that are tried for one person; each takes as long as a sign-in.
pub const LEAK_TRIES_MAX: usize = 32;

/// What the owner's command asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum LeakRequest {
    /// The logins to look for.
    Logins,
    /// What stood beside them.
    Check {
        /// All of it: an account that is in two messages becomes two incidents.
        candidates: Vec<LeakCandidate>,
    },
    /// What may be tokens of devices.
    Tokens {
        /// At most [`LEAK_CANDIDATES_MAX`].
        tokens: Vec<SecretText>,
    },
}

/// A login that stands in a dump.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeakCandidate {
    /// The login, folded.
    pub login: SecretText,
    /// Whether only the part before the @ is one of ours.
    pub by_name: bool,
    /// What may be its password.
    pub passwords: Vec<SecretText>,
}

/// The answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum LeakReply {
    /// The logins to look for.
    Logins(LeakLogins),
    /// What came of the candidates.
    Checked(LeaksChecked),
    /// Devices whose token stood in it: ended.
    Tokens(Vec<LeakedToken>),
}

/// A device whose token stood in a dump.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeakedToken {
    /// Which.
    pub device: DeviceId,
    /// Its name.
    pub name: String,
    /// The incident.
    pub incident: u32,
    /// What the device could reach while the token held.
    pub reachable: Count,
    /// What it listed.
    pub listed: Count,
    /// What it opened.
    pub opened: Count,
}

/// The logins of a site under a key of this look.
#[derive(Clone, Serialize, Deserialize)]
pub struct LeakLogins {
    /// The key.
    pub key: [u8; 32],
    /// The first 16 bytes of BLAKE3 with the key, of each folded address.
    pub addresses: Vec<[u8; 16]>,
    /// The same of each part before the @.
    pub names: Vec<[u8; 16]>,
}

impl std::fmt::Debug for LeakLogins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeakLogins").field("addresses", &self.addresses.len()).finish_non_exhaustive()
    }
}

/// What came of a dump.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LeaksChecked {
    /// Accounts whose password stood in it: locked.
    pub verified: Vec<LeakedAccount>,
    /// Accounts whose login stood in it without the password: a finding each.
    pub named: Vec<NamedAccount>,
}

/// An account that was locked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeakedAccount {
    /// Who.
    pub person: PersonId,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// The incident.
    pub incident: u32,
    /// Since when the password held.
    pub since: Instant,
    /// What the account could reach from then on.
    pub reachable: Count,
    /// What it listed.
    pub listed: Count,
    /// What it opened.
    pub opened: Count,
}

/// An account whose login only stands in a dump.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NamedAccount {
    /// Who.
    pub person: PersonId,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Whether only the part before the @ is the same.
    pub by_name: bool,
    /// How many passwords were tried.
    pub tried: u32,
}
