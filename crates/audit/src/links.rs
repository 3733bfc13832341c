//! Who made which share link, and when.

use std::collections::{BTreeMap, HashMap, HashSet};

use model::{Actor, Entry, EntryBody, Instant, LinkId, PersonId, SessionId};

/// Every link that was made.
#[derive(Default)]
pub(crate) struct LinksMade {
    of: BTreeMap<PersonId, Vec<(LinkId, Instant)>>,
    in_session: HashMap<SessionId, Vec<LinkId>>,
    known: HashSet<LinkId>,
}

impl LinksMade {
    /// Takes the next entry.
    pub fn apply(&mut self, entry: &Entry) {
        if let (EntryBody::LinkMade(made), Actor::Person { person, session, .. }) = (&entry.body, &entry.actor)
            && self.known.insert(made.link)
        {
            self.of.entry(*person).or_default().push((made.link, entry.recorded));
            self.in_session.entry(*session).or_default().push(made.link);
        }
    }

    /// The links of a person, each with when it was made.
    pub fn of(&self, person: PersonId) -> impl Iterator<Item = (LinkId, Instant)> {
        self.of.get(&person).into_iter().flatten().copied()
    }

    /// The links that were made in a session.
    pub fn in_session(&self, session: SessionId) -> &[LinkId] {
        self.in_session.get(&session).map_or(&[], Vec::as_slice)
    }
}
