//! Entries for the officer.

use model::{Actor, EntryNumber, Who};
use protocol::{NumberedEntry, PageReply, Refusal};

use super::HELD;
use crate::state::Warden;

/// The most entries in one answer.
const ENTRIES_MAX: u32 = 500;
/// What the command line is called among names.
pub(super) const OWNER: &str = "owner of the machine";

impl Warden {
    pub(super) fn entries(&self, from: EntryNumber, limit: u32) -> Result<PageReply, Refusal> {
        // what was counted so far is told, too
        self.record_refusals(true);
        let size = self.ledger.size();
        let read = self.ledger.read(from, limit.min(ENTRIES_MAX) as usize).map_err(|error| {
            tracing::error!(%error, "entries cannot be read");
            Refusal::Internal
        })?;
        let people = self.people.lock().expect(HELD);
        let entries = read
            .into_iter()
            .map(|(number, entry)| NumberedEntry {
                number,
                actor_name: self.actor_name(&people, &entry.actor),
                entry: serde_json::to_string(&entry).expect("entries are JSON"),
            })
            .collect();
        Ok(PageReply::Entries { entries, size })
    }

    /// Who did something, in words.
    pub(crate) fn actor_words(&self, actor: &Actor) -> String {
        self.actor_name(&self.people.lock().expect(HELD), actor)
    }

    pub(crate) fn actor_name(&self, people: &identity::People, actor: &Actor) -> String {
        match actor {
            Actor::Owner => OWNER.to_owned(),
            Actor::Warden => "leadglass".to_owned(),
            Actor::Stranger { .. } => "somebody unknown".to_owned(),
            Actor::Link { link, .. } => self.link_words(people, *link),
            Actor::Person { person, .. } => self.name_of(people, Who::Person(*person)).0,
            Actor::Device { device, .. } => format!("device {}", self.name_of(people, Who::Device(*device)).0),
        }
    }
}
