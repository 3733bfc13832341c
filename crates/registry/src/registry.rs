//! Patients, studies and series, kept current by the handover.

use model::{PatientNumber, StudyNumber, Uid};
use protocol::{PatientRow, StoredNote, StudyRow};
use thiserror::Error;

use crate::Record;

/// Patients, studies and series of one site.
#[derive(Default)]
pub struct Registry {}

/// How the warden judged an instance that is filed. Duplicates and unreadable ones are not filed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FiledAs {
    /// New.
    Accepted,
    /// Other bytes are there under the same SOP Instance UID. It counts as an instance of its own and marks the study.
    Conflict,
}

/// Where an instance was filed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filed {
    /// The patient that the study is filed under now.
    pub patient: PatientNumber,
    /// The study.
    pub study: StudyNumber,
    /// Whether the data set's patient was seen for the first time. It is `patient`, because a new patient's study is not moved yet.
    pub new_patient: bool,
    /// Whether the study was seen for the first time.
    pub new_study: bool,
}

/// Why a study is not moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MoveError {
    /// No such study.
    #[error("there is no such study; look it up again")]
    NoStudy,
    /// No such patient.
    #[error("there is no such patient; look it up again")]
    NoPatient,
    /// It is there already.
    #[error("the study is filed under this patient already; nothing has to be done")]
    AlreadyThere,
}

/// Why stored records make no registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LoadError {
    /// A patient is missing.
    #[error("the record of patient {} is missing; restore the warden's database from the second copy", .0.0)]
    PatientMissing(PatientNumber),
    /// A study is missing.
    #[error("the record of study {} is missing; restore the warden's database from the second copy", .0.0)]
    StudyMissing(StudyNumber),
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes stored records back, in any order.
    pub fn load(_records: impl IntoIterator<Item = Record>) -> Result<Self, LoadError> {
        Ok(Self::default())
    }

    /// Files one stored instance. The first note of a patient, study or series sets its attributes, later ones fill
    /// those that are empty.
    pub fn file(&mut self, _note: &StoredNote, _verdict: FiledAs) -> Filed {
        todo!()
    }

    /// The records that changed since the last call. The warden makes them durable before it acknowledges.
    pub fn take_dirty(&mut self) -> Vec<Record> {
        Vec::new()
    }

    /// The patient of this identity.
    #[must_use]
    pub fn patient_by_identity(&self, _issuer: &str, _id: &str) -> Option<PatientNumber> {
        None
    }

    /// The patient of this identity, made when there is none: a relationship may precede the first image.
    /// The id is not empty.
    pub fn ensure_patient(&mut self, _issuer: &str, _id: &str) -> PatientNumber {
        todo!()
    }

    /// The studies that carry this StudyInstanceUID: usually one.
    #[must_use]
    pub fn studies_by_uid(&self, _uid: &Uid) -> Vec<StudyNumber> {
        Vec::new()
    }

    /// A study. `patient.studies` counts every study of the patient.
    #[must_use]
    pub fn study(&self, _study: StudyNumber) -> Option<StudyRow> {
        None
    }

    /// A patient. `studies` counts every study filed there.
    #[must_use]
    pub fn patient(&self, _patient: PatientNumber) -> Option<PatientRow> {
        None
    }

    /// The patient that a study is filed under.
    #[must_use]
    pub fn patient_of(&self, _study: StudyNumber) -> Option<PatientNumber> {
        None
    }

    /// The studies filed under a patient, ascending.
    #[must_use]
    pub fn studies_of(&self, _patient: PatientNumber) -> Vec<StudyNumber> {
        Vec::new()
    }

    /// Files a study under another patient. What its data sets say is remembered, and further instances still find it.
    pub fn move_study(&mut self, _study: StudyNumber, _to: PatientNumber) -> Result<(), MoveError> {
        todo!()
    }

    /// Whether a study is filed under another patient than its data sets say.
    #[must_use]
    pub fn moved(&self, _study: StudyNumber) -> bool {
        false
    }

    /// How many patients there are: their numbers are below this.
    #[must_use]
    pub fn patients(&self) -> u32 {
        0
    }

    /// How many studies there are: their numbers are below this.
    #[must_use]
    pub fn studies(&self) -> u32 {
        0
    }

    /// Memory held, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        0
    }
}
