//! What anybody could reach and what they did reach, over a window of the past.

use std::collections::{BTreeMap, BTreeSet};

use model::{Entry, EntryNumber, Instant, Origin, PatientNumber, StudyNumber, Tier, Who, Window};

use crate::ReachState;

/// A fold over the ledger that answers exposure questions.
#[derive(Default)]
pub struct ExposureIndex {
    reach: ReachState,
}

impl ExposureIndex {
    /// Takes the next entry. Entries come in the order of the ledger.
    pub fn apply(&mut self, number: EntryNumber, entry: &Entry) {
        let _ = (number, entry);
        todo!()
    }

    /// Who may reach what, from the same entries.
    pub fn reach(&self) -> &ReachState {
        &self.reach
    }

    /// What `who` could reach and did reach at some instant of `window`.
    pub fn report(&self, who: Who, window: Window) -> Exposure {
        let _ = (who, window);
        todo!()
    }

    /// The same with the window cut into `parts` equal parts, for a plot.
    pub fn timeline(&self, who: Who, window: Window, parts: u32) -> Vec<TimelinePart> {
        let _ = (who, window, parts);
        todo!()
    }

    /// Who listed or opened a patient, oldest first.
    pub fn accesses_of(&self, patient: PatientNumber) -> Vec<Access> {
        let _ = patient;
        todo!()
    }
}

/// What somebody could reach and did reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Reachable by a relationship at some instant of the window, with the furthest tier.
    pub reachable: BTreeMap<(PatientNumber, StudyNumber), Tier>,
    /// Patients listed.
    pub listed_patients: BTreeMap<PatientNumber, Touch>,
    /// Studies listed.
    pub listed_studies: BTreeMap<StudyNumber, Touch>,
    /// Studies opened, each with the patient that it was opened as.
    pub opened: BTreeMap<(PatientNumber, StudyNumber), Touch>,
}

/// When and from where something was touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// First instant inside the window.
    pub first: Instant,
    /// Last entry's instant inside the window.
    pub last: Instant,
    /// Entries that say so.
    pub entries: u64,
    /// From where.
    pub origins: BTreeSet<Origin>,
}

/// One part of a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimelinePart {
    /// Its span.
    pub window: Window,
    /// Patients listed in it.
    pub listed: u32,
    /// Patients opened in it.
    pub opened: u32,
}

/// One listing or opening of a patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The entry.
    pub entry: EntryNumber,
    /// When.
    pub recorded: Instant,
    /// Until when the lease lasted.
    pub lease_until: Instant,
    /// Who.
    pub who: Who,
    /// The study, when one was opened; `None` for a listing.
    pub study: Option<StudyNumber>,
    /// How far.
    pub tier: Tier,
}
