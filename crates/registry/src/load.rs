//! Taking stored records back, one after the other: a site has millions, and each is packed before the next is read.

use std::collections::{BTreeMap, HashMap};

use model::{PatientNumber, StudyNumber};

use crate::patients::Patients;
use crate::studies::Studies;
use crate::{LoadError, PatientRecord, Record, Registry, StudyRecord};

/// A registry that is being loaded.
#[derive(Default)]
pub struct Loader {
    patients: Patients,
    studies: Studies,
    origins: HashMap<u32, u32>,
    // records that came before the one that they follow
    early_patients: BTreeMap<u32, PatientRecord>,
    early_studies: BTreeMap<u32, StudyRecord>,
}

impl Loader {
    /// Takes a record. Those that come in the order of their numbers are packed at once, others wait for their turn.
    pub fn take(&mut self, record: Record) -> Result<(), LoadError> {
        match record {
            Record::Patient(record) => {
                keep(&mut self.early_patients, record.number.0, self.patients.len(), record)?;
                while let Some(record) = self.early_patients.remove(&self.patients.len()) {
                    self.patients.append(&record.attributes);
                }
            }
            Record::Study(record) => {
                keep(&mut self.early_studies, record.number.0, self.studies.len(), record)?;
                while let Some(record) = self.early_studies.remove(&self.studies.len()) {
                    if record.patient != record.origin {
                        self.origins.insert(record.number.0, record.origin.0);
                    }
                    self.studies.append(&record);
                }
            }
        }
        Ok(())
    }

    /// The registry, when no record is missing.
    pub fn finish(self) -> Result<Registry, LoadError> {
        let Self { patients, studies, origins, early_patients, early_studies } = self;
        if !early_patients.is_empty() {
            return Err(LoadError::PatientMissing(PatientNumber(patients.len())));
        }
        if !early_studies.is_empty() {
            return Err(LoadError::StudyMissing(StudyNumber(studies.len())));
        }
        let named = (0..studies.len()).map(|study| studies.row(study).patient).chain(origins.values().copied());
        if let Some(missing) = named.into_iter().find(|patient| *patient >= patients.len()) {
            return Err(LoadError::PatientMissing(PatientNumber(missing)));
        }
        let mut registry = Registry::new();
        (registry.patients, registry.studies, registry.origins) = (patients.indexed(), studies.indexed(), origins);
        for study in 0..registry.studies.len() {
            registry.link(study, registry.studies.row(study).patient);
        }
        Ok(registry)
    }
}

/// Keeps a record whose number is not given yet; `next` is the number that comes next.
fn keep<R>(early: &mut BTreeMap<u32, R>, number: u32, next: u32, record: R) -> Result<(), LoadError> {
    if number < next || early.insert(number, record).is_some() { Err(LoadError::Twice(number)) } else { Ok(()) }
}
