//! Patients, studies and series, kept current by the handover.

use std::collections::{BTreeSet, HashMap};

use model::{PatientNumber, StudyNumber, Uid};
use protocol::{PatientAttributes, PatientRow, StoredNote, StudyAttributes, StudyRow};
use thiserror::Error;

use crate::load::Loader;
use crate::patients::{NONE, Patients, fill};
use crate::studies::Studies;
use crate::{Record, SeriesRecord, StudyRecord};

/// StudyInstanceUIDs of lost studies begin so: under a root that nobody is given (ITU-T X.660: 0.0 is for recommendations).
const LOST_STUDIES: &str = "0.0.0";

/// Patients, studies and series of one site.
#[derive(Default)]
pub struct Registry {
    pub(crate) patients: Patients,
    pub(crate) studies: Studies,
    /// The patient that the data sets of a moved study name.
    pub(crate) origins: HashMap<u32, u32>,
    dirty_patients: BTreeSet<u32>,
    dirty_studies: BTreeSet<u32>,
}

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
    /// Whether the data set's patient was seen for the first time. It is `patient`, because a new patient's study is
    /// not moved yet.
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
    #[error("the record of patient {0} is missing; restore the warden's database from the second copy")]
    PatientMissing(PatientNumber),
    /// A study is missing.
    #[error("the record of study {0} is missing; restore the warden's database from the second copy")]
    StudyMissing(StudyNumber),
    /// Two records have one number.
    #[error("record {0} of the registry is there twice; restore the warden's database from the second copy")]
    Twice(u32),
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes stored records back, in any order. Numbers are never given back, so none may be missing.
    pub fn load(records: impl IntoIterator<Item = Record>) -> Result<Self, LoadError> {
        let mut loader = Loader::default();
        records.into_iter().try_for_each(|record| loader.take(record))?;
        loader.finish()
    }

    /// Files one stored instance. The first note of a patient, study or series sets its attributes, later ones fill
    /// those that are empty.
    ///
    /// A study without a patient ID gets a patient of its own: what has no identity is not merged with anything.
    pub fn file(&mut self, note: &StoredNote, verdict: FiledAs) -> Filed {
        let same_uid = self.studies.with_uid(&note.study.uid);
        let known = self.patient_of_note(&note.patient, &same_uid);
        let new_patient = known.is_none();
        let origin = known.unwrap_or_else(|| self.add_patient(&note.patient));
        if !new_patient && self.patients.fill(origin, &note.patient) {
            self.dirty_patients.insert(origin);
        }
        let known = same_uid.into_iter().find(|&study| self.origin(study) == origin);
        let new_study = known.is_none();
        let study = match known {
            Some(study) => study,
            None => self.add_study(origin, &note.study),
        };
        self.add_instance(study, note, verdict);
        self.dirty_studies.insert(study);
        let patient = PatientNumber(self.studies.row(study).patient);
        Filed { patient, study: StudyNumber(study), new_patient, new_study }
    }

    /// The study that an instance with this note would be filed under, when it is there already.
    #[must_use]
    pub fn study_of_note(&self, note: &StoredNote) -> Option<StudyNumber> {
        let same_uid = self.studies.with_uid(&note.study.uid);
        let origin = self.patient_of_note(&note.patient, &same_uid)?;
        same_uid.into_iter().find(|&study| self.origin(study) == origin).map(StudyNumber)
    }

    /// Tells the highest numbers that the ledger has given, so that none is given again when records were lost (a copy
    /// restored from a moment before the ledger's end). A lost patient has no identity and a lost study no instance:
    /// nothing finds them, and nothing new is filed under them.
    pub fn numbers_given(&mut self, patient: Option<PatientNumber>, study: Option<StudyNumber>) {
        while patient.is_some_and(|last| self.patients.len() <= last.0) {
            self.add_patient(&PatientAttributes::default());
        }
        while study.is_some_and(|last| self.studies.len() <= last.0) {
            let patient = self.add_patient(&PatientAttributes::default());
            let attributes = lost_study(self.studies.len());
            let study = self.add_study(patient, &attributes);
            self.dirty_studies.insert(study);
        }
    }

    /// The record of a study of which only the number is left: its keys were destroyed, and with them everything that it showed.
    #[must_use]
    pub fn emptied(&self, study: StudyNumber) -> Option<StudyRecord> {
        let patient = self.patient_of(study)?;
        Some(StudyRecord {
            number: study,
            patient,
            origin: patient,
            attributes: lost_study(study.0),
            conflicting_versions: false,
            series: Vec::new(),
        })
    }

    /// The records that changed since the last call. The warden makes them durable before it acknowledges.
    pub fn take_dirty(&mut self) -> Vec<Record> {
        let patients = std::mem::take(&mut self.dirty_patients);
        let studies = std::mem::take(&mut self.dirty_studies);
        let patients = patients.into_iter().map(|patient| Record::Patient(self.patients.record(patient)));
        let studies = studies.into_iter().map(|study| Record::Study(self.study_record(study)));
        patients.chain(studies).collect()
    }

    /// The patient of this identity. An empty identifier is nobody's.
    #[must_use]
    pub fn patient_by_identity(&self, issuer: &str, id: &str) -> Option<PatientNumber> {
        if id.is_empty() { None } else { self.patients.by_identity(issuer, id).map(PatientNumber) }
    }

    /// The patient of this identity, made when there is none: a relationship may precede the first image.
    /// The identifier is not empty.
    pub fn ensure_patient(&mut self, issuer: &str, id: &str) -> PatientNumber {
        debug_assert!(!id.is_empty(), "nobody is identified by nothing");
        self.patient_by_identity(issuer, id).unwrap_or_else(|| {
            let attributes =
                PatientAttributes { id: id.to_owned(), issuer: issuer.to_owned(), ..PatientAttributes::default() };
            PatientNumber(self.add_patient(&attributes))
        })
    }

    /// The studies that carry this StudyInstanceUID: usually one.
    #[must_use]
    pub fn studies_by_uid(&self, uid: &Uid) -> Vec<StudyNumber> {
        let mut studies = self.studies.with_uid(uid);
        studies.sort_unstable();
        studies.into_iter().map(StudyNumber).collect()
    }

    /// A study. `patient.studies` counts every study of the patient.
    #[must_use]
    pub fn study(&self, study: StudyNumber) -> Option<StudyRow> {
        self.study_as(study, &|_, _| true)
    }

    /// A study as somebody sees it who may list so much.
    #[must_use]
    pub fn study_as(
        &self,
        study: StudyNumber,
        may_list: &dyn Fn(PatientNumber, StudyNumber) -> bool,
    ) -> Option<StudyRow> {
        self.has_study(study).then(|| self.study_row(study.0, may_list))
    }

    /// The year of a study, without making its row; `None` for one without a date.
    #[must_use]
    pub fn year_of(&self, study: StudyNumber) -> Option<u16> {
        let date = self.has_study(study).then(|| self.studies.row(study.0).date)?;
        u16::try_from(date / 10_000).ok().filter(|year| *year > 0)
    }

    /// A patient. `studies` counts every study filed there.
    #[must_use]
    pub fn patient(&self, patient: PatientNumber) -> Option<PatientRow> {
        self.has_patient(patient).then(|| self.patient_row(patient.0, &|_, _| true))
    }

    /// The patient that a study is filed under.
    #[must_use]
    pub fn patient_of(&self, study: StudyNumber) -> Option<PatientNumber> {
        self.has_study(study).then(|| PatientNumber(self.studies.row(study.0).patient))
    }

    /// The studies filed under a patient, ascending.
    #[must_use]
    pub fn studies_of(&self, patient: PatientNumber) -> Vec<StudyNumber> {
        if !self.has_patient(patient) {
            return Vec::new();
        }
        let mut studies: Vec<StudyNumber> = self.chain(patient.0).map(StudyNumber).collect();
        studies.sort_unstable();
        studies
    }

    /// Files a study under another patient. What its data sets say is remembered, and further instances of the same
    /// UID and patient still find it; instances that name the new patient make a study of their own.
    pub fn move_study(&mut self, study: StudyNumber, to: PatientNumber) -> Result<(), MoveError> {
        let from = self.patient_of(study).ok_or(MoveError::NoStudy)?;
        if !self.has_patient(to) {
            return Err(MoveError::NoPatient);
        }
        if from == to {
            return Err(MoveError::AlreadyThere);
        }
        let origin = self.origin(study.0);
        self.unlink(study.0, from.0);
        self.link(study.0, to.0);
        self.studies.row_mut(study.0).patient = to.0;
        if origin == to.0 {
            self.origins.remove(&study.0);
        } else {
            self.origins.insert(study.0, origin);
        }
        self.dirty_studies.insert(study.0);
        Ok(())
    }

    /// Gives a patient the name, birth date and sex of another one where it has none.
    pub fn fill_patient(&mut self, patient: PatientNumber, from: PatientNumber) {
        if self.has_patient(patient) && self.has_patient(from) {
            let attributes = self.patients.attributes(from.0);
            if self.patients.fill(patient.0, &attributes) {
                self.dirty_patients.insert(patient.0);
            }
        }
    }

    /// The patient that a study's data sets say.
    #[must_use]
    pub fn origin_of(&self, study: StudyNumber) -> Option<PatientNumber> {
        self.has_study(study).then(|| PatientNumber(self.origin(study.0)))
    }

    /// Whether a study is filed under another patient than its data sets say.
    #[must_use]
    pub fn moved(&self, study: StudyNumber) -> bool {
        self.origins.contains_key(&study.0)
    }

    /// How many patients there are: their numbers are below this.
    #[must_use]
    pub fn patients(&self) -> u32 {
        self.patients.len()
    }

    /// How many studies there are: their numbers are below this.
    #[must_use]
    pub fn studies(&self) -> u32 {
        self.studies.len()
    }

    /// Memory held, in bytes, by account: rows, indexes and shared texts, with what the allocator adds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let moves = self.origins.capacity() * 9;
        // a B-tree leaf holds 11 numbers and is about two thirds full
        let dirty = (self.dirty_patients.len() + self.dirty_studies.len()) * 8;
        self.patients.bytes() + self.studies.bytes() + moves + dirty
    }

    /// The studies filed under a patient, in no particular order.
    pub(crate) fn chain(&self, patient: u32) -> impl Iterator<Item = u32> {
        let some = |study: u32| (study != NONE).then_some(study);
        std::iter::successors(some(self.patients.first_study(patient)), move |&study| {
            some(self.studies.row(study).next)
        })
    }

    /// Whether only the number of a study is known: every other study has a series, since an instance made it.
    pub(crate) fn is_lost(&self, study: u32) -> bool {
        // a series sets the bit of its modality, be it the one for none
        self.studies.row(study).modalities == 0 && self.studies.view(study).series().next().is_none()
    }

    pub(crate) fn has_study(&self, study: StudyNumber) -> bool {
        study.0 < self.studies.len()
    }

    pub(crate) fn has_patient(&self, patient: PatientNumber) -> bool {
        patient.0 < self.patients.len()
    }

    fn patient_of_note(&self, patient: &PatientAttributes, same_uid: &[u32]) -> Option<u32> {
        if !patient.id.is_empty() {
            return self.patients.by_identity(&patient.issuer, &patient.id);
        }
        let origins = same_uid.iter().map(|&study| self.origin(study));
        origins.into_iter().find(|&origin| self.patients.view(origin).id.is_empty())
    }

    fn add_patient(&mut self, attributes: &PatientAttributes) -> u32 {
        let patient = self.patients.add(attributes);
        self.dirty_patients.insert(patient);
        patient
    }

    fn add_study(&mut self, patient: u32, attributes: &StudyAttributes) -> u32 {
        let number = StudyNumber(self.studies.len());
        let study = self.studies.add(&StudyRecord {
            number,
            patient: PatientNumber(patient),
            origin: PatientNumber(patient),
            attributes: attributes.clone(),
            conflicting_versions: false,
            series: Vec::new(),
        });
        self.link(study, patient);
        study
    }

    fn add_instance(&mut self, study: u32, note: &StoredNote, verdict: FiledAs) {
        let conflict = verdict == FiledAs::Conflict;
        // most instances say nothing new and are only counted
        if (!conflict || self.studies.row(study).conflicting_versions)
            && !self.says_more(study, note)
            && self.studies.count_instance(study, &note.series.uid, &note.instance.sop_class)
        {
            return;
        }
        let mut record = self.study_record(study);
        record.conflicting_versions |= conflict;
        fill_study(&mut record.attributes, &note.study);
        let series = match record.series.iter_mut().find(|series| series.attributes.uid == note.series.uid) {
            Some(series) => series,
            None => {
                let attributes = note.series.clone();
                record.series.push(SeriesRecord { attributes, instances: 0, sop_classes: Vec::new() });
                record.series.last_mut().expect("a series was pushed")
            }
        };
        fill(&mut series.attributes.modality, &note.series.modality);
        fill(&mut series.attributes.number, &note.series.number);
        fill(&mut series.attributes.description, &note.series.description);
        fill(&mut series.attributes.body_part, &note.series.body_part);
        fill(&mut series.attributes.date, &note.series.date);
        fill(&mut series.attributes.time, &note.series.time);
        series.instances = series.instances.saturating_add(1);
        if !series.sop_classes.contains(&note.instance.sop_class) {
            series.sop_classes.push(note.instance.sop_class.clone());
        }
        self.studies.replace(study, &record);
    }

    /// Whether a note holds an attribute that its study or series lacks.
    fn says_more(&self, study: u32, note: &StoredNote) -> bool {
        let gains = |old: &str, new: &str| old.is_empty() && !new.is_empty();
        let (row, view, from) = (self.studies.row(study), self.studies.view(study), &note.study);
        let study_gains = gains(view.accession_number, &from.accession_number)
            || gains(&view.date(), &from.date)
            || gains(&view.time(), &from.time)
            || gains(view.id(), &from.id)
            || row.description == 0 && !from.description.is_empty()
            || row.physician == 0 && !from.referring_physician.is_empty();
        study_gains
            || view.series().filter(|series| series.uid == note.series.uid).any(|series| {
                let from = &note.series;
                series.modality == 0 && !from.modality.is_empty()
                    || gains(series.number, &from.number)
                    || gains(series.description, &from.description)
                    || gains(series.body_part, &from.body_part)
                    || gains(&series.date, &from.date)
                    || gains(&series.time, &from.time)
            })
    }

    fn study_record(&self, study: u32) -> StudyRecord {
        self.studies.record(study, self.origin(study))
    }

    fn origin(&self, study: u32) -> u32 {
        self.origins.get(&study).copied().unwrap_or_else(|| self.studies.row(study).patient)
    }

    pub(crate) fn link(&mut self, study: u32, patient: u32) {
        self.studies.row_mut(study).next = self.patients.first_study(patient);
        self.patients.set_first_study(patient, study);
    }

    fn unlink(&mut self, study: u32, patient: u32) {
        let next = self.studies.row(study).next;
        let before = self.chain(patient).find(|&before| self.studies.row(before).next == study);
        match before {
            Some(before) => self.studies.row_mut(before).next = next,
            None => self.patients.set_first_study(patient, next),
        }
    }
}

/// What is left of a study when only its number is known.
fn lost_study(number: u32) -> StudyAttributes {
    StudyAttributes {
        uid: Uid::parse(&format!("{LOST_STUDIES}.{number}")).expect("digits and full stops"),
        date: String::new(),
        time: String::new(),
        accession_number: String::new(),
        id: String::new(),
        description: String::new(),
        referring_physician: String::new(),
    }
}

fn fill_study(old: &mut StudyAttributes, from: &StudyAttributes) {
    fill(&mut old.date, &from.date);
    fill(&mut old.time, &from.time);
    fill(&mut old.accession_number, &from.accession_number);
    fill(&mut old.id, &from.id);
    fill(&mut old.description, &from.description);
    fill(&mut old.referring_physician, &from.referring_physician);
}
