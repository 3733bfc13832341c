//! Identifiers. Internal ones are opaque and never come from a data set; a [`Uid`] is what DICOM calls a UID.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidUid;

            /// Reads the 32 hexadecimal digits that `Display` writes.
            fn from_str(text: &str) -> Result<Self, InvalidUid> {
                let digits = text.as_bytes();
                if digits.len() != 32 || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(InvalidUid);
                }
                let mut bytes = [0; 16];
                for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
                    let pair = std::str::from_utf8(pair).map_err(|_| InvalidUid)?;
                    *byte = u8::from_str_radix(pair, 16).map_err(|_| InvalidUid)?;
                }
                Ok(Self(bytes))
            }
        }
    };
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

opaque!(
    /// One site: a place with a root key of its own.
    SiteId
);
opaque!(
    /// One sealed object in a volume.
    ObjectId
);
opaque!(
    /// One pair of batch keys (data key and listing key), fresh per study and batch.
    KeyId
);
opaque!(
    /// One signed-in session of a person.
    SessionId
);
opaque!(
    /// One disk that parts of an installation lie on, named by `disk.json` in their folders.
    DiskId
);
opaque!(
    /// A keyed digest of something that names a patient, a message for instance: it tells whether two are the same, and nothing else.
    KeyedDigest
);
number!(
    /// A patient of this site, numbered by the warden from 0.
    PatientNumber, u32
);
number!(
    /// A study of this site, numbered by the warden from 0.
    StudyNumber, u32
);
number!(
    /// A person: somebody with authenticators of their own.
    PersonId, u32
);
number!(
    /// An organisation: a practice, a ward, a reading group.
    OrganisationId, u32
);
number!(
    /// A device: a modality, a workstation, a machine client of DICOMweb.
    DeviceId, u32
);
number!(
    /// A share link, numbered by the warden from 0. Whoever knows the number knows nothing that opens it.
    LinkId, u32
);
number!(
    /// The index of an entry in the ledger, from 0.
    EntryNumber, u64
);

/// A DICOM unique identifier (PS3.5 section 9.1): at most 64 characters, digits and full stops.
///
/// Leading zeros in a component, which the standard forbids and real devices send, are accepted.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Uid(String);

/// The text is not an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUid;

impl fmt::Display for InvalidUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an identifier: 1 to 64 digits and full stops are expected")
    }
}

impl std::error::Error for InvalidUid {}

impl Uid {
    /// The longest UID, in characters (PS3.5 section 9.1).
    pub const CHARACTERS_MAX: usize = 64;

    /// Reads a UID, dropping the padding (NUL or space) that a data element may carry.
    pub fn parse(text: &str) -> Result<Self, InvalidUid> {
        let text = text.trim_end_matches(['\0', ' ']).trim_start_matches(' ');
        let shaped = !text.is_empty()
            && text.len() <= Self::CHARACTERS_MAX
            && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if shaped { Ok(Self(text.to_owned())) } else { Err(InvalidUid) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Uid {
    type Error = InvalidUid;

    fn try_from(text: String) -> Result<Self, InvalidUid> {
        Self::parse(&text)
    }
}

impl From<Uid> for String {
    fn from(uid: Uid) -> Self {
        uid.0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Uid {
    /// A UID identifies a patient's examination, so debug output does not show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Uid(..)")
    }
}
