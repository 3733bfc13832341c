//! Under which patient each study is filed, and since when. A site has millions of studies and moves few of them: the warden gives
//! numbers out from 0, so where a study was filed first stands in flat tables, and only one that was moved has a timeline.

use std::borrow::Cow;
use std::collections::HashMap;

use model::{Instant, PatientNumber, StudyNumber};

use crate::timeline::Timeline;

/// Numbers below this have a place in the flat tables.
const FLAT_MAX: u32 = 1 << 24;
/// No patient, no study.
const NONE: u32 = u32::MAX;

/// Filings at every moment.
#[derive(Default)]
pub(crate) struct Filings {
    /// Of each study, where it was filed first.
    flat: Vec<Flat>,
    /// Of each study, since when it is filed there.
    since: Vec<Instant>,
    /// Of each patient, the study that was filed first there latest; the others follow through `before`.
    latest: Vec<u32>,
    /// Studies that were moved, or that have no place in the tables.
    timelines: HashMap<StudyNumber, Timeline<PatientNumber>>,
    /// Studies that were ever filed under a patient and are not in its chain.
    others: HashMap<PatientNumber, Vec<StudyNumber>>,
}

#[derive(Clone, Copy)]
struct Flat {
    patient: u32,
    /// The study that was filed first under the same patient before this one.
    before: u32,
}

impl Filings {
    /// Files a study under a patient from `at` on. Instants never decrease.
    pub fn file(&mut self, study: StudyNumber, patient: PatientNumber, at: Instant) {
        if let Some(timeline) = self.timelines.get_mut(&study) {
            let before = timeline.last().copied();
            timeline.set(at, patient);
            if before != Some(patient) {
                self.add_other(study, patient);
            }
            return;
        }
        match self.first(study) {
            Some(flat) if flat.patient == patient.0 => {}
            Some(flat) => {
                let mut timeline = Timeline::default();
                timeline.set(self.since[study.0 as usize], PatientNumber(flat.patient));
                timeline.set(at, patient);
                self.timelines.insert(study, timeline);
                self.add_other(study, patient);
            }
            None if study.0 < FLAT_MAX && patient.0 < FLAT_MAX => self.file_first(study, patient, at),
            None => {
                self.timelines.entry(study).or_default().set(at, patient);
                self.add_other(study, patient);
            }
        }
    }

    /// When a study was filed where; nothing when it never was.
    pub fn of(&self, study: StudyNumber) -> Option<Cow<'_, Timeline<PatientNumber>>> {
        if !self.timelines.is_empty()
            && let Some(timeline) = self.timelines.get(&study)
        {
            return Some(Cow::Borrowed(timeline));
        }
        let flat = self.first(study)?;
        let mut timeline = Timeline::default();
        timeline.set(self.since[study.0 as usize], PatientNumber(flat.patient));
        Some(Cow::Owned(timeline))
    }

    /// Every study that was ever filed.
    pub fn studies(&self) -> impl Iterator<Item = StudyNumber> {
        let flat = (0..).map(StudyNumber).zip(&self.flat).filter(|(_, flat)| flat.patient != NONE);
        let far = self.timelines.keys().copied().filter(|study| self.first(*study).is_none());
        flat.map(|(study, _)| study).chain(far)
    }

    /// Every study that was ever filed under a patient, each once.
    pub fn ever_of(&self, patient: PatientNumber) -> impl Iterator<Item = StudyNumber> {
        let some = |study: u32| (study != NONE).then_some(study);
        let latest = self.latest.get(patient.0 as usize).and_then(|latest| some(*latest));
        let chain = std::iter::successors(latest, move |study| some(self.flat[*study as usize].before));
        chain.map(StudyNumber).chain(self.others.get(&patient).into_iter().flatten().copied())
    }

    fn first(&self, study: StudyNumber) -> Option<Flat> {
        self.flat.get(study.0 as usize).copied().filter(|flat| flat.patient != NONE)
    }

    fn file_first(&mut self, study: StudyNumber, patient: PatientNumber, at: Instant) {
        let (index, of) = (study.0 as usize, patient.0 as usize);
        if self.flat.len() <= index {
            self.flat.resize(index + 1, Flat { patient: NONE, before: NONE });
            self.since.resize(index + 1, Instant(0));
        }
        if self.latest.len() <= of {
            self.latest.resize(of + 1, NONE);
        }
        self.flat[index] = Flat { patient: patient.0, before: std::mem::replace(&mut self.latest[of], study.0) };
        self.since[index] = at;
    }

    fn add_other(&mut self, study: StudyNumber, patient: PatientNumber) {
        if self.first(study).is_some_and(|flat| flat.patient == patient.0) {
            return;
        }
        let others = self.others.entry(patient).or_default();
        if !others.contains(&study) {
            others.push(study);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use model::Window;

    use super::*;

    /// The same kept in the plainest way.
    #[derive(Default)]
    struct Plain {
        filings: BTreeMap<u32, Timeline<PatientNumber>>,
        ever: BTreeMap<u32, BTreeSet<u32>>,
    }

    #[test]
    fn filings_are_what_a_timeline_for_each_study_says() {
        for seed in 1..200u64 {
            let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut next = |below: u64| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                (random >> 20) % below
            };
            let far = |number: u64| if number > 6 { u32::MAX - number as u32 } else { number as u32 };
            let (mut filings, mut plain, mut at) = (Filings::default(), Plain::default(), 0);
            for _ in 0..60 {
                at += next(3) as i64;
                let (study, patient) = (far(next(9)), far(next(9)));
                filings.file(StudyNumber(study), PatientNumber(patient), Instant(at));
                plain.filings.entry(study).or_default().set(Instant(at), PatientNumber(patient));
                plain.ever.entry(patient).or_default().insert(study);
            }
            let window = Window { from: Instant(at / 3), to: Instant(at * 2 / 3 + 1) };
            for study in (0..9).chain((u32::MAX - 9)..=u32::MAX) {
                let (got, wanted) = (filings.of(StudyNumber(study)), plain.filings.get(&study));
                assert_eq!(got.is_some(), wanted.is_some(), "seed {seed}");
                let (Some(got), Some(wanted)) = (got, wanted) else { continue };
                assert_eq!(Vec::from_iter(got.spans(window)), Vec::from_iter(wanted.spans(window)), "seed {seed}");
                assert_eq!(Vec::from_iter(got.edges()), Vec::from_iter(wanted.edges()), "seed {seed}");
                assert_eq!(got.last(), wanted.last(), "seed {seed}");
            }
            for patient in (0..9).chain((u32::MAX - 9)..=u32::MAX) {
                let got: Vec<u32> = filings.ever_of(PatientNumber(patient)).map(|study| study.0).collect();
                let wanted = plain.ever.get(&patient).cloned().unwrap_or_default();
                assert_eq!(got.len(), wanted.len(), "seed {seed}: each once");
                assert_eq!(BTreeSet::from_iter(got), wanted, "seed {seed}");
            }
            let all: Vec<u32> = filings.studies().map(|study| study.0).collect();
            assert_eq!(all.len(), plain.filings.len(), "seed {seed}: each once");
            assert_eq!(BTreeSet::from_iter(all), plain.filings.keys().copied().collect(), "seed {seed}");
        }
    }
}
