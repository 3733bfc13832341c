//! What is kept of people, organisations, devices, enrolment links and sessions: one JSON record each.
//!
//! The warden seals the bytes before they reach a disk. A record holds no token, only SHA-256 of one.

use std::fmt;

use dpop::Thumbprint;
use model::{
    AuthenticatorRule, Authorisation, DeviceId, DeviceMay, Instant, OrganisationId, Origin, PersonId, ProfessionalId,
    Role, SessionId, SignInMethod,
};
use protocol::TokenBinding;
use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::Passkey;
use zeroize::Zeroizing;

use crate::LoadError;
use crate::password_hash::PasswordHash;
use crate::secret::{SecretBytes, TokenHash};

/// One record to write, or one to delete.
///
/// Crash: records are written after their ledger entries are durable. An entry whose record was lost means a person
/// who has to be added again, never one without an entry.
#[derive(Clone)]
pub struct IdentityRecord {
    pub(crate) key: Key,
    pub(crate) body: Option<Box<Record>>,
}

impl IdentityRecord {
    /// The version of the JSON written today.
    pub const VERSION: u8 = 1;

    /// What to write it under: `person/7`, `session/` and 32 hexadecimal digits, ... Holds no name.
    #[must_use]
    pub fn key(&self) -> String {
        self.key.to_string()
    }

    /// Whether the record under this key is to be deleted.
    #[must_use]
    pub fn is_tombstone(&self) -> bool {
        self.body.is_none()
    }

    /// The bytes to seal and write; empty for a tombstone.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let bytes = self.body.as_ref().map(|record| {
            serde_json::to_vec(&Versioned { version: Self::VERSION, record })
                .expect("a record has text keys and finite numbers only")
        });
        Zeroizing::new(bytes.unwrap_or_default())
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. The key is part of it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LoadError> {
        let version: VersionOnly = serde_json::from_slice(bytes).map_err(|_| LoadError::OutOfShape)?;
        if version.version != Self::VERSION {
            return Err(LoadError::Version { found: version.version });
        }
        // the cause may quote the record, so it is not kept
        let record: Record = serde_json::from_slice(bytes).map_err(|_| LoadError::OutOfShape)?;
        Ok(Self { key: record.key(), body: Some(Box::new(record)) })
    }
}

impl fmt::Debug for IdentityRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityRecord").field("key", &self.key()).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Versioned<'a> {
    version: u8,
    #[serde(flatten)]
    record: &'a Record,
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    Organisation(OrganisationId),
    Person(PersonId),
    Device(DeviceId),
    Enrolment(PersonId),
    Session(SessionId),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organisation(organisation) => write!(f, "organisation/{organisation}"),
            Self::Person(person) => write!(f, "person/{person}"),
            Self::Device(device) => write!(f, "device/{device}"),
            Self::Enrolment(person) => write!(f, "enrolment/{person}"),
            Self::Session(session) => write!(f, "session/{session}"),
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[allow(clippy::large_enum_variant, reason = "one at a time, on its way into a map or a box")]
pub(crate) enum Record {
    Organisation(OrganisationRecord),
    Person(PersonRecord),
    Device(DeviceRecord),
    Enrolment(EnrolmentRecord),
    Session(SessionRecord),
}

impl Record {
    pub(crate) fn key(&self) -> Key {
        match self {
            Self::Organisation(record) => Key::Organisation(record.organisation),
            Self::Person(record) => Key::Person(record.person),
            Self::Device(record) => Key::Device(record.device),
            Self::Enrolment(record) => Key::Enrolment(record.person),
            Self::Session(record) => Key::Session(record.session),
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct OrganisationRecord {
    pub(crate) organisation: OrganisationId,
    pub(crate) name: String,
    pub(crate) authorisation: Authorisation,
    /// Which authenticators it takes; `authorisation` says the part about passwords once more.
    #[serde(default)]
    pub(crate) rule: AuthenticatorRule,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PersonRecord {
    pub(crate) person: PersonId,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) organisations: Vec<OrganisationId>,
    /// Whether this person may use a password and code whatever the organisations say.
    pub(crate) password_and_code: bool,
    /// 16 random bytes by which an authenticator knows the person (WebAuthn section 14.6.1: nothing personal).
    #[serde(with = "crate::secret::base64url")]
    pub(crate) user_handle: Vec<u8>,
    pub(crate) passkeys: Vec<PasskeyRecord>,
    pub(crate) password: Option<PasswordRecord>,
    pub(crate) last_sign_in: Option<Instant>,
    pub(crate) known_origins: Vec<KnownOrigin>,
    /// When the account was closed.
    #[serde(default)]
    pub(crate) closed: Option<Instant>,
    /// When the account was locked because its password was found in a dump; until an enrolment link was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) locked: Option<Instant>,
    /// Professional identifiers by which orders name them, each with who gave it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) professional_ids: Vec<(String, String)>,
    /// What a chamber, an authority or a payer calls them, as a delegate said. Orders do not go by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) professional_id: Option<ProfessionalId>,
    /// When the account ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<Instant>,
    /// When it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lapsed: Option<Instant>,
    /// Organisations to which this person may add colleagues; each one of `organisations`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) delegate_of: Vec<OrganisationId>,
    /// Until when `password_and_code` holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password_until: Option<Instant>,
    /// A colleague's word that the authenticators are lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vouched: Option<Vouch>,
    /// When a delegate let an account join again that had ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rejoined: Option<Instant>,
}

/// A colleague's word that somebody lost their authenticators.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Vouch {
    pub(crate) by: PersonId,
    pub(crate) until: Instant,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PasskeyRecord {
    pub(crate) label: String,
    pub(crate) bound: Instant,
    pub(crate) passkey: Passkey,
    /// Which makers' certificates, of those that the organisations took then, verified what the authenticator said of itself.
    #[serde(default, skip_serializing_if = "Shown::is_empty")]
    pub(crate) shown: Shown,
}

/// What an authenticator showed of its origin when it was bound.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Shown {
    /// SHA-256 of each maker's certificate that verified it, as PEM without white space, in hexadecimal.
    pub(crate) makers: Vec<String>,
    /// Its model, the AAGUID, where a maker vouches for it.
    pub(crate) model: Option<String>,
}

impl Shown {
    fn is_empty(&self) -> bool {
        self.makers.is_empty()
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PasswordRecord {
    pub(crate) hash: PasswordHash,
    pub(crate) set: Instant,
    /// Shared with the authenticator app; who reads it makes this person's codes.
    pub(crate) code_secret: SecretBytes,
    /// The last step whose code was accepted; no code of it or of an earlier one is accepted again.
    pub(crate) last_step: u64,
    pub(crate) recovery_codes: Vec<TokenHash>,
}

/// An address, for IPv6 its /64, at which the person signed in.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct KnownOrigin {
    pub(crate) origin: String,
    pub(crate) last: Instant,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct DeviceRecord {
    pub(crate) device: DeviceId,
    pub(crate) name: String,
    pub(crate) organisation: OrganisationId,
    pub(crate) ae_title: Option<String>,
    pub(crate) from: Vec<String>,
    pub(crate) may: Vec<DeviceMay>,
    pub(crate) token: Option<TokenHash>,
    /// When it was removed.
    #[serde(default)]
    pub(crate) removed: Option<Instant>,
    /// What the token is bound to, and the AE title where it is a certificate; without it they are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bound: Option<TokenBinding>,
    /// When the token was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_since: Option<Instant>,
    /// When the token ends; one from before tokens ended has none, and ends when it is rotated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_until: Option<Instant>,
    /// The token before, while both work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) former: Option<FormerToken>,
    /// When the warden was last asked with a token, by the hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_used: Option<Instant>,
}

/// A token that another took the place of.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct FormerToken {
    pub(crate) token: TokenHash,
    /// Until when it works at the longest.
    pub(crate) until: Instant,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct EnrolmentRecord {
    pub(crate) person: PersonId,
    pub(crate) token: TokenHash,
    pub(crate) until: Instant,
    /// Whether what the person had before is lost, and goes when the link is used.
    #[serde(default)]
    pub(crate) replaces: bool,
    /// Whether it sets another password and nothing else: the one-time-code secret stays, and confirms it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) only_password: bool,
    /// Wrong codes that were given with such a link.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) wrong_codes: u8,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn is_zero(count: &u8) -> bool {
    *count == 0
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SessionRecord {
    pub(crate) session: SessionId,
    pub(crate) token: TokenHash,
    pub(crate) person: PersonId,
    pub(crate) since: Instant,
    pub(crate) last_used: Instant,
    pub(crate) origin: Origin,
    pub(crate) user_agent: String,
    pub(crate) method: SignInMethod,
    /// The browser's key. A session from before keys has none and no proof holds for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<Thumbprint>,
}
