//! What the warden keeps of the registry: one record per patient and per study, as postcard behind a version byte.

use model::{PatientNumber, StudyNumber, Uid};
use protocol::{PatientAttributes, SeriesAttributes};
use serde::{Deserialize, Serialize};
use thiserror::Error;

const VERSION: u8 = 1;

/// A patient as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientRecord {
    /// The patient.
    pub number: PatientNumber,
    /// Attributes.
    pub attributes: PatientAttributes,
}

/// A study as it is stored, with its series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyRecord {
    /// The study.
    pub number: StudyNumber,
    /// The patient that it is filed under.
    pub patient: PatientNumber,
    /// The patient that its data sets name: another one after a move.
    pub origin: PatientNumber,
    /// Attributes.
    pub attributes: protocol::StudyAttributes,
    /// Whether an instance has conflicting versions. Sharing a UID with another study is not stored: it follows.
    pub conflicting_versions: bool,
    /// Its series, in the order of their arrival.
    pub series: Vec<SeriesRecord>,
}

/// A series of a stored study.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesRecord {
    /// Attributes.
    pub attributes: SeriesAttributes,
    /// How many instances, conflicting versions included.
    pub instances: u32,
    /// Their SOP classes, in the order of their arrival.
    pub sop_classes: Vec<Uid>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A patient.
    Patient(PatientRecord),
    /// A study.
    Study(StudyRecord),
}

impl Record {
    /// Where the record is kept: `p` or `s` and the number, big-endian. A later record of the same key replaces it.
    #[must_use]
    pub fn key(&self) -> [u8; 5] {
        let (letter, number) = match self {
            Self::Patient(patient) => (b'p', patient.number.0),
            Self::Study(study) => (b's', study.number.0),
        };
        let [a, b, c, d] = number.to_be_bytes();
        [letter, a, b, c, d]
    }

    /// The bytes to seal.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (letter, body) = match self {
            Self::Patient(patient) => (b'p', postcard::to_stdvec(patient)),
            Self::Study(study) => (b's', postcard::to_stdvec(study)),
        };
        let mut bytes = vec![letter, VERSION];
        bytes.extend(body.expect("a record is plain data, which postcard writes"));
        bytes
    }

    /// Reads [`Record::to_bytes`] back.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        let (letter, body) = match bytes {
            [letter, VERSION, body @ ..] => (*letter, body),
            [_, found, ..] => return Err(RecordError::Version { found: *found }),
            _ => return Err(RecordError::Damaged),
        };
        match letter {
            b'p' => read(body).map(Self::Patient),
            b's' => read(body).map(Self::Study),
            _ => Err(RecordError::Damaged),
        }
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, RecordError> {
    match postcard::take_from_bytes(body) {
        Ok((record, [])) => Ok(record),
        _ => Err(RecordError::Damaged),
    }
}

/// Why a record cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// Not a record.
    #[error("a registry record is damaged; restore the warden's database from the second copy")]
    Damaged,
    /// Written by a later version.
    #[error("a registry record has version {found}, this program reads version {VERSION}; update leadglass")]
    Version {
        /// The version found.
        found: u8,
    },
}
