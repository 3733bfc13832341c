//! The exposure report: a fold of the ledger, named for the officer.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::RwLockReadGuard;

use audit::{Exposure, ExposureIndex, ReachState, Touch};
use model::{EntryBody, ExposureReported, Instant, NumberSet, Origin, PatientNumber, StudyNumber, Tier, Window};
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
        let (exposure, listed_as, timeline, erased, checkpoint) = {
            let (index, checkpoint) = self.settled_index()?;
            let exposure = subject.report(&index, window);
            let listed_as = listed_as(index.reach(), &exposure);
            let timeline = subject.timeline(&index, window, TIMELINE_PARTS);
            (exposure, listed_as, timeline, index.erased(window), checkpoint)
        };
        let (reachable, listed, opened) = counts(&exposure);
        let unexpired = unexpired(&exposure, &listed_as, window.to);
        let (rows, truncated) = self.gather(&exposure, &listed_as)?;
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
            erased,
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

    /// Rows per patient: opened first, then listed, then only reachable; within each by number. Rows are made for as many as fit into
    /// one answer; says whether there are more.
    fn gather(
        &self,
        exposure: &Exposure,
        listed_as: &[(PatientNumber, StudyNumber)],
    ) -> Result<(Vec<Row>, bool), Refusal> {
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
        let mut first: Vec<(PatientNumber, Gathered)> = gathered.into_iter().collect();
        first.sort_by_key(|(number, row)| (row.opened == 0, row.last.is_none(), *number));
        let mut truncated = first.len() > EXPOSURE_PATIENTS_MAX;
        first.truncate(EXPOSURE_PATIENTS_MAX);

        let registry = self.readable_registry()?;
        let studies = studies_of(exposure, listed_as, &first.iter().map(|(number, _)| *number).collect());
        let mut left = EXPOSURE_STUDIES_MAX;
        let mut rows = Vec::with_capacity(first.len());
        for (number, row) in first {
            let mut details = details(&registry, number, &studies);
            truncated |= details.len() > left;
            details.truncate(left);
            left -= details.len();
            let (studies, details) = details.into_iter().unzip();
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
            rows.push(Row { patient, studies });
        }
        Ok((rows, truncated))
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
    let mut bodies = vec![EntryBody::ExposureReported(ExposureReported {
        about: subject.about(),
        window: report.window,
        reachable_patients: report.reachable.patients,
        listed_patients: report.listed.patients,
        opened_patients: report.opened.patients,
        sha256,
    })];
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

/// What happened to the studies of some patients.
fn studies_of(
    exposure: &Exposure,
    listed_as: &[(PatientNumber, StudyNumber)],
    patients: &HashSet<PatientNumber>,
) -> Studies {
    let mut studies = Studies::new();
    for (place, tier) in exposure.reachable.iter().filter(|((patient, _), _)| patients.contains(patient)) {
        studies.entry(*place).or_default().0 = Some(*tier);
    }
    for place in listed_as.iter().filter(|(patient, _)| patients.contains(patient)) {
        studies.entry(*place).or_default().1 = exposure.listed_studies.get(&place.1).map(row_of);
    }
    for (place, touch) in exposure.opened.iter().filter(|((patient, _), _)| patients.contains(patient)) {
        studies.entry(*place).or_default().2 = Some(row_of(touch));
    }
    studies
}

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
    let opened_studies: BTreeSet<_> = exposure.opened.keys().map(|(_, study)| study).collect();
    (
        Count {
            patients: distinct(exposure.reachable.keys().map(|(patient, _)| patient)),
            studies: exposure.reachable.len() as u64,
        },
        Count { patients: exposure.listed_patients.len() as u64, studies: exposure.listed_studies.len() as u64 },
        Count {
            patients: distinct(exposure.opened.keys().map(|(patient, _)| patient)),
            studies: opened_studies.len() as u64,
        },
    )
}

/// How many different ones there are of what comes in order.
fn distinct<T: PartialEq>(ascending: impl Iterator<Item = T>) -> u64 {
    let (mut count, mut last) = (0, None);
    for one in ascending {
        let one = Some(one);
        count += u64::from(one != last);
        last = one;
    }
    count
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
