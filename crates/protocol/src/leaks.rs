//! Looking for the people's logins in a dump of stolen ones.
//!
//! The owner's command reads the dump and the warden verifies. The command gets no list of the people, only a digest of each login under
//! a key of the moment; the warden gets no byte of the dump but what stands beside a login that is here.

use model::{DeviceId, EntryNumber, Instant, PersonId};
use serde::{Deserialize, Serialize};

use crate::{Count, SecretText};

/// The most logins of one message.
pub const LEAK_CANDIDATES_MAX: usize = 10_000;
/// The most passwords that are tried for one person; each takes as long as a sign-in.
pub const LEAK_TRIES_MAX: usize = 32;

/// What the owner's command and an officer ask.
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
    /// Which lists there are, and what was found so far: for an officer.
    State,
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
    /// Lists, and what was found so far.
    State(LeaksState),
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

/// Lists of leaked passwords, and what dumps had of ours. Nothing of a dump is in it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LeaksState {
    /// Every list that lies there, by name.
    pub lists: Vec<LeakListRow>,
    /// Accounts that were locked because their password stood in a dump, the newest first.
    pub locked: Vec<LockedRow>,
    /// Accounts whose login only stood in one, the newest first.
    pub named: Vec<NamedRow>,
    /// Where ranges of leaked passwords are asked for elsewhere, how many could not be since the warden started; nothing elsewhere.
    pub ranges_failed: Option<u64>,
}

/// A list of leaked passwords.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeakListRow {
    /// Its name.
    pub name: String,
    /// `sha1` or `ntlm`; empty where it cannot be read.
    pub hash: String,
    /// How many hashes it has.
    pub hashes: u64,
    /// Since when passwords are held against it, as the ledger says.
    pub since: Option<Instant>,
    /// Whether it can be read. One that cannot is left out.
    pub readable: bool,
}

/// An account that was locked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedRow {
    /// When.
    pub at: Instant,
    /// Whose.
    pub person: PersonId,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// The incident that was opened with it.
    pub incident: u32,
    /// Whether it is locked still: no new enrolment link was used.
    pub locked: bool,
}

/// An account that a dump named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedRow {
    /// The finding.
    pub finding: EntryNumber,
    /// When.
    pub at: Instant,
    /// Whose.
    pub person: PersonId,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Whether only the part before the @ is the same.
    pub by_name: bool,
    /// How many passwords were tried.
    pub tried: u32,
    /// Whether an officer looked at it.
    pub acknowledged: bool,
}
