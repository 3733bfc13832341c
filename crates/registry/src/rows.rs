//! Rows as the protocol has them.

use std::collections::BTreeSet;

use model::{PatientNumber, StudyNumber};
use protocol::{PatientRow, SeriesRow, StudyRow};

use crate::Registry;
use crate::matching::integer;
use crate::search::MayList;
use crate::studies::SeriesView;

impl Registry {
    pub(crate) fn patient_row(&self, patient: u32, may_list: MayList<'_>) -> PatientRow {
        let attributes = self.patients.attributes(patient);
        let number = PatientNumber(patient);
        let studies = self.chain(patient).filter(|&study| may_list(number, StudyNumber(study)) && !self.is_lost(study));
        let studies = studies.count();
        PatientRow {
            number,
            id: attributes.id,
            issuer: attributes.issuer,
            name: attributes.name,
            birth_date: attributes.birth_date,
            sex: attributes.sex,
            studies: u32::try_from(studies).expect("studies are numbered in 32 bits"),
        }
    }

    pub(crate) fn study_row(&self, study: u32, may_list: MayList<'_>) -> StudyRow {
        let row = self.studies.row(study);
        let attributes = self.studies.attributes(study);
        let (mut modalities, mut sop_classes) = (BTreeSet::new(), BTreeSet::new());
        let (mut series_count, mut instances) = (0u32, 0u32);
        for series in self.studies.view(study).series() {
            series_count += 1;
            instances = instances.saturating_add(series.instances);
            modalities.insert(series.modality);
            sop_classes.extend(series.sop_class_numbers());
        }
        modalities.remove(&0);
        let mut modalities: Vec<String> =
            modalities.into_iter().map(|number| self.studies.modalities.text(number).to_owned()).collect();
        modalities.sort_unstable();
        let mut sop_classes: Vec<String> =
            sop_classes.into_iter().map(|number| self.studies.sop_classes.text(number).to_owned()).collect();
        sop_classes.sort_unstable();
        // of another patient's study out of reach nothing is told, not even that it is there
        let shared = || {
            let others = self.studies.with_uid(&attributes.uid).into_iter().filter(|other| *other != study);
            others.into_iter().any(|other| {
                may_list(PatientNumber(self.studies.row(other).patient), StudyNumber(other)) && !self.is_lost(other)
            })
        };
        let conflict = row.conflicting_versions || (row.shared_uid && shared());
        StudyRow {
            number: StudyNumber(study),
            patient: self.patient_row(row.patient, may_list),
            uid: attributes.uid,
            date: attributes.date,
            time: attributes.time,
            accession_number: attributes.accession_number,
            id: attributes.id,
            description: attributes.description,
            referring_physician: attributes.referring_physician,
            modalities,
            sop_classes,
            series: series_count,
            instances,
            conflict,
            // the warden knows, which replays the ledger
            cold: false,
        }
    }

    pub(crate) fn series_row(&self, study: StudyRow, series: &SeriesView<'_>) -> SeriesRow {
        let record = series.record();
        SeriesRow {
            study,
            uid: record.attributes.uid,
            modality: record.attributes.modality,
            series_number: record.attributes.number,
            description: record.attributes.description,
            body_part: record.attributes.body_part,
            date: record.attributes.date,
            time: record.attributes.time,
            instances: record.instances,
        }
    }

    /// The series of a study by series number (those without one last), then UID.
    pub(crate) fn series_in_order(&self, study: u32) -> Vec<SeriesView<'_>> {
        let mut series: Vec<SeriesView<'_>> = self.studies.view(study).series().collect();
        series.sort_by_cached_key(|series| (integer(series.number).unwrap_or(i64::MAX), series.uid.clone()));
        series
    }
}
