//! Incidents and patients' questions, replayed from the ledger like reach itself.

use audit::{Incidents, Questions};
use model::{Entry, EntryNumber};

/// What officers work on.
#[derive(Default)]
pub(crate) struct Cases {
    pub(crate) incidents: Incidents,
    pub(crate) questions: Questions,
}

impl Cases {
    /// Takes the next entry.
    pub(crate) fn apply(&mut self, number: EntryNumber, entry: &Entry) {
        self.incidents.apply(number, entry);
        self.questions.apply(entry);
    }
}
