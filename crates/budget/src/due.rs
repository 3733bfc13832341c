//! About whom something is new, and for whom.

use std::collections::{HashMap, HashSet, VecDeque};

use model::{Actor, Entry, EntryBody, What, Who};

use crate::day::{Day, day_of};

/// A study that a device sent makes its patient due to everybody who reaches them, for so many days.
pub const DUE_AFTER_STUDY_DAYS: i32 = 14;
/// A relationship that names a patient makes them due to its holder, for so many days.
pub const DUE_AFTER_RELATIONSHIP_DAYS: i32 = 30;

/// Days of intake that are remembered.
const INTAKE_DAYS: usize = 28;
/// Studies numbered higher are not followed: the warden gives numbers from 0.
const STUDIES_MAX: usize = 1 << 27;

/// What is new about patients. What is imported is not: it is old, however many patients it brings.
#[derive(Clone, Default)]
pub(crate) struct Due {
    /// The last day on which a device sent a study; days past their time are swept.
    sent: HashMap<u32, Day>,
    /// The patient of each study, and `u32::MAX`.
    filed: Vec<u32>,
    /// The patients whom a study lay under before it was filed anew.
    former: HashMap<u32, Vec<u32>>,
    /// Patients that relationships name, with the day of the newest.
    named: HashMap<Who, HashMap<u32, Day>>,
    /// Patients with something new each day.
    intake: VecDeque<(Day, u32)>,
    swept: Day,
}

impl Due {
    pub(crate) fn apply(&mut self, entry: &Entry) {
        let day = day_of(entry.recorded);
        match &entry.body {
            EntryBody::Stored { patient, study, instances, .. } => {
                self.file(study.0, patient.0);
                if *instances > 0 && matches!(entry.actor, Actor::Device { .. }) {
                    self.sent_on(patient.0, day);
                }
            }
            EntryBody::Moved { study, from, to, .. } => {
                let former = self.former.entry(study.0).or_default();
                if !former.contains(&from.0) {
                    former.push(from.0);
                }
                self.file(study.0, to.0);
            }
            EntryBody::Related { relationship } => {
                let patient = match relationship.what {
                    What::Patient(patient) => Some(patient.0),
                    What::Study(study) => {
                        self.filed.get(study.0 as usize).copied().filter(|patient| *patient != u32::MAX)
                    }
                    What::Site => None,
                };
                if let Some(patient) = patient {
                    self.named.entry(relationship.who).or_default().insert(patient, day);
                }
            }
            _ => {}
        }
    }

    /// The patients whom these studies lay under before.
    pub(crate) fn former(&self, studies: &[u32]) -> impl Iterator<Item = u32> {
        let known = if self.former.is_empty() { &[] } else { studies };
        known.iter().filter_map(|study| self.former.get(study)).flatten().copied()
    }

    /// Whether a relationship of one of these holders names the patient, or did: reach by name is its own bound.
    pub(crate) fn is_named(&self, holders: &[Who], patient: u32) -> bool {
        holders.iter().any(|who| self.named.get(who).is_some_and(|patients| patients.contains_key(&patient)))
    }

    /// Patients with something of this day or the one before: a device sent it, or a relationship of these holders names them.
    pub(crate) fn today(&self, holders: &[Who], day: Day) -> HashSet<u32> {
        let named = holders.iter().filter_map(|who| self.named.get(who)).flatten();
        let new = self.sent.iter().chain(named).filter(|(_, then)| day.saturating_sub(**then) <= 1);
        new.map(|(patient, _)| *patient).collect()
    }

    /// Whether something about the patient is new to these holders.
    pub(crate) fn is_due(&self, holders: &[Who], patient: u32, day: Day) -> bool {
        let since = |then: &Day| day.saturating_sub(*then);
        self.sent.get(&patient).is_some_and(|sent| since(sent) < DUE_AFTER_STUDY_DAYS)
            || holders.iter().any(|who| {
                let named = self.named.get(who).and_then(|patients| patients.get(&patient));
                named.is_some_and(|named| since(named) < DUE_AFTER_RELATIONSHIP_DAYS)
            })
    }

    /// The most patients of one day with something new, of the last 28 days; `None` while fewer than a week of them is known.
    pub(crate) fn intake_high(&self, day: Day) -> Option<u32> {
        let before = self.intake.iter().filter(|(of, _)| *of < day && day - *of <= INTAKE_DAYS as Day);
        let counts: Vec<u32> = before.map(|(_, count)| *count).collect();
        (counts.len() >= 7).then(|| counts.into_iter().max().unwrap_or_default())
    }

    /// Patients with something new on one day.
    pub(crate) fn intake_on(&self, day: Day) -> u32 {
        self.intake.iter().find(|(of, _)| *of == day).map_or(0, |(_, count)| *count)
    }

    /// Patients of a busy day as far as it is known: on a site's first days, everybody who is due.
    pub(crate) fn intake(&self, day: Day) -> u32 {
        self.intake_high(day).unwrap_or(u32::try_from(self.sent.len()).unwrap_or(u32::MAX))
    }

    fn file(&mut self, study: u32, patient: u32) {
        let study = study as usize;
        if study < STUDIES_MAX {
            if self.filed.len() <= study {
                self.filed.resize(study + 1, u32::MAX);
            }
            self.filed[study] = patient;
        }
    }

    fn sent_on(&mut self, patient: u32, day: Day) {
        if self.sent.insert(patient, day) != Some(day) {
            match self.intake.back_mut() {
                Some((of, count)) if *of == day => *count += 1,
                _ => self.intake.push_back((day, 1)),
            }
            if self.intake.len() > INTAKE_DAYS {
                self.intake.pop_front();
            }
        }
        if day > self.swept {
            self.swept = day;
            self.sent.retain(|_, sent| day.saturating_sub(*sent) < DUE_AFTER_STUDY_DAYS);
        }
    }
}
