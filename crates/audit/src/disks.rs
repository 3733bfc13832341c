//! Exposure of a disk: what lay on it, and what of that was listed to anybody or opened by anybody.
//!
//! A disk holds what was stored until it was replaced; it keeps that for good, whoever has it. A copy (a vault) holds what was stored
//! until its last synchronisation. What lies on a disk is sealed: the report says what the keys of it did inside the window, which
//! for a stolen disk begins when it was gone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use model::{DiskId, DiskPart, Entry, EntryBody, Instant, KeyId, PatientNumber, StudyNumber, Tier, Window};

use crate::actions::Deed;
use crate::gathering::Gathering;
use crate::{Exposure, ExposureIndex, FiledKey, TimelinePart};

/// One disk as the ledger shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// UUID of its filesystem, where the machine told it.
    pub filesystem: String,
    /// Which parts it holds, each since when, and until when it grew.
    pub holds: BTreeMap<DiskPart, Window>,
}

/// The keys of what lies on a disk, and what was opened with them before a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskKeys {
    /// Keys that seal what lies on it: those that were released first, then by study.
    pub keys: Vec<DiskKey>,
    /// Studies on it that were opened before the window began.
    pub studies_opened_before: u64,
}

/// One key of what lies on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskKey {
    /// Which.
    pub key: KeyId,
    /// The study, the only one that it opens, and since when.
    pub filed: FiledKey,
    /// Whether it was released to anybody before the end of the window, for images.
    pub released: bool,
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

    /// Which keys seal what lies on a disk, and what of it was opened before the window.
    #[must_use]
    pub fn keys_of_disk(&self, disk: &Disk, window: Window) -> DiskKeys {
        let content = self.content(disk, window);
        let (_, studies) = numbers(&content);
        let until = disk.images_until().unwrap_or(window.from).min(window.to);
        let opened = self.actions.all().iter().filter_map(|action| match &action.deed {
            Deed::Opened { study, tier: Tier::Open, .. } if studies.contains(study) => Some((*study, action.lease)),
            _ => None,
        });
        let mut before = HashSet::new();
        // a key leaves with every opening while it is filed: the end of the last lease tells
        let mut last: HashMap<StudyNumber, Instant> = HashMap::new();
        for (study, lease) in opened.filter(|(_, lease)| lease.from < window.to) {
            if lease.from < window.from {
                before.insert(study);
            }
            let end = last.entry(study).or_insert(lease.to);
            *end = lease.to.max(*end);
        }
        let on_it = self.keys.all().filter(|(_, key)| key.filed < until && studies.contains(&key.study));
        let mut keys: Vec<DiskKey> = on_it
            .map(|(key, filed)| DiskKey {
                key: *key,
                filed: *filed,
                released: last.get(&filed.study).is_some_and(|end| *end > filed.filed),
            })
            .collect();
        keys.sort_by_key(|row| (!row.released, row.filed.study, row.key));
        DiskKeys { keys, studies_opened_before: before.len() as u64 }
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
