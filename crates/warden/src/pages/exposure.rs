//! The exposure report: a fold of the ledger, named for the officer.

use std::collections::{BTreeMap, BTreeSet};

use audit::{Exposure, ReachState, Touch};
use model::{EntryBody, Instant, NumberSet, Origin, PatientNumber, StudyNumber, Window};
use protocol::{
    Count, EXPOSURE_PATIENTS_MAX, ExposedPatient, ExposureReport, PageReply, PatientRow, Refusal, TimelinePart,
};

use super::HELD;
use super::directory::field;
use crate::state::Warden;
use crate::subject::Caller;

/// Parts of the timeline.
const TIMELINE_PARTS: u32 = 60;

/// One patient while rows are gathered.
#[derive(Default)]
struct Gathered {
    reachable: u32,
    listed: u32,
    opened: u32,
    first: Option<Instant>,
    last: Option<Instant>,
    origins: BTreeSet<Origin>,
}

impl Gathered {
    fn touch(&mut self, touch: &Touch) {
        self.first = Some(self.first.map_or(touch.first, |first| first.min(touch.first)));
        self.last = Some(self.last.map_or(touch.last, |last| last.max(touch.last)));
        self.origins.extend(touch.origins.iter().cloned());
    }
}

impl Warden {
    pub(super) async fn exposure(
        &self,
        caller: &Caller,
        who_text: &str,
        window: Window,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        if window.to < window.from {
            return Err(field("to", "a time not before --from"));
        }
        let who = self.who_named(who_text)?;
        let (exposure, listed_as, timeline) = {
            let index = self.index.read().expect(HELD);
            let exposure = index.report(who, window);
            let listed_as = listed_as(index.reach(), &exposure);
            (exposure, listed_as, index.timeline(who, window, TIMELINE_PARTS))
        };
        let (reachable, listed, opened) = counts(&exposure);
        let mut patients = self.gather(&exposure, &listed_as)?;
        let truncated = patients.len() > EXPOSURE_PATIENTS_MAX;
        patients.truncate(EXPOSURE_PATIENTS_MAX);
        let report = ExposureReport {
            who: who_text.to_owned(),
            window,
            reachable,
            listed,
            opened,
            patients,
            truncated,
            timeline: timeline
                .iter()
                .map(|part| TimelinePart { from: part.window.from, listed: part.listed, opened: part.opened })
                .collect(),
            ledger_size: self.ledger.size(),
            checkpoint: self.ledger.checkpoint(),
        };
        let mut bodies = vec![EntryBody::ExposureReported {
            about: who,
            window,
            reachable_patients: reachable.patients,
            listed_patients: listed.patients,
            opened_patients: opened.patients,
        }];
        if !report.patients.is_empty() {
            // the report names people: it counts as a list to whoever asked, so that an officer's account has an exposure too
            bodies.push(EntryBody::Listed {
                patients: report.patients.iter().map(|row| row.patient.number.0).collect(),
                studies: NumberSet::default(),
                lease_until: now,
            });
        }
        self.append(caller, bodies, now)?;
        Ok(PageReply::Exposure(Box::new(report)))
    }

    /// Rows per patient: opened first, then listed, then only reachable; within each by number.
    fn gather(
        &self,
        exposure: &Exposure,
        listed_as: &[(PatientNumber, StudyNumber)],
    ) -> Result<Vec<ExposedPatient>, Refusal> {
        let registry = self.readable_registry()?;
        let mut gathered: BTreeMap<PatientNumber, Gathered> = BTreeMap::new();
        for (patient, _) in exposure.reachable.keys() {
            gathered.entry(*patient).or_default().reachable += 1;
        }
        for (patient, touch) in &exposure.listed_patients {
            gathered.entry(*patient).or_default().touch(touch);
        }
        for (patient, _) in listed_as {
            gathered.entry(*patient).or_default().listed += 1;
        }
        for ((patient, _), touch) in &exposure.opened {
            let row = gathered.entry(*patient).or_default();
            row.opened += 1;
            row.touch(touch);
        }
        let mut rows: Vec<ExposedPatient> = gathered
            .into_iter()
            .map(|(number, row)| ExposedPatient {
                patient: registry.patient(number).unwrap_or_else(|| unnamed(number)),
                reachable: row.reachable,
                listed: row.listed,
                opened: row.opened,
                first: row.first,
                last: row.last,
                origins: row.origins.into_iter().collect(),
            })
            .collect();
        rows.sort_by_key(|row| (row.opened == 0, row.last.is_none(), row.patient.number));
        Ok(rows)
    }
}

/// Listed studies with the patients that they were listed as: those listed patients that they were filed under then. A study that was
/// moved since does not make its new patient look exposed.
fn listed_as(reach: &ReachState, exposure: &Exposure) -> Vec<(PatientNumber, StudyNumber)> {
    let mut pairs = Vec::with_capacity(exposure.listed_studies.len());
    for (study, touch) in &exposure.listed_studies {
        let mut patients: Vec<_> = [touch.first, touch.last, Instant::MAX]
            .into_iter()
            .filter_map(|at| reach.filed_under(*study, at))
            .filter(|patient| exposure.listed_patients.contains_key(patient))
            .collect();
        patients.sort_unstable();
        patients.dedup();
        pairs.extend(patients.into_iter().map(|patient| (patient, *study)));
    }
    pairs
}

fn counts(exposure: &Exposure) -> (Count, Count, Count) {
    let reachable: BTreeSet<_> = exposure.reachable.keys().map(|(patient, _)| patient).collect();
    let opened: BTreeSet<_> = exposure.opened.keys().map(|(patient, _)| patient).collect();
    let opened_studies: BTreeSet<_> = exposure.opened.keys().map(|(_, study)| study).collect();
    (
        Count { patients: reachable.len() as u64, studies: exposure.reachable.len() as u64 },
        Count { patients: exposure.listed_patients.len() as u64, studies: exposure.listed_studies.len() as u64 },
        Count { patients: opened.len() as u64, studies: opened_studies.len() as u64 },
    )
}

/// A patient whose record is not there any more is still counted.
fn unnamed(number: PatientNumber) -> PatientRow {
    PatientRow {
        number,
        id: String::new(),
        issuer: String::new(),
        name: String::new(),
        birth_date: String::new(),
        sex: String::new(),
        studies: 0,
    }
}
