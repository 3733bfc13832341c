//! The exposure report: a fold of the ledger, named for the officer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::RwLockReadGuard;

use audit::{Exposure, ExposureIndex, ReachState, Touch};
use model::{EntryBody, Instant, NumberSet, Origin, PatientNumber, StudyNumber, Tier, Window};
use protocol::{
    Count, EXPOSURE_PATIENTS_MAX, EXPOSURE_STUDIES_MAX, ExposedPatient, ExposedStudy, ExposureReport, PageReply,
    PatientRow, Refusal, TimelinePart, TouchRow,
};

use super::HELD;
use super::about::Subject;
use super::directory::field;
use crate::state::Warden;
use crate::subject::Caller;

/// Parts of the timeline.
const TIMELINE_PARTS: u32 = 60;
/// How often a moment is looked for in which every signed entry is folded.
const SETTLE_TRIES_MAX: usize = 1_000;
/// How long between two looks.
const SETTLE_PAUSE: std::time::Duration = std::time::Duration::from_millis(1);

/// One patient while rows are gathered.
#[derive(Default)]
struct Gathered {
    reachable: u32,
    listed: u32,
    opened: u32,
    first: Option<Instant>,
    last: Option<Instant>,
    lease_until: Option<Instant>,
    origins: BTreeSet<Origin>,
}

/// One patient of a report, and the numbers of the studies in its details, in their order.
struct Row {
    patient: ExposedPatient,
    studies: Vec<StudyNumber>,
}

impl Gathered {
    fn touch(&mut self, touch: &Touch) {
        self.first = Some(self.first.map_or(touch.first, |first| first.min(touch.first)));
        self.last = Some(self.last.map_or(touch.last, |last| last.max(touch.last)));
        self.lease_until = self.lease_until.max(Some(touch.lease_until));
        self.origins.extend(touch.origins.iter().cloned());
    }
}

impl Warden {
    /// The report, shown to whoever asks.
    pub(super) fn exposure(
        &self,
        caller: &Caller,
        who_text: &str,
        window: Window,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let (subject, report, shown) = self.exposed(who_text, window)?;
        self.append(caller, reported(&subject, &report, shown, None, now), now)?;
        Ok(PageReply::Exposure(Box::new(report)))
    }

    /// Computes a report, and which studies it shows. Whoever shows it records that first, with [`reported`].
    pub(super) fn exposed(
        &self,
        who_text: &str,
        window: Window,
    ) -> Result<(Subject, ExposureReport, NumberSet), Refusal> {
        if window.to < window.from {
            return Err(field("to", "a time not before --from"));
        }
        let subject = self.subject_named(who_text)?;
        let about = self.facts_of(&subject, window);
        let (exposure, listed_as, timeline, checkpoint) = {
            let (index, checkpoint) = self.settled_index()?;
            let exposure = subject.report(&index, window);
            let listed_as = listed_as(index.reach(), &exposure);
            (exposure, listed_as, subject.timeline(&index, window, TIMELINE_PARTS), checkpoint)
        };
        let (reachable, listed, opened) = counts(&exposure);
        let unexpired = unexpired(&exposure, &listed_as, window.to);
        let mut rows = self.gather(&exposure, &listed_as)?;
        let truncated = limit(&mut rows);
        let shown = rows.iter().flat_map(|row| row.studies.iter().map(|study| study.0)).collect();
        let patients = rows.into_iter().map(|row| row.patient).collect();
        let report = ExposureReport {
            who: who_text.to_owned(),
            window,
            reachable,
            listed,
            opened,
            unexpired,
            about,
            patients,
            truncated,
            timeline: timeline
                .iter()
                .map(|part| TimelinePart { from: part.window.from, listed: part.listed, opened: part.opened })
                .collect(),
            ledger_size: checkpoint_size(&checkpoint),
            checkpoint,
        };
        Ok((subject, report, shown))
    }

    /// The index and the checkpoint over exactly the entries that it holds. An entry is signed for a moment before it is folded.
    fn settled_index(&self) -> Result<(RwLockReadGuard<'_, ExposureIndex>, String), Refusal> {
        for _ in 0..SETTLE_TRIES_MAX {
            let index = self.index.read().expect(HELD);
            let checkpoint = self.ledger.checkpoint();
            if checkpoint_size(&checkpoint) == index.size() {
                return Ok((index, checkpoint));
            }
            drop(index);
            std::thread::sleep(SETTLE_PAUSE);
        }
        tracing::error!("the ledger grows faster than it is folded; ask again");
        Err(Refusal::Internal)
    }

    /// Rows per patient: opened first, then listed, then only reachable; within each by number.
    fn gather(&self, exposure: &Exposure, listed_as: &[(PatientNumber, StudyNumber)]) -> Result<Vec<Row>, Refusal> {
        let registry = self.readable_registry()?;
        let mut studies = Studies::new();
        let mut gathered: BTreeMap<PatientNumber, Gathered> = BTreeMap::new();
        for ((patient, study), tier) in &exposure.reachable {
            gathered.entry(*patient).or_default().reachable += 1;
            studies.entry((*patient, *study)).or_default().0 = Some(*tier);
        }
        for (patient, touch) in &exposure.listed_patients {
            gathered.entry(*patient).or_default().touch(touch);
        }
        for (patient, study) in listed_as {
            gathered.entry(*patient).or_default().listed += 1;
            studies.entry((*patient, *study)).or_default().1 = exposure.listed_studies.get(study).map(row_of);
        }
        for ((patient, study), touch) in &exposure.opened {
            studies.entry((*patient, *study)).or_default().2 = Some(row_of(touch));
            let row = gathered.entry(*patient).or_default();
            row.opened += 1;
            row.touch(touch);
        }
        let mut rows: Vec<Row> = gathered
            .into_iter()
            .map(|(number, row)| {
                let (studies, details) = details(&registry, number, &studies).into_iter().unzip();
                let patient = ExposedPatient {
                    patient: registry.patient(number).unwrap_or_else(|| unnamed(number)),
                    reachable: row.reachable,
                    listed: row.listed,
                    opened: row.opened,
                    first: row.first,
                    last: row.last,
                    origins: row.origins.into_iter().collect(),
                    lease_until: row.lease_until,
                    details,
                };
                Row { patient, studies }
            })
            .collect();
        rows.sort_by_key(|Row { patient, .. }| (patient.opened == 0, patient.last.is_none(), patient.patient.number));
        Ok(rows)
    }
}

/// The entries that a report leaves behind: it was made, and whom and what it shows was listed to whoever asked, so that an officer's
/// account has an exposure too.
pub(super) fn reported(
    subject: &Subject,
    report: &ExposureReport,
    shown: NumberSet,
    sha256: Option<String>,
    now: Instant,
) -> Vec<EntryBody> {
    let mut bodies = vec![EntryBody::ExposureReported {
        about: subject.about(),
        window: report.window,
        reachable_patients: report.reachable.patients,
        listed_patients: report.listed.patients,
        opened_patients: report.opened.patients,
        sha256,
    }];
    if !report.patients.is_empty() {
        bodies.push(EntryBody::Listed {
            patients: report.patients.iter().map(|row| row.patient.number.0).collect(),
            studies: shown,
            lease_until: now,
        });
    }
    bodies
}

/// How far a study was in reach, and its listings and openings.
type Studies = BTreeMap<(PatientNumber, StudyNumber), (Option<Tier>, Option<TouchRow>, Option<TouchRow>)>;

fn details(
    registry: &registry::Registry,
    patient: PatientNumber,
    studies: &Studies,
) -> Vec<(StudyNumber, ExposedStudy)> {
    let own = (patient, StudyNumber(0))..=(patient, StudyNumber(u32::MAX));
    let mut details: Vec<(StudyNumber, ExposedStudy)> = studies
        .range(own)
        .map(|((_, study), (reachable, listed, opened))| {
            let row = registry.study(*study);
            let (uid, date, description, modalities) = match row {
                Some(row) => (Some(row.uid), row.date, row.description, row.modalities),
                None => Default::default(),
            };
            let (listed, opened) = (listed.clone(), opened.clone());
            (*study, ExposedStudy { uid, date, description, modalities, reachable: *reachable, listed, opened })
        })
        .collect();
    details.sort_by(|(_, a), (_, b)| b.date.cmp(&a.date));
    details
}

fn row_of(touch: &Touch) -> TouchRow {
    TouchRow {
        first: touch.first,
        last: touch.last,
        lease_until: touch.lease_until,
        entries: touch.entries,
        origins: touch.origins.iter().cloned().collect(),
    }
}

/// Cuts what would not fit into one answer; says whether something was cut.
fn limit(rows: &mut Vec<Row>) -> bool {
    let mut truncated = rows.len() > EXPOSURE_PATIENTS_MAX;
    rows.truncate(EXPOSURE_PATIENTS_MAX);
    let mut left = EXPOSURE_STUDIES_MAX;
    for row in rows {
        truncated |= row.studies.len() > left;
        row.patient.details.truncate(left);
        row.studies.truncate(left);
        left -= row.studies.len();
    }
    truncated
}

/// What a lease still covered at the window's end.
fn unexpired(exposure: &Exposure, listed_as: &[(PatientNumber, StudyNumber)], end: Instant) -> Count {
    let runs = |touch: &&Touch| touch.lease_until > end;
    let mut patients: BTreeSet<PatientNumber> =
        exposure.listed_patients.iter().filter(|(_, touch)| runs(touch)).map(|(patient, _)| *patient).collect();
    let mut studies: BTreeSet<StudyNumber> = BTreeSet::new();
    for ((patient, study), _) in exposure.opened.iter().filter(|(_, touch)| runs(touch)) {
        patients.insert(*patient);
        studies.insert(*study);
    }
    let listed = listed_as.iter().map(|(_, study)| study);
    studies.extend(listed.filter(|study| exposure.listed_studies.get(study).as_ref().is_some_and(runs)));
    Count { patients: patients.len() as u64, studies: studies.len() as u64 }
}

/// The second line of a checkpoint is how many entries it covers.
fn checkpoint_size(checkpoint: &str) -> u64 {
    checkpoint.lines().nth(1).and_then(|size| size.parse().ok()).unwrap_or_default()
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

pub(super) fn counts(exposure: &Exposure) -> (Count, Count, Count) {
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
pub(super) fn unnamed(number: PatientNumber) -> PatientRow {
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
