//! Which entries made the relationships between two, so that they can be ended. Replayed from the ledger like reach itself.

use std::collections::HashMap;

use model::{Entry, EntryBody, EntryNumber, Instant, What, Who};

use crate::moves::Moves;

/// Relationships by holder and target.
#[derive(Default)]
pub(crate) struct Relations {
    made: HashMap<(Who, What), Vec<EntryNumber>>,
    until: HashMap<EntryNumber, Instant>,
    duplicates: u64,
    moves: Moves,
}

impl Relations {
    /// Takes the next entry.
    pub(crate) fn apply(&mut self, number: EntryNumber, entry: &Entry) {
        self.moves.apply(number, entry);
        match &entry.body {
            EntryBody::Related { relationship } => {
                self.made.entry((relationship.who, relationship.what)).or_default().push(number);
                self.until.insert(number, relationship.window.to);
            }
            EntryBody::RelationshipEnded { entry: made, until } => {
                if let Some(end) = self.until.get_mut(made) {
                    *end = (*end).min(*until);
                }
            }
            EntryBody::Stored { duplicates, .. } => self.duplicates += u64::from(*duplicates),
            _ => {}
        }
    }

    /// The entries of everything that somebody's own relationships still reach at `at`.
    pub(crate) fn running_of(&self, who: Who, at: Instant) -> Vec<EntryNumber> {
        let targets = self.made.iter().filter(|((holder, _), _)| *holder == who).map(|((_, what), _)| *what);
        let mut running: Vec<_> = targets.flat_map(|what| self.running(who, what, at)).collect();
        running.sort_unstable();
        running
    }

    /// When a relationship ends or ended.
    pub(crate) fn until(&self, made: EntryNumber) -> Option<Instant> {
        self.until.get(&made).copied()
    }

    /// Whether somebody's relationship reaches the whole site at `at`.
    pub(crate) fn reaches_site(&self, who: Who, at: Instant) -> bool {
        !self.running(who, What::Site, at).is_empty()
    }

    /// What was filed under another patient.
    pub(crate) fn moves(&self) -> &Moves {
        &self.moves
    }

    /// Instances that were dropped because identical bytes were there.
    pub(crate) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// The entries whose relationships between the two still run at `at`.
    pub(crate) fn running(&self, who: Who, what: What, at: Instant) -> Vec<EntryNumber> {
        let made = self.made.get(&(who, what)).map(Vec::as_slice).unwrap_or_default();
        made.iter().filter(|entry| self.until.get(entry).is_some_and(|until| at < *until)).copied().collect()
    }
}
