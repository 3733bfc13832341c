//! Leases: what may be released again without a new entry, because an entry that is not yet five minutes old says so.

use std::collections::HashMap;

use model::{DeviceId, Instant, NumberSet, PatientNumber, SessionId, StudyNumber};

use crate::release::Lease;

/// The most holders that are remembered; past it, leases that ended are dropped, then all.
const HOLDERS_MAX: usize = 10_000;
/// The most numbers remembered for one holder.
const NUMBERS_MAX: usize = 100_000;

/// Who holds a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Holder {
    Session(SessionId),
    Device(DeviceId),
}

#[derive(Default)]
struct Held {
    patients: HashMap<PatientNumber, Instant>,
    studies: HashMap<StudyNumber, Instant>,
    opened: HashMap<StudyNumber, Lease>,
}

/// Every running lease.
#[derive(Default)]
pub(crate) struct Leases {
    held: HashMap<Holder, Held>,
    /// Counts what ended leases early.
    changes: u64,
}

impl Leases {
    /// Until when all of these may be listed again, if they all may now.
    pub(crate) fn listing(
        &self,
        holder: Holder,
        patients: &NumberSet,
        studies: &NumberSet,
        now: Instant,
    ) -> Option<Instant> {
        let held = self.held.get(&holder)?;
        let patients = patients.numbers().iter().map(|number| held.patients.get(&PatientNumber(*number)));
        let studies = studies.numbers().iter().map(|number| held.studies.get(&StudyNumber(*number)));
        patients.chain(studies).try_fold(Instant::MAX, |until, lease| match lease {
            Some(lease) if now < *lease => Some(until.min(*lease)),
            _ => None,
        })
    }

    /// Remembers that these may be listed again until then, unless something ended leases since `changes` was read.
    pub(crate) fn listed(
        &mut self,
        holder: Holder,
        (patients, studies): (&NumberSet, &NumberSet),
        until: Instant,
        changes: u64,
        now: Instant,
    ) {
        if changes != self.changes {
            return;
        }
        let held = self.of(holder, now);
        if held.patients.len() + held.studies.len() > NUMBERS_MAX {
            held.patients.clear();
            held.studies.clear();
        }
        held.patients.extend(patients.numbers().iter().map(|number| (PatientNumber(*number), until)));
        held.studies.extend(studies.numbers().iter().map(|number| (StudyNumber(*number), until)));
    }

    /// A running lease on a study that gives what is asked.
    pub(crate) fn opening(&self, holder: Holder, study: StudyNumber, with_pixels: bool, now: Instant) -> Option<Lease> {
        let lease = self.held.get(&holder)?.opened.get(&study)?;
        (now < lease.until && (lease.with_pixels || !with_pixels)).then(|| Lease { with_pixels, ..lease.clone() })
    }

    /// How often leases were ended early: what was decided under an older count is not remembered.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Remembers a lease on a study, unless something ended leases since `changes` was read.
    pub(crate) fn opened(&mut self, holder: Holder, study: StudyNumber, lease: Lease, changes: u64, now: Instant) {
        if changes != self.changes {
            return;
        }
        let held = self.of(holder, now);
        if held.opened.len() > NUMBERS_MAX {
            held.opened.clear();
        }
        held.opened.insert(study, lease);
    }

    /// Forgets everything of a holder: the session ended.
    pub(crate) fn end(&mut self, holder: Holder) {
        self.held.remove(&holder);
        self.changes += 1;
    }

    /// Forgets everything: reach changed, so the next request asks the policy again.
    pub(crate) fn end_all(&mut self) {
        self.held.clear();
        self.changes += 1;
    }

    fn of(&mut self, holder: Holder, now: Instant) -> &mut Held {
        if self.held.len() >= HOLDERS_MAX && !self.held.contains_key(&holder) {
            self.held.retain(|_, held| {
                held.opened.values().any(|lease| now < lease.until)
                    || held.patients.values().any(|until| now < *until)
                    || held.studies.values().any(|until| now < *until)
            });
            if self.held.len() >= HOLDERS_MAX {
                self.held.clear();
            }
        }
        self.held.entry(holder).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant(0);
    const HOLDER: Holder = Holder::Session(SessionId([1; 16]));

    fn set(numbers: &[u32]) -> NumberSet {
        numbers.iter().copied().collect()
    }

    #[test]
    fn only_what_was_listed_to_the_same_holder_may_be_listed_again_and_only_until_the_end() {
        let mut leases = Leases::default();
        let until = NOW.plus_seconds(300);
        leases.listed(HOLDER, (&set(&[1, 2]), &set(&[7])), until, 0, NOW);
        assert_eq!(leases.listing(HOLDER, &set(&[2]), &set(&[7]), NOW), Some(until));
        assert_eq!(leases.listing(HOLDER, &set(&[1, 2, 3]), &set(&[7]), NOW), None);
        assert_eq!(leases.listing(HOLDER, &set(&[1]), &set(&[8]), NOW), None);
        assert_eq!(leases.listing(HOLDER, &set(&[1]), &set(&[]), until), None);
        assert_eq!(leases.listing(Holder::Device(DeviceId(1)), &set(&[1]), &set(&[]), NOW), None);
        leases.end(HOLDER);
        assert_eq!(leases.listing(HOLDER, &set(&[2]), &set(&[7]), NOW), None);
    }

    #[test]
    fn a_listing_lease_gives_no_pixels() {
        let mut leases = Leases::default();
        let lease = Lease { until: NOW.plus_seconds(9), with_pixels: false };
        leases.opened(HOLDER, StudyNumber(1), lease, 0, NOW);
        assert!(leases.opening(HOLDER, StudyNumber(1), true, NOW).is_none());
        assert!(leases.opening(HOLDER, StudyNumber(1), false, NOW).is_some());
        assert!(leases.opening(HOLDER, StudyNumber(1), false, NOW.plus_seconds(9)).is_none());
        assert!(leases.opening(HOLDER, StudyNumber(2), false, NOW).is_none());
    }

    #[test]
    fn what_was_decided_before_leases_ended_is_not_remembered_after() {
        let mut leases = Leases::default();
        let before = leases.changes();
        leases.end_all();
        let lease = Lease { until: NOW.plus_seconds(9), with_pixels: true };
        leases.opened(HOLDER, StudyNumber(1), lease.clone(), before, NOW);
        leases.listed(HOLDER, (&set(&[1]), &set(&[1])), NOW.plus_seconds(9), before, NOW);
        assert!(leases.opening(HOLDER, StudyNumber(1), true, NOW).is_none());
        assert_eq!(leases.listing(HOLDER, &set(&[1]), &set(&[1]), NOW), None);
        leases.opened(HOLDER, StudyNumber(1), lease, leases.changes(), NOW);
        assert!(leases.opening(HOLDER, StudyNumber(1), true, NOW).is_some());
    }
}
