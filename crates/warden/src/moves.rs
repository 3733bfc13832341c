//! Which studies were filed under another patient, by whom and why. Replayed from the ledger.

use std::collections::HashMap;

use model::{Actor, Entry, EntryBody, EntryNumber, Instant, PatientNumber, StudyNumber};

/// One study that was filed under another patient.
#[derive(Clone, Debug)]
pub(crate) struct Move {
    pub(crate) entry: EntryNumber,
    pub(crate) at: Instant,
    pub(crate) by: Actor,
    pub(crate) study: StudyNumber,
    /// The patient whom it lay under until then.
    pub(crate) from: PatientNumber,
    pub(crate) reason: String,
}

/// Every move, in the ledger's order.
#[derive(Default)]
pub(crate) struct Moves {
    all: Vec<Move>,
    /// Of a patient, whom it was moved from or to.
    of: HashMap<PatientNumber, Vec<u32>>,
}

impl Moves {
    /// Takes the next entry.
    pub(crate) fn apply(&mut self, number: EntryNumber, entry: &Entry) {
        let EntryBody::Moved { study, from, to, reason } = &entry.body else { return };
        let position = u32::try_from(self.all.len()).expect("fewer than four thousand million");
        self.all.push(Move {
            entry: number,
            at: entry.recorded,
            by: entry.actor.clone(),
            study: *study,
            from: *from,
            reason: reason.clone(),
        });
        for patient in [*from, *to] {
            self.of.entry(patient).or_default().push(position);
        }
    }

    /// What was moved out of a patient's file or into it.
    pub(crate) fn of_patient(&self, patient: PatientNumber) -> impl Iterator<Item = &Move> {
        self.of.get(&patient).into_iter().flatten().map(|position| &self.all[*position as usize])
    }

    /// How many studies somebody moved since a moment.
    pub(crate) fn since(&self, by: &Actor, since: Instant) -> usize {
        let person = |actor: &Actor| match actor {
            Actor::Person { person, .. } => Some(*person),
            _ => None,
        };
        let newest = self.all.iter().rev().take_while(|one| one.at >= since);
        newest.filter(|one| person(&one.by).is_some() && person(&one.by) == person(by)).count()
    }
}
