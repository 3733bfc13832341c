//! Exposure of a disk: what lay on it, and what of that was listed to anybody or opened by anybody.
//!
//! A disk holds what was stored until it was replaced; it keeps that for good, whoever has it. A copy (a vault) holds what was stored
//! until its last synchronisation. What lies on a disk is sealed: the report says what the keys of it did inside the window, which
//! for a stolen disk begins when it was gone.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use model::{DiskId, DiskPart, Entry, EntryBody, Instant, PatientNumber, StudyNumber, Tier, Window};

use crate::actions::Deed;
use crate::gathering::Gathering;
use crate::{Exposure, ExposureIndex, TimelinePart};

/// One disk as the ledger shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// UUID of its filesystem, where the machine told it.
    pub filesystem: String,
    /// Which parts it holds, each since when, and until when it grew.
    pub holds: BTreeMap<DiskPart, Window>,
}

/// What the releases of a disk's keys were before a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskKeys {
    /// Keys that seal what lies on it.
    pub keys: u64,
    /// Studies on it that were opened before the window began.
    pub studies_opened_before: u64,
}

/// Every disk that the ledger names.
#[derive(Default)]
pub(crate) struct Disks(BTreeMap<DiskId, Disk>);

impl Disks {
    pub fn apply(&mut self, entry: &Entry) {
        let EntryBody::DiskHolds { disk, filesystem, holds, instead_of } = &entry.body else { return };
        let at = entry.recorded;
        if let Some(before) = instead_of.and_then(|before| self.0.get_mut(&before)) {
            for part in holds {
                if let Some(span) = before.holds.get_mut(part) {
                    span.to = span.to.min(at);
                }
            }
        }
        let known = self.0.entry(*disk).or_default();
        known.filesystem.clone_from(filesystem);
        for part in holds {
            // a copy holds what was there until now; everything else grows until it is replaced
            let to = if *part == DiskPart::Copy { Instant(at.0.saturating_add(1)) } else { Instant::MAX };
            known.holds.entry(*part).or_insert(Window { from: at, to }).to = to;
        }
    }
}

impl Disk {
    /// Until when images were added; `None` when it holds none.
    fn images_until(&self) -> Option<Instant> {
        [DiskPart::Images, DiskPart::Copy].iter().filter_map(|part| self.holds.get(part)).map(|span| span.to).max()
    }
}

impl ExposureIndex {
    /// A disk, when the ledger names it.
    #[must_use]
    pub fn disk(&self, disk: DiskId) -> Option<&Disk> {
        self.disks.0.get(&disk)
    }

    /// Every disk, with the moment it was seen first.
    pub fn disks(&self) -> impl Iterator<Item = (DiskId, &Disk)> {
        self.disks.0.iter().map(|(id, disk)| (*id, disk))
    }

    /// What lay on a disk at some instant of `window`, and what of that was listed to anybody and opened by anybody inside it.
    #[must_use]
    pub fn report_disk(&self, disk: &Disk, window: Window) -> Exposure {
        let content = self.content(disk, window);
        let (patients, studies) = numbers(&content);
        let mut gathered = Gathering::new(self, window);
        for action in self.actions.all() {
            let counts = (|patient| patients.contains(&patient), |study| studies.contains(&study));
            gathered.take_some(action, action.lease, counts.0, counts.1);
        }
        gathered.finish(content)
    }

    /// The same as parts of a plot: what was done with what lay on it.
    #[must_use]
    pub fn timeline_of_disk(&self, disk: &Disk, window: Window, parts: u32) -> Vec<TimelinePart> {
        let content = self.content(disk, window);
        let (patients, studies) = numbers(&content);
        self.plot(window, parts, |each| {
            for action in self.actions.all() {
                let counts = match &action.deed {
                    Deed::Opened { study, .. } => studies.contains(study),
                    Deed::Listed(list) => self.actions.patients(list).any(|n| patients.contains(&PatientNumber(n))),
                };
                if counts {
                    each(action, action.lease);
                }
            }
        })
    }

    /// How many keys seal what lies on a disk, and what of it was opened before the window.
    #[must_use]
    pub fn keys_of_disk(&self, disk: &Disk, window: Window) -> DiskKeys {
        let content = self.content(disk, window);
        let (_, studies) = numbers(&content);
        let until = disk.images_until().unwrap_or(window.from).min(window.to);
        let opened: HashSet<StudyNumber> = self
            .actions
            .all()
            .iter()
            .filter(|action| action.lease.from < window.from)
            .filter_map(|action| match &action.deed {
                Deed::Opened { study, tier: Tier::Open, .. } => Some(*study),
                _ => None,
            })
            .filter(|study| studies.contains(study))
            .collect();
        DiskKeys {
            keys: self.keys.all().filter(|key| key.filed < until && studies.contains(&key.study)).count() as u64,
            studies_opened_before: opened.len() as u64,
        }
    }

    fn content(&self, disk: &Disk, window: Window) -> BTreeMap<(PatientNumber, StudyNumber), Tier> {
        let Some(until) = disk.images_until() else { return BTreeMap::new() };
        let mut content = BTreeMap::new();
        if window.from >= window.to {
            return content;
        }
        self.reach.each_filing(|study, first| {
            if first < until {
                for patient in self.reach.filed_during(study, window) {
                    content.insert((patient, study), Tier::Open);
                }
            }
        });
        content
    }
}

fn numbers(content: &BTreeMap<(PatientNumber, StudyNumber), Tier>) -> (BTreeSet<PatientNumber>, HashSet<StudyNumber>) {
    (content.keys().map(|(patient, _)| *patient).collect(), content.keys().map(|(_, study)| *study).collect())
}
