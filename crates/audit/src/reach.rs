//! Who may reach what, replayed from the ledger.

use std::sync::Arc;

use model::{Entry, EntryNumber, Instant, PatientNumber, StudyNumber, Tier, Who};

/// Why something is in reach: the relationship that reaches furthest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ground {
    /// How far.
    pub tier: Tier,
    /// Why, as the relationship says.
    pub basis: Arc<str>,
    /// The entry that made the relationship.
    pub entry: EntryNumber,
    /// When it ends.
    pub until: Instant,
}

/// People, memberships, relationships and filings at every moment, replayed from entries.
#[derive(Default)]
pub struct ReachState {}

impl ReachState {
    /// Takes the next entry. Entries come in the order of the ledger.
    pub fn apply(&mut self, number: EntryNumber, entry: &Entry) {
        let _ = (number, entry);
        todo!()
    }

    /// Whether `who` may reach `study`, filed under `patient`, at `at`, and why. People's organisations count.
    pub fn may(&self, who: Who, patient: PatientNumber, study: StudyNumber, at: Instant) -> Option<Ground> {
        self.reachable(who, at).ground(patient, study).cloned()
    }

    /// Everything that `who` may reach at `at`: a filter for many rows.
    pub fn reachable(&self, who: Who, at: Instant) -> Reachable {
        let _ = (who, at);
        todo!()
    }

    /// The patient that a study is filed under at `at`.
    pub fn filed_under(&self, study: StudyNumber, at: Instant) -> Option<PatientNumber> {
        let _ = (study, at);
        todo!()
    }
}

/// What somebody may reach at one instant.
#[derive(Clone, Debug, Default)]
pub struct Reachable {}

impl Reachable {
    /// Why a study filed under a patient is in reach.
    pub fn ground(&self, patient: PatientNumber, study: StudyNumber) -> Option<&Ground> {
        let _ = (patient, study);
        todo!()
    }

    /// Why everything at the site is in reach, if so.
    pub fn site(&self) -> Option<&Ground> {
        todo!()
    }

    /// Patients in reach by relationships of their own, ascending.
    pub fn patients(&self) -> impl Iterator<Item = (PatientNumber, &Ground)> {
        std::iter::empty()
    }

    /// Studies in reach by relationships of their own, ascending.
    pub fn studies(&self) -> impl Iterator<Item = (StudyNumber, &Ground)> {
        std::iter::empty()
    }
}
