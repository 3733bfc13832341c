//! Gathers what actions touched inside a window, for every kind of exposure report.

use std::collections::{BTreeMap, HashMap};

use model::{PatientNumber, StudyNumber, Tier, Window};

use crate::actions::{Action, Deed};
use crate::touches::{Seen, Touches};
use crate::{Exposure, ExposureIndex};

/// An exposure while it is gathered.
pub(crate) struct Gathering<'i> {
    index: &'i ExposureIndex,
    window: Window,
    listed_patients: Touches,
    listed_studies: Touches,
    opened: Touches,
    opened_keys: Vec<(PatientNumber, StudyNumber)>,
    opened_index: HashMap<(PatientNumber, StudyNumber), u32>,
    /// Kept between actions, so that ten million of them allocate once.
    patients: Vec<PatientNumber>,
}

impl<'i> Gathering<'i> {
    pub fn new(index: &'i ExposureIndex, window: Window) -> Self {
        Self {
            index,
            window,
            listed_patients: Touches::default(),
            listed_studies: Touches::default(),
            opened: Touches::default(),
            opened_keys: Vec::new(),
            opened_index: HashMap::new(),
            patients: Vec::new(),
        }
    }

    /// Takes an action that counts during `lease`, as far as that shares an instant with the window.
    pub fn take(&mut self, action: &Action, lease: Window) {
        self.take_some(action, lease, |_| true, |_| true);
    }

    /// The same, limited to some patients and studies.
    pub fn take_some(
        &mut self,
        action: &Action,
        lease: Window,
        patient_counts: impl Fn(PatientNumber) -> bool,
        study_counts: impl Fn(StudyNumber) -> bool,
    ) {
        let Some(span) = lease.intersect(&self.window) else { return };
        let last = lease.from.max(self.window.from);
        let seen = Seen { first: span.from, last, lease_until: lease.to, origin: action.origin };
        match &action.deed {
            Deed::Opened { study, .. } if !study_counts(*study) => {}
            Deed::Opened { patient, study, tier, .. } => {
                // of all whom the study was filed under: filing it elsewhere for a while hides nobody
                let mut patients = std::mem::take(&mut self.patients);
                patients.push(*patient);
                for filed in self.index.reach.filed_before(*study, self.window.to) {
                    if !patients.contains(&filed) {
                        patients.push(filed);
                    }
                }
                for patient in patients.drain(..) {
                    match tier {
                        Tier::Open => self.opened((patient, *study), seen),
                        Tier::List => self.listed_patients.add(patient.0, seen),
                    }
                }
                self.patients = patients;
                if *tier == Tier::List {
                    self.listed_studies.add(study.0, seen);
                }
            }
            Deed::Listed(list) => {
                let patients =
                    self.index.actions.patients(list).filter(|patient| patient_counts(PatientNumber(*patient)));
                patients.for_each(|patient| self.listed_patients.add(patient, seen));
                let studies = self.index.actions.studies(list).filter(|study| study_counts(StudyNumber(*study)));
                studies.for_each(|study| self.listed_studies.add(study, seen));
            }
        }
    }

    fn opened(&mut self, key: (PatientNumber, StudyNumber), seen: Seen) {
        let keys = &mut self.opened_keys;
        let index = *self.opened_index.entry(key).or_insert_with(|| {
            keys.push(key);
            keys.len() as u32 - 1
        });
        self.opened.add(index, seen);
    }

    /// What was gathered, beside what was in reach.
    pub fn finish(self, reachable: BTreeMap<(PatientNumber, StudyNumber), Tier>) -> Exposure {
        let Self { index, listed_patients, listed_studies, opened, opened_keys, .. } = self;
        let origins = |origin: u32| index.actions.origin_of(origin).clone();
        Exposure {
            reachable,
            listed_patients: listed_patients.into_iter(origins).map(|(n, touch)| (PatientNumber(n), touch)).collect(),
            listed_studies: listed_studies.into_iter(origins).map(|(n, touch)| (StudyNumber(n), touch)).collect(),
            opened: opened.into_iter(origins).map(|(index, touch)| (opened_keys[index as usize], touch)).collect(),
        }
    }
}
