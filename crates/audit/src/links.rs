//! Who made which share link, and when.

use std::collections::{BTreeMap, HashSet};

use model::{Actor, Entry, EntryBody, Instant, LinkId, PersonId};

/// Every link that was made.
#[derive(Default)]
pub(crate) struct LinksMade {
    of: BTreeMap<PersonId, Vec<(LinkId, Instant)>>,
    known: HashSet<LinkId>,
}

impl LinksMade {
    /// Takes the next entry.
    pub fn apply(&mut self, entry: &Entry) {
        if let (EntryBody::LinkMade(made), Actor::Person { person, .. }) = (&entry.body, &entry.actor)
            && self.known.insert(made.link)
        {
            self.of.entry(*person).or_default().push((made.link, entry.recorded));
        }
    }

    /// The links of a person, each with when it was made.
    pub fn of(&self, person: PersonId) -> impl Iterator<Item = (LinkId, Instant)> {
        self.of.get(&person).into_iter().flatten().copied()
    }
}
